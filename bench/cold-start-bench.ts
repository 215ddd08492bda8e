/** How big each Lambda bundle is and how long a new process takes to import it. */

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { bundleFunction, FUNCTION_NAMES } from "../lib/infra/bundle.ts";

export interface ColdStartRow {
  readonly name: string;
  /** What a cold start parses: the entry and what it imports at once. */
  readonly startBytes: number;
  /** All files, those loaded on demand too. */
  readonly totalBytes: number;
  /** Median of the runs. */
  readonly importMs: number;
}

const RUNS = 9;
const run = promisify(execFile);

/** Bundles each function and imports it in new processes. */
export async function benchColdStart(): Promise<ColdStartRow[]> {
  const dir = await mkdtemp(join(tmpdir(), "relayhost-bundles-"));
  try {
    const rows: ColdStartRow[] = [];
    for (const name of FUNCTION_NAMES) {
      const { file, bytes, startBytes } = await bundleFunction(name, join(dir, name));
      const times: number[] = [];
      for (let i = 0; i < RUNS; i++) times.push(await importMs(file));
      const importMedian = times.toSorted((a, b) => a - b)[Math.floor(RUNS / 2)] ?? Number.NaN;
      rows.push({ name, startBytes, totalBytes: bytes, importMs: importMedian });
    }
    return rows;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function importMs(file: string): Promise<number> {
  const program = `const start = performance.now(); await import(${JSON.stringify(file)}); console.log(performance.now() - start);`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", program]);
  return Number(stdout);
}
