/**
 * A burst of mail through the relay, second by second: how long it waits, what it costs, and what holds it up.
 *
 * Pure. Mail is a fluid: each stage passes on what it can in a second, the rest waits before it, first in first out.
 * Stages: edge tasks, S3 requests, Lambda's invocations of forward (their number, and what one can do), SES's rate.
 */

import { LIMITS } from "../../lib/core/limits.ts";
import { type Prices, relayingCost, type SesPlan } from "../../lib/core/prices.ts";

/** What comes, and what there is for it. */
export interface BurstCase {
  /** To one recipient each. */
  readonly messages: number;
  /** They come evenly over this time. */
  readonly burstSeconds: number;
  /** Edge tasks at the start; `tasksMax` of them `taskSeconds` after the first second in which they are too few. */
  readonly tasks: number;
  readonly tasksMax: number;
  readonly taskSeconds: number;
  /** Messages a second that one task takes. */
  readonly taskPerSecond: number;
  /** `MaxSendRate` of the SES account. */
  readonly sesPerSecond: number;
  /** `forwardConcurrency`: invocations of forward at a time. */
  readonly concurrency: number;
  /** Seconds of an invocation with a full batch that waits for nobody's pace. */
  readonly batchSeconds: number;
  readonly giveUpAfterHours: number;
}

/** What AWS lets through by itself, each for one bucket prefix, queue or account. */
export const AWS_LIMITS = {
  /** S3, for each prefix; https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html. */
  s3PutsPerSecond: 3_500,
  s3GetsPerSecond: 5_500,
  /** Messages of a standard queue that are received and not deleted; its calls have no limit. */
  sqsInFlightMax: 120_000,
  /** Invocations that a queue's event source adds in a minute; it begins with five. */
  lambdaAddedPerMinute: 300,
  lambdaFirst: 5,
} as const;

/** What may be the first to hold mail up. */
export type Limit = "edge tasks" | "S3 requests" | "Lambda concurrency" | "SQS in flight" | "SES rate";

/** What the operator can do about it. */
export const REMEDIES: Readonly<Record<Limit, string>> = {
  "edge tasks": "`edge.desiredCount`, or `edge.cpu`",
  "S3 requests": "nothing to raise: S3 splits the prefix by itself after some minutes of 503",
  "Lambda concurrency": "`forwardConcurrency`",
  "SQS in flight": "fewer invocations: lower `forwardConcurrency`",
  "SES rate": "ask SES for a higher sending rate",
};

/** Less of a wait is none. */
const WAIT_MIN_SECONDS = 5;

/** How a burst went. */
export interface BurstResult {
  /** When the last 250 was given, seconds from the first message. */
  readonly acceptedSeconds: number;
  /** The longest that mail had to wait at its sender's for want of edge tasks. */
  readonly atSenderSeconds: number;
  /** When the last message that is not given up was with SES. */
  readonly drainedSeconds: number;
  /** From a message's 250 to SES: of half of them, of 99 in 100, of all that were sent. */
  readonly p50Seconds: number;
  readonly p99Seconds: number;
  readonly maxSeconds: number;
  readonly sent: number;
  /** Returned to their senders after `giveUpAfterHours`. */
  readonly givenUp: number;
  /** The most that lay in the spool at a time. */
  readonly backlogMax: number;
  /** The narrowest stage that mail had to wait for; undefined when none did. */
  readonly firstLimit: Limit | undefined;
}

/** A burst through all stages. Throws RangeError for a case in which nothing moves. */
export function simulateBurst(burst: BurstCase): BurstResult {
  const sender = fluid(
    burst.messages,
    (second) => arrivedBy(burst, second),
    edgePerSecond(burst),
    Number.POSITIVE_INFINITY,
  );
  const deadline = burst.giveUpAfterHours * 3600;
  const acceptedBy = (second: number): number => sender.left[Math.min(second, sender.left.length - 1)] ?? 0;
  const forward = fluid(burst.messages, acceptedBy, (second) => forwardPerSecond(burst, second), deadline);
  const waits = waitsOf(sender.left, forward.left, forward.dropped);
  return {
    acceptedSeconds: sender.left.length,
    atSenderSeconds: longestWait((second) => arrivedBy(burst, second), sender.left),
    drainedSeconds: forward.left.length,
    p50Seconds: waits(0.5),
    p99Seconds: waits(0.99),
    maxSeconds: waits(1),
    sent: burst.messages - forward.dropped,
    givenUp: forward.dropped,
    backlogMax: forward.backlogMax,
    firstLimit: firstLimit(
      burst,
      longestWait((second) => arrivedBy(burst, second), sender.left),
      waits(0.99),
    ),
  };
}

/** Dollars for the burst: calls, what SES charges, and invocations that wait for the pace of SES. Without what stands by. */
export function burstDollars(burst: BurstCase, result: BurstResult, prices: Prices, plan: SesPlan): number {
  const { sent, givenUp, drainedSeconds } = result;
  const calls = relayingCost({ messages: sent, recipients: sent, sent, reports: givenUp }, prices, plan);
  // What a message is charged with already covers its own work; beyond that, invocations are billed while they wait.
  const gigabytes = LIMITS.forward.memoryMiB / 1024;
  const working = burst.messages * (burst.batchSeconds / LIMITS.forward.batchSize) * gigabytes;
  const open = Math.min(burst.concurrency, AWS_LIMITS.lambdaFirst * 200) * drainedSeconds * gigabytes;
  return calls + Math.max(0, open - working) * prices.lambdaGigabyteSecond;
}

/** The share of SES's rate that forward uses, and what the invocations can do, whichever is less. */
function forwardPerSecond(burst: BurstCase, second: number): number {
  const { lambdaFirst, lambdaAddedPerMinute, s3GetsPerSecond, sqsInFlightMax } = AWS_LIMITS;
  const started = lambdaFirst + Math.floor((second / 60) * lambdaAddedPerMinute);
  const invocations = Math.min(burst.concurrency, started, Math.floor(sqsInFlightMax / LIMITS.forward.batchSize));
  const able = (invocations * LIMITS.forward.batchSize) / burst.batchSeconds;
  // Each invocation keeps to its share of the pace, however few there are.
  const paced = (burst.sesPerSecond * LIMITS.account.rateShare * invocations) / burst.concurrency;
  return Math.min(able, paced, s3GetsPerSecond);
}

function edgePerSecond(burst: BurstCase): (second: number, backlog: number) => number {
  let shortSince: number | undefined;
  return (second, backlog) => {
    if (backlog > burst.tasks * burst.taskPerSecond) shortSince ??= second;
    const grown = shortSince !== undefined && second >= shortSince + burst.taskSeconds;
    return Math.min((grown ? burst.tasksMax : burst.tasks) * burst.taskPerSecond, AWS_LIMITS.s3PutsPerSecond);
  };
}

function arrivedBy({ messages, burstSeconds }: BurstCase, second: number): number {
  return Math.min(messages, (messages * (second + 1)) / burstSeconds);
}

interface Fluid {
  /** How many had left by the end of each second; what was dropped counts as left. */
  readonly left: readonly number[];
  readonly dropped: number;
  readonly backlogMax: number;
}

/** Passes everything through one stage; what has waited for `deadline` seconds is dropped. */
function fluid(
  total: number,
  arrived: (second: number) => number,
  rate: (second: number, backlog: number) => number,
  deadline: number,
): Fluid {
  const left: number[] = [];
  let done = 0;
  let dropped = 0;
  let backlogMax = 0;
  for (let second = 0; total - done > 0.5; second += 1) {
    const overdue = second >= deadline ? Math.max(0, arrived(second - deadline) - done) : 0;
    dropped += overdue;
    done += overdue;
    const backlog = arrived(second) - done;
    const passed = Math.min(backlog, rate(second, backlog));
    if (passed === 0 && arrived(second) >= total && overdue === 0) throw new RangeError("nothing moves");
    done += passed;
    backlogMax = Math.max(backlogMax, arrived(second) - done);
    left.push(done);
  }
  return { left, dropped: Math.round(dropped), backlogMax: Math.round(backlogMax) };
}

/** The wait of the messages that were sent, in order: from the second in which each came to that in which it went. */
function waitsOf(came: readonly number[], went: readonly number[], dropped: number): (share: number) => number {
  const total = Math.floor(went.at(-1) ?? 0);
  const step = Math.max(1, Math.floor(total / 20_000));
  const waits: number[] = [];
  let cameAt = 0;
  let wentAt = 0;
  for (let number = 1; number <= total; number += step) {
    while ((came[cameAt] ?? Number.POSITIVE_INFINITY) < number) cameAt += 1;
    while ((went[wentAt] ?? Number.POSITIVE_INFINITY) < number) wentAt += 1;
    waits.push(Math.max(0, wentAt - cameAt));
  }
  waits.sort((a, b) => a - b);
  // Those that were given up waited longest.
  const sent = Math.max(1, Math.round(waits.length * (1 - dropped / Math.max(1, total))));
  return (share) => waits[Math.min(sent, Math.ceil(sent * share)) - 1] ?? 0;
}

function longestWait(arrived: (second: number) => number, left: readonly number[]): number {
  let longest = 0;
  let came = 0;
  for (const [second, done] of left.entries()) {
    while (came < second && arrived(came) < done) came += 1;
    longest = Math.max(longest, second - came);
  }
  return longest;
}

/** Before the edge, if mail waits there; else the narrowest stage behind it, if mail waits there. */
function firstLimit(burst: BurstCase, atSenderSeconds: number, waitSeconds: number): Limit | undefined {
  if (atSenderSeconds > WAIT_MIN_SECONDS) {
    return burst.tasksMax * burst.taskPerSecond < AWS_LIMITS.s3PutsPerSecond ? "edge tasks" : "S3 requests";
  }
  if (waitSeconds <= WAIT_MIN_SECONDS) return undefined;
  const { sesPerSecond, concurrency, batchSeconds } = burst;
  const inFlightMax = AWS_LIMITS.sqsInFlightMax / LIMITS.forward.batchSize;
  const stages: readonly (readonly [Limit, number])[] = [
    ["SES rate", sesPerSecond * LIMITS.account.rateShare],
    ["Lambda concurrency", (concurrency * LIMITS.forward.batchSize) / batchSeconds],
    ["SQS in flight", (inFlightMax * LIMITS.forward.batchSize) / batchSeconds],
    ["S3 requests", AWS_LIMITS.s3GetsPerSecond],
  ];
  return stages.toSorted(([, a], [, b]) => a - b)[0]?.[0];
}
