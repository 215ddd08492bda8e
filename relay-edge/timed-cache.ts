/**
 * Remembers answers for a time, the negative ones too, and asks once for what many want at the same time.
 *
 * Promise:  never more than `entriesMax` answers (the oldest go first); no answer older than `keepMs`.
 * Failure:  a failed look-up rejects for everybody who waits for it, and is not remembered.
 */

/** Bounds of a cache. */
export interface TimedCacheOptions {
  readonly keepMs: number;
  readonly entriesMax: number;
  /** Milliseconds; only differences count. */
  readonly now: () => number;
}

/** A cache of answers of one kind. */
export class TimedCache<T> {
  readonly #options: TimedCacheOptions;
  readonly #answers = new Map<string, { readonly value: T; readonly until: number }>();
  readonly #asked = new Map<string, Promise<T>>();

  constructor(options: TimedCacheOptions) {
    this.#options = options;
  }

  /** The remembered answer, or that of `ask`. */
  async get(key: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#answers.get(key);
    if (known !== undefined && known.until > this.#options.now()) return known.value;
    const pending = this.#asked.get(key);
    if (pending !== undefined) return await pending;
    const asked = this.#ask(key, ask);
    this.#asked.set(key, asked);
    return await asked;
  }

  async #ask(key: string, ask: () => Promise<T>): Promise<T> {
    // The time counts from before the question: the answer may be as old as that.
    const until = this.#options.now() + this.#options.keepMs;
    try {
      const value = await ask();
      this.#answers.delete(key);
      this.#answers.set(key, { value, until });
      this.#dropOldest();
      return value;
    } finally {
      this.#asked.delete(key);
    }
  }

  #dropOldest(): void {
    for (const key of this.#answers.keys()) {
      if (this.#answers.size <= this.#options.entriesMax) return;
      this.#answers.delete(key);
    }
  }
}
