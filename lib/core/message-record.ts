/**
 * The ledger's records of a message and of each recipient, and the only changes they may go through.
 *
 * A record is a value: each function returns the next one with its version raised by one, and the writer stores it
 * on the condition that the stored version is the one read. Facts only accumulate; the state is computed from
 * them, so events may come in any order and any number of times.
 */

import type { Failure } from "./failure.ts";
import type { QueueId } from "./queue-id.ts";
import { eventAddresses, type SesEvent } from "./ses-event.ts";

export interface MessageRecord {
  readonly id: QueueId;
  readonly tenant: string;
  readonly credential: string;
  readonly returnPath: string | null;
  /** RFC 3339: when the edge took it. */
  readonly time: string;
  /** Octets of the client's message. */
  readonly size: number;
  /** Message-ID of the client, without angle brackets. */
  readonly messageId?: string;
  readonly clientAddress: string;
  readonly recipients: number;
  readonly dsnFor?: string;
  /** Epoch seconds at which the record may vanish. */
  readonly expiresAt: number;
}

/**
 * `sending`: claimed by one invocation. `waiting`: to be tried again. `sent`: SES took it. `failed`: SES refused it
 * or we gave up. The others are SES's word on what became of it.
 */
export type RecipientState =
  | "sending"
  | "waiting"
  | "sent"
  | "delivered"
  | "bounced"
  | "complained"
  | "rejected"
  | "failed";

export interface HistoryEntry {
  /** RFC 3339. */
  readonly at: string;
  readonly what: "claimed" | "sent" | "deferred" | "failed" | "ambiguous" | SesEvent["type"];
  /** Words of SES or of the remote server. */
  readonly detail?: string;
  /** Enhanced status code where there is one. */
  readonly status?: string;
  /** Names an SES event, so that its second coming changes nothing. */
  readonly eventKey?: string;
}

export interface RecipientRecord {
  readonly id: QueueId;
  readonly index: number;
  readonly address: string;
  readonly version: number;
  readonly state: RecipientState;
  /** SES calls begun. */
  readonly attempts: number;
  /** Epoch milliseconds until which the claim holds; only in `sending`. */
  readonly claimUntil?: number;
  /** Which invocation holds the claim; only in `sending`. */
  readonly claimedBy?: string;
  /** Epoch milliseconds; only in `waiting`. */
  readonly nextTryAt?: number;
  readonly sesId?: string;
  readonly reason?: string;
  readonly history: readonly HistoryEntry[];
  readonly expiresAt: number;
}

/** History kept per recipient; the oldest deferrals go first. */
const HISTORY_MAX = 60;

/** True when nothing more is to be sent to this recipient. */
export function isHandled(record: RecipientRecord): boolean {
  return record.state !== "sending" && record.state !== "waiting";
}

/** The first record of a recipient, as its first claim. */
export function firstClaim(
  message: MessageRecord,
  index: number,
  address: string,
  nowMs: number,
  holder: ClaimHolder,
): RecipientRecord {
  return {
    id: message.id,
    index,
    address,
    version: 1,
    state: "sending",
    attempts: 1,
    ...holder,
    history: [{ at: new Date(nowMs).toISOString(), what: "claimed" }],
    expiresAt: message.expiresAt,
  };
}

/** Who claims, and until when (epoch milliseconds). */
export interface ClaimHolder {
  readonly claimedBy: string;
  readonly claimUntil: number;
}

export type ClaimResult =
  | { readonly kind: "claimed"; readonly record: RecipientRecord; readonly possibleDuplicate: boolean }
  | { readonly kind: "handled" }
  | { readonly kind: "busy"; readonly untilMs: number }
  | { readonly kind: "not-yet"; readonly untilMs: number };

/**
 * Claims a recipient for one SES call, or says why not. A claim that ran out means its invocation died between the
 * call and our record: the copy sent now may be a second one, and is counted as such.
 */
export function claim(record: RecipientRecord, nowMs: number, holder: ClaimHolder): ClaimResult {
  if (isHandled(record)) return { kind: "handled" };
  if (record.state === "sending" && record.claimUntil !== undefined && record.claimUntil > nowMs) {
    return { kind: "busy", untilMs: record.claimUntil };
  }
  if (record.state === "waiting" && record.nextTryAt !== undefined && record.nextTryAt > nowMs) {
    return { kind: "not-yet", untilMs: record.nextTryAt };
  }
  const possibleDuplicate = record.state === "sending";
  const what = possibleDuplicate ? "ambiguous" : "claimed";
  const { nextTryAt: _, ...rest } = record;
  return {
    kind: "claimed",
    possibleDuplicate,
    record: { ...raise(rest, { at: iso(nowMs), what }), ...holder, state: "sending", attempts: record.attempts + 1 },
  };
}

/** SES answered with its id. */
export function recordSent(record: RecipientRecord, sesId: string, nowMs: number): RecipientRecord {
  const { claimUntil: _until, claimedBy: _by, nextTryAt: _next, reason: _reason, ...rest } = record;
  const next = raise(rest, { at: iso(nowMs), what: "sent", detail: sesId });
  return { ...next, sesId, state: stateOf(next.history, "sent") };
}

/** A call failed and will be tried again at `nextTryAt`. */
export function recordDeferred(
  record: RecipientRecord,
  failure: Failure,
  nextTryAt: number,
  nowMs: number,
): RecipientRecord {
  const { claimUntil: _until, claimedBy: _by, ...rest } = record;
  const detail = `${failure.code}: ${failure.text}`;
  const next = raise(rest, { at: iso(nowMs), what: "deferred", detail, status: failure.status });
  return { ...next, state: "waiting", nextTryAt, reason: detail };
}

/** The end without SES: refused for good, or given up. */
export function recordFailed(record: RecipientRecord, failure: Failure, nowMs: number): RecipientRecord {
  const { claimUntil: _until, claimedBy: _by, nextTryAt: _next, ...rest } = record;
  const detail = `${failure.code}: ${failure.text}`;
  const next = raise(rest, { at: iso(nowMs), what: "failed", detail, status: failure.status });
  return { ...next, state: "failed", reason: detail };
}

/**
 * Adds an SES event. Returns undefined when it is known already. An event with our tag proves that SES took the
 * message, so it also settles a recipient whose claim was left open by a crash.
 */
export function recordEvent(record: RecipientRecord, event: SesEvent): RecipientRecord | undefined {
  const eventKey = eventKeyOf(event);
  if (record.history.some((entry) => entry.eventKey === eventKey)) return undefined;
  const { claimUntil: _until, claimedBy: _by, nextTryAt: _next, ...rest } = record;
  const report = reportOf(event, record.address);
  const next = raise(rest, { at: event.at, what: event.type, eventKey, ...report });
  const state = stateOf(next.history, record.state === "failed" ? "failed" : "sent");
  return {
    ...next,
    state,
    sesId: record.sesId ?? event.sesId,
    ...(state !== "delivered" && state !== "sent" && report.detail !== undefined ? { reason: report.detail } : {}),
  };
}

/** SES id, type and what tells two events of a type apart. */
export function eventKeyOf(event: SesEvent): string {
  const kind =
    event.type === "Bounce"
      ? `${event.bounceType}/${event.bounceSubType}`
      : event.type === "DeliveryDelay"
        ? `${event.delayType}/${event.at}`
        : event.type === "Other"
          ? event.eventType
          : "";
  return `${event.sesId}|${event.type}|${kind}`;
}

/** Does the event speak of this recipient? Addresses are compared without regard to case, as SES lowers domains. */
export function concerns(event: SesEvent, address: string): boolean {
  const wanted = address.toLowerCase();
  return eventAddresses(event).some((candidate) => candidate.toLowerCase() === wanted);
}

function reportOf(event: SesEvent, address: string): { detail?: string; status?: string } {
  switch (event.type) {
    case "Send":
      return {};
    case "Delivery":
      return event.smtpResponse === undefined ? {} : { detail: event.smtpResponse };
    case "Bounce":
    case "DeliveryDelay": {
      const own = event.recipients.find((recipient) => recipient.address.toLowerCase() === address.toLowerCase());
      const kind = event.type === "Bounce" ? `${event.bounceType}/${event.bounceSubType}` : event.delayType;
      const words = own?.diagnosticCode === undefined ? "" : ` ${own.diagnosticCode}`;
      return { detail: `${kind}${words}`, ...(own?.status === undefined ? {} : { status: own.status }) };
    }
    case "Complaint":
      return { detail: event.complaintSubType ?? event.feedbackType ?? "complaint" };
    case "Reject":
      return { detail: event.reason };
    case "Other":
      return { detail: event.eventType };
  }
}

/** Strongest fact wins, whatever the order in which the facts came. */
function stateOf(history: readonly HistoryEntry[], otherwise: RecipientState): RecipientState {
  const seen = new Set(history.map((entry) => entry.what));
  if (seen.has("Complaint")) return "complained";
  if (seen.has("Bounce")) return "bounced";
  if (seen.has("Reject")) return "rejected";
  if (seen.has("Delivery")) return "delivered";
  return otherwise;
}

function raise<T extends { version: number; history: readonly HistoryEntry[] }>(record: T, entry: HistoryEntry): T {
  const history = [...record.history, entry];
  if (history.length > HISTORY_MAX) {
    const drop = history.findIndex((old) => old.what === "claimed" || old.what === "deferred");
    history.splice(drop === -1 ? 0 : drop, 1);
  }
  return { ...record, version: record.version + 1, history };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
