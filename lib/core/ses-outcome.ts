/**
 * What an Amazon SES event means for one recipient: which report, with which status, and whether it is the end.
 *
 * See https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html. SES adds types and
 * subtypes: an unknown bounce is a failure with its text kept, an unknown event type means nothing. Transient bounces
 * are the end as well: SES publishes them once it has stopped trying.
 */

import type { DsnReason } from "./dsn-reasons.ts";
import {
  type DsnAction,
  diagnosticWords,
  normalStatus,
  OWN_DIAGNOSTIC,
  readStatus,
  statusInReply,
  typedDiagnostic,
} from "./dsn-status.ts";
import { explainRefusal } from "./explain-refusal.ts";
import { toldToSender } from "./refusal-reasons.ts";
import type { SesEvent, SesRecipientReport } from "./ses-event.ts";

/** An event, or another end, that has something to tell. The fields are those of a `DsnRecipient`. */
export interface TellingOutcome {
  readonly action: DsnAction;
  readonly status: string;
  /** True when nothing more is tried. After `relayed` a bounce may still come. */
  readonly final: boolean;
  readonly reason: DsnReason;
  /** With its type; `smtp` only when a remote server spoke. */
  readonly diagnosticCode?: string;
  readonly remoteText?: string;
  readonly willRetryUntil?: string;
  readonly sesReportingMta?: string;
  readonly sesMessageId?: string;
}

/**
 * Nothing for the sender. `informational`: Send and the like. `complaint`: for the administrator. `auto-reply`: an
 * out-of-office answer that SES took for a bounce. `unclear`: the same without a Delivery on record; if none comes,
 * it was a bounce after all (ask again with `noDeliveryWillCome`).
 */
export interface SilentOutcome {
  readonly action: "none";
  readonly final: boolean;
  readonly why: "informational" | "complaint" | "auto-reply" | "unclear";
}

export type SesOutcome = TellingOutcome | SilentOutcome;

/** What is on record about the recipient, and one setting. */
export interface KnownBefore {
  /** A Delivery event is on record. */
  readonly delivered: boolean;
  /** Set when a bounce left `unclear` has waited long enough for its Delivery. */
  readonly noDeliveryWillCome?: boolean;
  /** Setting: a general transient bounce after a Delivery is a failure too. Default no: mostly out-of-office mail. */
  readonly failTransientAfterDelivery?: boolean;
}

/** The outcome for one recipient of the event. `address` picks its report; case does not count. */
export function sesOutcome(event: SesEvent, address: string, known: KnownBefore): SesOutcome {
  switch (event.type) {
    case "Delivery":
      return delivery(event);
    case "DeliveryDelay":
      return delay(event, address);
    case "Bounce":
      return bounce(event, address, known);
    case "Complaint":
      return complaint(event);
    case "Reject":
      return {
        action: "failed",
        status: "5.7.0",
        final: true,
        reason: rejected(event),
        ...ownWords(event, event.reason),
      };
    case "Send":
    case "Other":
      return { action: "none", final: false, why: "informational" };
  }
}

type Of<T extends SesEvent["type"]> = Extract<SesEvent, { readonly type: T }>;

/** "Bad content" is SES's word for a virus, and the only reason it documents. */
function rejected(event: Of<"Reject">): DsnReason {
  return event.reason === "" || /bad content|virus/i.test(event.reason) ? "virus" : "ses-refused";
}

/** `relayed`, not `delivered`: SES passes no DSN request on to the next server (RFC 3461 §5.2.2). */
function delivery(event: Of<"Delivery">): TellingOutcome {
  return {
    action: "relayed",
    status: normalStatus(statusInReply(event.smtpResponse), "relayed"),
    final: true,
    reason: "relayed",
    ...remoteWords(event, event.smtpResponse),
  };
}

/** Status and reason of a delay, should the event bring no status. */
const DELAYS: ReadonlyMap<string, readonly [string, DsnReason?]> = new Map<string, readonly [string, DsnReason?]>([
  ["MailboxFull", ["4.2.2", "mailbox-full"]],
  ["TransientCommunicationFailure", ["4.4.1", "unreachable"]],
  ["IPFailure", ["4.7.0", "blocked-ip"]],
  ["SpamDetected", ["4.7.1", "content-rejected"]],
  ["InternalFailure", ["4.0.0", "held"]],
  ["BYOIPHostNameLookupUnavailable", ["4.0.0", "held"]],
  ["SendingDeferral", ["4.0.0", "held"]],
]);

function delay(event: Of<"DeliveryDelay">, address: string): TellingOutcome {
  const report = reportOf(event.recipients, address);
  const [status, reason] = DELAYS.get(event.delayType) ?? ["4.0.0"];
  const found = statusOf(report, "delayed", status);
  const refusal = reason === undefined ? explainRefusal(found, report.diagnosticCode) : undefined;
  return {
    action: "delayed",
    status: found,
    final: false,
    reason: reason ?? (refusal?.named === true ? toldToSender(refusal.reason) : undefined) ?? "delayed",
    ...(event.expirationTime === undefined ? {} : { willRetryUntil: event.expirationTime }),
    ...remoteWords(event, report.diagnosticCode),
  };
}

/** Subtypes of mail that SES accepted and never sent. Their texts are SES's own and no server was asked. */
const NEVER_SENT: ReadonlyMap<string, DsnReason> = new Map<string, DsnReason>([
  ["Suppressed", "globally-suppressed"],
  ["OnAccountSuppressionList", "account-suppressed"],
  ["OnTenantSuppressionList", "suppressed"],
  ["EmailValidationSuppressed", "address-check-failed"],
  ["UnsubscribedRecipient", "unsubscribed"],
]);

/** Status and reason of a bounce. Without a reason, status and text of the reply decide. */
const BOUNCES: ReadonlyMap<string, readonly [string, DsnReason?]> = new Map<string, readonly [string, DsnReason?]>([
  ["Permanent/General", ["5.0.0"]],
  ["Permanent/NoEmail", ["5.1.1", "no-such-user"]],
  ["Transient/General", ["4.0.0"]],
  ["Transient/MailboxFull", ["5.2.2", "mailbox-full"]],
  ["Transient/MessageTooLarge", ["5.3.4", "too-large"]],
  ["Transient/ContentRejected", ["5.7.1", "content-rejected"]],
  ["Transient/AttachmentRejected", ["5.7.1", "attachment-rejected"]],
  ["Transient/CustomTimeoutExceeded", ["4.4.7", "gave-up"]],
  ["Undetermined/Undetermined", ["5.0.0"]],
]);

function bounce(event: Of<"Bounce">, address: string, known: KnownBefore): SesOutcome {
  const neverSent = neverSentReason(event.bounceSubType);
  const report = reportOf(event.recipients, address);
  if (neverSent !== undefined) return suppressed(event, neverSent, report.diagnosticCode);
  const kind = `${event.bounceType}/${event.bounceSubType}`;
  const silent = kind === "Transient/General" ? perhapsAutoReply(report, known) : undefined;
  if (silent !== undefined) return silent;
  const fallback = event.bounceType === "Transient" ? "4.0.0" : "5.0.0";
  const [status, reason] = BOUNCES.get(kind) ?? [fallback];
  const found = statusOf(report, "failed", status);
  return {
    action: "failed",
    status: found,
    final: true,
    reason: bounceReason(event.bounceType, reason, found, report.diagnosticCode),
    ...remoteWords(event, report.diagnosticCode),
  };
}

/**
 * What SES's subtype says, else what the reply says. A reply that is recognised as a receiver's own text outweighs SES's
 * "no email" (docomo and au answer a filtered mail that way), but not what a transient subtype says.
 */
function bounceReason(
  type: string,
  reason: DsnReason | undefined,
  status: string,
  reply: string | undefined,
): DsnReason {
  const refusal = explainRefusal(status, reply);
  const said = refusal === undefined ? undefined : toldToSender(refusal.reason);
  const outweighs = type === "Permanent" && refusal?.named === true;
  return (outweighs ? said : undefined) ?? reason ?? said ?? "general";
}

/**
 * An out-of-office answer can come as Transient/General. It is no DSN, so it brings neither status nor diagnostic;
 * and it can only follow a delivery. A real report that says `delayed` or `relayed` is no failure either.
 */
function perhapsAutoReply(report: Partial<SesRecipientReport>, known: KnownBefore): SilentOutcome | undefined {
  if (known.delivered) {
    return known.failTransientAfterDelivery === true ? undefined : { action: "none", final: true, why: "auto-reply" };
  }
  const reported = report.status !== undefined || report.diagnosticCode !== undefined;
  const stillGoing = report.action !== undefined && report.action.toLowerCase() !== "failed";
  if ((reported && !stillGoing) || known.noDeliveryWillCome === true) return undefined;
  return { action: "none", final: false, why: "unclear" };
}

function complaint(event: Of<"Complaint">): SesOutcome {
  const neverSent = neverSentReason(event.complaintSubType ?? "");
  return neverSent === undefined
    ? { action: "none", final: true, why: "complaint" }
    : suppressed(event, neverSent, undefined);
}

/** Why SES never sent a mail that it took; undefined for other subtypes. Lists that SES may add are told by their name. */
export function neverSentReason(subType: string): DsnReason | undefined {
  return NEVER_SENT.get(subType) ?? (/suppress/i.test(subType) ? "account-suppressed" : undefined);
}

/**
 * Always 5.7.1, also when SES writes 5.1.1 into its event: that is no server's word, and a list manager that reads it
 * would remove an address that may well exist.
 */
function suppressed(event: SesEvent, reason: DsnReason, words: string | undefined): TellingOutcome {
  return { action: "failed", status: "5.7.1", final: true, reason, ...ownWords(event, words) };
}

/** The event's own status, else the one in the reply that it quotes, else the table's. */
function statusOf(report: Partial<SesRecipientReport>, action: DsnAction, fallback: string): string {
  return readStatus(report.status, action) ?? readStatus(statusInReply(report.diagnosticCode), action) ?? fallback;
}

/** A single report is this recipient's, however SES spells the address. */
function reportOf(reports: readonly SesRecipientReport[], address: string): Partial<SesRecipientReport> {
  const wanted = address.toLowerCase();
  const own = reports.find((report) => report.address.toLowerCase() === wanted);
  return own ?? (reports.length === 1 ? reports[0] : undefined) ?? {};
}

type Words = Pick<TellingOutcome, "diagnosticCode" | "remoteText" | "sesReportingMta" | "sesMessageId">;

/** Words of a remote server, as SES quotes them: with or without `smtp;` in front. */
function remoteWords(event: SesEvent, text: string | undefined): Words {
  const reportingMta = "reportingMta" in event ? event.reportingMta : undefined;
  return {
    ...(text === undefined ? {} : quoted(typedDiagnostic(text, OWN_DIAGNOSTIC.ses))),
    ...(reportingMta === undefined ? {} : { sesReportingMta: reportingMta }),
    sesMessageId: event.sesId,
  };
}

/** Words of SES itself: no SMTP diagnostic, no remote server. */
function ownWords(event: SesEvent, text: string | undefined): Words {
  const words = diagnosticWords(text ?? "");
  return { ...quoted(words === "" ? "" : `${OWN_DIAGNOSTIC.ses}; ${words}`), sesMessageId: event.sesId };
}

function quoted(diagnosticCode: string): Words {
  const words = diagnosticWords(diagnosticCode);
  return words === "" ? {} : { diagnosticCode, remoteText: words };
}
