/**
 * Between forward and the SES account: the pace of calls, and a breaker for an account that takes nothing.
 *
 * Pace: each of the environment's concurrent invocations keeps to its share of the account's `MaxSendRate`, so
 * nothing has to be shared between them. The rate is read from SES every few minutes.
 * Breaker: when SES says that the account is paused, suspended or out of its daily quota, nothing is sent for a
 * while; then one call tries, alone, and the others wait for what becomes of it. An open breaker is logged, and the log
 * rings. A paused tenant or configuration set, which SES tells in the same words, closes the account to nobody else.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { Failure } from "../../lib/core/failure.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { errorText, type Log } from "../../lib/core/log.ts";
import type { AccountFacts } from "../../lib/core/status.ts";
import { TokenBucket } from "../../lib/core/token-bucket.ts";

/** What a gate needs; `readQuota` may throw, the rate known before then stays. */
export interface AccountGateDeps {
  readonly readQuota: () => Promise<AccountFacts>;
  /** Invocations that may run at the same time, each with its own gate. */
  readonly concurrency: number;
  readonly now: () => number;
  readonly log: Log;
}

/** Leave for one call. */
export interface Leave {
  readonly kind: "go";
  /**
   * To be called when the call has ended and its result was told, with how many recipients it had, or with 0 when it
   * will not be made. Further times change nothing.
   */
  end(recipients: number): void;
}

/** `go`: call now. `later`: not before this time (epoch milliseconds). */
export type Passage = Leave | { readonly kind: "later"; readonly atMs: number };

const {
  quotaToldShare,
  rateShare,
  rateUnknownPerSecond,
  quotaReadEveryMs,
  quotaRetryMs,
  quotaWaitMs,
  breakerFirstMs,
  breakerMaxMs,
} = LIMITS.account;

/** One per process, kept between invocations. */
export class AccountGate {
  readonly #deps: AccountGateDeps;
  readonly #bucket: TokenBucket;
  #quota: AccountFacts | undefined;
  #reading: Promise<void> | undefined;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #knownAtMs = Number.NEGATIVE_INFINITY;
  #openUntilMs = 0;
  /** How often in a row the breaker has opened; 0: it is closed. */
  #openings = 0;
  /** Ends with the one call that tries whether the account takes mail again. */
  #trial: Promise<void> | undefined;

  constructor(deps: AccountGateDeps) {
    this.#deps = deps;
    this.#bucket = new TokenBucket(this.#share(rateUnknownPerSecond), deps.now);
  }

  /** Before this time (epoch milliseconds) no call gets leave. */
  get openUntilMs(): number {
    return this.#openUntilMs;
  }

  /** How many recipients a call may have so that SES's rate can take it in one: a second's worth of this share. */
  async recipientsPerCall(deadlineMs: number): Promise<number> {
    await this.#refresh(deadlineMs);
    return this.#bucket.burst;
  }

  /** Waits for the turn of a call with so many recipients, unless that is after `deadlineMs` or the breaker is open. */
  async pass(deadlineMs: number, recipients = 1): Promise<Passage> {
    await this.#refresh(deadlineMs);
    for (;;) {
      const nowMs = this.#deps.now();
      if (nowMs < this.#openUntilMs) return { kind: "later", atMs: this.#openUntilMs };
      if (this.#openings > 0) {
        if (this.#trial === undefined) return this.#beginTrial();
        if (nowMs >= deadlineMs) return { kind: "later", atMs: nowMs };
        await settledWithin(this.#trial, deadlineMs - nowMs);
        continue;
      }
      const atMs = this.#bucket.take(deadlineMs, recipients);
      if (atMs > deadlineMs) return { kind: "later", atMs };
      if (atMs > nowMs) await sleep(atMs - nowMs);
      // Unless the breaker has opened meanwhile.
      if (this.#openings === 0) return leave((used) => this.#bucket.giveBack(recipients - used));
      this.#bucket.giveBack(recipients);
    }
  }

  /** SES took a mail, or refused it for what it is: the account works. */
  worked(): void {
    if (this.#deps.now() >= this.#openUntilMs) this.#openings = 0;
  }

  /** SES said "too fast". */
  tooFast(): void {
    this.worked();
    this.#bucket.slowDown();
  }

  /** SES said that it takes nothing for now. Opens the breaker if that holds for the account, each time twice as long. */
  async closed(failure: Failure): Promise<void> {
    if (this.#deps.now() < this.#openUntilMs) return;
    if (failure.code === "SendingPausedException" && (await this.#accountSends())) {
      this.worked();
      return;
    }
    const nowMs = this.#deps.now();
    if (nowMs < this.#openUntilMs) return;
    this.#openUntilMs = nowMs + Math.min(breakerMaxMs, breakerFirstMs * 2 ** Math.min(20, this.#openings));
    this.#openings += 1;
    this.#deps.log({
      event: "account-breaker-open",
      code: failure.code,
      text: failure.text,
      untilMs: this.#openUntilMs,
    });
  }

  /** No token is needed: nothing was sent for longer than the bucket remembers. */
  #beginTrial(): Leave {
    let ended: () => void = () => undefined;
    this.#trial = new Promise((resolve) => (ended = resolve));
    return leave(() => {
      this.#trial = undefined;
      ended();
    });
  }

  #share(ratePerSecond: number): number {
    return (ratePerSecond * rateShare) / this.#deps.concurrency;
  }

  /** True when SES says that the account itself may send; asked anew if that was asked before the last few seconds. */
  async #accountSends(): Promise<boolean> {
    const isFresh = (): boolean => this.#deps.now() - this.#knownAtMs <= quotaWaitMs;
    if (!isFresh()) await settledWithin(this.#read(), quotaWaitMs);
    return isFresh() && this.#quota?.sendingEnabled === true;
  }

  /** Reads the quota when it is due. Nobody waits for it where one is known, and nobody long. */
  async #refresh(deadlineMs: number): Promise<void> {
    const nowMs = this.#deps.now();
    if (nowMs - this.#triedAtMs < (this.#quota === undefined ? quotaRetryMs : quotaReadEveryMs)) return;
    const reading = this.#read();
    if (this.#quota === undefined) await settledWithin(reading, Math.min(quotaWaitMs, deadlineMs - nowMs));
  }

  /** Never rejects. */
  #read(): Promise<void> {
    this.#reading ??= this.#ask().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #ask(): Promise<void> {
    try {
      this.#quota = await this.#deps.readQuota();
      this.#bucket.setRate(this.#share(this.#quota.ratePerSecond));
      this.#knownAtMs = this.#deps.now();
      const { per24Hours, sentLast24Hours } = this.#quota;
      const usedShare = per24Hours > 0 ? sentLast24Hours / per24Hours : 0;
      if (usedShare >= quotaToldShare) {
        this.#deps.log({ event: "account-quota", usedShare, sentLast24Hours, per24Hours });
      }
    } catch (error) {
      this.#deps.log({ event: "quota-unknown", error: errorText(error) });
    }
    this.#triedAtMs = this.#deps.now();
  }
}

function leave(atEnd: (recipients: number) => void): Leave {
  let over = false;
  return {
    kind: "go",
    end: (recipients) => {
      if (!over) atEnd(recipients);
      over = true;
    },
  };
}

/** Resolves when the promise has settled or the time is over. The promise must not reject. */
async function settledWithin(promise: Promise<void>, ms: number): Promise<void> {
  const abort = new AbortController();
  try {
    await Promise.race([promise, sleep(Math.max(0, ms), undefined, { signal: abort.signal })]);
  } finally {
    abort.abort();
  }
}
