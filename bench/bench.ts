/** `npm run bench`: what a message costs. Ratios of one run are worth more than its absolute figures. */

import { writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { printTable } from "../bin/commands/output.ts";
import { benchColdStart } from "./cold-start-bench.ts";
import { benchEdge } from "./edge-bench.ts";

const HELP = `Usage: npm run bench [-- --quick] [--json FILE]

Measures the edge against a bare smtp-server (load by Postfix's smtp-source, local S3 in another process), the memory
that 50 sessions of 20 MB take, and size and import time of each Lambda bundle.

  --quick      fewer messages: half a minute instead of two
  --json FILE  writes the figures as JSON too`;

const { values } = parseArgs({
  options: { quick: { type: "boolean" }, json: { type: "string" }, help: { type: "boolean" } },
});
if (values.help === true) console.log(HELP);
else await main(values.quick === true, values.json);

async function main(quick: boolean, file: string | undefined): Promise<void> {
  const progress = (line: string): void => void process.stderr.write(`  ${line}\n`);
  const coldStart = await benchColdStart();
  const edge = await benchEdge(quick, progress);
  const machine = { node: process.version, cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length };

  console.log(`\n${machine.cores} cores, ${machine.cpu}, Node ${machine.node}\n\nEdge, 10 KB messages:\n`);
  printTable(
    ["SERVER", "SESSIONS", "CONNECTION", "MESSAGES/S", "CPU MS/MESSAGE"],
    edge.rows.map((row) => [
      row.server,
      String(row.sessions),
      row.reuse ? "reused" : "new",
      row.perSecond.toFixed(0),
      row.cpuMsPerMessage.toFixed(3),
    ]),
  );
  console.log(`\nCPU per message, edge by bare smtp-server, 20 sessions, reused: ${edge.cpuRatio.toFixed(1)} times`);
  const { idleBytes, peakBytes, sessions } = edge.memory;
  console.log(
    `Edge memory (PSS): ${megabytes(idleBytes)} idle, ${megabytes(peakBytes)} with ${sessions} x 20 MB at once\n`,
  );
  printTable(
    ["FUNCTION", "AT START KB", "ALL FILES KB", "IMPORT MS"],
    coldStart.map((row) => [
      row.name,
      (row.startBytes / 1024).toFixed(0),
      (row.totalBytes / 1024).toFixed(0),
      row.importMs.toFixed(0),
    ]),
  );
  if (file !== undefined)
    await writeFile(file, `${JSON.stringify({ machine, quick, edge, coldStart }, undefined, 2)}\n`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MB`;
}
