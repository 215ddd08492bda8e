/** Facts that take a while to be had: asked for once at a time, and shown a little old rather than late. */

import { setTimeout as pause } from "node:timers/promises";

/** Facts, and whether newer ones are on their way. */
export interface Remembered<T> {
  readonly value: T;
  /** Too old to be left standing: who shows it asks again soon. */
  readonly isOld: boolean;
}

/** Ages in milliseconds. */
export interface RememberedOptions {
  /** Up to this age facts are not asked for anew. */
  readonly freshMs: number;
  /** Beyond this age new facts are waited for, but only so long; then the old ones are given and said to be old. */
  readonly staleMs: number;
  readonly waitMs: number;
  /** Beyond this age nothing is given but new facts. */
  readonly deadMs: number;
  readonly now?: () => number;
}

/** Rejects with the failure of `ask` where there is nothing else to give. */
export function remembered<T>(ask: () => Promise<T>, options: RememberedOptions): () => Promise<Remembered<T>> {
  const now = options.now ?? Date.now;
  let known: { readonly value: T; readonly atMs: number } | undefined;
  let asking: Promise<T> | undefined;
  const askOnce = (): Promise<T> => {
    asking ??= ask()
      .then((value) => {
        known = { value, atMs: now() };
        return value;
      })
      .finally(() => {
        asking = undefined;
      });
    return asking;
  };
  return async () => {
    const old = known;
    const ageMs = old === undefined ? Number.POSITIVE_INFINITY : now() - old.atMs;
    if (old !== undefined && ageMs < options.freshMs) return { value: old.value, isOld: false };
    const fresh = askOnce().then((value) => ({ value, isOld: false }));
    if (old === undefined || ageMs > options.deadMs) return await fresh;
    // Who comes when this is too old will be told why it could not be asked.
    fresh.catch(() => undefined);
    if (ageMs <= options.staleMs) return { value: old.value, isOld: false };
    return await Promise.race([fresh, pause(options.waitMs, { value: old.value, isOld: true }, { ref: false })]);
  };
}
