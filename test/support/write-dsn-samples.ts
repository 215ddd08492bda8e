/**
 * Writes `docs/dsn-samples/*.eml` anew: `node test/support/write-dsn-samples.ts`. Files of other names go.
 *
 * A test compares what is committed with what the code makes.
 */

import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { dsnSamples } from "./dsn-samples.ts";

const folder = join(import.meta.dirname, "../../docs/dsn-samples");
const samples = dsnSamples();
const wanted = new Set(samples.map((sample) => sample.file));
await mkdir(folder, { recursive: true });
for (const file of await readdir(folder)) {
  if (file.endsWith(".eml") && !wanted.has(file)) await rm(join(folder, file));
}
for (const sample of samples) await writeFile(join(folder, sample.file), sample.bytes);
console.log(`${samples.length} samples written to ${folder}`);
