/**
 * Counts the request units of DynamoDB calls seen on the wire, as AWS bills them on demand.
 *
 * The local DynamoDB tells no units for writes to indexes, so all are computed: of a put by the larger of the item before
 * and after, plus that of each index entry that comes, goes or changes (all of them hold keys only); of a
 * read by the items it returned. A refused condition costs what the write would have.
 */

import { type DynamoDbItem, itemBytes, readUnits, writeUnits } from "./dynamodb-units.ts";

/** An index: which attributes of an item make its entry. */
export interface MeteredIndex {
  readonly name: string;
  readonly keys: readonly string[];
}

/** Units so far, and the largest item seen of each kind. */
export interface DynamoDbUnits {
  writeUnits: number;
  /** Of them, those of index entries. */
  indexWriteUnits: number;
  readUnits: number;
  writes: number;
  reads: number;
  /** Octets by sort key (its part before any digit) of the largest item put. */
  largestItems: Map<string, number>;
}

interface Asked {
  readonly Item?: DynamoDbItem;
  readonly Key?: DynamoDbItem;
  readonly ExpressionAttributeValues?: DynamoDbItem;
  readonly ConsistentRead?: boolean;
  readonly RequestItems?: Readonly<Record<string, { readonly Keys: readonly DynamoDbItem[] }>>;
}

interface Told {
  readonly __type?: string;
  readonly Item?: DynamoDbItem;
  readonly Items?: DynamoDbItem[];
  readonly Responses?: Readonly<Record<string, DynamoDbItem[]>>;
}

/** What DynamoDB charges of storage for each item and each index entry beside its octets (pricing page, "Data storage"). */
const ITEM_OVERHEAD_BYTES = 100;

/** Counts one table. */
export class DynamoDbMeter {
  readonly units: DynamoDbUnits = {
    writeUnits: 0,
    indexWriteUnits: 0,
    readUnits: 0,
    writes: 0,
    reads: 0,
    largestItems: new Map(),
  };
  readonly #tableKeys: readonly string[];
  readonly #indexes: readonly MeteredIndex[];
  readonly #items = new Map<string, DynamoDbItem>();

  constructor(tableKeys: readonly string[], indexes: readonly MeteredIndex[]) {
    this.#tableKeys = tableKeys;
    this.#indexes = indexes;
  }

  /** Octets of all items that were put, as they are now, with their index entries and what DynamoDB adds to each of both. */
  keptBytes(): number {
    let bytes = 0;
    for (const item of this.#items.values()) {
      const entries = this.#indexes.map(({ keys }) => entryOf(item, keys, this.#tableKeys)?.bytes);
      for (const part of [itemBytes(item), ...entries]) bytes += part === undefined ? 0 : part + ITEM_OVERHEAD_BYTES;
    }
    return bytes;
  }

  /** Counts a call by its bodies. Throws for an operation that it cannot count. */
  count(operation: string, request: Buffer, answer: Buffer): void {
    const asked = JSON.parse(request.toString()) as Asked;
    const told = JSON.parse(answer.toString()) as Told;
    if (operation === "PutItem" && asked.Item !== undefined) this.#put(asked.Item, told.__type === undefined);
    else if (operation === "GetItem" || operation === "Query") {
      const items = told.Items ?? (told.Item === undefined ? [] : [told.Item]);
      const bytes = items.reduce((sum, item) => sum + itemBytes(item), 0);
      this.units.reads += 1;
      this.units.readUnits += readUnits(bytes, asked.ConsistentRead === true);
    } else if (operation === "BatchGetItem") {
      // Each item for itself, also one that is not there.
      const items = Object.values(told.Responses ?? {}).flat();
      const keys = Object.values(asked.RequestItems ?? {}).flatMap(({ Keys }) => Keys);
      this.units.reads += 1;
      for (const item of items) this.units.readUnits += readUnits(itemBytes(item), false);
      this.units.readUnits += (keys.length - items.length) * readUnits(0, false);
    } else if (operation === "UpdateItem") {
      // The items that are updated are small counters: key and new values are about all there is in them.
      this.units.writes += 1;
      this.units.writeUnits += writeUnits(itemBytes({ ...asked.Key, ...asked.ExpressionAttributeValues }));
    } else throw new Error(`${operation} is not metered`);
  }

  #put(item: DynamoDbItem, done: boolean): void {
    const key = keyOf(item, this.#tableKeys);
    const before = this.#items.get(key);
    const bytes = itemBytes(item);
    this.units.writes += 1;
    this.units.writeUnits += writeUnits(Math.max(bytes, before === undefined ? 0 : itemBytes(before)));
    if (!done) return;
    this.#items.set(key, item);
    const kind = /^\D*/.exec(String(item["sk"]?.["S"]))?.[0] ?? "";
    this.units.largestItems.set(kind, Math.max(bytes, this.units.largestItems.get(kind) ?? 0));
    for (const { keys } of this.#indexes) {
      const entries = [before, item].map((version) => entryOf(version, keys, this.#tableKeys));
      if (entries[0]?.key === entries[1]?.key) continue;
      for (const entry of entries) {
        if (entry === undefined) continue;
        this.units.indexWriteUnits += writeUnits(entry.bytes);
        this.units.writeUnits += writeUnits(entry.bytes);
      }
    }
  }
}

function keyOf(item: DynamoDbItem, attributes: readonly string[]): string {
  return attributes.map((attribute) => JSON.stringify(item[attribute])).join(" ");
}

/** The entry that an item has in an index; undefined when it has none. */
function entryOf(
  item: DynamoDbItem | undefined,
  indexKeys: readonly string[],
  tableKeys: readonly string[],
): { readonly key: string; readonly bytes: number } | undefined {
  if (item === undefined || indexKeys.some((attribute) => item[attribute] === undefined)) return undefined;
  const attributes = [...new Set([...indexKeys, ...tableKeys])];
  const entry = Object.fromEntries(attributes.map((attribute) => [attribute, item[attribute] ?? {}]));
  return { key: keyOf(entry, attributes), bytes: itemBytes(entry) };
}
