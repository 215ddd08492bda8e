/** `npm run bench`: what a message costs. Ratios of one run are worth more than its absolute figures. */

import { writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { benchColdStart } from "./cold-start-bench.ts";
import { benchCost } from "./cost-bench.ts";
import { benchEdge } from "./edge-bench.ts";
import { benchFeedbackCost } from "./feedback-cost.ts";
import { benchForward } from "./forward-bench.ts";
import { printColdStart, printCost, printEdge, printFeedbackCost, printForward, printUsage } from "./print-results.ts";
import { benchUsage } from "./usage-bench.ts";

const HELP = `Usage: npm run bench [-- --quick] [--peers] [--only SECTION]... [--json FILE]

  edge        the edge against a bare smtp-server, in the clear and with STARTTLS and AUTH, and its memory with idle
              connections and with big messages
  forward     forward against the bare call to SES, feedback, and forward's memory with messages of 28 MiB
  cost        the calls to AWS that a message makes, and what they cost
  usage       the invoice of a month with 100,000 ledger entries, and the count that it is read from
  cold-start  size and import time of each Lambda bundle

  --quick         fewer messages, fewer connections: some minutes instead of a quarter of an hour
  --peers         the edge against Postfix and Haraka too; needs root, Debian's postfix
                  (bash test/interop/install.sh) and npm's registry
  --only SECTION  this section only; may be given again
  --json FILE     writes the figures as JSON too`;

type Progress = (line: string) => void;

/** Measures a section, prints it, and returns its figures. */
const SECTIONS: Readonly<Record<string, (quick: boolean, progress: Progress) => Promise<object>>> = {
  "cold-start": async () => printColdStart(await benchColdStart()),
  edge: async (quick, progress) => printEdge(await benchEdge({ quick, peers: values.peers === true, progress })),
  forward: async (quick, progress) => printForward(await benchForward(quick, progress)),
  cost: async (quick) => {
    const messages = quick ? 20 : 200;
    const cost = printCost(await benchCost(messages));
    return { ...cost, feedback: printFeedbackCost(await benchFeedbackCost(messages)) };
  },
  usage: async (quick, progress) => printUsage(await benchUsage(quick ? 10_000 : 100_000, progress)),
};

const { values } = parseArgs({
  options: {
    quick: { type: "boolean" },
    peers: { type: "boolean" },
    only: { type: "string", multiple: true },
    json: { type: "string" },
    help: { type: "boolean" },
  },
});
const wrong = (values.only ?? []).filter((name) => !(name in SECTIONS));
if (values.help === true) console.log(HELP);
else if (wrong.length > 0) {
  console.error(`There is no section ${wrong.join(", ")}.\n\n${HELP}`);
  process.exitCode = 2;
} else await main(values.quick === true, values.only ?? Object.keys(SECTIONS), values.json);

async function main(quick: boolean, sections: readonly string[], file: string | undefined): Promise<void> {
  const machine = { node: process.version, cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length };
  console.log(`${machine.cores} cores, ${machine.cpu}, Node ${machine.node}`);
  const figures: Record<string, object> = {};
  for (const name of sections) {
    const result = await SECTIONS[name]?.(quick, (line) => void process.stderr.write(`  ${line}\n`));
    if (result !== undefined) figures[name] = result;
  }
  if (file !== undefined) await writeFile(file, `${JSON.stringify({ machine, quick, ...figures }, undefined, 2)}\n`);
}
