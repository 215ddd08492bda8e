/** How big each Lambda bundle is and how long a new process takes to import it. */

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { bundleFunction, FUNCTION_NAMES } from "../lib/infra/bundle.ts";
import { median } from "./quantile.ts";

export interface ColdStartRow {
  readonly name: string;
  /** What a cold start parses: the entry and what it imports at once. */
  readonly startBytes: number;
  /** All files, those loaded on demand too. */
  readonly totalBytes: number;
  /** Median of the runs. */
  readonly importMs: number;
}

const run = promisify(execFile);

/** Bundles each function and imports it in so many new processes. */
export async function benchColdStart(runs: number, progress: (line: string) => void): Promise<ColdStartRow[]> {
  const dir = await mkdtemp(join(tmpdir(), "relayhost-bundles-"));
  try {
    const rows: ColdStartRow[] = [];
    for (const name of FUNCTION_NAMES) {
      progress(`cold start of ${name}`);
      const { file, bytes, startBytes } = await bundleFunction(name, join(dir, name));
      const times: number[] = [];
      for (let i = 0; i < runs; i++) times.push(await importMs(file));
      rows.push({ name, startBytes, totalBytes: bytes, importMs: median(times) });
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
