/** What the figures are to reach. Of those that are no times, each must be reached in every run on every machine. */

import type { ColdStartRow } from "./cold-start-bench.ts";
import type { ConsoleBench } from "./console-bench.ts";
import type { CostBench } from "./cost-bench.ts";
import { type EdgeBench, mainRatios } from "./edge-bench.ts";
import type { FeedbackCost } from "./feedback-cost.ts";
import type { ForwardBench } from "./forward-bench.ts";
import type { PipelineBench } from "./pipeline-bench.ts";
import type { UsageBench } from "./usage-bench.ts";

/** What each section measured; those that did not run are missing. */
export interface Figures {
  "cold-start"?: readonly ColdStartRow[];
  edge?: EdgeBench;
  forward?: ForwardBench;
  pipeline?: PipelineBench;
  cost?: CostBench & { readonly feedback: FeedbackCost };
  usage?: UsageBench;
  console?: ConsoleBench;
}

/** A figure beside its target. */
export interface Target {
  readonly what: string;
  readonly measured: string;
  readonly wanted: string;
  readonly reached: boolean;
  /** It depends on the machine, and on what else runs there. */
  readonly isTime: boolean;
}

const MiB = 1024 * 1024;
/** What mail waits for. The functions of the edge's address and certificate, and the daily watch, run when nobody waits. */
const FUNCTIONS_OF_MAIL: readonly string[] = ["forward", "feedback", "sweep", "webhook"];
const BUNDLE_BYTES_MAX = 700_000;
const IMPORT_MS_MAX = 150;
const EDGE_BY_BARE_MAX = 4;
const PEER_BY_EDGE_MIN = 3;
const IDLE_BYTES_MAX = 400 * MiB;
const BIG_MESSAGES_BYTES_MAX = 250 * MiB;
const GREETING_MS_MAX = 100;
/** A third of the function's 512 MB stays free. */
const FORWARD_BYTES_MAX = 341 * MiB;
/** With SES's and what batches share. */
const CALLS_MAX = 16;
const DOLLARS_MAX = 0.018;
const COMMAND_MS_MAX = 2_000;
const PAGE_MS_MAX = 300;

/** Each figure that has a target. */
export function judge(figures: Figures): Target[] {
  return [
    ...ofColdStart(figures["cold-start"] ?? []),
    ...(figures.edge === undefined ? [] : ofEdge(figures.edge)),
    ...(figures.forward === undefined ? [] : ofForward(figures.forward)),
    ...(figures.pipeline?.rows ?? []).flatMap(ofPipeline),
    ...(figures.cost === undefined ? [] : ofCost(figures.cost)),
    ...(figures.usage === undefined ? [] : ofUsage(figures.usage)),
    ...(figures.console === undefined ? [] : ofConsole(figures.console)),
  ];
}

/** A figure that must not be above `max`, or must be below `min`; one that could not be measured is not reached. */
function target(
  what: string,
  value: number,
  limit: { readonly max: number } | { readonly min: number },
  show: (value: number) => string,
  isTime = false,
): Target {
  const isMax = "max" in limit;
  const bound = isMax ? limit.max : limit.min;
  const reached = isMax ? value <= bound : value >= bound;
  return { what, measured: show(value), wanted: `${isMax ? "at most" : "at least"} ${show(bound)}`, reached, isTime };
}

const milliseconds = (value: number): string => `${value.toFixed(0)} ms`;
const megabytes = (value: number): string => `${(value / MiB).toFixed(0)} MB`;
const kilobytes = (value: number): string => `${(value / 1000).toFixed(0)} KB`;
const times = (value: number): string => value.toFixed(1);
const whole = (value: number): string => value.toFixed(0);

function ofColdStart(rows: readonly ColdStartRow[]): Target[] {
  const judged = rows.filter(({ name }) => FUNCTIONS_OF_MAIL.includes(name));
  return judged.flatMap(({ name, totalBytes, importMs }) => [
    target(`bundle of ${name}`, totalBytes, { max: BUNDLE_BYTES_MAX }, kilobytes),
    target(`import of ${name}`, importMs, { max: IMPORT_MS_MAX }, milliseconds, true),
  ]);
}

function ofEdge({ rows, bigMessages, idle }: EdgeBench): Target[] {
  const [own, ...peers] = mainRatios(rows);
  return [
    ...(own === undefined ? [] : [target(own.label, own.ratio, { max: EDGE_BY_BARE_MAX }, times, true)]),
    ...peers.map(({ label, ratio }) => target(label, ratio, { min: PEER_BY_EDGE_MIN }, times, true)),
    ...idle.flatMap(({ connections, secure, bytes, greetingMs }) => {
      const what = `${connections} idle connections${secure ? " with TLS" : ""}`;
      return [
        target(`edge memory, ${what}`, bytes, { max: IDLE_BYTES_MAX }, megabytes),
        target(`greeting beside ${what}`, greetingMs, { max: GREETING_MS_MAX }, milliseconds, true),
      ];
    }),
    target(
      `edge memory, ${bigMessages.sessions} messages of 25 MB at once`,
      bigMessages.peakBytes,
      { max: BIG_MESSAGES_BYTES_MAX },
      megabytes,
    ),
  ];
}

function ofForward({ memory }: ForwardBench): Target[] {
  const { oneRecipientBytes, tenRecipientsBytes, warmBytes } = memory;
  const most = Math.max(oneRecipientBytes, tenRecipientsBytes, warmBytes);
  return [target("forward memory, largest message", most, { max: FORWARD_BYTES_MAX }, megabytes)];
}

function ofPipeline({ perSecond, lost, unrecorded, sentTwice }: PipelineBench["rows"][number]): Target[] {
  const none = { max: 0 };
  return [
    target(`messages lost at ${perSecond}/s`, lost, none, whole),
    target(`deliveries not in the ledger at ${perSecond}/s`, unrecorded, none, whole),
    target(`messages sent twice at ${perSecond}/s`, sentTwice, none, whole),
  ];
}

function ofCost({ calls, rows }: CostBench): Target[] {
  const all = calls.reduce((sum, { perMessage }) => sum + perMessage, 0);
  const most = rows.reduce((max, { cost }) => Math.max(max, cost.onTopOfSes), 0);
  return [
    target("calls to AWS for a message", all, { max: CALLS_MAX }, times),
    target("dollars for 1,000, on top of SES", most, { max: DOLLARS_MAX }, (dollars) => dollars.toFixed(4)),
  ];
}

function ofUsage({ differences, commandMs }: UsageBench): Target[] {
  return [
    target("fields of the invoice that differ", differences.length, { max: 0 }, whole),
    target("relayhost usage --month", commandMs[0], { max: COMMAND_MS_MAX }, milliseconds, true),
  ];
}

function ofConsole({ rows }: ConsoleBench): Target[] {
  return rows.map(({ page, medianMs }) =>
    target(`console, ${page}`, medianMs, { max: PAGE_MS_MAX }, milliseconds, true),
  );
}
