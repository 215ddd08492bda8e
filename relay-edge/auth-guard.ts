/**
 * Slows down and then locks out addresses that guess passwords.
 *
 * Only the address counts, never the login: nobody can lock out a tenant from elsewhere. An address that mends its
 * password is soon let in again: failures are forgotten at a steady rate, and half of them at a success.
 */

import { LIMITS } from "../lib/core/limits.ts";

interface Failures {
  level: number;
  /** When `level` was right. */
  at: number;
}

const { authSlowAfter, authBlockAfter, authForgottenPerMinute, cacheEntriesMax } = LIMITS.edge;

/** How the guard tells the time, and how long it makes guessers wait. */
export interface AuthGuardOptions {
  /** Milliseconds; only differences count. */
  readonly now: () => number;
  readonly delayMs: number;
}

/** Counts failed log-ins by address; one per process. */
export class AuthGuard {
  readonly #now: () => number;
  readonly #delayMs: number;
  readonly #failures = new Map<string, Failures>();

  constructor(options: AuthGuardOptions) {
    this.#now = options.now;
    this.#delayMs = options.delayMs;
  }

  failed(address: string): void {
    this.#set(address, this.#level(address) + 1);
  }

  succeeded(address: string): void {
    const level = this.#level(address);
    if (level > 0) this.#set(address, level / 2);
  }

  /** How long the answer to a failed log-in should wait, in milliseconds. */
  delayMs(address: string): number {
    return this.#level(address) > authSlowAfter ? this.#delayMs : 0;
  }

  /** True when connections from the address should be refused for now. */
  blocked(address: string): boolean {
    return this.#level(address) >= authBlockAfter;
  }

  #level(address: string): number {
    const failures = this.#failures.get(address);
    if (failures === undefined) return 0;
    const forgotten = ((this.#now() - failures.at) / 60_000) * authForgottenPerMinute;
    return Math.max(0, failures.level - forgotten);
  }

  #set(address: string, level: number): void {
    // Newest last, so that the oldest are dropped first.
    this.#failures.delete(address);
    this.#failures.set(address, { level, at: this.#now() });
    for (const oldest of this.#failures.keys()) {
      if (this.#failures.size <= cacheEntriesMax) return;
      this.#failures.delete(oldest);
    }
  }
}
