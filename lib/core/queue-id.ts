/**
 * Queue ids: how a message is named from the 250 to its last event.
 *
 * An id sorts by time, fits SES's tag alphabet, is safe in file names and carries 55 random bits, so that two
 * edges never store under the same key.
 */

import { SPOOL_PREFIX, SPOOL_SUFFIX } from "./names.ts";

/** Twenty characters of Crockford's base 32 in lower case: nine of time (milliseconds), eleven of randomness. */
export type QueueId = string & { readonly __queueId: unique symbol };

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const TIME_CHARS = 9;
const RANDOM_CHARS = 11;
const PATTERN = /^[0-9a-hjkmnp-tv-z]{20}$/;

/** How many random bytes `makeQueueId` needs. */
export const QUEUE_ID_RANDOM_BYTES = RANDOM_CHARS;

/**
 * Makes an id from a time in milliseconds and at least eleven bytes (of each, five bits are used). Throws RangeError
 * for too few bytes and for a time that the nine characters cannot hold (before 1970, after the year 3084).
 */
export function makeQueueId(timeMs: number, bytes: Uint8Array): QueueId {
  if (bytes.length < RANDOM_CHARS) throw new RangeError(`a queue id needs ${RANDOM_CHARS} bytes, got ${bytes.length}`);
  let rest = Math.floor(timeMs);
  if (!(rest >= 0 && rest < 32 ** TIME_CHARS)) throw new RangeError(`a queue id cannot hold the time ${timeMs}`);
  let time = "";
  for (let i = 0; i < TIME_CHARS; i++) {
    time = ALPHABET.charAt(rest % 32) + time;
    rest = Math.floor(rest / 32);
  }
  let random = "";
  for (let i = 0; i < RANDOM_CHARS; i++) random += ALPHABET.charAt((bytes[i] ?? 0) & 31);
  return (time + random) as QueueId;
}

/** Returns the id if the text is one, else undefined. */
export function parseQueueId(text: string): QueueId | undefined {
  return PATTERN.test(text) ? (text as QueueId) : undefined;
}

/** The time in milliseconds at which the id was made. */
export function queueIdTimeMs(id: QueueId): number {
  let time = 0;
  for (const char of id.slice(0, TIME_CHARS)) time = time * 32 + ALPHABET.indexOf(char);
  return time;
}

/** The smallest id of a given time: a lower bound for range queries. */
export function firstQueueIdAt(timeMs: number): QueueId {
  return makeQueueId(timeMs, new Uint8Array(RANDOM_CHARS));
}

/** The object key of a message. */
export function spoolKey(id: QueueId): string {
  return `${SPOOL_PREFIX}${id}${SPOOL_SUFFIX}`;
}

/** Returns the id that a spool key stands for, or undefined when the key is not one of ours. */
export function queueIdOfKey(key: string): QueueId | undefined {
  if (!key.startsWith(SPOOL_PREFIX) || !key.endsWith(SPOOL_SUFFIX)) return undefined;
  return parseQueueId(key.slice(SPOOL_PREFIX.length, key.length - SPOOL_SUFFIX.length));
}
