/** Prints `PASSED FAILED` of a vitest JSON report; a run that failed without a failed test counts as one failure. */

import { readFileSync } from "node:fs";

const [file = "", status = "1"] = process.argv.slice(2);
let passed = 0;
let failed = 0;
try {
  const report = JSON.parse(readFileSync(file, "utf8")) as { numPassedTests?: number; numFailedTests?: number };
  passed = report.numPassedTests ?? 0;
  failed = report.numFailedTests ?? 0;
} catch {
  // No report: the run did not get so far, and its exit status says so.
}
if (failed === 0 && (status !== "0" || passed === 0)) failed = 1;
console.log(`${passed} ${failed}`);
