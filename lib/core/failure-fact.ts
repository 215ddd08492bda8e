/** Why one recipient did not get a mail, read from the recipient's record. */

import { failureOutcome } from "./dsn-policy.ts";
import type { DsnReason } from "./dsn-reasons.ts";
import { explainRefusal } from "./explain-refusal.ts";
import type { RecipientRecord } from "./message-record.ts";
import { type QueueId, queueIdTimeMs } from "./queue-id.ts";
import { receiverOf } from "./receivers.ts";
import { bounceOf, type HistoryEntry, isDelivered } from "./recipient-history.ts";
import { isRefusalReason, type RefusalReason, toldToSender } from "./refusal-reasons.ts";
import type { SesEvent } from "./ses-event.ts";
import { sesOutcome } from "./ses-outcome.ts";

/**
 * What kind of end it was. `bounce`: refused for good by the receiver. `temporary`: put off by the receiver until trying
 * ended. `complaint`: delivered, and called spam. `suppressed`: not sent, because of a list. `refused`: by Amazon SES.
 * `gave-up`: by the relay, after its time limit. `dropped`: by an operator.
 */
export type FailureKind = "bounce" | "temporary" | "complaint" | "suppressed" | "refused" | "gave-up" | "dropped";

/** Every kind, in the order in which help shows them. */
export const FAILURE_KINDS: readonly FailureKind[] = [
  "bounce",
  "temporary",
  "complaint",
  "suppressed",
  "refused",
  "gave-up",
  "dropped",
];

/** One recipient's end. */
export interface FailureFact {
  readonly id: QueueId;
  readonly recipient: string;
  /** RFC 3339: when it ended. */
  readonly at: string;
  /** When the edge took the mail, epoch milliseconds. */
  readonly acceptedMs: number;
  readonly kind: FailureKind;
  readonly reason: RefusalReason;
  readonly receiver: string;
  /** The list or receiver that refuses. */
  readonly by?: string;
  readonly url?: string;
  readonly status?: string;
  /** The words of receiver, SES or relay, as they came. */
  readonly text: string;
}

/** Undefined for a recipient who got it, or of whom it is not known yet. */
export function failureFact(record: RecipientRecord): FailureFact | undefined {
  switch (record.state) {
    case "complained":
      return ofLatest(record, "Complaint");
    case "bounced":
      return ofLatest(record, "Bounce");
    case "rejected":
      return ofLatest(record, "Reject");
    case "failed":
      return ofLatest(record, "failed", "Bounce", "Complaint");
    case "sending":
    case "waiting":
    case "sent":
    case "delivered":
    case "duplicate":
      return undefined;
  }
}

function ofLatest(record: RecipientRecord, ...kinds: readonly HistoryEntry["what"][]): FailureFact | undefined {
  for (const what of kinds) {
    for (const entry of record.history.toReversed()) {
      const found = entry.what === what ? factOfEntry(record, entry) : undefined;
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** What one entry of the history says; undefined when it is no failure. */
export function factOfEntry(record: RecipientRecord, entry: HistoryEntry): FailureFact | undefined {
  switch (entry.what) {
    case "failed":
      return ownEnd(record, entry);
    case "Reject":
      return fromEvent(record, entry, "refused");
    case "Bounce": {
      const bounce = bounceOf(entry);
      const temporary = bounce?.bounceType === "Transient";
      // What SES takes for a bounce of mail that has arrived is an out-of-office answer.
      if (temporary && bounce.bounceSubType === "General" && isDelivered(record.history)) return undefined;
      return fromEvent(record, entry, temporary ? "temporary" : "bounce");
    }
    case "Complaint":
      // With a status it stands for mail that SES never sent.
      return entry.status === undefined
        ? fact(record, entry, "complaint", "complained")
        : fromEvent(record, entry, "suppressed");
    case "Send":
    case "Delivery":
    case "DeliveryDelay":
    case "Other":
    case "claimed":
    case "sent":
    case "deferred":
    case "ambiguous":
    case "duplicate":
      return undefined;
  }
}

/** By SES's refusal of the call, by the time limit, or by the relay's own lists and orders. */
function ownEnd(record: RecipientRecord, entry: HistoryEntry): FailureFact {
  const [, code = "", text = ""] = /^([\w.-]+): ([\s\S]*)$/.exec(entry.detail ?? "") ?? [];
  if (code === "suppressed" || code === "dropped") return fact(record, entry, code, code);
  const gaveUp = entry.status === "4.4.7" || code === "gave-up";
  const failure = { class: "permanent", code, text, ambiguous: false, accountWide: false } as const;
  const { reason } = failureOutcome({ ...failure, status: entry.status ?? "5.0.0" }, gaveUp);
  return fact(record, entry, gaveUp ? "gave-up" : "refused", toRefusal(reason));
}

/** The event as it stands in the history, judged as it was when it came. */
function fromEvent(record: RecipientRecord, entry: HistoryEntry, kind: FailureKind): FailureFact {
  const event = eventOf(record, entry);
  if (event === undefined) return fact(record, entry, kind, "general");
  const outcome = sesOutcome(event, record.address, { delivered: false, noDeliveryWillCome: true });
  if (outcome.action === "none") return fact(record, entry, kind, "general");
  const told = toRefusal(outcome.reason);
  const base = { ...fact(record, entry, NEVER_SENT.has(told) ? "suppressed" : kind, told), status: outcome.status };
  const words = { ...base, text: outcome.remoteText ?? "" };
  const refusal = event.type === "Bounce" ? explainRefusal(outcome.status, outcome.remoteText) : undefined;
  // The table is finer than what the sender was told; where it says another thing, SES's subtype has outweighed it.
  if (refusal === undefined || toldToSender(refusal.reason) !== outcome.reason) return words;
  const { named: _, ...explained } = refusal;
  return { ...words, ...explained };
}

const NEVER_SENT: ReadonlySet<RefusalReason> = new Set<RefusalReason>([
  "suppressed",
  "account-suppressed",
  "globally-suppressed",
  "address-check-failed",
  "unsubscribed",
]);

/** What is left of an SES event in the history; undefined for entries of other kinds. */
function eventOf(record: RecipientRecord, entry: HistoryEntry): SesEvent | undefined {
  const common = {
    sesId: record.sesId ?? "",
    id: record.id,
    recipientIndexes: [record.index],
    tenant: undefined,
    at: entry.at,
    destination: [record.address],
  };
  if (entry.what === "Reject") return { ...common, type: "Reject", reason: entry.detail ?? "" };
  if (entry.what === "Complaint") {
    const subType = entry.eventKey?.split("|")[2] ?? "";
    return {
      ...common,
      type: "Complaint",
      recipients: [record.address],
      ...(subType === "" ? {} : { complaintSubType: subType }),
    };
  }
  const bounce = bounceOf(entry);
  if (bounce === undefined) return undefined;
  const { bounceType, bounceSubType, diagnosticCode } = bounce;
  const report = {
    address: record.address,
    ...(entry.status === undefined ? {} : { status: entry.status }),
    ...(diagnosticCode === undefined ? {} : { diagnosticCode }),
  };
  return { ...common, type: "Bounce", bounceType, bounceSubType, recipients: [report] };
}

function fact(record: RecipientRecord, entry: HistoryEntry, kind: FailureKind, reason: RefusalReason): FailureFact {
  return {
    id: record.id,
    recipient: record.address,
    at: entry.at,
    acceptedMs: queueIdTimeMs(record.id),
    kind,
    reason,
    receiver: receiverOf(record.address),
    ...(entry.status === undefined ? {} : { status: entry.status }),
    text: entry.detail ?? "",
  };
}

/** Reasons of delays never end a mail. */
function toRefusal(reason: DsnReason): RefusalReason {
  return isRefusalReason(reason) ? reason : "general";
}
