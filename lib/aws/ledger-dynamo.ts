/**
 * The ledger table: messages and recipients.
 *
 * One partition per message (`m#<id>`): sort key `m` is the message, `r#<index>` a recipient. Every write carries a
 * condition, none needs a transaction. Functions throw the SDK's error when the table cannot be asked.
 */

import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  PutItemCommand,
  paginateQuery,
  QueryCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { addressKey } from "../core/address.ts";
import { keptMessageId } from "../core/header-message-ids.ts";
import {
  hasFailed,
  type MessageRecord,
  NewerRecord,
  RECORD_SCHEMA,
  type RecipientRecord,
} from "../core/message-record.ts";
import { LEDGER_INDEX, LEDGER_KEYS } from "../core/names.ts";
import { parseQueueId, type QueueId, queueIdTimeMs } from "../core/queue-id.ts";
import { isPartitionKey } from "./key-sizes.ts";

/** The ledger table and a client for it. */
export interface Ledger {
  readonly client: DynamoDBClient;
  readonly table: string;
}

/** What is to be known of a message besides its records, even before it has any. */
export interface MessageNotes {
  /** Why the object cannot be forwarded at all; set once it has been put aside. */
  readonly unreadable?: string;
  /** When the sweep last put it back to work, epoch milliseconds. */
  readonly redrivenAtMs?: number;
  /** The operator's word: `hold` sends nothing; `drop` ends it with a report, `drop-silently` without one. */
  readonly order?: "hold" | "drop" | "drop-silently";
  /** Invocations begun since the last one that ended in order, counted once there have been several. */
  readonly starts?: number;
  /** Further copies that the operator had sent, the oldest first. */
  readonly resends?: readonly ResendNote[];
}

/** One of them. */
export interface ResendNote {
  readonly id: QueueId;
  /** RFC 3339. */
  readonly at: string;
  /** To how many. */
  readonly recipients: number;
}

/** All that the ledger knows of one message. */
export interface LedgerMessage {
  readonly message: MessageRecord | undefined;
  readonly notes: MessageNotes;
  /** In order of index; may be incomplete while a message is being forwarded for the first time. */
  readonly recipients: readonly RecipientRecord[];
}

/** Reads a message and its recipients with a consistent read. */
export async function readMessage(ledger: Ledger, id: QueueId): Promise<LedgerMessage> {
  const items: Record<string, AttributeValue>[] = [];
  const pages = paginateQuery(
    { client: ledger.client },
    {
      TableName: ledger.table,
      ConsistentRead: true,
      KeyConditionExpression: `${LEDGER_KEYS.partition} = :p`,
      ExpressionAttributeValues: { ":p": { S: messagePartition(id) } },
    },
  );
  for await (const page of pages) {
    items.push(...(page.Items ?? []));
  }
  return ledgerMessage(items);
}

function ledgerMessage(items: readonly Record<string, AttributeValue>[]): LedgerMessage {
  let message: MessageRecord | undefined;
  let notes: MessageNotes = {};
  const recipients: RecipientRecord[] = [];
  for (const raw of items) {
    const item = unmarshall(raw);
    const record = storedRecord(item);
    if (item[LEDGER_KEYS.sort] === MESSAGE_SORT) message = record as MessageRecord;
    else if (item[LEDGER_KEYS.sort] === NOTES_SORT) notes = item as MessageNotes;
    else if (String(item[LEDGER_KEYS.sort]).startsWith("r#")) recipients.push(record as RecipientRecord);
  }
  return { message, notes, recipients };
}

/** The record in an item of the table. Throws `NewerRecord` for one of a form that is not known here. */
export function storedRecord(item: Readonly<Record<string, unknown>>): unknown {
  const schema = item[SCHEMA] ?? 1;
  if (typeof schema === "number" && schema <= RECORD_SCHEMA) return item["record"];
  throw new NewerRecord(
    `the ledger has a record of form ${JSON.stringify(schema)}, known here is ${RECORD_SCHEMA}: deploy the version that wrote it`,
  );
}

/** Attribute beside each record. */
const SCHEMA = "schema";

/** Reads one recipient's record with a consistent read, whatever the number of the others. */
export async function readRecipient(ledger: Ledger, id: QueueId, index: number): Promise<RecipientRecord | undefined> {
  return (await readRecordAt(ledger, id, recipientSort(index), true)) as RecipientRecord | undefined;
}

/**
 * Reads a message and some of its recipients, at a cost that does not grow with the number of the others. The reads are
 * not consistent: a record may be an older version, or missing although it was written a moment ago.
 */
export async function glanceAtMessage(
  ledger: Ledger,
  id: QueueId,
  indexes: readonly number[],
): Promise<Pick<LedgerMessage, "message" | "recipients">> {
  const [message, ...recipients] = await Promise.all(
    [MESSAGE_SORT, ...indexes.map(recipientSort)].map(async (sort) => await readRecordAt(ledger, id, sort, false)),
  );
  return {
    message: message as MessageRecord | undefined,
    recipients: recipients.filter((record) => record !== undefined) as RecipientRecord[],
  };
}

/** Reads a message and its first recipients, at most `recipientsMax`. The read is not consistent. */
export async function glanceAtFirstRecipients(
  ledger: Ledger,
  id: QueueId,
  recipientsMax: number,
): Promise<Pick<LedgerMessage, "message" | "recipients">> {
  const { Items } = await ledger.client.send(
    new QueryCommand({
      TableName: ledger.table,
      KeyConditionExpression: `${LEDGER_KEYS.partition} = :p`,
      ExpressionAttributeValues: { ":p": { S: messagePartition(id) } },
      // The message and the notes come first.
      Limit: recipientsMax + 2,
    }),
  );
  return ledgerMessage(Items ?? []);
}

/** A query, not a GetItem: the functions have that right on the table anyway, and it costs the same. */
async function readRecordAt(ledger: Ledger, id: QueueId, sort: string, consistent: boolean): Promise<unknown> {
  const { Items } = await ledger.client.send(
    new QueryCommand({
      TableName: ledger.table,
      ConsistentRead: consistent,
      KeyConditionExpression: `${LEDGER_KEYS.partition} = :p AND ${LEDGER_KEYS.sort} = :s`,
      ExpressionAttributeValues: { ":p": { S: messagePartition(id) }, ":s": { S: sort } },
    }),
  );
  const [item] = Items ?? [];
  return item === undefined ? undefined : storedRecord(unmarshall(item));
}

/** Stores the message's record unless there is one. Returns whether it was new. */
export async function createMessage(ledger: Ledger, record: MessageRecord): Promise<boolean> {
  return await putIf(ledger, "attribute_not_exists(pk)", {}, messageItem(record));
}

/** The message's record as it is stored: its keys, those of the indexes, and the record itself. */
export function messageItem(record: MessageRecord): Record<string, unknown> {
  return {
    [LEDGER_KEYS.partition]: messagePartition(record.id),
    [LEDGER_KEYS.sort]: MESSAGE_SORT,
    [LEDGER_KEYS.id]: record.id,
    [LEDGER_KEYS.tenantDay]: tenantDay(record.tenant, record.time),
    ...(record.messageId === undefined ? {} : { [LEDGER_KEYS.messageId]: keptMessageId(record.messageId) }),
    [LEDGER_KEYS.ttl]: record.expiresAt,
    [SCHEMA]: RECORD_SCHEMA,
    record,
  };
}

/**
 * Stores the next version of a recipient's record, on the condition that the stored one is the version before it
 * (none for version 1). Returns false when it is not: read again and decide anew. That may be our own write, whose
 * answer was lost before the SDK tried again; `claimedBy` tells.
 */
export async function saveRecipient(ledger: Ledger, record: RecipientRecord): Promise<boolean> {
  const item = recipientItem(record);
  if (record.version === 1) return await putIf(ledger, "attribute_not_exists(pk)", {}, item);
  return await putIf(ledger, "version = :v", { ":v": { N: String(record.version - 1) } }, item);
}

/** A recipient's record as it is stored: its keys, those of the indexes, and the record itself. */
export function recipientItem(record: RecipientRecord): Record<string, unknown> {
  return {
    [LEDGER_KEYS.partition]: messagePartition(record.id),
    [LEDGER_KEYS.sort]: recipientSort(record.index),
    [LEDGER_KEYS.id]: record.id,
    [LEDGER_KEYS.recipient]: addressKey(record.address),
    ...(record.sesId === undefined ? {} : { [LEDGER_KEYS.sesId]: record.sesId }),
    ...(record.tenant === undefined || !hasFailed(record)
      ? {}
      : { [LEDGER_KEYS.tenantDay]: failedDay(record.tenant, new Date(queueIdTimeMs(record.id)).toISOString()) }),
    [LEDGER_KEYS.ttl]: record.expiresAt,
    [SCHEMA]: RECORD_SCHEMA,
    version: record.version,
    record,
  };
}

/** Ids of the messages that SES knows under this id (one), newest first. */
export async function findBySesId(ledger: Ledger, sesId: string): Promise<QueueId[]> {
  return await findIds(ledger, LEDGER_INDEX.bySesId, LEDGER_KEYS.sesId, sesId, 10);
}

/** Ids of the messages to an address, newest first. */
export async function findByRecipient(ledger: Ledger, address: string, limit: number): Promise<QueueId[]> {
  return await findIds(ledger, LEDGER_INDEX.byRecipient, LEDGER_KEYS.recipient, addressKey(address), limit);
}

/** Ids of the messages with this original Message-ID (without angle brackets), newest first. */
export async function findByMessageId(ledger: Ledger, messageId: string, limit: number): Promise<QueueId[]> {
  return await findIds(ledger, LEDGER_INDEX.byMessageId, LEDGER_KEYS.messageId, keptMessageId(messageId), limit);
}

/** Ids of a tenant's messages of one day (UTC, `2026-11-24`), newest first. */
export async function findByTenantDay(ledger: Ledger, tenant: string, day: string, limit: number): Promise<QueueId[]> {
  return await findIds(ledger, LEDGER_INDEX.byTenantDay, LEDGER_KEYS.tenantDay, tenantDay(tenant, day), limit);
}

/**
 * Changes the notes on a message, whether or not the ledger knows the message itself; `null` takes a note away.
 */
export async function noteMessage(
  ledger: Ledger,
  id: QueueId,
  change: { readonly [K in keyof MessageNotes]?: MessageNotes[K] | null },
  nowMs: number,
): Promise<void> {
  const names: Record<string, string> = { "#ttl": LEDGER_KEYS.ttl };
  const values: Record<string, unknown> = { ":ttl": Math.floor(nowMs / 1000) + NOTES_DAYS * 86_400 };
  const set = ["#ttl = :ttl"];
  const remove: string[] = [];
  for (const [note, value] of Object.entries(change)) {
    if (value === undefined) continue;
    names[`#${note}`] = note;
    if (value === null) remove.push(`#${note}`);
    else {
      values[`:${note}`] = value;
      set.push(`#${note} = :${note}`);
    }
  }
  await ledger.client.send(
    new UpdateItemCommand({
      TableName: ledger.table,
      Key: { [LEDGER_KEYS.partition]: { S: messagePartition(id) }, [LEDGER_KEYS.sort]: { S: NOTES_SORT } },
      UpdateExpression: `SET ${set.join(", ")}${remove.length > 0 ? ` REMOVE ${remove.join(", ")}` : ""}`,
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: marshall(values),
    }),
  );
}

/** Counts one more invocation that begins, and returns how many have begun since one ended in order. */
export async function noteStart(ledger: Ledger, id: QueueId, nowMs: number): Promise<number> {
  const { Attributes } = await ledger.client.send(
    new UpdateItemCommand({
      TableName: ledger.table,
      Key: { [LEDGER_KEYS.partition]: { S: messagePartition(id) }, [LEDGER_KEYS.sort]: { S: NOTES_SORT } },
      UpdateExpression: "SET #ttl = :ttl ADD starts :one",
      ExpressionAttributeNames: { "#ttl": LEDGER_KEYS.ttl },
      ExpressionAttributeValues: {
        ":one": { N: "1" },
        ":ttl": { N: String(Math.floor(nowMs / 1000) + NOTES_DAYS * 86_400) },
      },
      ReturnValues: "UPDATED_NEW",
    }),
  );
  return Number(Attributes?.["starts"]?.N ?? 0);
}

/**
 * Adds to the notes on a message that a further copy of it is about to be sent. Called again for the same copy it may
 * stand there twice.
 */
export async function noteResend(
  ledger: Ledger,
  message: Pick<MessageRecord, "id" | "expiresAt">,
  copy: ResendNote,
): Promise<void> {
  const daysOn = Math.floor(Date.parse(copy.at) / 1000) + NOTES_DAYS * 86_400;
  await ledger.client.send(
    new UpdateItemCommand({
      TableName: ledger.table,
      Key: { [LEDGER_KEYS.partition]: { S: messagePartition(message.id) }, [LEDGER_KEYS.sort]: { S: NOTES_SORT } },
      UpdateExpression: "SET #ttl = :ttl, resends = list_append(if_not_exists(resends, :none), :one)",
      ExpressionAttributeNames: { "#ttl": LEDGER_KEYS.ttl },
      ExpressionAttributeValues: marshall({
        ":ttl": Math.max(daysOn, message.expiresAt),
        ":none": [],
        ":one": [copy],
      }),
    }),
  );
}

/** Longer than any message is kept in the spool. */
const NOTES_DAYS = 90;
/** Sort key of the message's own record. */
export const MESSAGE_SORT = "m";
const NOTES_SORT = "n";

/** Partition of a message. */
export function messagePartition(id: QueueId): string {
  return `m#${id}`;
}

/** Sort key of a recipient. */
export function recipientSort(index: number): string {
  return `r#${String(index).padStart(5, "0")}`;
}

/** Key, in the index by tenant and day, of recipients who did not get their mail. `time`: RFC 3339, or its day alone. */
export function failedDay(tenant: string, time: string): string {
  return `${tenantDay(tenant, time)}#failed`;
}

/** Key of a tenant's day in the index: `time` is RFC 3339, or its day alone. */
export function tenantDay(tenant: string, time: string): string {
  return `${tenant}#${time.slice(0, 10)}`;
}

async function putIf(
  ledger: Ledger,
  condition: string,
  values: Record<string, AttributeValue>,
  item: Record<string, unknown>,
): Promise<boolean> {
  try {
    await ledger.client.send(
      new PutItemCommand({
        TableName: ledger.table,
        Item: marshall(item, { removeUndefinedValues: true }),
        ConditionExpression: condition,
        ...(Object.keys(values).length === 0 ? {} : { ExpressionAttributeValues: values }),
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

async function findIds(ledger: Ledger, index: string, key: string, value: string, limit: number): Promise<QueueId[]> {
  if (!isPartitionKey(value)) return [];
  const ids = new Set<QueueId>();
  const pages = paginateQuery(
    { client: ledger.client },
    {
      TableName: ledger.table,
      IndexName: index,
      KeyConditionExpression: "#k = :v",
      ExpressionAttributeNames: { "#k": key },
      ExpressionAttributeValues: { ":v": { S: value } },
      ScanIndexForward: false,
      Limit: limit,
    },
  );
  for await (const page of pages) {
    for (const item of page.Items ?? []) {
      const id = parseQueueId((item[LEDGER_KEYS.partition]?.S ?? "").slice(2));
      if (id !== undefined) ids.add(id);
    }
    if (ids.size >= limit) break;
  }
  return [...ids].slice(0, limit);
}
