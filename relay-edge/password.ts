/**
 * Checks passwords against scrypt hashes without letting strangers use up the CPU.
 *
 * Promise:  no password stays in memory: a verified one is remembered as an HMAC under a key that only this process
 *           has. Few checks run at once, since they share Node's thread pool with files.
 * Failure:  rejects with `TooManyChecks` when too many wait; the caller answers 4xx.
 */

import { createHmac } from "node:crypto";
import { LIMITS } from "../lib/core/limits.ts";
import { verifyPassword } from "../lib/core/password-hash.ts";
import { TimedCache } from "./timed-cache.ts";

/** Thrown when the queue of checks is full. */
export class TooManyChecks extends Error {
  override readonly name = "TooManyChecks";
}

/** How long a result counts, and where the process's own key comes from. */
export interface PasswordCheckerOptions {
  readonly keepMs: number;
  readonly randomBytes: (count: number) => Uint8Array;
}

const KEY_BYTES = 32;

/** Checks passwords; one per process. */
export class PasswordChecker {
  readonly #key: Uint8Array;
  readonly #results: TimedCache<boolean>;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: PasswordCheckerOptions) {
    this.#key = options.randomBytes(KEY_BYTES);
    this.#results = new TimedCache({
      keepMs: options.keepMs,
      entriesMax: LIMITS.edge.cacheEntriesMax,
      now: () => performance.now(),
    });
  }

  /**
   * True when the password fits the hash. What is remembered belongs to the login too: otherwise a password tried with
   * two unknown logins would be answered faster the second time, and one with a known login would not.
   */
  async check(login: string, password: string, hash: string): Promise<boolean> {
    const key = createHmac("sha256", this.#key)
      .update(JSON.stringify([login, password, hash]))
      .digest("base64");
    return await this.#results.get(key, () => this.#inTurn(() => verifyPassword(password, hash)));
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= LIMITS.edge.passwordChecksAtOnce) {
      if (this.#waiting.length >= LIMITS.edge.passwordChecksWaitingMax) throw new TooManyChecks("password checks");
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
