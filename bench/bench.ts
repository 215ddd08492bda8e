/** `npm run bench`: what a message costs, and how long it takes. Ratios of one run are worth more than its absolute figures. */

import { writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { errorText } from "../lib/core/log.ts";
import type { BenchSize } from "./bench-size.ts";
import { benchColdStart } from "./cold-start-bench.ts";
import { benchConsole } from "./console-bench.ts";
import { benchCost } from "./cost-bench.ts";
import { benchEdge } from "./edge-bench.ts";
import { benchFeedbackCost } from "./feedback-cost.ts";
import { benchForward } from "./forward-bench.ts";
import { benchPipeline, type PipelineLoad } from "./pipeline-bench.ts";
import {
  printColdStart,
  printConsole,
  printCost,
  printEdge,
  printFeedbackCost,
  printForward,
  printPipeline,
  printTargets,
  printUsage,
} from "./print-results.ts";
import { type Figures, judge } from "./targets.ts";
import { benchUsage } from "./usage-bench.ts";

const HELP = `Usage: npm run bench [-- --quick | --smoke] [--peers] [--only SECTION]... [--json FILE]

  cold-start  size and import time of each Lambda bundle
  edge        the edge against a bare smtp-server, in the clear and with STARTTLS and AUTH, 1 KB to
              25 MB, and its memory with idle connections and with big messages
  forward     forward against the bare call to SES, feedback, and forward's memory with messages of
              28 MiB
  pipeline    from the client's 250 to SES and to the ledger, at two steady rates, and where the
              time goes
  cost        the calls to AWS that a message makes, and what they cost
  usage       the invoice of a month with 100,000 ledger entries, and the count it is read from
  console     the operator's console before a million ledger records: how long each page and each
              search takes

  --quick         fewer messages, fewer connections: some minutes instead of half an hour
  --smoke         as few as show that every section works: a minute or so. Its times say nothing
  --peers         the edge against Postfix and Haraka too, and our load generator against Postfix's
                  smtp-source; needs root, Debian's postfix (bash test/interop/install.sh) and npm's
                  registry
  --only SECTION  this section only; may be given again
  --json FILE     writes the figures, and the targets they are to reach, as JSON too

Exit codes: 0 all was measured, and every target that is no time is reached (memory, bundle sizes,
calls and dollars, mail lost or sent twice, fields that differ); 1 not so; 2 wrong arguments.

Examples:
  npm run bench -- --quick --peers --json /tmp/bench.json
  npm run bench -- --only pipeline`;

const RATES: Readonly<Record<BenchSize, readonly PipelineLoad[]>> = {
  full: [
    { perSecond: 10, messages: 600 },
    { perSecond: 25, messages: 1_500 },
  ],
  quick: [
    { perSecond: 10, messages: 200 },
    { perSecond: 25, messages: 500 },
  ],
  smoke: [
    { perSecond: 10, messages: 30 },
    { perSecond: 25, messages: 50 },
  ],
};

type Progress = (line: string) => void;
type Section = (size: BenchSize, progress: Progress) => Promise<Figures>;

/** Measures a section, prints it, and returns its figures. */
const SECTIONS: Readonly<Record<keyof Figures, Section>> = {
  "cold-start": async (size, progress) => ({
    "cold-start": printColdStart(await benchColdStart(size === "smoke" ? 1 : 9, progress)),
  }),
  edge: async (size, progress) => ({
    edge: printEdge(await benchEdge({ size, peers: values.peers === true, progress })),
  }),
  forward: async (size, progress) => ({ forward: printForward(await benchForward(size, progress)) }),
  pipeline: async (size, progress) => ({ pipeline: printPipeline(await benchPipeline(RATES[size], progress)) }),
  cost: async (size, progress) => {
    const messages = { full: 200, quick: 20, smoke: 20 }[size];
    progress(`cost, ${messages} messages`);
    const cost = printCost(await benchCost(messages));
    progress(`cost of feedback, ${messages} events`);
    return { cost: { ...cost, feedback: printFeedbackCost(await benchFeedbackCost(messages)) } };
  },
  usage: async (size, progress) => {
    const entries = { full: 100_000, quick: 10_000, smoke: 1_000 }[size];
    return { usage: printUsage(await benchUsage(entries, size === "smoke" ? 1 : 5, progress)) };
  },
  console: async (size, progress) => {
    const records = { full: 1_000_000, quick: 20_000, smoke: 2_000 }[size];
    return { console: printConsole(await benchConsole(records, size === "smoke" ? 2 : 20, progress)) };
  },
};

const { values } = parseArgs({
  options: {
    quick: { type: "boolean" },
    smoke: { type: "boolean" },
    peers: { type: "boolean" },
    only: { type: "string", multiple: true },
    json: { type: "string" },
    help: { type: "boolean" },
  },
});
const wrong = (values.only ?? []).filter((name) => !isSection(name));
if (values.help === true) console.log(HELP);
else if (wrong.length > 0 || (values.quick === true && values.smoke === true)) {
  const mistake = wrong.length > 0 ? `There is no section ${wrong.join(", ")}.` : "Either --quick or --smoke.";
  console.error(`${mistake}\n\n${HELP}`);
  process.exitCode = 2;
} else {
  const size = values.smoke === true ? "smoke" : values.quick === true ? "quick" : "full";
  await main(size, (values.only ?? Object.keys(SECTIONS)).filter(isSection), values.json);
}

function isSection(name: string): name is keyof Figures {
  return Object.hasOwn(SECTIONS, name);
}

async function main(size: BenchSize, sections: readonly (keyof Figures)[], file: string | undefined): Promise<void> {
  const machine = {
    node: process.version,
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    load: loadavg()[0],
  };
  console.log(`${machine.cores} cores, ${machine.cpu}, Node ${machine.node}, load ${machine.load?.toFixed(1)} before`);
  const figures: Figures = {};
  const failures: { section: string; error: string }[] = [];
  for (const name of sections) {
    try {
      Object.assign(figures, await SECTIONS[name](size, (line) => void process.stderr.write(`  ${line}\n`)));
    } catch (error) {
      failures.push({ section: name, error: errorText(error) });
      console.error(error);
    }
  }
  const targets = judge(figures);
  printTargets(size === "smoke" ? targets.filter(({ isTime }) => !isTime) : targets);
  const missed = targets.filter(({ reached, isTime }) => !reached && !isTime);
  console.log("");
  for (const { section, error } of failures) console.log(`WRONG  ${section} cannot be measured: ${error}`);
  for (const { what, measured, wanted } of missed) console.log(`WRONG  ${what}: ${measured}, wanted ${wanted}`);
  const wrongs = failures.length + missed.length;
  console.log(wrongs === 0 ? "All measured; what is no time is as wanted." : `${wrongs} wrong.`);
  if (file !== undefined) {
    await writeFile(file, `${JSON.stringify({ machine, size, ...figures, targets, failures }, undefined, 2)}\n`);
  }
  if (wrongs > 0) process.exitCode = 1;
}
