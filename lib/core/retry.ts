/**
 * When to try again: doubling waits with a ceiling, then give up.
 */

import { LIMITS } from "./limits.ts";

/** Milliseconds until the next try after the given number of failed tries (1 = the first failed). Adds up to 20 % of `random()` (0 to 1) so that a backlog does not return in one wave. */
export function retryDelayMs(failedTries: number, random: () => number): number {
  const { retryFirstMs, retryMaxMs } = LIMITS.forward;
  const base = Math.min(retryMaxMs, retryFirstMs * 2 ** Math.max(0, Math.min(30, failedTries - 1)));
  return Math.round(base * (1 + 0.2 * random()));
}

/** True when a message accepted at `acceptedMs` has had its time. */
export function shouldGiveUp(acceptedMs: number, nowMs: number, giveUpAfterHours: number): boolean {
  return nowMs - acceptedMs >= giveUpAfterHours * 3_600_000;
}
