/** Shows what was measured, in lines of at most 100 columns. Each function returns what it was given. */

import { printTable } from "../bin/commands/output.ts";
import { wrapText } from "../bin/commands/wrap-text.ts";
import type { ColdStartRow } from "./cold-start-bench.ts";
import type { ConsoleBench } from "./console-bench.ts";
import type { CostBench } from "./cost-bench.ts";
import { describe, type EdgeBench, GENERATORS_DIFFER_SHARE, mainRatios } from "./edge-bench.ts";
import type { FeedbackCost } from "./feedback-cost.ts";
import type { ForwardBench } from "./forward-bench.ts";
import type { PipelineBench } from "./pipeline-bench.ts";
import type { Target } from "./targets.ts";
import type { UsageBench } from "./usage-bench.ts";

const COLUMNS = 100;

/** A heading, or a note under a table. */
function say(text: string): void {
  console.log(`\n${wrapText(text, COLUMNS)}\n`);
}

/** Edge beside smtp-server and peers, and its memory. */
export function printEdge(edge: EdgeBench): EdgeBench {
  say(`Edge, ${edge.sessions} sessions (4 with 25 MB):`);
  printTable(
    ["LOAD", "SERVER", "MESSAGES/S", "CPU MS/MESSAGE"],
    edge.rows.map((row) => [
      describe(row),
      row.server,
      row.perSecond < 10 ? row.perSecond.toFixed(1) : row.perSecond.toFixed(0),
      row.cpuMs.toFixed(2),
    ]),
  );
  say("CPU per message, 10 KB in the clear on reused connections:");
  printTable(
    ["RATIO", "TIMES"],
    mainRatios(edge.rows).map(({ label, ratio }) => [label, ratio.toFixed(1)]),
  );
  if (edge.generators.length > 0) {
    say("CPU of the edge per message, by who sends the same (HELO, 10 KB in the clear):");
    printTable(
      ["CONNECTIONS", "OUR GENERATOR MS", "SMTP-SOURCE MS", "TIMES", "AGREE"],
      edge.generators.map(({ reuse, oursCpuMs, smtpSourceCpuMs, ratio, agree }) => [
        reuse ? "reused" : "new",
        oursCpuMs.toFixed(2),
        smtpSourceCpuMs.toFixed(2),
        ratio.toFixed(2),
        agree ? "yes" : `NO, by more than ${100 * GENERATORS_DIFFER_SHARE} %`,
      ]),
    );
  }
  const { sessions, bytes, idleBytes, peakBytes } = edge.bigMessages;
  say("Memory of the edge (PSS), and what a new connection meets:");
  printTable(
    ["STATE", "MEMORY", "GREETING MS", "MESSAGE ACCEPTED MS"],
    [
      ["without load", megabytes(idleBytes), "", ""],
      [`${sessions} messages of ${(bytes / 1e6).toFixed(0)} MB at once`, megabytes(peakBytes), "", ""],
      ...edge.idle.map((idle) => [
        `${idle.connections} idle connections${idle.secure ? " with TLS and log-in" : ""}`,
        megabytes(idle.bytes),
        idle.greetingMs.toFixed(0),
        idle.messageMs.toFixed(0),
      ]),
    ],
  );
  return edge;
}

/** Forward beside the bare call, feedback, memory. */
export function printForward(forward: ForwardBench): ForwardBench {
  say("Forward, one recipient, beside the bare call to SES with ready bytes:");
  printTable(
    ["MESSAGE", "MESSAGES/S", "CPU MS/MESSAGE", "BARE CALLS/S", "CPU MS/CALL", "CPU RATIO"],
    forward.rows.map((row) => [
      `${(row.bytes / 1024).toFixed(0)} KB`,
      row.perSecond.toFixed(0),
      row.cpuMs.toFixed(2),
      row.floorPerSecond.toFixed(0),
      row.floorCpuMs.toFixed(2),
      row.ratio.toFixed(1),
    ]),
  );
  const { feedback, memory } = forward;
  say("Feedback:");
  printTable(["EVENTS/S", "CPU MS/EVENT"], [[feedback.perSecond.toFixed(0), feedback.cpuMs.toFixed(2)]]);
  say(`Memory of forward (peak RSS), with messages of ${megabytes(memory.bytes)}:`);
  printTable(
    ["STATE", "MEMORY"],
    [
      ["idle", megabytes(memory.idleBytes)],
      ["to one recipient", megabytes(memory.oneRecipientBytes)],
      ["to ten", megabytes(memory.tenRecipientsBytes)],
      ["three of them after many small ones", megabytes(memory.warmBytes)],
    ],
  );
  return forward;
}

/** The parts of a message's way. */
export function printPipeline(pipeline: PipelineBench): PipelineBench {
  for (const row of pipeline.rows) {
    say(
      `Pipeline, ${row.messages} messages of ${(pipeline.bytes / 1024).toFixed(0)} KB at ${row.perSecond} a second ` +
        `(${row.acceptedPerSecond.toFixed(1)} accepted); lost ${row.lost}, not in the ledger ${row.unrecorded}, sent ` +
        `twice ${row.sentTwice}. Milliseconds:`,
    );
    printTable(
      ["PART", "P50", "P90", "P99", "MAX"],
      row.parts.map(({ part, ms }) => [part, ...[ms.p50, ms.p90, ms.p99, ms.max].map((value) => value.toFixed(0))]),
    );
  }
  return pipeline;
}

/** Calls and units of a message, and the bill for a thousand. */
export function printCost(cost: CostBench): CostBench {
  say(`Calls to AWS for a message (10 KB, one recipient, delivered; mean of ${cost.messages}):`);
  printTable(
    ["CALL", "TIMES"],
    cost.calls.map(({ call, perMessage }) => [call, perMessage.toFixed(2)]),
  );
  const { writeUnits, indexWriteUnits, readUnits, largestItems, logBytes, keptBytes, billedMs } = cost;
  const items = Object.entries(largestItems).map(([kind, bytes]) => `${kind} ${bytes}`);
  say(
    `DynamoDB: ${writeUnits.toFixed(2)} write units (${indexWriteUnits.toFixed(2)} of them for indexes), ` +
      `${readUnits.toFixed(2)} read units; largest items in octets: ${items.join(", ")}`,
  );
  say(
    `Assumed of Lambda: ${billedMs.forward[1]} ms billed for a message by forward and ${billedMs.feedback[1]} by feedback ` +
      `alone, ${billedMs.forward[10]} and ${billedMs.feedback[10]} in a batch of ten. Logged: ${logBytes.toFixed(0)} octets, kept in ` +
      `DynamoDB: ${keptBytes.toFixed(0)}.`,
  );
  say("Dollars for 1,000 messages (MORE: on top of SES):");
  const dollars = (amount: number): string => amount.toFixed(4);
  printTable(
    ["REGION", "BATCH", "S3", "SQS", "SNS", "LAMBDA", "DYNAMODB", "MORE", "LOGS", "SES"],
    cost.rows.map(({ region, batchSize, cost: bill }) => [
      region,
      String(batchSize),
      ...[bill.s3, bill.sqs, bill.sns, bill.lambda, bill.dynamodb, bill.onTopOfSes, bill.logs, bill.ses].map(dollars),
    ]),
  );
  const { reply } = cost;
  const more = reply.perThousand.map((row) => `${dollars(row.dollars)} in ${row.region}`).join(", ");
  say(
    `A reply to an earlier mail of the tenant: ${reply.queries.toFixed(2)} queries and ${reply.readUnits.toFixed(2)} read ` +
      `units more; dollars for 1,000: ${more}`,
  );
  return cost;
}

/** What feedback is of it, and a webhook on top. */
export function printFeedbackCost(cost: FeedbackCost): FeedbackCost {
  const { writeUnits, readUnits, webhookBilledMs, messages } = cost;
  say(
    `Of it feedback (${writeUnits.toFixed(2)} write and ${readUnits.toFixed(2)} read units for an event, mean of ${messages}); and a webhook ` +
      `on top, where a tenant has one (assumed of Lambda: ${webhookBilledMs[1]} ms alone, ${webhookBilledMs[10]} in a batch of ten). ` +
      "Dollars for 1,000:",
  );
  printTable(
    ["PART", "REGION", "BATCH", "SQS", "SNS", "LAMBDA", "DYNAMODB", "IN ALL", "LOGS"],
    cost.rows.map(({ part, region, batchSize, cost: bill }) => [
      part,
      region,
      String(batchSize),
      ...[bill.sqs, bill.sns, bill.lambda, bill.dynamodb, bill.onTopOfSes, bill.logs].map((sum) => sum.toFixed(4)),
    ]),
  );
  return cost;
}

/** Bundles. */
export function printColdStart(rows: readonly ColdStartRow[]): readonly ColdStartRow[] {
  say("Cold start of the functions:");
  printTable(
    ["FUNCTION", "AT START KB", "ALL FILES KB", "IMPORT MS"],
    rows.map((row) => [
      row.name,
      (row.startBytes / 1000).toFixed(0),
      (row.totalBytes / 1000).toFixed(0),
      row.importMs.toFixed(0),
    ]),
  );
  return rows;
}

/** The invoice of a month. */
export function printUsage(usage: UsageBench): UsageBench {
  const { entries, messages, countMs, commandMs, commandCpuMs, differences } = usage;
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
  const range = ([low, high]: readonly [number, number]): string => `${seconds(low)} to ${seconds(high)}`;
  say(`Invoice of a month with ${entries} ledger entries (${messages} messages):`);
  printTable(
    ["WHAT", "MEASURED"],
    [
      ["the books from all records", seconds(countMs)],
      ["relayhost usage --month", range(commandMs)],
      ["CPU of that", range(commandCpuMs)],
      ["fields that differ from a recount", differences.length === 0 ? "none" : String(differences.length)],
    ],
  );
  for (const difference of differences) console.log(`  ${difference}`);
  return usage;
}

/** What was to be reached, and was or was not. */
export function printTargets(targets: readonly Target[]): void {
  if (targets.length === 0) return;
  say("Targets (those in ms, and ratios of CPU time, depend on what else the machine does):");
  printTable(
    ["WHAT", "MEASURED", "WANTED", "REACHED"],
    targets.map(({ what, measured, wanted, reached }) => [what, measured, wanted, reached ? "yes" : "NO"]),
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MB`;
}

/** The console's pages. */
export function printConsole(bench: ConsoleBench): ConsoleBench {
  const { records, messages, fillSeconds, rounds } = bench;
  say(
    `Console: ${records} ledger records (${messages} messages, written in ${fillSeconds.toFixed(0)} s); each page ${rounds} times, ` +
      "local services in the same process:",
  );
  printTable(
    ["PAGE", "FIRST MS", "MEDIAN MS", "WORST MS", "CPU MS", "KB"],
    bench.rows.map(({ page, firstMs, medianMs, worstMs, cpuMs, bytes }) => [
      page,
      ...[firstMs, medianMs, worstMs, cpuMs].map((ms) => ms.toFixed(0)),
      (bytes / 1024).toFixed(0),
    ]),
  );
  return bench;
}
