/**
 * The sending limits of the local SES, both counted in recipients: a rate per second and a quota per 24 hours.
 *
 * Kept in memory only: a restart begins with a full bucket and an empty day.
 * See https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas.html.
 */

/** Counts by the minute, so that a day is a sum of at most 1441 numbers. */
const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;

/** A token bucket that holds one second's worth. */
export interface RateLimit {
  /** True and counted, or false and not counted. More than a second's worth at once passes when the bucket is full. */
  take(count: number): boolean;
}

/** `perSecond` undefined means no limit. The clock is in milliseconds. */
export function makeRateLimit(perSecond: number | undefined, nowMs: () => number): RateLimit {
  if (perSecond === undefined) return { take: () => true };
  const capacity = Math.max(1, perSecond);
  let tokens = capacity;
  let filledAtMs = nowMs();
  return {
    take(count) {
      const now = nowMs();
      tokens = Math.min(capacity, tokens + (Math.max(0, now - filledAtMs) / 1000) * perSecond);
      filledAtMs = now;
      if (tokens < Math.min(count, capacity)) return false;
      tokens -= count;
      return true;
    },
  };
}

/** What an account may send. */
export interface SendQuota {
  /** -1: no limit, as SES says it. */
  readonly max24HourSend: number;
  readonly maxSendRate: number;
  sentLast24Hours(): number;
  /** Whether `recipients` more fit into the day. */
  hasRoom(recipients: number): boolean;
  /** Counts what was accepted. */
  add(recipients: number): void;
}

/** The clock is in milliseconds. */
export function makeSendQuota(max24HourSend: number, maxSendRate: number, nowMs: () => number): SendQuota {
  const perMinute = new Map<number, number>();
  const minute = (): number => Math.floor(nowMs() / MINUTE_MS);
  const sum = (): number => {
    const oldest = minute() - DAY_MINUTES;
    let total = 0;
    for (const [at, count] of perMinute) {
      if (at <= oldest) perMinute.delete(at);
      else total += count;
    }
    return total;
  };
  return {
    max24HourSend,
    maxSendRate,
    sentLast24Hours: sum,
    hasRoom: (recipients) => max24HourSend === -1 || sum() + recipients <= max24HourSend,
    add(recipients) {
      perMinute.set(minute(), (perMinute.get(minute()) ?? 0) + recipients);
    },
  };
}
