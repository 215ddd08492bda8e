/** Shows what was measured. Each function returns what it was given. */

import { printTable } from "../bin/commands/output.ts";
import type { ColdStartRow } from "./cold-start-bench.ts";
import type { CostBench } from "./cost-bench.ts";
import { describe, type EdgeBench, mainRatios } from "./edge-bench.ts";
import type { FeedbackCost } from "./feedback-cost.ts";
import type { ForwardBench } from "./forward-bench.ts";
import type { UsageBench } from "./usage-bench.ts";

/** Edge beside smtp-server and peers, and its memory. */
export function printEdge(edge: EdgeBench): EdgeBench {
  console.log(`\nEdge, ${edge.sessions} sessions:\n`);
  printTable(
    ["LOAD", "SERVER", "MESSAGES/S", "CPU MS/MESSAGE"],
    edge.rows.map((row) => [describe(row), row.server, row.perSecond.toFixed(0), row.cpuMs.toFixed(3)]),
  );
  console.log("\nCPU per message, 10 KB in the clear on reused connections:\n");
  printTable(
    ["RATIO", "TIMES"],
    mainRatios(edge.rows).map(({ label, ratio }) => [label, ratio.toFixed(1)]),
  );
  const { sessions, bytes, idleBytes, peakBytes } = edge.bigMessages;
  console.log(
    `\nEdge memory (PSS): ${megabytes(idleBytes)} without load, ${megabytes(peakBytes)} with ${sessions} messages of ` +
      `${megabytes(bytes)} at once`,
  );
  for (const idle of edge.idle) {
    console.log(
      `${idle.connections} idle connections${idle.secure ? " with TLS and log-in" : ""}: ${megabytes(idle.bytes)}; a new ` +
        `one is greeted after ${idle.greetingMs.toFixed(0)} ms, its message accepted after ${idle.messageMs.toFixed(0)} ms`,
    );
  }
  return edge;
}

/** Forward beside the bare call, feedback, memory. */
export function printForward(forward: ForwardBench): ForwardBench {
  console.log("\nForward, one recipient, beside the bare call to SES with ready bytes:\n");
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
  console.log(`\nFeedback: ${feedback.perSecond.toFixed(0)} events/s, ${feedback.cpuMs.toFixed(2)} ms of CPU for each`);
  console.log(
    `Forward memory (peak RSS): ${megabytes(memory.idleBytes)} idle; with ${megabytes(memory.bytes)} messages ` +
      `${megabytes(memory.oneRecipientBytes)} to one recipient, ${megabytes(memory.tenRecipientsBytes)} to ten, ` +
      `${megabytes(memory.warmBytes)} after many small ones`,
  );
  return forward;
}

/** Calls and units of a message, and the bill for a thousand. */
export function printCost(cost: CostBench): CostBench {
  console.log(`\nCalls to AWS for a message (10 KB, one recipient, delivered; mean of ${cost.messages}):\n`);
  printTable(
    ["CALL", "TIMES"],
    cost.calls.map(({ call, perMessage }) => [call, perMessage.toFixed(2)]),
  );
  const { writeUnits, indexWriteUnits, readUnits, largestItems, logBytes, keptBytes, billedMs } = cost;
  const items = Object.entries(largestItems).map(([kind, bytes]) => `${kind} ${bytes}`);
  console.log(
    `\nDynamoDB: ${writeUnits.toFixed(2)} write units (${indexWriteUnits.toFixed(2)} of them for indexes), ` +
      `${readUnits.toFixed(2)} read units; largest items in octets: ${items.join(", ")}`,
  );
  console.log(
    `Assumed of Lambda: ${billedMs.forward[1]} ms billed for a message by forward and ${billedMs.feedback[1]} by feedback ` +
      `alone, ${billedMs.forward[10]} and ${billedMs.feedback[10]} in a batch of ten. Logged: ${logBytes.toFixed(0)} octets, kept in ` +
      `DynamoDB: ${keptBytes.toFixed(0)}.`,
  );
  console.log("\nDollars for 1,000 messages:\n");
  const dollars = (amount: number): string => amount.toFixed(4);
  printTable(
    ["REGION", "BATCH", "S3", "SQS", "SNS", "LAMBDA", "DYNAMODB", "ON TOP OF SES", "LOGS", "SES"],
    cost.rows.map(({ region, batchSize, cost: bill }) => [
      region,
      String(batchSize),
      ...[bill.s3, bill.sqs, bill.sns, bill.lambda, bill.dynamodb, bill.onTopOfSes, bill.logs, bill.ses].map(dollars),
    ]),
  );
  const { reply } = cost;
  const more = reply.perThousand.map((row) => `${dollars(row.dollars)} in ${row.region}`).join(", ");
  console.log(
    `\nA reply to an earlier mail of the tenant: ${reply.queries.toFixed(2)} queries and ${reply.readUnits.toFixed(2)} read ` +
      `units more; dollars for 1,000: ${more}`,
  );
  return cost;
}

/** What feedback is of it, and a webhook on top. */
export function printFeedbackCost(cost: FeedbackCost): FeedbackCost {
  const { writeUnits, readUnits, webhookBilledMs, messages } = cost;
  console.log(
    `\nOf it feedback (${writeUnits.toFixed(2)} write and ${readUnits.toFixed(2)} read units for an event, mean of ${messages}); and a webhook ` +
      `on top, where a tenant has one (assumed of Lambda: ${webhookBilledMs[1]} ms alone, ${webhookBilledMs[10]} in a batch of ten). ` +
      "Dollars for 1,000:\n",
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
  console.log("");
  printTable(
    ["FUNCTION", "AT START KB", "ALL FILES KB", "IMPORT MS"],
    rows.map((row) => [
      row.name,
      (row.startBytes / 1024).toFixed(0),
      (row.totalBytes / 1024).toFixed(0),
      row.importMs.toFixed(0),
    ]),
  );
  return rows;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MB`;
}

/** The invoice of a month. */
export function printUsage(usage: UsageBench): UsageBench {
  const { entries, messages, countMs, commandMs, commandCpuMs, differences } = usage;
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
  console.log(
    `\nUsage: ${entries} ledger entries (${messages} messages) of one month, counted in ${seconds(countMs)}; relayhost usage ` +
      `--month took ${seconds(commandMs[0])} to ${seconds(commandMs[1])}, of CPU ${seconds(commandCpuMs[0])} to ` +
      `${seconds(commandCpuMs[1])}; ` +
      (differences.length === 0
        ? "every number equals a recount"
        : `differs from a recount: ${differences.join(", ")}`),
  );
  return usage;
}
