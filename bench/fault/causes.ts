/**
 * Which faults explain that a message left twice.
 *
 * A second copy follows when a call to SES ends without a record: the answer is lost, whoever waits for it dies, or the
 * ledger does not take what came of it; or when a clock that jumps makes a claim run out under a call. So what explains
 * it was at work while the try was under way that brought the first copy, and not just some time before. Pure.
 */

import { LIMITS } from "../../lib/core/limits.ts";
import type { Fault } from "./schedule.ts";

/** A fault at work, milliseconds since the relay's start. */
export interface Cause {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** Makes claims run out, instead of keeping a record from being written. */
  readonly clock?: true;
}

/** A fault that happened, as far as causes are made of it. */
export interface FaultAtWork {
  readonly name: string;
  readonly fault: Fault;
  readonly atMs: number;
  readonly endMs: number;
  /** When it met each of its calls. */
  readonly hitsAtMs: readonly number[];
}

/** Two copies of which one was sent because an earlier try had left no record. */
export interface SecondCopy {
  /** When SES took the first one, */
  readonly firstMs: number;
  /** and when the relay said that a second one may come. */
  readonly toldMs: number;
}

/** A call that is held up on its way comes to SES so much later than it began. */
const BEFORE_MS = 3_000;
/** What came of a call is written at once; on a machine with too much to do, or at a second try, some seconds later. */
const AFTER_MS = 10_000;
/** For so long a claim may be overtaken. */
const CALL_MS = LIMITS.forward.sesCallTimeoutMs;
const CLAIM_MS = LIMITS.forward.timeoutSeconds * 1000 + LIMITS.forward.claimMarginMs;

/** When each fault was at work, of those that can cause a second copy at all. */
export function causesOf(faults: readonly FaultAtWork[]): Cause[] {
  return faults.flatMap(({ name, fault, atMs, endMs, hitsAtMs }): Cause[] => {
    switch (fault.kind) {
      case "kill":
      case "restart":
        // A function that died took its calls with it, and makes no others; a server is away until it is back.
        if (fault.process === "forward-1" || fault.process === "forward-2") return [{ name, fromMs: atMs, toMs: atMs }];
        return fault.process === "dynamodb" || fault.process === "ses" ? [{ name, fromMs: atMs, toMs: endMs }] : [];
      case "calls":
        return losesRecords(fault) ? hitsAtMs.map((hitMs) => ({ name, fromMs: hitMs, toMs: hitMs })) : [];
      case "clock-jump":
        return fault.aheadMs < CLAIM_MS - CALL_MS ? [] : [{ name, fromMs: atMs, toMs: atMs, clock: true }];
      // Claims allow for clocks that are so little wrong: nothing must follow from one.
      case "clock-skew":
      case "queue-duplicates":
      case "queue-shuffle":
      case "disk-full":
      case "client-cut":
        return [];
    }
  });
}

/** The cause that was at work next to the first copy, in words; undefined: none was. */
export function explain(causes: readonly Cause[], { firstMs, toldMs }: SecondCopy): string | undefined {
  const earlierMs = Math.min(firstMs, toldMs);
  const untilMs = Math.min(toldMs, firstMs + AFTER_MS);
  const at = (cause: Cause): boolean =>
    cause.clock === true
      ? cause.fromMs <= earlierMs && cause.toMs >= earlierMs - CALL_MS
      : cause.fromMs <= untilMs && cause.toMs >= earlierMs - BEFORE_MS;
  const distance = ({ fromMs, toMs }: Cause): number => Math.max(0, fromMs - firstMs, firstMs - toMs);
  // What loses a record explains more than a clock, which only makes the claim run out.
  const rank = (cause: Cause): number => (cause.clock === true ? CALL_MS : 0) + distance(cause);
  const found = causes.filter(at).toSorted((a, b) => rank(a) - rank(b))[0];
  if (found === undefined) return undefined;
  return `${found.name} at ${seconds(found.fromMs)}, first copy at ${seconds(firstMs)}, told at ${seconds(toldMs)}`;
}

/** A call that SES has not heard of brought no copy; one to the ledger that goes wrong may have been the record. */
function losesRecords({ service, fault }: Extract<Fault, { kind: "calls" }>): boolean {
  if (service === "ses") return fault === "lost-answer" || fault === "done-in-silence";
  return service === "dynamodb" && fault !== "slow";
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
