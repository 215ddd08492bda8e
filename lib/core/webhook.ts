/**
 * What a tenant's own systems are told of its mail, and how it is signed: Standard Webhooks 1.0
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
 *
 * Promise:  the same fact gives the same `webhook-id`, however often it is told.
 */

import { createHash, createHmac } from "node:crypto";
import { type FailureFact, factOfEntry } from "./failure-fact.ts";
import type { MessageRecord, RecipientRecord } from "./message-record.ts";
import { receiverOf } from "./receivers.ts";
import { delayOf, type HistoryEntry } from "./recipient-history.ts";
import { refusalWords } from "./refusal-reasons.ts";

/** What can have become of a recipient's mail. */
export type WebhookType =
  | "message.delivered"
  | "message.delayed"
  | "message.bounced"
  | "message.complained"
  | "message.failed"
  | "message.suppressed";

/** One fact about one recipient, as it is sent. Fields may be added; none goes or changes its meaning. */
export interface WebhookEvent {
  readonly type: WebhookType;
  /** RFC 3339: when it happened. */
  readonly timestamp: string;
  readonly data: {
    /** Queue id of the message. */
    readonly id: string;
    readonly tenant: string;
    readonly recipient: string;
    readonly receiver: string;
    /** Envelope sender; null for the null sender. */
    readonly sender: string | null;
    /** Message-ID of the client, without angle brackets. */
    readonly messageId?: string;
    /** RFC 3339. */
    readonly acceptedAt: string;
    readonly sesMessageId?: string;
    /** Enhanced status code (RFC 3463). */
    readonly status?: string;
    /** The words of receiver, Amazon SES or relay, as they came. */
    readonly reply?: string;
    /** Of failures: kind and reason, as `relayhost bounces` has them, and the reason in words. */
    readonly kind?: string;
    readonly reason?: string;
    readonly explanation?: string;
  };
}

/** An event with its name, ready for the queue. */
export interface NamedWebhook {
  /** The `webhook-id`. */
  readonly id: string;
  readonly event: WebhookEvent;
}

/** What an entry of a recipient's history has to tell; undefined when that is nothing. */
export function webhookOf(
  message: MessageRecord,
  record: RecipientRecord,
  entry: HistoryEntry,
): NamedWebhook | undefined {
  // What the relay wrote itself is no mail of the tenant's.
  if (message.dsnFor !== undefined) return undefined;
  const told = tell(record, entry);
  if (told === undefined) return undefined;
  const { type, ...facts } = told;
  const event: WebhookEvent = {
    type,
    timestamp: entry.at,
    data: {
      id: record.id,
      tenant: message.tenant,
      recipient: record.address,
      receiver: receiverOf(record.address),
      sender: message.returnPath,
      ...(message.messageId === undefined ? {} : { messageId: message.messageId }),
      acceptedAt: message.time,
      ...(record.sesId === undefined ? {} : { sesMessageId: record.sesId }),
      ...facts,
    },
  };
  return { id: webhookId(record, entry, type), event };
}

type Told = Pick<WebhookEvent["data"], "status" | "reply" | "kind" | "reason" | "explanation"> & {
  readonly type: WebhookType;
};

function tell(record: RecipientRecord, entry: HistoryEntry): Told | undefined {
  switch (entry.what) {
    case "Delivery":
      return { type: "message.delivered", ...optional("reply", entry.detail) };
    case "DeliveryDelay": {
      const { delayType, diagnosticCode } = delayOf(entry);
      const words = { ...optional("reply", diagnosticCode), ...optional("status", entry.status) };
      return { type: "message.delayed", kind: delayType, ...words };
    }
    case "Bounce":
    case "Complaint":
    case "Reject":
    case "failed": {
      const fact = factOfEntry(record, entry);
      return fact === undefined ? undefined : { type: typeOf(fact, entry), ...failureWords(fact) };
    }
    case "Send":
    case "Other":
    case "claimed":
    case "sent":
    case "deferred":
    case "ambiguous":
    case "duplicate":
      return undefined;
  }
}

function typeOf({ kind }: FailureFact, { what }: HistoryEntry): WebhookType {
  if (kind === "suppressed") return "message.suppressed";
  if (kind === "complaint") return "message.complained";
  return what === "Bounce" ? "message.bounced" : "message.failed";
}

function failureWords(fact: FailureFact): Omit<Told, "type"> {
  return {
    kind: fact.kind,
    reason: fact.reason,
    explanation: refusalWords(fact.reason, "en", fact.by ?? fact.receiver).means,
    ...optional("status", fact.status),
    ...optional("reply", fact.text),
  };
}

/** By what happened to whom, not by when it is told: a repetition has the same id, and the receiver can drop it. */
function webhookId(record: RecipientRecord, entry: HistoryEntry, type: WebhookType): string {
  const name = [record.id, record.index, type, entry.eventKey ?? entry.what].join("|");
  return `msg_${createHash("sha256").update(name).digest("base64url").slice(0, 27)}`;
}

/** Prefix of a secret in the form that people copy. */
export const WEBHOOK_SECRET_PREFIX = "whsec_";

/** The headers of one try. `timestampSeconds`: of the try, since the receiver refuses what is old. */
export function webhookHeaders(
  secret: string,
  id: string,
  timestampSeconds: number,
  body: string,
): Readonly<Record<string, string>> {
  return {
    "content-type": "application/json",
    "user-agent": "relayhost-webhook",
    "webhook-id": id,
    "webhook-timestamp": String(timestampSeconds),
    "webhook-signature": webhookSignature(secret, id, timestampSeconds, body),
  };
}

/** `v1,` and the base64 of HMAC-SHA256 over id, timestamp and body. The key is the base64 behind the prefix. */
export function webhookSignature(secret: string, id: string, timestampSeconds: number, body: string): string {
  const key = Buffer.from(
    secret.startsWith(WEBHOOK_SECRET_PREFIX) ? secret.slice(WEBHOOK_SECRET_PREFIX.length) : secret,
    "base64",
  );
  const mac = createHmac("sha256", key).update(`${id}.${timestampSeconds}.${body}`).digest("base64");
  return `v1,${mac}`;
}

/** What stands in the queue: nothing secret, and no address to send to; both are read when it is sent. */
export interface QueuedWebhook {
  readonly tenant: string;
  readonly id: string;
  /** The JSON text that is sent and signed. */
  readonly body: string;
}

/** The queue's text of an event. */
export function queuedWebhook({ id, event }: NamedWebhook): string {
  const queued: QueuedWebhook = { tenant: event.data.tenant, id, body: JSON.stringify(event) };
  return JSON.stringify(queued);
}

/** Undefined: no such text. */
export function parseQueuedWebhook(text: string): QueuedWebhook | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { tenant, id, body } = value as Record<string, unknown>;
  if (typeof tenant !== "string" || typeof id !== "string" || typeof body !== "string") return undefined;
  return { tenant, id, body };
}

/**
 * How long to wait (milliseconds) before the next try of an event of this age: as long as it is old already, so that the
 * waits double, from five seconds up to six hours. `undefined`: too old, give it up.
 */
export function webhookWaitMs(ageMs: number, limits: WebhookWaits): number | undefined {
  return ageMs >= limits.giveUpAfterMs ? undefined : Math.min(limits.waitMaxMs, Math.max(limits.waitMinMs, ageMs));
}

/** The numbers that `webhookWaitMs` goes by. */
export interface WebhookWaits {
  readonly waitMinMs: number;
  readonly waitMaxMs: number;
  readonly giveUpAfterMs: number;
}

function optional<K extends string>(key: K, value: string | undefined): { readonly [P in K]?: string } {
  return value === undefined || value === "" ? {} : ({ [key]: value } as { readonly [P in K]?: string });
}
