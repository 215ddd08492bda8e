/** Finds the records that an event of SES speaks of, by our tags or by SES's id. Throws what DynamoDB throws. */

import { concerns, type MessageRecord, type RecipientRecord } from "../core/message-record.ts";
import type { SesEvent } from "../core/ses-event.ts";
import { findBySesId, glanceAtMessage, type Ledger, type LedgerMessage, readMessage } from "./ledger-dynamo.ts";

/** The message and those of its recipients whom the event is about. */
export interface Concerned {
  readonly message: MessageRecord;
  /** At least one. */
  readonly targets: readonly RecipientRecord[];
}

/** Undefined: the ledger knows nothing of it, or not yet. */
export async function concernedRecipients(ledger: Ledger, event: SesEvent): Promise<Concerned | undefined> {
  const id = event.id ?? (await findBySesId(ledger, event.sesId))[0];
  if (id === undefined) return undefined;
  const { recipientIndexes } = event;
  if (recipientIndexes.length > 0) {
    const seen = await glanceAtMessage(ledger, id, recipientIndexes);
    // What a glance misses was perhaps written a moment ago.
    if (seen.message !== undefined && seen.recipients.length === recipientIndexes.length) return among(seen, event);
  }
  return among(await readMessage(ledger, id), event);
}

function among(
  { message, recipients }: Pick<LedgerMessage, "message" | "recipients">,
  event: SesEvent,
): Concerned | undefined {
  const { recipientIndexes } = event;
  const called = (record: RecipientRecord): boolean =>
    recipientIndexes.length > 0 ? recipientIndexes.includes(record.index) : record.sesId === event.sesId;
  // Of a call for one the index is enough, however SES may spell the address.
  const targets = recipients.filter(
    (record) => called(record) && (recipientIndexes.length === 1 || concerns(event, record.address)),
  );
  return message === undefined || targets.length === 0 ? undefined : { message, targets };
}
