/**
 * Lets work begin only while the bytes it will hold fit a budget, so that ten big messages in one batch do not
 * exhaust a function's memory. Work larger than the whole budget runs alone. First come, first served.
 */
export class ByteBudget {
  readonly #limit: number;
  #used = 0;
  readonly #waiting: { bytes: number; start: () => void }[] = [];

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  /** Runs `work` when its bytes fit; resolves or rejects as it does. */
  async run<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const size = Math.min(bytes, this.#limit);
    if (this.#waiting.length > 0 || this.#used + size > this.#limit) {
      await new Promise<void>((start) => this.#waiting.push({ bytes: size, start }));
    } else this.#used += size;
    try {
      return await work();
    } finally {
      this.#used -= size;
      this.#startNext();
    }
  }

  #startNext(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#used + next.bytes > this.#limit) return;
      this.#waiting.shift();
      this.#used += next.bytes;
      next.start();
    }
  }
}
