/**
 * A token bucket: at most so many per second, with a burst of one second's worth at the most.
 *
 * It starts empty, so that many new processes at once do not burst, and holds what a short pause left unused, so that
 * the full rate is reached over pauses.
 *
 * Kept as the time at which the bucket would be full (the generic cell rate algorithm): every token has its own
 * moment, one interval after the one before, and a change of the rate moves no moment that was given out already.
 */
export class TokenBucket {
  readonly #now: () => number;
  #perSecond: number;
  #fullAtMs: number;
  /** Until when the rate is held down, and by which factor. */
  #slowUntilMs = 0;
  #slowFactor = 1;

  /** `now` gives milliseconds and never goes back. */
  constructor(perSecond: number, now: () => number) {
    this.#perSecond = perSecond;
    this.#now = now;
    this.#fullAtMs = now() + Math.max(BURST_MS, this.#intervalMs(now()));
  }

  /** A new rate from now on. */
  setRate(perSecond: number): void {
    this.#perSecond = perSecond;
  }

  /**
   * Takes the next `count` tokens and returns from when on they may be used (now or later). If that is after `latestMs`,
   * nothing is taken: others may still have them.
   */
  take(latestMs: number, count = 1): number {
    const nowMs = this.#now();
    const fullAtMs = Math.max(nowMs, this.#fullAtMs);
    const intervalMs = this.#intervalMs(fullAtMs);
    const takenMs = count * intervalMs;
    const atMs = Math.max(nowMs, fullAtMs + takenMs - Math.max(BURST_MS, intervalMs));
    if (atMs <= latestMs) this.#fullAtMs = fullAtMs + takenMs;
    return atMs;
  }

  /** Gives back tokens that were not used. */
  giveBack(count = 1): void {
    this.#fullAtMs -= count * this.#intervalMs(this.#fullAtMs);
  }

  /** How many can be used at once, when the bucket is full: at least one. */
  get burst(): number {
    return Math.max(1, Math.floor(BURST_MS / this.#intervalMs(this.#now())));
  }

  /** The service said "too fast": three quarters of the rate, and again three quarters of that, for ten seconds. */
  slowDown(): void {
    const nowMs = this.#now();
    // Many calls in flight are refused together; they count as one sign.
    if (nowMs < this.#slowUntilMs - 9_000) return;
    this.#slowFactor = Math.max(0.25, (nowMs < this.#slowUntilMs ? this.#slowFactor : 1) * 0.75);
    this.#slowUntilMs = nowMs + 10_000;
    this.#fullAtMs = Math.max(this.#fullAtMs, nowMs + Math.max(BURST_MS, this.#intervalMs(nowMs)));
  }

  #intervalMs(atMs: number): number {
    const slow = atMs < this.#slowUntilMs ? this.#slowFactor : 1;
    return 1000 / Math.max(0.05, this.#perSecond * slow);
  }
}

const BURST_MS = 1_000;
