/**
 * Between forward and the SES account: the pace of calls, and a breaker for an account that takes nothing.
 *
 * Pace: each of the environment's concurrent invocations keeps to its share of the account's `MaxSendRate`, so
 * nothing has to be shared between them. The rate is read from SES every few minutes.
 * Breaker: when SES says that the account is paused, suspended or out of its daily quota, nothing is sent for a
 * while; then one call tries. An open breaker is logged, and the log rings.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { SendingQuota } from "../../lib/aws/sending-quota.ts";
import type { Failure } from "../../lib/core/failure.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { errorText, type Log } from "../../lib/core/log.ts";
import { TokenBucket } from "../../lib/core/token-bucket.ts";

/** What a gate needs; `readQuota` may throw, the rate known before then stays. */
export interface AccountGateDeps {
  readonly readQuota: () => Promise<SendingQuota>;
  /** Invocations that may run at the same time, each with its own gate. */
  readonly concurrency: number;
  readonly now: () => number;
  readonly log: Log;
}

/** `go`: call now. `later`: not before this time (epoch milliseconds). */
export type Passage = { readonly kind: "go" } | { readonly kind: "later"; readonly atMs: number };

const { rateShare, rateUnknownPerSecond, quotaReadEveryMs, breakerFirstMs, breakerMaxMs } = LIMITS.account;

/** One per process, kept between invocations. */
export class AccountGate {
  readonly #deps: AccountGateDeps;
  readonly #bucket: TokenBucket;
  #reading: Promise<void> | undefined;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #openUntilMs = 0;
  #openings = 0;

  constructor(deps: AccountGateDeps) {
    this.#deps = deps;
    this.#bucket = new TokenBucket(this.#share(rateUnknownPerSecond), deps.now);
  }

  /** Waits for this call's turn, unless that is after `deadlineMs` or the breaker is open. */
  async pass(deadlineMs: number): Promise<Passage> {
    await this.#refresh();
    const nowMs = this.#deps.now();
    if (nowMs < this.#openUntilMs) return { kind: "later", atMs: this.#openUntilMs };
    const waitMs = this.#bucket.take();
    if (nowMs + waitMs > deadlineMs) {
      this.#bucket.giveBack();
      return { kind: "later", atMs: nowMs + waitMs };
    }
    if (waitMs > 0) await sleep(waitMs);
    return { kind: "go" };
  }

  /** SES took a mail: the account works. */
  worked(): void {
    this.#openings = 0;
  }

  /** SES said "too fast". */
  tooFast(): void {
    this.#bucket.slowDown();
  }

  /** SES said that the account takes nothing for now. Opens the breaker, each time twice as long. */
  closed(failure: Failure): void {
    const nowMs = this.#deps.now();
    if (nowMs < this.#openUntilMs) return;
    const openMs = Math.min(breakerMaxMs, breakerFirstMs * 2 ** this.#openings);
    this.#openings += 1;
    this.#openUntilMs = nowMs + openMs;
    this.#deps.log({
      event: "account-breaker-open",
      code: failure.code,
      text: failure.text,
      untilMs: this.#openUntilMs,
    });
  }

  #share(ratePerSecond: number): number {
    return (ratePerSecond * rateShare) / this.#deps.concurrency;
  }

  /** Reads the quota when it is due; a failure keeps the rate that is known. */
  async #refresh(): Promise<void> {
    if (this.#deps.now() - this.#readAtMs < quotaReadEveryMs) return;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
  }

  async #read(): Promise<void> {
    try {
      const quota = await this.#deps.readQuota();
      this.#bucket.setRate(this.#share(quota.ratePerSecond));
    } catch (error) {
      this.#deps.log({ event: "quota-unknown", error: errorText(error) });
    }
    this.#readAtMs = this.#deps.now();
  }
}
