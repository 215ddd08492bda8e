/**
 * The books in the ledger table: what each tenant has used, by day, and which stretches of time are to be counted again.
 *
 * Numbers are never raised, only made anew from the records and put in the place of older ones, so nothing can be counted
 * twice. `u#<tenant>#<month>` holds a month (one item for each day and scope), `v#<tenant>#<day>` the slots of ten
 * minutes that a day is the sum of, `w#usage` the announcements of changes. Throws what DynamoDB throws.
 */

import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  PutItemCommand,
  paginateQuery,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { LEDGER_KEYS } from "../core/names.ts";
import type { QueueId } from "../core/queue-id.ts";
import {
  addUsage,
  announceUntil,
  type DirtySlot,
  fromCounts,
  NO_USAGE,
  parseScopeKey,
  scopeKey,
  toCounts,
  USAGE_CHANGE_MS,
  type UsageByScope,
  type UsageCounts,
  type UsageRow,
  usageSlot,
} from "../core/usage.ts";
import { batchRead } from "./batch-read.ts";
import type { Ledger } from "./ledger-dynamo.ts";

/**
 * What a tenant used in a month (`2026-11`, UTC), by day, then scope and name. Behind by ten minutes or so: what happened
 * since the last count is missing, and nothing is in it twice.
 */
export async function readUsage(ledger: Ledger, tenant: string, month: string): Promise<UsageRow[]> {
  const items = await queryAll(ledger, monthPartition(tenant, month), undefined, false);
  const rows = items.flatMap((item): UsageRow[] => {
    const found = /^(\d\d)#(.+)$/.exec(String(item[LEDGER_KEYS.sort]));
    const scope = parseScopeKey(found?.[2] ?? "");
    return scope === undefined ? [] : [{ day: `${month}-${found?.[1]}`, ...scope, counts: countsOf(item) }];
  });
  const order = (row: UsageRow): string => `${row.day} ${scopeKey(row.scope, row.name)}`;
  return rows.toSorted((a, b) => (order(a) < order(b) ? -1 : 1));
}

/** What each day brought for all these tenants together, one number set for each of the days; behind as `readUsage` is. */
export async function readDailyTotals(
  ledger: Ledger,
  tenants: readonly string[],
  days: readonly string[],
): Promise<Map<string, UsageCounts>> {
  const totals = new Map(days.map((day) => [day, NO_USAGE]));
  const keys = tenants.flatMap((tenant) =>
    days.map((day) => key(monthPartition(tenant, day.slice(0, 7)), `${day.slice(8)}#${scopeKey("tenant", "")}`)),
  );
  await batchRead(ledger.client, ledger.table, keys, (raw) => {
    const item = unmarshall(raw);
    const month = String(item[LEDGER_KEYS.partition]).slice(-7);
    const day = `${month}-${String(item[LEDGER_KEYS.sort]).slice(0, 2)}`;
    totals.set(day, addUsage(totals.get(day) ?? NO_USAGE, countsOf(item)));
  });
  return totals;
}

/** Messages of a tenant in a month, in all. */
export async function readMonthlyMessages(ledger: Ledger, tenant: string, month: string): Promise<number> {
  const rows = await readUsage(ledger, tenant, month);
  return rows.reduce((sum, { scope, counts }) => (scope === "tenant" ? sum + counts.messages : sum), 0);
}

/** Announces that records change, once for each slot and process as far as that is enough. */
export class UsageMarker {
  readonly #ledger: Ledger;
  readonly #untilMs = new Map<string, number>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** To be awaited before a change is taken for made: before the queue's message is deleted. */
  async announce(tenant: string, id: QueueId, nowMs: number): Promise<void> {
    const slotMs = usageSlot(id);
    const sort = `${tenant}#${slotMs}`;
    if ((this.#untilMs.get(sort) ?? 0) >= nowMs + USAGE_CHANGE_MS) return;
    const untilMs = announceUntil(slotMs, nowMs);
    try {
      await this.#ledger.client.send(
        new UpdateItemCommand({
          TableName: this.#ledger.table,
          Key: key(DIRTY_PARTITION, sort),
          UpdateExpression:
            "SET untilMs = :u, countedAtMs = if_not_exists(countedAtMs, :now), tenant = :t, slotMs = :s",
          ConditionExpression: "attribute_not_exists(untilMs) OR untilMs < :u",
          ExpressionAttributeValues: marshall({ ":u": untilMs, ":now": nowMs, ":t": tenant, ":s": slotMs }),
        }),
      );
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error; // somebody announced it for longer
    }
    if (this.#untilMs.size >= MARKS_MAX) this.#untilMs.clear();
    this.#untilMs.set(sort, untilMs);
  }
}

/** Announced slots, in order of tenant and time. */
export async function listDirtySlots(ledger: Ledger): Promise<DirtySlot[]> {
  const items = await queryAll(ledger, DIRTY_PARTITION, undefined, true);
  return items.map((item) => ({
    tenant: String(item["tenant"]),
    slotMs: Number(item["slotMs"]),
    untilMs: Number(item["untilMs"]),
    countedAtMs: Number(item["countedAtMs"]),
  }));
}

/** Takes an announcement away unless it was made anew meanwhile. */
export async function clearDirtySlot(ledger: Ledger, slot: DirtySlot): Promise<void> {
  await ifUnchanged(() =>
    ledger.client.send(
      new DeleteItemCommand({
        TableName: ledger.table,
        Key: key(DIRTY_PARTITION, `${slot.tenant}#${slot.slotMs}`),
        ConditionExpression: "untilMs = :u",
        ExpressionAttributeValues: marshall({ ":u": slot.untilMs }),
      }),
    ),
  );
}

/** Notes that an announced slot has been counted by a count that began at this time. */
export async function noteSlotCounted(ledger: Ledger, slot: DirtySlot, countedAtMs: number): Promise<void> {
  await ifUnchanged(() =>
    ledger.client.send(
      new UpdateItemCommand({
        TableName: ledger.table,
        Key: key(DIRTY_PARTITION, `${slot.tenant}#${slot.slotMs}`),
        UpdateExpression: "SET countedAtMs = :c",
        ConditionExpression: "attribute_exists(untilMs)",
        ExpressionAttributeValues: marshall({ ":c": countedAtMs }),
      }),
    ),
  );
}

/** A count: its numbers, when it began (epoch milliseconds), and when it may vanish (epoch seconds). */
export interface SlotCount {
  readonly tenant: string;
  readonly day: string;
  readonly slotMs: number;
  readonly usage: UsageByScope;
  readonly countedAtMs: number;
  readonly expiresAt: number;
}

/**
 * Puts a count in the place of an older one. A count that began earlier never replaces a later one, and neither does one
 * with fewer messages: messages do not unhappen, so their records have expired or were erased.
 */
export async function writeSlot(ledger: Ledger, slot: SlotCount): Promise<void> {
  const entries = [...slot.usage];
  for (let part = 0; part * PART_SCOPES < entries.length; part++) {
    const scopes = entries.slice(part * PART_SCOPES, (part + 1) * PART_SCOPES);
    const item = {
      ...plainKey(dayPartition(slot.tenant, slot.day), `${slot.slotMs}#${part}`),
      [LEDGER_KEYS.ttl]: slot.expiresAt,
      countedAtMs: slot.countedAtMs,
      messages: slot.usage.get(scopeKey("tenant", ""))?.messages ?? 0,
      scopes: Object.fromEntries(scopes.map(([scope, counts]) => [scope, fromCounts(counts)])),
    };
    await putCount(ledger, item);
  }
}

/** The slots of a day as they were counted last. */
export async function readSlots(ledger: Ledger, tenant: string, day: string): Promise<UsageByScope[]> {
  return (await readCountedSlots(ledger, tenant, day)).map(({ usage }) => usage);
}

/** As `readSlots`, with which slot it is and when its count began; a slot of very many scopes comes in parts. */
export async function readCountedSlots(
  ledger: Ledger,
  tenant: string,
  day: string,
): Promise<Pick<SlotCount, "slotMs" | "usage" | "countedAtMs">[]> {
  const items = await queryAll(ledger, dayPartition(tenant, day), undefined, true);
  return items.map((item) => {
    const scopes = item["scopes"] as Readonly<Record<string, readonly number[]>>;
    return {
      slotMs: Number.parseInt(String(item[LEDGER_KEYS.sort]), 10),
      countedAtMs: Number(item["countedAtMs"]),
      usage: new Map(Object.entries(scopes).map(([scope, list]) => [scope, toCounts(list)])),
    };
  });
}

/** Puts the numbers of a day in the place of older ones, where they differ. `readAtMs`: when their slots were read. */
export async function writeDay(
  ledger: Ledger,
  tenant: string,
  day: string,
  usage: UsageByScope,
  readAtMs: number,
): Promise<void> {
  const pk = monthPartition(tenant, day.slice(0, 7));
  const prefix = `${day.slice(8)}#`;
  const items = await queryAll(ledger, pk, prefix, true);
  const known = new Map(items.map((item) => [String(item[LEDGER_KEYS.sort]), countsOf(item)]));
  for (const [scope, counts] of usage) {
    const before = known.get(prefix + scope) ?? NO_USAGE;
    if (JSON.stringify(fromCounts(before)) === JSON.stringify(fromCounts(counts))) continue;
    const { messages } = counts;
    await putCount(ledger, {
      ...plainKey(pk, prefix + scope),
      countedAtMs: readAtMs,
      messages,
      counts: fromCounts(counts),
    });
  }
}

const DIRTY_PARTITION = "w#usage";
/** Scopes in one item: at 400 KB for an item, names may have 300 octets each. */
const PART_SCOPES = 800;
const MARKS_MAX = 10_000;

const dayPartition = (tenant: string, day: string): string => `v#${tenant}#${day}`;
const monthPartition = (tenant: string, month: string): string => `u#${tenant}#${month}`;

function plainKey(partition: string, sort: string): Record<string, string> {
  return { [LEDGER_KEYS.partition]: partition, [LEDGER_KEYS.sort]: sort };
}

function key(partition: string, sort: string): Record<string, AttributeValue> {
  return { [LEDGER_KEYS.partition]: { S: partition }, [LEDGER_KEYS.sort]: { S: sort } };
}

function countsOf(item: Readonly<Record<string, unknown>>): UsageCounts {
  const list = item["counts"];
  return toCounts(Array.isArray(list) ? list.map(Number) : []);
}

async function putCount(ledger: Ledger, item: Record<string, unknown>): Promise<void> {
  await ifUnchanged(() =>
    ledger.client.send(
      new PutItemCommand({
        TableName: ledger.table,
        Item: marshall(item),
        ConditionExpression: "attribute_not_exists(pk) OR (countedAtMs <= :c AND messages <= :m)",
        ExpressionAttributeValues: marshall({ ":c": item["countedAtMs"], ":m": item["messages"] }),
      }),
    ),
  );
}

/** A condition that does not hold means that somebody knows better. */
async function ifUnchanged(write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
  }
}

async function queryAll(
  ledger: Ledger,
  partition: string,
  sortPrefix: string | undefined,
  consistent: boolean,
): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  const pages = paginateQuery(
    { client: ledger.client },
    {
      TableName: ledger.table,
      ConsistentRead: consistent,
      KeyConditionExpression: sortPrefix === undefined ? "pk = :p" : "pk = :p AND begins_with(sk, :s)",
      ExpressionAttributeValues: {
        ":p": { S: partition },
        ...(sortPrefix === undefined ? {} : { ":s": { S: sortPrefix } }),
      },
    },
  );
  for await (const page of pages) {
    for (const item of page.Items ?? []) items.push(unmarshall(item));
  }
  return items;
}
