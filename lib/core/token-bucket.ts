/**
 * A token bucket: at most so many per second, with a burst of one second's worth at the most.
 *
 * It starts empty, so that many new processes at once do not burst, and holds what a short pause left unused, so that
 * the full rate is reached over pauses.
 */
export class TokenBucket {
  readonly #now: () => number;
  #perSecond: number;
  #tokens = 0;
  #filledMs: number;
  /** Until when the rate is held down, and by which factor. */
  #slowUntilMs = 0;
  #slowFactor = 1;

  /** `now` gives milliseconds and never goes back. */
  constructor(perSecond: number, now: () => number) {
    this.#perSecond = perSecond;
    this.#now = now;
    this.#filledMs = now();
  }

  /** A new rate from now on. */
  setRate(perSecond: number): void {
    this.#fill();
    this.#perSecond = perSecond;
  }

  /** Takes one token now or later; returns how many milliseconds the taker must wait before using it. */
  take(): number {
    this.#fill();
    this.#tokens -= 1;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#rate()) * 1000;
  }

  /** Gives back a token that was not used. */
  giveBack(): void {
    this.#tokens += 1;
  }

  /** The service said "too fast": three quarters of the rate, and again three quarters of that, for ten seconds. */
  slowDown(): void {
    this.#fill();
    const nowMs = this.#now();
    // Many calls in flight are refused together; they count as one sign.
    if (nowMs < this.#slowUntilMs - 9_000) return;
    this.#slowFactor = Math.max(0.25, (nowMs < this.#slowUntilMs ? this.#slowFactor : 1) * 0.75);
    this.#slowUntilMs = nowMs + 10_000;
    this.#tokens = Math.min(this.#tokens, 0);
  }

  #rate(): number {
    const slow = this.#now() < this.#slowUntilMs ? this.#slowFactor : 1;
    return Math.max(0.05, this.#perSecond * slow);
  }

  #fill(): void {
    const nowMs = this.#now();
    const rate = this.#rate();
    this.#tokens = Math.min(Math.max(1, rate), this.#tokens + ((nowMs - this.#filledMs) / 1000) * rate);
    this.#filledMs = nowMs;
  }
}
