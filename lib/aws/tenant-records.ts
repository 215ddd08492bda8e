/**
 * All that the ledger holds of one tenant, found by reading the whole table: no index knows all of it, and a search that
 * is to prove something must not rely on what it is to prove.
 *
 * Cost:     a read unit for each 4 KB of the table (half without `consistent`): 0.3 dollars for 10 GB.
 * Failure:  throws what DynamoDB throws, or when it keeps back part of a batch again and again.
 */

import {
  type AttributeValue,
  BatchGetItemCommand,
  BatchWriteItemCommand,
  paginateQuery,
  paginateScan,
} from "@aws-sdk/client-dynamodb";
import { type ErasureKind, erasureKindOf, ledgerSearch } from "../core/erasure.ts";
import { LEDGER_KEYS } from "../core/names.ts";
import { parseQueueId, type QueueId } from "../core/queue-id.ts";
import { type Ledger, MESSAGE_SORT, messagePartition } from "./ledger-dynamo.ts";

/** An item of the tenant. */
export interface TenantItem {
  readonly kind: ErasureKind;
  readonly partition: string;
  readonly sort: string;
  /** Of the message that it belongs to. */
  readonly id?: QueueId;
}

/** Whose, and how it is read. */
export interface RecordSearch {
  readonly tenant: string;
  /** Messages known to be the tenant's; those that are found are added. */
  readonly ids: Set<QueueId>;
  /** See all that was written before the search began. */
  readonly consistent: boolean;
}

/** Gives the tenant's items, page by page. */
export async function* findTenantItems(ledger: Ledger, search: RecordSearch): AsyncGenerator<TenantItem[]> {
  const { filter, names, values } = ledgerSearch(search.tenant);
  const pages = paginateScan(
    { client: ledger.client },
    {
      TableName: ledger.table,
      ConsistentRead: search.consistent,
      FilterExpression: filter,
      ProjectionExpression: "#pk, #sk, #tenant, #body, #record.#tenant",
      ExpressionAttributeNames: { ...names, "#sk": LEDGER_KEYS.sort },
      ExpressionAttributeValues: Object.fromEntries(
        Object.entries(values).map(([name, value]) => [name, { S: value }]),
      ),
    },
  );
  for await (const page of pages) {
    const found: TenantItem[] = [];
    for (const item of page.Items ?? []) {
      const partition = item[LEDGER_KEYS.partition]?.S ?? "";
      const sort = item[LEDGER_KEYS.sort]?.S ?? "";
      const tenant = item["record"]?.M?.["tenant"]?.S ?? item["tenant"]?.S;
      const body = item["body"]?.S;
      const trace = {
        partition,
        sort,
        ...(tenant === undefined ? {} : { tenant }),
        ...(body === undefined ? {} : { body }),
      };
      const kind = erasureKindOf(trace, search.tenant, search.ids);
      if (kind === undefined) continue;
      if (kind.id !== undefined) search.ids.add(kind.id);
      found.push({ ...kind, partition, sort });
    }
    yield found;
  }
}

/** The items of one message, whoever's it is. */
export async function findMessageItems(ledger: Ledger, id: QueueId): Promise<TenantItem[]> {
  const items: TenantItem[] = [];
  const partition = messagePartition(id);
  const pages = paginateQuery(
    { client: ledger.client },
    {
      TableName: ledger.table,
      ConsistentRead: true,
      KeyConditionExpression: "#pk = :p",
      ProjectionExpression: "#sk",
      ExpressionAttributeNames: { "#pk": LEDGER_KEYS.partition, "#sk": LEDGER_KEYS.sort },
      ExpressionAttributeValues: { ":p": { S: partition } },
    },
  );
  for await (const page of pages) {
    for (const item of page.Items ?? []) {
      const sort = item[LEDGER_KEYS.sort]?.S ?? "";
      const kind = erasureKindOf({ partition, sort }, "", new Set([id]));
      if (kind !== undefined) items.push({ ...kind, partition, sort });
    }
  }
  return items;
}

/** Deletes items. They may be gone already. */
export async function deleteItems(
  ledger: Ledger,
  items: readonly Pick<TenantItem, "partition" | "sort">[],
): Promise<void> {
  for (let start = 0; start < items.length; start += WRITES_MAX) {
    let wanted = items.slice(start, start + WRITES_MAX).map(({ partition, sort }) => ({
      DeleteRequest: { Key: { [LEDGER_KEYS.partition]: { S: partition }, [LEDGER_KEYS.sort]: { S: sort } } },
    }));
    for (let round = 0; wanted.length > 0; round++) {
      if (round === ROUNDS_MAX) throw new Error("the ledger keeps back part of a batch");
      const { UnprocessedItems } = await ledger.client.send(
        new BatchWriteItemCommand({ RequestItems: { [ledger.table]: wanted } }),
      );
      wanted = (UnprocessedItems?.[ledger.table] ?? []) as typeof wanted;
    }
  }
}

/** Which of these messages the ledger knows, and whose they are. */
export async function messageTenants(ledger: Ledger, ids: readonly QueueId[]): Promise<Map<QueueId, string>> {
  const tenants = new Map<QueueId, string>();
  for (let start = 0; start < ids.length; start += READS_MAX) {
    let wanted: Record<string, AttributeValue>[] = ids.slice(start, start + READS_MAX).map((id) => ({
      [LEDGER_KEYS.partition]: { S: messagePartition(id) },
      [LEDGER_KEYS.sort]: { S: MESSAGE_SORT },
    }));
    for (let round = 0; wanted.length > 0; round++) {
      if (round === ROUNDS_MAX) throw new Error("the ledger keeps back part of a batch");
      const { Responses, UnprocessedKeys } = await ledger.client.send(
        new BatchGetItemCommand({
          RequestItems: {
            [ledger.table]: {
              Keys: wanted,
              ProjectionExpression: "#id, #record.#tenant",
              ExpressionAttributeNames: { "#id": LEDGER_KEYS.id, "#record": "record", "#tenant": "tenant" },
            },
          },
        }),
      );
      for (const item of Responses?.[ledger.table] ?? []) {
        const id = parseQueueId(item[LEDGER_KEYS.id]?.S ?? "");
        const tenant = item["record"]?.M?.["tenant"]?.S;
        if (id !== undefined && tenant !== undefined) tenants.set(id, tenant);
      }
      wanted = UnprocessedKeys?.[ledger.table]?.Keys ?? [];
    }
  }
  return tenants;
}

/** DynamoDB takes at most these many in one batch. */
const WRITES_MAX = 25;
const READS_MAX = 100;
const ROUNDS_MAX = 8;
