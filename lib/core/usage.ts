/**
 * What a tenant has used: numbers for the invoice and for the operator, counted from the records of its messages.
 *
 * Promise:  a count is a function of the records and of nothing else, so it is the same however often anything was
 *           delivered twice, and can be made again at any time. Everything of a message counts for the UTC day on which
 *           the edge took it.
 *
 * recipients = delivered + bounced + refused + suppressed + duplicates + those of whom nothing is known yet.
 */

import { isAddress, parseAddress } from "./address.ts";
import type { MessageRecord, RecipientRecord } from "./message-record.ts";
import { type QueueId, queueIdTimeMs } from "./queue-id.ts";
import { isBounced, isSuppressed } from "./recipient-history.ts";

/** The numbers, in the order in which they are stored. */
export const USAGE_FIELDS = [
  /** Accepted by the edge; reports that the relay itself wrote are not among them. */
  "messages",
  "recipients",
  /** Octets of the messages as the client gave them, each message once. */
  "bytes",
  /** Recipients that SES took. */
  "sent",
  /** Recipients whose server took the mail, and did not send it back later. */
  "delivered",
  "bounced",
  /** Recipients who called it spam; they are counted as delivered too. */
  "complained",
  /** Recipients that SES refused, or that were given up. */
  "refused",
  /** Recipients to whom nothing was sent because they are on a suppression list, the relay's or one of SES. */
  "suppressed",
  /** Second copies of a mail, which are not sent. */
  "duplicates",
  /** Reports (DSNs) that the relay wrote to senders of the tenant. */
  "reports",
] as const;

/** Whole numbers, none of them negative. */
export type UsageCounts = { readonly [K in (typeof USAGE_FIELDS)[number]]: number };

/** Of what in a tenant the numbers are. */
export type UsageScope = "tenant" | "credential" | "domain";

/** One line of the books. */
export interface UsageRow {
  /** UTC, `2026-11-24`. */
  readonly day: string;
  readonly scope: UsageScope;
  /** Login, or domain of the envelope sender (`<>` for the null sender, `<foreign>` for one of others); `` of a tenant. */
  readonly name: string;
  readonly counts: UsageCounts;
}

/** Numbers by scope and name, under `scopeKey`. */
export type UsageByScope = ReadonlyMap<string, UsageCounts>;

/** Nothing. */
export const NO_USAGE: UsageCounts = toCounts([]);

/** Domain under which mail without a sender stands. */
export const NULL_SENDER_NAME = "<>";
/** Domain under which mail stands whose sender is in no domain of the tenant. */
export const FOREIGN_SENDER_NAME = "<foreign>";

/** The sum of two. */
export function addUsage(a: UsageCounts, b: UsageCounts): UsageCounts {
  return toCounts(USAGE_FIELDS.map((field) => a[field] + b[field]));
}

/** The numbers of one message. `recipients` are the records that there are; there may be fewer than recipients. */
export function messageUsage(message: MessageRecord, recipients: readonly RecipientRecord[]): UsageCounts {
  if (message.dsnFor !== undefined) return { ...NO_USAGE, reports: 1 };
  const count = (is: (record: RecipientRecord) => boolean): number => recipients.filter(is).length;
  return {
    messages: 1,
    recipients: message.recipients,
    bytes: message.size,
    sent: count((record) => record.sesId !== undefined),
    delivered: count((record) => endOf(record) === "delivered"),
    bounced: count((record) => endOf(record) === "bounced"),
    complained: count((record) => record.state === "complained"),
    refused: count((record) => endOf(record) === "refused"),
    suppressed: count((record) => endOf(record) === "suppressed"),
    duplicates: count((record) => endOf(record) === "duplicate"),
    reports: 0,
  };
}

type UsageEnd = "delivered" | "bounced" | "refused" | "suppressed" | "duplicate" | undefined;

/** Exactly one end for each recipient, or none yet. */
function endOf(record: RecipientRecord): UsageEnd {
  switch (record.state) {
    case "duplicate":
      return "duplicate";
    case "bounced":
      return "bounced";
    case "delivered":
      return "delivered";
    case "complained":
      return isBounced(record.history) ? "bounced" : "delivered";
    case "rejected":
      return "refused";
    case "failed":
      return isSuppressed(record.history) ? "suppressed" : "refused";
    case "sending":
    case "waiting":
    case "sent":
      return undefined;
  }
}

/** The numbers of some messages of one tenant: in all, by credential, by sender's domain. */
export function usageByScope(
  messages: readonly { readonly message: MessageRecord; readonly recipients: readonly RecipientRecord[] }[],
): UsageByScope {
  const sums = new Map<string, UsageCounts>();
  for (const { message, recipients } of messages) {
    const counts = messageUsage(message, recipients);
    const keys = [
      scopeKey("tenant", ""),
      // What the relay itself wrote belongs to no server and no sender.
      ...(message.dsnFor === undefined
        ? [scopeKey("credential", message.credential), scopeKey("domain", senderDomainName(message))]
        : []),
    ];
    for (const key of keys) sums.set(key, addUsage(sums.get(key) ?? NO_USAGE, counts));
  }
  return sums;
}

/** The sum over several stretches of time. */
export function sumUsage(parts: readonly UsageByScope[]): UsageByScope {
  const sums = new Map<string, UsageCounts>();
  for (const part of parts) {
    for (const [key, counts] of part) sums.set(key, addUsage(sums.get(key) ?? NO_USAGE, counts));
  }
  return sums;
}

function senderDomainName(message: MessageRecord): string {
  if (message.foreignReturnPath === true) return FOREIGN_SENDER_NAME;
  const address = parseAddress(message.returnPath ?? "");
  return isAddress(address) ? address.domain : NULL_SENDER_NAME;
}

const LETTERS: Readonly<Record<UsageScope, string>> = { tenant: "t", credential: "c", domain: "d" };

/** Key of a scope in a map and in the ledger. */
export function scopeKey(scope: UsageScope, name: string): string {
  return scope === "tenant" ? LETTERS.tenant : `${LETTERS[scope]}#${name}`;
}

/** What a key stands for; undefined for a key of a newer version. */
export function parseScopeKey(key: string): Pick<UsageRow, "scope" | "name"> | undefined {
  if (key === LETTERS.tenant) return { scope: "tenant", name: "" };
  for (const scope of ["credential", "domain"] as const) {
    if (key.startsWith(`${LETTERS[scope]}#`)) return { scope, name: key.slice(2) };
  }
  return undefined;
}

/** The numbers as a list, to be stored. */
export function fromCounts(counts: UsageCounts): number[] {
  return USAGE_FIELDS.map((field) => counts[field]);
}

/** The numbers from a stored list; one that an older version did not store is 0. */
export function toCounts(list: readonly number[]): UsageCounts {
  return Object.fromEntries(USAGE_FIELDS.map((field, index) => [field, list[index] ?? 0])) as UsageCounts;
}

/** Stretch of acceptance time that is counted as one, in milliseconds. A day is a whole number of them. */
export const USAGE_SLOT_MS = 10 * 60_000;

/** Start of the slot (epoch milliseconds) to which a message belongs. */
export function usageSlot(id: QueueId): number {
  return Math.floor(queueIdTimeMs(id) / USAGE_SLOT_MS) * USAGE_SLOT_MS;
}

/** UTC day of a time, `2026-11-24`. */
export function utcDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** A slot whose records have changed, or may soon, since it was counted. All in epoch milliseconds. */
export interface DirtySlot {
  readonly tenant: string;
  readonly slotMs: number;
  /** Whoever announced a change has made it by then. */
  readonly untilMs: number;
  /** When it was counted last; if never, when it was announced. */
  readonly countedAtMs: number;
}

/** How long a new slot is announced for beyond its end: by then nearly all mail has been delivered or has bounced. */
export const USAGE_FRESH_MS = 30 * 60_000;
/** Longer than an invocation of any function that changes records. */
export const USAGE_CHANGE_MS = 6 * 60_000;
/** For clocks that differ, and for an index that is a little behind. */
const MARGIN_MS = 60_000;
const WAIT_MIN_MS = 10 * 60_000;
const WAIT_MAX_MS = 12 * 3_600_000;

/**
 * Until when (epoch milliseconds) a change made now is announced: for a slot that is no longer fresh a little longer than
 * it must, so that the next change needs no announcement.
 */
export function announceUntil(slotMs: number, nowMs: number): number {
  const freshEndMs = slotMs + USAGE_SLOT_MS + USAGE_FRESH_MS;
  return nowMs < freshEndMs ? freshEndMs + USAGE_CHANGE_MS : nowMs + 2 * USAGE_CHANGE_MS;
}

/** True when the change of a record that is there needs no announcement of its own: that of its creation still holds. */
export function isAnnounced(slotMs: number, nowMs: number): boolean {
  return nowMs < slotMs + USAGE_SLOT_MS + USAGE_FRESH_MS;
}

/**
 * Whether to count a slot now, and whether that is the last time until something is announced anew. The older a slot,
 * the longer it waits, so that late bounces that dribble in do not have it counted each time.
 */
export function slotDue(slot: DirtySlot, nowMs: number): "no" | "count" | "last" {
  const waitMs = Math.min(WAIT_MAX_MS, Math.max(WAIT_MIN_MS, (nowMs - slot.slotMs) / 4));
  if (nowMs - slot.countedAtMs < waitMs) return "no";
  return nowMs > slot.untilMs + MARGIN_MS ? "last" : "count";
}
