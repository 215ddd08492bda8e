/**
 * Look-ups of single keys that are wanted in the same turn of the event loop become one request.
 *
 * Promise:  each key is asked for once, and gets its own answer. At most `keysMax` keys go into one request; a look-up
 *           that is wanted alone goes out alone.
 * Failure:  a request that fails rejects for every key that was in it.
 */

/** Asks for some keys; the answers stand in the order of the keys. */
export type AskKeys<T> = (keys: readonly string[]) => Promise<readonly T[]>;

interface Wanted<T> {
  readonly promise: Promise<T>;
  readonly resolve: (answer: T) => void;
  readonly reject: (error: unknown) => void;
}

/** Collects look-ups; one per table. */
export class KeyBatch<T> {
  readonly #ask: AskKeys<T>;
  readonly #keysMax: number;
  #wanted = new Map<string, Wanted<T>>();

  constructor(ask: AskKeys<T>, keysMax: number) {
    this.#ask = ask;
    this.#keysMax = keysMax;
  }

  /** The answer for a key. */
  async get(key: string): Promise<T> {
    const known = this.#wanted.get(key);
    if (known !== undefined) return await known.promise;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    if (this.#wanted.size === 0) setImmediate(() => this.#send());
    this.#wanted.set(key, { promise, resolve, reject });
    if (this.#wanted.size === this.#keysMax) this.#send();
    return await promise;
  }

  #send(): void {
    const wanted = this.#wanted;
    if (wanted.size === 0) return;
    this.#wanted = new Map();
    this.#ask([...wanted.keys()]).then(
      (answers) => {
        let index = 0;
        for (const { resolve } of wanted.values()) resolve(answers[index++] as T);
      },
      (error: unknown) => {
        for (const { reject } of wanted.values()) reject(error);
      },
    );
  }
}
