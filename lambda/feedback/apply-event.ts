/**
 * Puts one SES event on the record of each recipient it speaks of.
 *
 * Promise:  once this returns, the event is on the record, or kept as an event of an unknown message. A second
 *           coming changes nothing.
 * Failure:  what DynamoDB throws goes to the caller; the queue brings the event back.
 */

import { findBySesId, type Ledger, readMessage, saveRecipient, saveUnknownEvent } from "../../lib/aws/ledger-dynamo.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import type { Log } from "../../lib/core/log.ts";
import { concerns, eventKeyOf, type RecipientRecord, recordEvent } from "../../lib/core/message-record.ts";
import type { QueueId } from "../../lib/core/queue-id.ts";
import type { SesEvent } from "../../lib/core/ses-event.ts";

export interface FeedbackDeps {
  readonly ledger: Ledger;
  readonly now: () => number;
  readonly log: Log;
}

/** See the head of this file. `body` is kept word for word when the message is unknown. */
export async function applyEvent(deps: FeedbackDeps, event: SesEvent, body: string): Promise<void> {
  const id = event.id ?? (await findBySesId(deps.ledger, event.sesId))[0];
  const targets = id === undefined ? [] : await recipientsOf(deps, id, event);
  for (const target of targets) await applyToRecipient(deps, event, target);
  if (targets.length > 0) return;
  const expiresAt = Math.floor(deps.now() / 1000) + LIMITS.ledger.unknownEventDays * 86_400;
  await saveUnknownEvent(deps.ledger, event, eventKeyOf(event), body, expiresAt);
  deps.log({ event: "feedback-unknown", sesId: event.sesId, type: event.type });
}

async function recipientsOf(deps: FeedbackDeps, id: QueueId, event: SesEvent): Promise<readonly RecipientRecord[]> {
  const { recipients } = await readMessage(deps.ledger, id);
  if (event.recipientIndex !== undefined) return recipients.filter((record) => record.index === event.recipientIndex);
  return recipients.filter((record) => record.sesId === event.sesId && concerns(event, record.address));
}

async function applyToRecipient(deps: FeedbackDeps, event: SesEvent, target: RecipientRecord): Promise<void> {
  let current: RecipientRecord | undefined = target;
  while (current !== undefined) {
    const next = recordEvent(current, event);
    if (next === undefined) return;
    if (await saveRecipient(deps.ledger, next)) {
      deps.log({ event: "feedback", id: target.id, recipient: target.address, type: event.type, state: next.state });
      return;
    }
    const { recipients } = await readMessage(deps.ledger, target.id);
    current = recipients.find((record) => record.index === target.index);
  }
}
