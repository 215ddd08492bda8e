/**
 * Recipients who did not get their mail, of one tenant and many days, without reading the mail that arrived.
 *
 * The ledger's index by tenant and day has an entry for each of them, under a key of its own (see `failedDay` in
 * `ledger-dynamo.ts`), so a month costs one Query for each day and one BatchGetItem for each hundred found.
 */

import { paginateQuery } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { forEachInFlight } from "../core/in-flight.ts";
import type { MessageRecord, RecipientRecord } from "../core/message-record.ts";
import { LEDGER_INDEX, LEDGER_KEYS } from "../core/names.ts";
import { BATCH_KEYS_MAX, batchRead, type Item } from "./batch-read.ts";
import { failedDay, type Ledger, MESSAGE_SORT, messagePartition, storedRecord } from "./ledger-dynamo.ts";

/** One of them; the message is read only when it is asked for, and may be gone. */
export interface FailedRecipient {
  readonly record: RecipientRecord;
  readonly message?: MessageRecord;
}

/** What is read at once. */
const DAYS_IN_FLIGHT = 6;

/**
 * Calls `take` with each of them, in no particular order. `days`: UTC, by the time the edge took the mail. The index is a
 * moment behind. Throws what DynamoDB throws, or when it keeps records back again and again.
 */
export async function eachFailedRecipient(
  ledger: Ledger,
  query: { readonly tenant: string; readonly days: readonly string[]; readonly withMessage: boolean },
  take: (failed: FailedRecipient) => void,
): Promise<void> {
  await forEachInFlight(query.days, DAYS_IN_FLIGHT, async (day) => {
    const pages = paginateQuery(
      { client: ledger.client },
      {
        TableName: ledger.table,
        IndexName: LEDGER_INDEX.byTenantDay,
        KeyConditionExpression: "#k = :v",
        ExpressionAttributeNames: { "#k": LEDGER_KEYS.tenantDay },
        ExpressionAttributeValues: { ":v": { S: failedDay(query.tenant, day) } },
      },
    );
    for await (const page of pages) {
      const keys = (page.Items ?? []).map(tableKey);
      const size = query.withMessage ? BATCH_KEYS_MAX / 2 : BATCH_KEYS_MAX;
      for (let start = 0; start < keys.length; start += size) {
        await readBatch(ledger, keys.slice(start, start + size), query.withMessage, take);
      }
    }
  });
}

function tableKey(item: Item): Item {
  const { partition, sort } = LEDGER_KEYS;
  return { [partition]: item[partition] ?? { S: "" }, [sort]: item[sort] ?? { S: "" } };
}

async function readBatch(
  ledger: Ledger,
  keys: readonly Item[],
  withMessage: boolean,
  take: (failed: FailedRecipient) => void,
): Promise<void> {
  const { partition, sort } = LEDGER_KEYS;
  const partitions = new Set(keys.map((key) => key[partition]?.S ?? ""));
  const messageKeys = withMessage
    ? [...partitions].map((S) => ({ [partition]: { S }, [sort]: { S: MESSAGE_SORT } }))
    : [];
  const records: RecipientRecord[] = [];
  const messages = new Map<string, MessageRecord>();
  await batchRead(ledger.client, ledger.table, [...keys, ...messageKeys], (raw) => {
    const item = unmarshall(raw);
    if (item[sort] === MESSAGE_SORT) messages.set(String(item[partition]), storedRecord(item) as MessageRecord);
    else records.push(storedRecord(item) as RecipientRecord);
  });
  for (const record of records) {
    const message = messages.get(messagePartition(record.id));
    take({ record, ...(message === undefined ? {} : { message }) });
  }
}
