/** FUZZ_SECONDS (default 60), FUZZ_SEED (default: from the clock, printed); FUZZ_SESSION plays one session of a seed. */

import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type FuzzReport, fuzzEdge } from "./fuzz-edge.ts";
import { formatFuzzReport } from "./fuzz-summary.ts";
import { STATES } from "./session-plan.ts";

const seconds = Number(process.env["FUZZ_SECONDS"] ?? 60);
const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 1_000_000);
const only = process.env["FUZZ_SESSION"] === undefined ? undefined : Number(process.env["FUZZ_SESSION"]);

/** Starting and settling, on a machine that has other work too. */
const MARGIN_MS = 300_000;
/** Of the edge's heap, between the first part of a run and its end: caches of addresses and logins. */
const GROWTH_BYTES_MAX = 12 * 1024 * 1024;
const RESIDENT_BYTES_MAX = 512 * 1024 * 1024;
/** Connections to S3 and DynamoDB are kept open for a while, 50 each at most. */
const RESOURCES_GROWTH_MAX = 100;
/** A whole session has a dozen round trips; less than this has not been much of a run. */
const SESSIONS_PER_SECOND_MIN = 1;

describe("the edge", () => {
  it(
    `takes ${only === undefined ? `${seconds} seconds of` : "one of the"} random and mutated sessions in every state`,
    async () => {
      const repeat = `FUZZ_SEED=${seed}${only === undefined ? "" : ` FUZZ_SESSION=${only}`}`;
      console.log(`${repeat} repeats what is sent in this run`);
      const report = await fuzzEdge({ seconds, seed, only, progress: console.log });
      console.log(formatFuzzReport(report));
      await explain(report);

      expect(report.faults.map(({ what }) => what)).toEqual([]);
      expect(report.exitStatus).toBe(0);
      const { before, after } = report;
      const growth = after.heapBytes + after.externalBytes - before.heapBytes - before.externalBytes;
      expect(growth).toBeLessThan(GROWTH_BYTES_MAX);
      expect(after.residentBytes).toBeLessThan(RESIDENT_BYTES_MAX);
      for (const [name, count] of Object.entries(after.resources)) {
        expect(count - (before.resources[name] ?? 0), name).toBeLessThan(RESOURCES_GROWTH_MAX);
      }
      // A run that gets nowhere, or in which no mail is taken, would prove nothing.
      if (only === undefined) {
        expect(STATES.filter((state) => report.sessionsByState[state] === 0)).toEqual([]);
        expect(report.sessions).toBeGreaterThan(seconds * SESSIONS_PER_SECOND_MIN);
        expect(report.accepted).toBeGreaterThan(0);
        expect(report.goodMails).toBeGreaterThan(0);
      }
    },
    seconds * 1_000 + MARGIN_MS,
  );
});

/** Prints each fault with the bytes of its session, and writes them to files, since a long one does not fit a terminal. */
async function explain(report: FuzzReport): Promise<void> {
  if (report.faults.length === 0) return;
  const dir = join(tmpdir(), `relayhost-fuzz-seed-${report.seed}`);
  await mkdir(dir, { recursive: true });
  for (const [index, { what, session }] of report.faults.entries()) {
    const file = join(dir, `fault-${index + 1}.txt`);
    await writeFile(file, `FUZZ_SEED=${report.seed}\n${what}\n${session}\n`);
    const shown = session.length > 4_000 ? `${session.slice(0, 4_000)}\n  [cut]` : session;
    console.error(`FUZZ_SEED=${report.seed}: ${what}\n${shown}\nall of it in ${file}`);
  }
}
