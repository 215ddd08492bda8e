/**
 * What goes wrong, and when: a list made from a seed before anything runs. The same seed and length give the same list.
 *
 * Kinds are dealt like cards: none comes again before all have come, so that a short run meets as many as it can.
 */

import { type SeededRandom, seededRandom } from "../../test/fault/seeded-random.ts";

/** Processes of the relay; `storage` serves S3, SQS and SNS. */
export const PROCESSES = [
  "edge",
  "forward-1",
  "forward-2",
  "feedback",
  "webhook",
  "sweep",
  "storage",
  "dynamodb",
  "ses",
] as const;
/** One of them. */
export type ProcessName = (typeof PROCESSES)[number];

/** Services that calls go to. */
export const SERVICES = ["s3", "sqs", "sns", "dynamodb", "ses"] as const;
/** One of them. */
export type ServiceName = (typeof SERVICES)[number];

/**
 * How calls go wrong: no answer at all, a connection that is reset, an internal error, a refusal for too many calls, a
 * slow answer, and work that is done while its answer is lost, with a reset or in silence.
 */
export const CALL_FAULTS = [
  "time-out",
  "reset",
  "error-500",
  "throttle",
  "slow",
  "lost-answer",
  "done-in-silence",
] as const;
/** One of them. */
export type CallFault = (typeof CALL_FAULTS)[number];

/** One thing that goes wrong. Times in milliseconds. */
export type Fault =
  /** SIGKILL, and a new process after `downMs`. */
  | { readonly kind: "kill"; readonly process: ProcessName; readonly downMs: number }
  /** SIGTERM, its end awaited, and a new process after `downMs`. */
  | { readonly kind: "restart"; readonly process: ProcessName; readonly downMs: number }
  /** That share of a service's calls goes wrong, for so long or until so many have. */
  | {
      readonly kind: "calls";
      readonly fault: CallFault;
      readonly service: ServiceName;
      readonly share: number;
      readonly calls: number;
      readonly forMs: number;
    }
  /** Queue messages come a second time: while they are being worked on, and as copies some seconds later. */
  | { readonly kind: "queue-duplicates"; readonly share: number; readonly forMs: number }
  /** Queue messages come in another order. */
  | { readonly kind: "queue-shuffle"; readonly forMs: number }
  /** The clock of all processes jumps ahead. */
  | { readonly kind: "clock-jump"; readonly aheadMs: number }
  /** The clock of one process is wrong. */
  | { readonly kind: "clock-skew"; readonly process: ProcessName; readonly offMs: number; readonly forMs: number }
  /** The disk under the edge's temporary files is full, while messages come that need it. */
  | { readonly kind: "disk-full"; readonly forMs: number }
  /** So many clients lose their connection within a transaction. */
  | { readonly kind: "client-cut"; readonly transactions: number };

/** A fault and when it begins, counted from the start of the load. */
export type PlannedFault = { readonly atMs: number } & Fault;

/** Local servers and the edge end in order when they are asked to; functions are only ever killed, as Lambda does. */
const RESTARTED: readonly ProcessName[] = ["edge", "storage", "dynamodb", "ses"];
const GAP_MS = [1_000, 3_500] as const;
/** Longer than forward's longest time-out of a call, and than the 15 minutes in which a copy is found out. */
const JUMPS_MS = [10_000, 70_000, 400_000, 1_000_000];
/** A clock that a time service keeps is less wrong; claims allow for five seconds. */
const SKEW_MS = 2_000;
/** After the last fault the load goes on so long, or for a tenth of the run, if that is less. */
const CALM_MS = 5_000;

type Maker = (random: SeededRandom) => Fault;

const MAKERS: readonly Maker[] = [
  ...PROCESSES.map(
    (process): Maker =>
      (random) => ({ kind: "kill", process, downMs: random.between(0, 2_000) }),
  ),
  ...RESTARTED.map(
    (process): Maker =>
      (random) => ({ kind: "restart", process, downMs: random.between(0, 2_000) }),
  ),
  ...CALL_FAULTS.flatMap((fault): Maker[] => [
    callsTo(fault, ["s3", "dynamodb"]),
    callsTo(fault, ["ses", "sqs", "sns"]),
  ]),
  (random) => ({ kind: "queue-duplicates", share: random.between(20, 60) / 100, forMs: random.between(2_000, 6_000) }),
  (random) => ({ kind: "queue-shuffle", forMs: random.between(2_000, 6_000) }),
  (random) => ({ kind: "clock-jump", aheadMs: pick(random, JUMPS_MS) }),
  (random) => ({
    kind: "clock-skew",
    process: pick(random, PROCESSES),
    offMs: random.chance(0.5) ? SKEW_MS : -SKEW_MS,
    forMs: random.between(3_000, 10_000),
  }),
  (random) => ({ kind: "disk-full", forMs: random.between(2_000, 5_000) }),
  (random) => ({ kind: "client-cut", transactions: random.between(3, 10) }),
];

/** Cards that may be dealt in vain before it is said that no fault has such a name. */
const VAIN_DEALS_MAX = 10_000;

/**
 * All that goes wrong in a run of so many milliseconds, in order of time. `only`: of the faults whose names contain one
 * of these words. Throws RangeError when there is no such fault.
 */
export function planFaults(seed: number, runMs: number, only: readonly string[] = []): PlannedFault[] {
  const random = seededRandom(seed);
  const endMs = runMs - Math.min(CALM_MS, runMs / 10);
  const planned: PlannedFault[] = [];
  let deck: Maker[] = [];
  const deal = (): Fault => {
    for (let vain = 0; vain < VAIN_DEALS_MAX; vain += 1) {
      if (deck.length === 0) deck = shuffled(MAKERS, random);
      const fault = deck.pop()?.(random);
      if (fault !== undefined && (only.length === 0 || only.some((word) => nameOf(fault).includes(word)))) return fault;
    }
    throw new RangeError(`no fault is called ${only.join(" or ")}`);
  };
  for (let atMs = random.between(...GAP_MS); atMs < endMs; atMs += random.between(...GAP_MS)) {
    planned.push({ atMs, ...deal() });
  }
  return planned;
}

/** A fault in a few words, such as `kill edge`. */
export function nameOf(fault: Fault): string {
  switch (fault.kind) {
    case "kill":
    case "restart":
      return `${fault.kind} ${fault.process}`;
    case "calls":
      return `${fault.fault} ${fault.service}`;
    case "clock-jump":
      return `clock-jump ${fault.aheadMs / 1000} s`;
    case "clock-skew":
      return `clock-skew ${fault.process} ${fault.offMs / 1000} s`;
    case "queue-duplicates":
    case "queue-shuffle":
    case "disk-full":
    case "client-cut":
      return fault.kind;
  }
}

/** A copy in another order. */
export function shuffled<T>(values: readonly T[], random: SeededRandom): T[] {
  const left = [...values];
  const result: T[] = [];
  while (left.length > 0) result.push(...left.splice(random.between(0, left.length - 1), 1));
  return result;
}

function callsTo(fault: CallFault, services: readonly ServiceName[]): Maker {
  // A call without an answer holds its caller for up to 30 seconds, so these are few.
  const silent = fault === "time-out" || fault === "done-in-silence";
  return (random) => ({
    kind: "calls",
    fault,
    service: pick(random, services),
    share: random.between(20, 100) / 100,
    calls: silent ? random.between(1, 4) : random.between(3, 60),
    forMs: random.between(1_000, 6_000),
  });
}

function pick<T>(random: SeededRandom, values: readonly T[]): T {
  const value = values[random.between(0, values.length - 1)];
  if (value === undefined) throw new RangeError("nothing to pick from");
  return value;
}
