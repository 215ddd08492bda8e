/**
 * Messages by what the ledger has an index for, newest first, page by page: a page costs the same however many there are.
 *
 * There is no index over senders, subjects or states; whoever wants those filters what a page has found. Indexes are a
 * moment behind. Throws what DynamoDB throws.
 */

import { QueryCommand } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { addressKey } from "../core/address.ts";
import { keptMessageId } from "../core/header-message-ids.ts";
import type { MessageRecord, RecipientRecord } from "../core/message-record.ts";
import { LEDGER_INDEX, LEDGER_KEYS } from "../core/names.ts";
import { firstQueueIdAt, parseQueueId, type QueueId } from "../core/queue-id.ts";
import { batchRead, type Item } from "./batch-read.ts";
import { isPartitionKey } from "./key-sizes.ts";
import {
  failedDay,
  type Ledger,
  MESSAGE_SORT,
  messagePartition,
  recipientSort,
  storedRecord,
  tenantDay,
} from "./ledger-dynamo.ts";

/** What is looked for. `day`: UTC, `2026-11-24`. `failed`: recipients who did not get their mail. */
export type MessageSearch =
  | { readonly by: "recipient"; readonly address: string }
  | { readonly by: "message-id"; readonly messageId: string }
  | { readonly by: "ses-id"; readonly sesId: string }
  | { readonly by: "day"; readonly tenant: string; readonly day: string; readonly failed: boolean };

/** Epoch milliseconds of acceptance; the end does not belong to it. */
export interface SearchPart {
  readonly limit: number;
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  /** From the page before. */
  readonly cursor?: string | undefined;
}

/** A message that was found, with the recipient by which it was, else its first. */
export interface FoundMessage {
  readonly id: QueueId;
  readonly message: MessageRecord | undefined;
  readonly recipient: RecipientRecord | undefined;
}

/** One page; `next` goes on behind it. */
export async function searchMessages(
  ledger: Ledger,
  search: MessageSearch,
  part: SearchPart,
): Promise<{ readonly found: readonly FoundMessage[]; readonly next?: string }> {
  const { index, key, value } = indexOf(search);
  if (!isPartitionKey(value)) return { found: [] };
  // The index of SES ids has no order: an SES id is one message's.
  const ranged = search.by !== "ses-id";
  const hasRange = ranged && (part.fromMs !== undefined || part.toMs !== undefined);
  const { Items, LastEvaluatedKey } = await ledger.client.send(
    new QueryCommand({
      TableName: ledger.table,
      IndexName: index,
      KeyConditionExpression: `#k = :v${hasRange ? " AND #id BETWEEN :from AND :to" : ""}`,
      ExpressionAttributeNames: { "#k": key, ...(hasRange ? { "#id": LEDGER_KEYS.id } : {}) },
      ExpressionAttributeValues: {
        ":v": { S: value },
        ...(hasRange
          ? { ":from": { S: firstQueueIdAt(part.fromMs ?? 0) }, ":to": { S: firstQueueIdAt(part.toMs ?? FAR_MS) } }
          : {}),
      },
      ScanIndexForward: false,
      Limit: part.limit,
      ...startKey(part.cursor, key, value, ranged),
    }),
  );
  const found = await readFound(ledger, Items ?? []);
  const sort = LastEvaluatedKey?.[LEDGER_KEYS.sort]?.S;
  const id = LastEvaluatedKey?.[LEDGER_KEYS.partition]?.S?.slice(2);
  return { found, ...(sort === undefined || id === undefined ? {} : { next: `${id}.${sort}` }) };
}

/** After every time that a queue id is made at. */
const FAR_MS = Date.UTC(3000, 0, 1);

function indexOf(search: MessageSearch): { readonly index: string; readonly key: string; readonly value: string } {
  switch (search.by) {
    case "recipient":
      return { index: LEDGER_INDEX.byRecipient, key: LEDGER_KEYS.recipient, value: addressKey(search.address) };
    case "message-id":
      return { index: LEDGER_INDEX.byMessageId, key: LEDGER_KEYS.messageId, value: keptMessageId(search.messageId) };
    case "ses-id":
      return { index: LEDGER_INDEX.bySesId, key: LEDGER_KEYS.sesId, value: search.sesId };
    case "day": {
      const value = (search.failed ? failedDay : tenantDay)(search.tenant, search.day);
      return { index: LEDGER_INDEX.byTenantDay, key: LEDGER_KEYS.tenantDay, value };
    }
  }
}

/** A cursor that is none counts as the beginning. */
function startKey(
  cursor: string | undefined,
  key: string,
  value: string,
  ranged: boolean,
): { ExclusiveStartKey?: Item } {
  const [, text = "", sort = ""] = /^([0-9a-z]{20})\.(m|r#\d{5,9})$/.exec(cursor ?? "") ?? [];
  const id = parseQueueId(text);
  if (id === undefined) return {};
  return {
    ExclusiveStartKey: {
      [LEDGER_KEYS.partition]: { S: messagePartition(id) },
      [LEDGER_KEYS.sort]: { S: sort },
      [key]: { S: value },
      ...(ranged ? { [LEDGER_KEYS.id]: { S: id } } : {}),
    },
  };
}

async function readFound(ledger: Ledger, hits: readonly Item[]): Promise<FoundMessage[]> {
  const wanted = hits.flatMap((hit) => {
    const id = parseQueueId((hit[LEDGER_KEYS.partition]?.S ?? "").slice(2));
    const sort = hit[LEDGER_KEYS.sort]?.S ?? "";
    return id === undefined ? [] : [{ id, recipient: sort.startsWith("r#") ? sort : recipientSort(0) }];
  });
  const keyOf = (id: QueueId, sort: string): Item => ({
    [LEDGER_KEYS.partition]: { S: messagePartition(id) },
    [LEDGER_KEYS.sort]: { S: sort },
  });
  const keys = new Map<string, Item>();
  for (const { id, recipient } of wanted) {
    for (const sort of [MESSAGE_SORT, recipient]) keys.set(`${id} ${sort}`, keyOf(id, sort));
  }
  const records = new Map<string, unknown>();
  await batchRead(ledger.client, ledger.table, [...keys.values()], (raw) => {
    const item = unmarshall(raw);
    records.set(
      `${String(item[LEDGER_KEYS.partition]).slice(2)} ${String(item[LEDGER_KEYS.sort])}`,
      storedRecord(item),
    );
  });
  return wanted.map(({ id, recipient }) => ({
    id,
    message: records.get(`${id} ${MESSAGE_SORT}`) as MessageRecord | undefined,
    recipient: records.get(`${id} ${recipient}`) as RecipientRecord | undefined,
  }));
}
