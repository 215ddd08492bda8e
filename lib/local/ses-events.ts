/**
 * Sending events in the JSON that SES publishes to SNS.
 *
 * `mail` is built once per message, then one event per outcome of each recipient: SES bundles or splits recipients as it
 * likes, here they are always split. Times are those at which the event is due.
 * See https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html.
 */

import { LOCAL_ACCOUNT_ID } from "./ses-context.ts";
import { optional } from "./ses-json.ts";
import { readMailboxes } from "./ses-mailboxes.ts";
import { makeSesId } from "./ses-message-id.ts";
import { fieldsNamed, type HeaderField } from "./ses-mime-header.ts";
import type { Outcome } from "./ses-simulator.ts";
import type { SesEventType } from "./ses-state.ts";

/** Headers beyond this are cut from the event (event contents page: 10 KB). */
const HEADERS_BYTES_MAX = 10 * 1024;
const DELIVERY_HOURS_MAX = 14;
const API_TYPES = {
  Send: "SEND",
  Reject: "REJECT",
  Delivery: "DELIVERY",
  DeliveryDelay: "DELIVERY_DELAY",
  Bounce: "BOUNCE",
  Complaint: "COMPLAINT",
} as const satisfies Record<string, SesEventType>;

/** What the events tell of the message. */
export interface SentMessage {
  readonly messageId: string;
  readonly region: string;
  readonly acceptedAtMs: number;
  readonly source: string;
  readonly sourceArn: string;
  readonly recipients: readonly string[];
  readonly header: readonly HeaderField[];
  readonly tags: Readonly<Record<string, string>>;
  readonly configurationSetName: string;
  readonly sourceIp: string;
  readonly callerIdentity: string;
}

/** One event, ready to be published. */
export interface SesEventDraft {
  /** As event destinations name it. */
  readonly type: SesEventType;
  readonly dueMs: number;
  readonly body: string;
}

/** The events of one message: Send, then what becomes of each recipient, `stepMs` apart. */
export function draftEvents(
  message: SentMessage,
  fates: ReadonlyMap<string, readonly Outcome[]> | "rejected",
  stepMs: number,
): SesEventDraft[] {
  const mail = mailOf(message);
  const draft = (eventType: keyof typeof API_TYPES, dueMs: number, detail: object): SesEventDraft => {
    const member = eventType.charAt(0).toLowerCase() + eventType.slice(1);
    return { type: API_TYPES[eventType], dueMs, body: JSON.stringify({ eventType, mail, [member]: detail }) };
  };
  const sendAtMs = message.acceptedAtMs + stepMs;
  const drafts = [draft("Send", sendAtMs, {})];
  if (fates === "rejected") return [...drafts, draft("Reject", sendAtMs + stepMs, { reason: "Bad content" })];
  for (const [address, outcomes] of fates) {
    for (const [i, outcome] of outcomes.entries()) {
      // What follows a first outcome (a delivery after a delay, a complaint) comes visibly later.
      const dueMs = sendAtMs + stepMs * (1 + 4 * i);
      drafts.push(draft(outcome.type, dueMs, detailOf(message, address, outcome, dueMs)));
    }
  }
  return drafts.sort((a, b) => a.dueMs - b.dueMs);
}

function mailOf(message: SentMessage): object {
  const { headers, headersTruncated } = headersOf(message.header);
  const fromDomain = message.source.slice(message.source.lastIndexOf("@") + 1);
  const tags: Record<string, string[]> = {
    "ses:source-tls-version": ["TLSv1.3"],
    "ses:operation": ["SendEmail"],
    "ses:configuration-set": [message.configurationSetName],
    "ses:source-ip": [message.sourceIp],
    "ses:from-domain": [fromDomain],
    "ses:caller-identity": [message.callerIdentity],
  };
  return {
    timestamp: new Date(message.acceptedAtMs).toISOString(),
    source: message.source,
    sourceArn: message.sourceArn,
    sendingAccountId: LOCAL_ACCOUNT_ID,
    messageId: message.messageId,
    destination: message.recipients,
    headersTruncated,
    headers,
    commonHeaders: commonHeadersOf(message),
    tags: { ...tags, ...Object.fromEntries(Object.entries(message.tags).map(([name, value]) => [name, [value]])) },
  };
}

function headersOf(header: readonly HeaderField[]): { headers: object[]; headersTruncated: boolean } {
  const headers: object[] = [];
  let bytes = 0;
  for (const { name, value } of header) {
    bytes += name.length + Buffer.byteLength(value) + 4;
    if (bytes > HEADERS_BYTES_MAX) return { headers, headersTruncated: true };
    headers.push({ name, value });
  }
  return { headers, headersTruncated: false };
}

/** `messageId` is SES's own here; the message's own is in `headers`. */
function commonHeadersOf(message: SentMessage): object {
  const values = (name: string): string[] => fieldsNamed(message.header, name).map((field) => field.value);
  const list = (name: string): string[] | undefined => {
    const entries = values(name).flatMap(splitMailboxes);
    return entries.length === 0 ? undefined : entries;
  };
  return {
    ...optional("from", list("From")),
    ...optional("to", list("To")),
    ...optional("cc", list("Cc")),
    ...optional("replyTo", list("Reply-To")),
    ...optional("date", values("Date")[0]),
    messageId: message.messageId,
    ...optional("subject", values("Subject")[0]),
  };
}

/** A single mailbox stays with its display name; of a list only the addresses are named. */
function splitMailboxes(value: string): string[] {
  const { addresses } = readMailboxes(value);
  return addresses.length === 1 ? [value] : [...addresses];
}

function detailOf(message: SentMessage, address: string, outcome: Outcome, dueMs: number): object {
  const timestamp = new Date(dueMs).toISOString();
  const host = `a1-1.smtp-out.${message.region}.amazonses.com`;
  switch (outcome.type) {
    case "Delivery":
      return {
        timestamp,
        processingTimeMillis: dueMs - message.acceptedAtMs,
        recipients: [address],
        smtpResponse: `250 2.0.0 OK ${Math.floor(dueMs / 1000)} ${message.messageId.slice(17, 25)} - local`,
        remoteMtaIp: "127.0.0.1",
        reportingMTA: host,
      };
    case "DeliveryDelay":
      return {
        timestamp,
        delayType: outcome.delayType,
        expirationTime: new Date(message.acceptedAtMs + DELIVERY_HOURS_MAX * 3_600_000).toISOString(),
        delayedRecipients: [{ emailAddress: address, status: outcome.status, diagnosticCode: outcome.text }],
        reportingMTA: host,
      };
    case "Bounce": {
      const reported = outcome.status !== undefined;
      return {
        feedbackId: makeSesId(message.region, dueMs),
        bounceType: outcome.bounceType,
        bounceSubType: outcome.bounceSubType,
        bouncedRecipients: [
          {
            emailAddress: address,
            ...(reported && { action: "failed" }),
            ...optional("status", outcome.status),
            ...optional("diagnosticCode", outcome.diagnosticCode),
          },
        ],
        timestamp,
        ...(outcome.bySes !== true && reported && { remoteMtaIp: "127.0.0.1" }),
        reportingMTA: outcome.bySes === true ? "dns; amazonses.com" : `dns; ${host}`,
      };
    }
    case "Complaint":
      return {
        feedbackId: makeSesId(message.region, dueMs),
        complaintSubType: outcome.subType,
        complainedRecipients: [{ emailAddress: address }],
        timestamp,
        ...(outcome.subType === null && {
          userAgent: "Amazon SES Mailbox Simulator",
          complaintFeedbackType: "abuse",
          arrivalDate: timestamp,
        }),
      };
  }
}
