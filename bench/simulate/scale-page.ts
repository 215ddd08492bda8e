/** The tables of docs/scale.md, from the model. */

import { LIMITS } from "../../lib/core/limits.ts";
import { PRICES } from "../../lib/core/prices.ts";
import { type BurstCase, type BurstResult, burstDollars, REMEDIES, simulateBurst } from "./burst-model.ts";

/** A case with its result, as `--json` gives it. */
export interface SimulatedBurst {
  readonly burst: BurstCase;
  readonly result: BurstResult;
  readonly dollars: number;
}

/** A million messages in an hour, two edge tasks, forward at its default; a batch of ten as long as the cost benchmark takes it. */
export const DEFAULT_BURST: BurstCase = {
  messages: 1_000_000,
  burstSeconds: 3600,
  tasks: 2,
  tasksMax: 2,
  taskSeconds: 180,
  taskPerSecond: 150,
  sesPerSecond: 14,
  concurrency: 5,
  batchSeconds: 1,
  giveUpAfterHours: LIMITS.forward.giveUpAfterHours,
};

const RATES = [1, 14, 50, 100, 200, 500] as const;
const CONCURRENCIES = [2, 5, 20, 50] as const;
const TASKS = [1, 2, 4] as const;
const REGION = "us-east-1";

/** Runs a case. */
export function simulate(change: Partial<BurstCase> = {}): SimulatedBurst {
  const burst = { ...DEFAULT_BURST, ...change };
  const result = simulateBurst(burst);
  return { burst, result, dollars: burstDollars(burst, result, PRICES[REGION], "a-la-carte") };
}

/** Everything between the marks of docs/scale.md. */
export function scaleTables(): string {
  const rates = RATES.map((sesPerSecond) => simulate({ sesPerSecond }));
  const concurrency = CONCURRENCIES.map((each) => simulate({ sesPerSecond: 500, concurrency: each }));
  const tasks = TASKS.map((each) => simulate({ sesPerSecond: 500, concurrency: 50, tasks: each, tasksMax: each }));
  const grows = simulate({ sesPerSecond: 500, concurrency: 50, tasks: 1, tasksMax: 4 });
  return [
    "### By the rate of SES\n",
    table("SES, a second", rates, ({ burst }) => String(burst.sesPerSecond)),
    "\n### By the concurrency of forward, at 500 a second\n",
    table("`forwardConcurrency`", concurrency, ({ burst }) => String(burst.concurrency)),
    "\n### By edge tasks, at 500 a second and `forwardConcurrency` 50\n",
    table("edge tasks", [...tasks, grows], ({ burst }) =>
      burst.tasks === burst.tasksMax
        ? String(burst.tasks)
        : `${burst.tasks}, ${burst.tasksMax} after ${burst.taskSeconds} s`,
    ),
  ].join("\n");
}

function table(head: string, cases: readonly SimulatedBurst[], name: (one: SimulatedBurst) => string): string {
  const rows = cases.map((one) => {
    const { result } = one;
    return [
      name(one),
      duration(result.atSenderSeconds),
      duration(result.p50Seconds),
      duration(result.p99Seconds),
      duration(result.drainedSeconds),
      result.givenUp.toLocaleString("en-US"),
      one.dollars.toFixed(0),
      result.firstLimit ?? "none",
      result.firstLimit === undefined ? "" : REMEDIES[result.firstLimit],
    ];
  });
  const heads = [
    head,
    "waits at the sender",
    "250 to SES, p50",
    "p99",
    "all sent after",
    "returned",
    "dollars",
    "first limit",
    "what to raise",
  ];
  const widths = heads.map((text, i) => Math.max(text.length, ...rows.map((row) => (row[i] ?? "").length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [line(heads), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)].join("\n");
}

/** Such as `2.5 h`. */
export function duration(seconds: number): string {
  if (seconds === 0) return "under 1 s";
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${(seconds / 60).toFixed(0)} min`;
  return seconds < 172_800 + 7_200 ? `${(seconds / 3600).toFixed(1)} h` : `${(seconds / 86_400).toFixed(1)} d`;
}
