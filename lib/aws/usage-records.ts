/**
 * Reads the records that a stretch of time is counted from: all messages of a tenant whose ids were made in it.
 *
 * Reads are eventually consistent, at half the price; whoever counts for good waits until they must have caught up.
 * Most messages have one recipient: those are read fifty at a time. Throws what DynamoDB throws.
 */

import { type AttributeValue, BatchGetItemCommand, paginateQuery } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { forEachInFlight } from "../core/in-flight.ts";
import type { MessageRecord, RecipientRecord } from "../core/message-record.ts";
import { LEDGER_INDEX, LEDGER_KEYS } from "../core/names.ts";
import { firstQueueIdAt, parseQueueId, type QueueId } from "../core/queue-id.ts";
import { USAGE_SLOT_MS, utcDay } from "../core/usage.ts";
import {
  type Ledger,
  MESSAGE_SORT,
  messagePartition,
  readMessage,
  recipientSort,
  storedRecord,
  tenantDay,
} from "./ledger-dynamo.ts";

/** A message and as many of its recipients as are on record. */
export interface CountedMessage {
  readonly message: MessageRecord;
  readonly recipients: readonly RecipientRecord[];
}

/** All messages of a tenant in one slot. */
export async function readSlotMessages(ledger: Ledger, tenant: string, slotMs: number): Promise<CountedMessage[]> {
  const ids = new Set<QueueId>();
  // The day in the index is that of the acceptance, which may be on the other side of midnight from the id's time.
  for (const day of new Set([slotMs - 60_000, slotMs, slotMs + USAGE_SLOT_MS + 60_000].map(utcDay))) {
    for (const id of await listIds(ledger, tenantDay(tenant, day), slotMs)) ids.add(id);
  }
  const groups: QueueId[][] = [];
  for (const id of ids) {
    const last = groups.at(-1);
    if (last === undefined || last.length === GROUP) groups.push([id]);
    else last.push(id);
  }
  const messages: CountedMessage[] = [];
  await forEachInFlight(groups, GROUPS_IN_FLIGHT, async (group) => {
    messages.push(...(await readGroup(ledger, group)));
  });
  return messages;
}

/** Two items of each: DynamoDB takes at most a hundred keys in one BatchGetItem. */
const GROUP = 50;
const GROUPS_IN_FLIGHT = 4;

async function listIds(ledger: Ledger, tenantDayKey: string, slotMs: number): Promise<QueueId[]> {
  const ids: QueueId[] = [];
  const pages = paginateQuery(
    { client: ledger.client },
    {
      TableName: ledger.table,
      IndexName: LEDGER_INDEX.byTenantDay,
      KeyConditionExpression: "#t = :t AND #i BETWEEN :from AND :to",
      ExpressionAttributeNames: { "#t": LEDGER_KEYS.tenantDay, "#i": LEDGER_KEYS.id },
      ExpressionAttributeValues: {
        ":t": { S: tenantDayKey },
        ":from": { S: firstQueueIdAt(slotMs) },
        ":to": { S: `${firstQueueIdAt(slotMs + USAGE_SLOT_MS - 1).slice(0, -11)}~` },
      },
    },
  );
  for await (const page of pages) {
    for (const item of page.Items ?? []) {
      const id = parseQueueId(item[LEDGER_KEYS.id]?.S ?? "");
      if (id !== undefined) ids.push(id);
    }
  }
  return ids;
}

async function readGroup(ledger: Ledger, ids: readonly QueueId[]): Promise<CountedMessage[]> {
  const messages = new Map<string, MessageRecord>();
  const firsts = new Map<string, RecipientRecord>();
  for (const raw of await batchGet(ledger, ids.flatMap(keysOf))) {
    const item = unmarshall(raw);
    const id = String(item[LEDGER_KEYS.id]);
    if (item[LEDGER_KEYS.sort] === MESSAGE_SORT) messages.set(id, storedRecord(item) as MessageRecord);
    else firsts.set(id, storedRecord(item) as RecipientRecord);
  }
  const counted: CountedMessage[] = [];
  for (const [id, message] of messages) {
    const first = firsts.get(id);
    const recipients =
      message.recipients === 1
        ? first === undefined
          ? []
          : [first]
        : (await readMessage(ledger, message.id)).recipients;
    counted.push({ message, recipients });
  }
  return counted;
}

function keysOf(id: QueueId): Record<string, AttributeValue>[] {
  return [MESSAGE_SORT, recipientSort(0)].map((sort) => ({
    [LEDGER_KEYS.partition]: { S: messagePartition(id) },
    [LEDGER_KEYS.sort]: { S: sort },
  }));
}

/** Items of the ledger by key, a hundred keys at most; those that are not there are left out. */
export async function batchGet(
  ledger: Ledger,
  keys: readonly Record<string, AttributeValue>[],
): Promise<Record<string, AttributeValue>[]> {
  const items: Record<string, AttributeValue>[] = [];
  let wanted = [...keys];
  for (let round = 0; wanted.length > 0; round++) {
    if (round === ROUNDS_MAX) throw new Error("the ledger keeps back part of a batch");
    const { Responses, UnprocessedKeys } = await ledger.client.send(
      new BatchGetItemCommand({ RequestItems: { [ledger.table]: { Keys: wanted } } }),
    );
    items.push(...(Responses?.[ledger.table] ?? []));
    wanted = UnprocessedKeys?.[ledger.table]?.Keys ?? [];
  }
  return items;
}

const ROUNDS_MAX = 8;
