/** Fills a local ledger with records as forward and feedback leave them, for benches that need many. */

import { BatchWriteItemCommand, type WriteRequest } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import { type Ledger, messageItem, recipientItem } from "../lib/aws/ledger-dynamo.ts";
import type { MessageRecord, RecipientRecord } from "../lib/core/message-record.ts";
import { makeQueueId, type QueueId } from "../lib/core/queue-id.ts";

/** A message and its one recipient. */
export interface LedgerPair {
  readonly message: MessageRecord;
  readonly recipient: RecipientRecord;
}

/** What DynamoDB takes in one call. */
const BATCH = 25;
const BATCHES_IN_FLIGHT = 4;
const TOLD_EVERY = 100_000;

/** Writes the pairs 0 to `count`, two records each. Throws what DynamoDB throws. */
export async function fillLedger(
  { client, table }: Ledger,
  count: number,
  pairOf: (index: number) => LedgerPair,
  progress: (line: string) => void,
): Promise<void> {
  const perBatch = Math.floor(BATCH / 2);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const first = next;
      next = Math.min(count, first + perBatch);
      let wanted: WriteRequest[] = [];
      for (let index = first; index < next; index++) {
        const { message, recipient } = pairOf(index);
        for (const item of [messageItem(message), recipientItem(recipient)]) {
          wanted.push({ PutRequest: { Item: marshall(item, { removeUndefinedValues: true }) } });
        }
      }
      if (Math.floor((next * 2) / TOLD_EVERY) > Math.floor((first * 2) / TOLD_EVERY)) progress(`${next * 2} records`);
      while (wanted.length > 0) {
        const { UnprocessedItems } = await client.send(
          new BatchWriteItemCommand({ RequestItems: { [table]: wanted } }),
        );
        wanted = UnprocessedItems?.[table] ?? [];
      }
    }
  };
  await Promise.all(Array.from({ length: BATCHES_IN_FLIGHT }, worker));
}

/** An id of that time that no other index has. */
export function numberedQueueId(atMs: number, index: number): QueueId {
  const bytes = Buffer.alloc(11);
  bytes.writeUInt32BE(index, 0);
  for (const [place, byte] of bytes.entries()) bytes[place] = place < 4 ? byte : (index >> (5 * (place - 4))) & 31;
  return makeQueueId(atMs, bytes);
}
