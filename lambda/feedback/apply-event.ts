/**
 * Puts one SES event on the record of each recipient it speaks of, and writes the report that it owes the sender.
 *
 * Promise:  once this returns, the event is on the record, or kept as an event of an unknown message, and every
 *           report it owes is in the spool. A second coming changes nothing. With `laterMs` it must be looked at
 *           again: a delay is told only after four hours, a doubtful bounce waits for the delivery that may follow.
 * Failure:  what DynamoDB and S3 throw goes to the caller; the queue brings the event back.
 */

import { concernedRecipients } from "../../lib/aws/concerned-recipients.ts";
import { keepEvent } from "../../lib/aws/kept-events.ts";
import { readRecipient, saveRecipient } from "../../lib/aws/ledger-dynamo.ts";
import { getSpoolObject } from "../../lib/aws/spool-s3.ts";
import { addSuppression } from "../../lib/aws/suppression-dynamo.ts";
import type { UsageMarker } from "../../lib/aws/usage-dynamo.ts";
import type { WebhookOutbox } from "../../lib/aws/webhook-outbox.ts";
import { type DsnDeps, writeOwedDsns } from "../../lib/aws/write-owed-dsns.ts";
import { type BreakerCounts, breakerFact, breakerSender } from "../../lib/core/breaker.ts";
import { DELAY_NOTICE_AFTER_MS, owesDsn } from "../../lib/core/dsn-policy.ts";
import { dsnQuestion } from "../../lib/core/dsn-question.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import {
  eventKeyOf,
  type MessageRecord,
  type RecipientRecord,
  recordEvent,
  withDsn,
} from "../../lib/core/message-record.ts";
import type { SesEvent } from "../../lib/core/ses-event.ts";
import { type SesOutcome, sesOutcome, type TellingOutcome } from "../../lib/core/ses-outcome.ts";
import { decodeSpoolObject } from "../../lib/core/spool-object.ts";
import { suppressionBy, suppressionReason } from "../../lib/core/suppression.ts";
import { isAnnounced, usageSlot } from "../../lib/core/usage.ts";
import type { BreakerFact } from "./trip-breaker.ts";

/** What applying needs; the clients are made in the handler. */
export interface ApplyEventDeps extends DsnDeps {
  readonly usage: UsageMarker;
  readonly webhooks: WebhookOutbox;
}

/** What became of an event. */
export interface FeedbackResult {
  /** When it must be looked at again, epoch milliseconds; undefined: done with. */
  readonly laterMs: number | undefined;
  /** What it says of tenants and senders, once. */
  readonly facts: readonly BreakerFact[];
}

/** See the head of this file. `body` is kept word for word when the message is unknown. */
export async function applyEvent(deps: ApplyEventDeps, event: SesEvent, body: string): Promise<FeedbackResult> {
  const concerned = await concernedRecipients(deps.ledger, event);
  if (concerned === undefined) {
    await keepEvent(deps.ledger, event, body, deps.now());
    deps.log({ event: "feedback-unknown", sesId: event.sesId, type: event.type });
    return { laterMs: undefined, facts: [] };
  }
  const { message, targets } = concerned;
  const { id } = message;
  // What comes soon after the acceptance was announced with it.
  if (!isAnnounced(usageSlot(id), deps.now())) await deps.usage.announce(message.tenant, id, deps.now());
  let laterMs: number | undefined;
  let owing = false;
  const facts: BreakerFact[] = [];
  for (const target of targets) {
    const applied = await applyToRecipient(deps, event, message, target);
    owing ||= (applied.record.dsns ?? []).some((note) => !note.written);
    if (applied.fact !== undefined) {
      facts.push({ tenant: message.tenant, sender: breakerSender(message.returnPath), id, counts: applied.fact });
    }
    if (applied.laterMs !== undefined) laterMs = Math.min(laterMs ?? applied.laterMs, applied.laterMs);
    else await tellWebhook(deps, event, message, applied.record);
  }
  if (owing) await writeOwedDsns(deps, id, async () => await original(deps, message));
  return { laterMs, facts };
}

/**
 * Tells the tenant's own server, each time the event comes: whoever died after the record was written has not told it.
 * Of a delay it hears when the sender would, and not when the mail has arrived meanwhile.
 */
async function tellWebhook(
  deps: ApplyEventDeps,
  event: SesEvent,
  message: MessageRecord,
  record: RecipientRecord,
): Promise<void> {
  if (event.type === "DeliveryDelay" && record.state !== "sent") return;
  const eventKey = eventKeyOf(event);
  const entry = record.history.find((candidate) => candidate.eventKey === eventKey);
  if (entry !== undefined) await deps.webhooks.tell(message, record, entry);
}

interface Applied {
  readonly record: RecipientRecord;
  readonly laterMs: number | undefined;
  /** For the breaker, if the event was new. */
  readonly fact?: BreakerCounts;
}

async function applyToRecipient(
  deps: ApplyEventDeps,
  event: SesEvent,
  message: MessageRecord,
  target: RecipientRecord,
): Promise<Applied> {
  let current = target;
  for (;;) {
    const recorded = recordEvent(current, event);
    const base = recorded ?? current;
    const { outcome, laterMs } = judge(deps, event, message, base);
    const tell = outcome !== undefined && isOwed(deps, message, base, outcome);
    if (recorded === undefined && !tell) return { record: current, laterMs };
    if (recorded !== undefined) await suppress(deps, event, message, target);
    const next = { ...(tell ? withDsn(base, outcome) : base), version: current.version + 1 };
    if (await saveRecipient(deps.ledger, next)) {
      if (recorded !== undefined) {
        deps.log({ event: "feedback", id: target.id, recipient: target.address, type: event.type, state: next.state });
      }
      const fact = recorded === undefined ? undefined : breakerFact(event, message, current);
      return { record: next, laterMs, ...(fact === undefined ? {} : { fact }) };
    }
    const stored = await readRecipient(deps.ledger, target.id, target.index);
    if (stored === undefined) throw new Error(`the record of ${target.id} is gone`);
    current = stored;
  }
}

/**
 * Before the event is on record, so that a crash in between repeats it; and only then, so that the event's second coming
 * does not undo what the operator has lifted since.
 */
async function suppress(
  deps: ApplyEventDeps,
  event: SesEvent,
  message: MessageRecord,
  { address }: RecipientRecord,
): Promise<void> {
  const reason = suppressionReason(event, address);
  if (reason === undefined) return;
  const { tenant, id } = message;
  if (await addSuppression(deps.ledger, suppressionBy(event, reason, { tenant, address, messageId: id }))) {
    deps.log({ event: "suppressed", tenant, recipient: address, reason, id });
  }
}

interface Judgement {
  /** What there may be to tell now. */
  readonly outcome: TellingOutcome | undefined;
  /** When to look again, epoch milliseconds. */
  readonly laterMs: number | undefined;
}

/** What the event means for a record that holds it, and whether it is too early to say. */
function judge(deps: ApplyEventDeps, event: SesEvent, message: MessageRecord, record: RecipientRecord): Judgement {
  const nowMs = deps.now();
  const doubtEndsMs = Date.parse(event.at) + LIMITS.feedback.doubtfulBounceMs;
  const outcome: SesOutcome = sesOutcome(event, record.address, {
    delivered: record.history.some((entry) => entry.what === "Delivery"),
    noDeliveryWillCome: !(nowMs < doubtEndsMs),
  });
  if (outcome.action === "none") {
    return { outcome: undefined, laterMs: outcome.why === "unclear" && nowMs < doubtEndsMs ? doubtEndsMs : undefined };
  }
  if (outcome.action !== "delayed") return { outcome, laterMs: undefined };
  if (record.state !== "sent") return { outcome: undefined, laterMs: undefined };
  const tellMs = Date.parse(message.time) + DELAY_NOTICE_AFTER_MS;
  return nowMs < tellMs ? { outcome: undefined, laterMs: tellMs } : { outcome, laterMs: undefined };
}

function isOwed(
  deps: ApplyEventDeps,
  message: MessageRecord,
  record: RecipientRecord,
  outcome: TellingOutcome,
): boolean {
  const heldMs = deps.now() - Date.parse(message.time);
  return owesDsn(dsnQuestion(message, record, outcome, deps.systemAddress, heldMs)).owed;
}

/** The message as received: from the spool while it is there, else from the bucket's old version. */
async function original(deps: ApplyEventDeps, message: MessageRecord): Promise<Buffer | undefined> {
  const bytesMax = LIMITS.feedback.originalBytesMax;
  const { versionId } = message;
  const spooled =
    (await getSpoolObject(deps.spool, message.id, { bytesMax })) ??
    (versionId === undefined
      ? undefined
      : await getSpoolObject(deps.spool, message.id, { bytesMax, version: versionId }));
  return spooled === undefined ? undefined : decodeSpoolObject(spooled.bytes).message;
}
