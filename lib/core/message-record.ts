/**
 * The ledger's records of a message and of each recipient, and the only changes they may go through.
 *
 * A record is a value: each function returns the next one with its version raised by one, and the writer stores it
 * on the condition that the stored version is the one read. Facts only accumulate; the state is computed from
 * them, so events may come in any order and any number of times.
 */

import type { DsnAction } from "./dsn-status.ts";
import type { Failure } from "./failure.ts";
import type { QueueId } from "./queue-id.ts";
import { addToHistory, type HistoryEntry, reportOf, shortened, verdictOf } from "./recipient-history.ts";
import type { RewriteClass } from "./sender-class.ts";
import { eventAddresses, type SesEvent } from "./ses-event.ts";
import type { TellingOutcome } from "./ses-outcome.ts";
import type { EnvelopeRecipient, Notify } from "./spool-object.ts";

/**
 * Version of the records' form, stored beside each; without one it is 1. To be raised when a reader of before would
 * misunderstand a record, not for a member that it may overlook.
 */
export const RECORD_SCHEMA = 1;

/** Thrown by readers for a record that only a later version of the relay understands; the queue brings the work back. */
export class NewerRecord extends Error {
  override readonly name = "NewerRecord";
}

/** What the ledger keeps of a message as a whole; it never changes. */
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
  /** For readers, decoded and on one line; only where subjects are kept. */
  readonly subject?: string;
  readonly clientAddress: string;
  readonly recipients: number;
  readonly dsnFor?: string;
  /** A further copy of this message, which the operator had sent. */
  readonly resendOf?: QueueId;
  /** The kind of mail it is, when it went out under another From. */
  readonly rewrite?: RewriteClass;
  /** The return path is in no domain of the tenant: it must not be sent a report. */
  readonly foreignReturnPath?: true;
  readonly ret?: "FULL" | "HDRS";
  readonly envid?: string;
  /** Values of the fields of these names: who must not be sent a report. */
  readonly autoSubmitted?: string;
  readonly listPost?: string;
  /** S3 version of the spool object, to read the original once the object is deleted. */
  readonly versionId?: string;
  /** Epoch seconds at which the record may vanish. */
  readonly expiresAt: number;
}

/**
 * `duplicate`: a second copy of a mail that is handled under another id.
 * `sending`: claimed by one invocation. `waiting`: to be tried again. `sent`: SES took it. `failed`: SES refused it,
 * took it and never sent it (suppressed), or we gave up. The others are SES's word on what became of it.
 */
export type RecipientState =
  | "sending"
  | "waiting"
  | "sent"
  | "delivered"
  | "bounced"
  | "complained"
  | "rejected"
  | "failed"
  | "duplicate";

/** A report to the sender about one recipient. */
export interface DsnNote {
  readonly outcome: TellingOutcome;
  /** Queue id of the report; absent until it is settled which recipients share one, and never changed after. */
  readonly id?: QueueId;
  /** Indexes of the recipients that were to share it; those whose note has another id do not. */
  readonly sharedWith?: readonly number[];
  /** True once the report is in the spool. */
  readonly written: boolean;
}

/** What the ledger keeps of one recipient. */
export interface RecipientRecord {
  readonly id: QueueId;
  readonly index: number;
  /** Whose mail it is; absent on records from before this was kept. */
  readonly tenant?: string;
  readonly address: string;
  readonly notify?: readonly Notify[];
  readonly orcpt?: { readonly type: string; readonly value: string };
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
  /** An earlier call ended without an answer, so SES may have taken it; only in `sending` and `waiting`. */
  readonly unanswered?: true;
  readonly sesId?: string;
  readonly reason?: string;
  /** Reports owed or written, at most one for each action. */
  readonly dsns?: readonly DsnNote[];
  readonly history: readonly HistoryEntry[];
  readonly expiresAt: number;
}

/** True when nothing more is to be sent to this recipient. */
export function isHandled(record: RecipientRecord): boolean {
  return record.state !== "sending" && record.state !== "waiting";
}

/** True when also every report about it is in the spool: nothing of the message is needed for it any more. */
export function isSettled(record: RecipientRecord): boolean {
  return isHandled(record) && !owesReport(record);
}

/** True when the recipient did not get the mail, or called it spam. */
export function hasFailed({ state }: Pick<RecipientRecord, "state">): boolean {
  return state === "bounced" || state === "complained" || state === "rejected" || state === "failed";
}

/** True when a report about it is owed and not in the spool. */
export function owesReport(record: RecipientRecord): boolean {
  return (record.dsns ?? []).some((note) => !note.written);
}

/** The first record of a recipient, as its first claim. */
export function firstClaim(
  message: MessageRecord,
  index: number,
  recipient: EnvelopeRecipient,
  nowMs: number,
  holder: ClaimHolder,
): RecipientRecord {
  return {
    id: message.id,
    index,
    tenant: message.tenant,
    ...recipient,
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

/** The only record of a recipient that ended before anything was tried. */
export function endedUnseen(
  message: MessageRecord,
  index: number,
  recipient: EnvelopeRecipient,
  failure: Failure,
  nowMs: number,
): RecipientRecord {
  const detail = `${failure.code}: ${failure.text}`;
  return {
    id: message.id,
    index,
    tenant: message.tenant,
    ...recipient,
    version: 1,
    state: "failed",
    attempts: 0,
    reason: shortened(detail),
    history: [{ at: iso(nowMs), what: "failed", detail: shortened(detail), status: failure.status }],
    expiresAt: message.expiresAt,
  };
}

/** The record to try again at once, or undefined when it does not wait. */
export function dueNow(record: RecipientRecord, nowMs: number): RecipientRecord | undefined {
  if (record.state !== "waiting") return undefined;
  return { ...record, version: record.version + 1, nextTryAt: nowMs };
}

/** The only record of a recipient whose mail is a second copy of the one under `first`. */
export function duplicateOf(
  message: MessageRecord,
  index: number,
  recipient: EnvelopeRecipient,
  first: QueueId,
  nowMs: number,
): RecipientRecord {
  return {
    id: message.id,
    index,
    tenant: message.tenant,
    ...recipient,
    version: 1,
    state: "duplicate",
    attempts: 0,
    reason: `copy of ${first}`,
    history: [{ at: iso(nowMs), what: "duplicate", detail: first }],
    expiresAt: message.expiresAt,
  };
}

/** The record to save before the call, or why there must be no call now. */
export type ClaimResult =
  | { readonly kind: "claimed"; readonly record: RecipientRecord; readonly possibleDuplicate: boolean }
  | { readonly kind: "handled" }
  | { readonly kind: "busy"; readonly untilMs: number }
  | { readonly kind: "not-yet"; readonly untilMs: number };

/**
 * Claims a recipient for one SES call, or says why not. A claim that ran out means its invocation died between the
 * call and our record, and a call may end without an answer: the copy sent after that may be a second one, and is
 * counted as such.
 */
export function claim(record: RecipientRecord, nowMs: number, holder: ClaimHolder): ClaimResult {
  if (isHandled(record)) return { kind: "handled" };
  if (record.state === "sending" && record.claimUntil !== undefined && record.claimUntil > nowMs) {
    return { kind: "busy", untilMs: record.claimUntil };
  }
  if (record.state === "waiting" && record.nextTryAt !== undefined && record.nextTryAt > nowMs) {
    return { kind: "not-yet", untilMs: record.nextTryAt };
  }
  const possibleDuplicate = record.state === "sending" || record.unanswered === true;
  const what = possibleDuplicate ? "ambiguous" : "claimed";
  const { nextTryAt: _, ...rest } = record;
  const next = { ...raise(rest, { at: iso(nowMs), what }), ...holder, attempts: record.attempts + 1 };
  return {
    kind: "claimed",
    possibleDuplicate,
    record: { ...next, state: "sending", ...(possibleDuplicate ? { unanswered: true } : {}) },
  };
}

/** SES answered with its id. */
export function recordSent(record: RecipientRecord, sesId: string, nowMs: number): RecipientRecord {
  const next = raise(withoutClaim(record), { at: iso(nowMs), what: "sent", detail: sesId });
  return { ...next, sesId, ...(verdictOf(next.history) ?? { state: "sent" }) };
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
  const unanswered = failure.ambiguous ? { unanswered: true as const } : {};
  return { ...next, state: "waiting", nextTryAt, reason: shortened(detail), ...unanswered };
}

/** The end without SES: refused for good, or given up. */
export function recordFailed(record: RecipientRecord, failure: Failure, nowMs: number): RecipientRecord {
  const detail = `${failure.code}: ${failure.text}`;
  const next = raise(withoutClaim(record), { at: iso(nowMs), what: "failed", detail, status: failure.status });
  return { ...next, state: "failed", reason: shortened(detail) };
}

/** Adds a report that is owed, to a record about to be saved. */
export function withDsn(record: RecipientRecord, outcome: TellingOutcome): RecipientRecord {
  return { ...record, dsns: [...(record.dsns ?? []), { outcome, written: false }] };
}

/** Settles in which report this recipient's owed action is told; undefined when that is settled already. */
export function assignDsn(
  record: RecipientRecord,
  action: DsnAction,
  id: QueueId,
  sharedWith: readonly number[],
): RecipientRecord | undefined {
  const note = noteOf(record, action);
  return note === undefined || note.id !== undefined ? undefined : changeNote(record, action, { id, sharedWith });
}

/** The report is in the spool; undefined when the record says so already. */
export function markDsnWritten(record: RecipientRecord, action: DsnAction): RecipientRecord | undefined {
  const note = noteOf(record, action);
  return note === undefined || note.written ? undefined : changeNote(record, action, { written: true });
}

/** What is owed or written for an action. */
export function noteOf(record: RecipientRecord, action: DsnAction): DsnNote | undefined {
  return record.dsns?.find((note) => note.outcome.action === action);
}

function changeNote(record: RecipientRecord, action: DsnAction, change: Partial<DsnNote>): RecipientRecord {
  const dsns = (record.dsns ?? []).map((note) => (note.outcome.action === action ? { ...note, ...change } : note));
  return { ...record, version: record.version + 1, dsns };
}

/**
 * Adds an SES event. Returns undefined when it is known already. An event with our tag proves that SES took the
 * message, so it also settles a recipient whose claim was left open by a crash.
 */
export function recordEvent(record: RecipientRecord, event: SesEvent): RecipientRecord | undefined {
  const eventKey = eventKeyOf(event);
  if (record.history.some((entry) => entry.eventKey === eventKey)) return undefined;
  const report = reportOf(event, record.address);
  const next = raise(withoutClaim(record), { at: event.at, what: event.type, eventKey, ...report });
  return { ...next, ...(verdictOf(next.history) ?? ownEnd(record)), sesId: record.sesId ?? event.sesId };
}

/** SES id, type and what tells two events of a type apart. */
export function eventKeyOf(event: SesEvent): string {
  const kind =
    event.type === "Bounce"
      ? `${event.bounceType}/${event.bounceSubType}`
      : event.type === "DeliveryDelay"
        ? `${event.delayType}/${event.at}`
        : event.type === "Complaint"
          ? (event.complaintSubType ?? "")
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

/** The end that we made ourselves holds until SES says what became of it. */
function ownEnd(record: RecipientRecord): Pick<RecipientRecord, "state" | "reason"> {
  if (record.state !== "failed" && record.state !== "duplicate") return { state: "sent" };
  return { state: record.state, ...(record.reason === undefined ? {} : { reason: record.reason }) };
}

type Unclaimed = Omit<RecipientRecord, "claimUntil" | "claimedBy" | "nextTryAt" | "unanswered" | "reason">;

/** The record without what belongs to a call under way or to come. */
function withoutClaim(record: RecipientRecord): Unclaimed {
  const { claimUntil: _until, claimedBy: _by, nextTryAt: _next, unanswered: _call, reason: _reason, ...rest } = record;
  return rest;
}

function raise<T extends { version: number; history: readonly HistoryEntry[] }>(record: T, entry: HistoryEntry): T {
  return { ...record, version: record.version + 1, history: addToHistory(record.history, entry) };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
