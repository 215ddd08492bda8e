import { createRequire } from "node:module";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  atomicWrites,
  type DynaliteStore,
  finishTableChanges,
  rememberTables,
  type StoredTable,
} from "../../lib/local/dynamodb-store.ts";

type Action = (store: DynaliteStore, input: object, callback: (error: unknown, value: unknown) => void) => void;

const require = createRequire(import.meta.url);
const KEY = { pk: { S: "p" } };

let store: DynaliteStore;
/** Keys written, one list per write to the database. */
let writes: string[][];
/** What really puts a record. */
let put: DynaliteStore["db"]["put"];

beforeEach(async () => {
  const dynalite = require("dynalite/db") as { create(options: object): DynaliteStore };
  store = dynalite.create({ createTableMs: 0 });
  await store.db.put("table~mail", {
    TableName: "mail",
    TableStatus: "ACTIVE",
    AttributeDefinitions: ["pk", "tenant", "day"].map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
    KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
    GlobalSecondaryIndexes: ["tenant", "day"].map((AttributeName) => ({
      IndexName: `by-${AttributeName}`,
      KeySchema: [{ AttributeName, KeyType: "HASH" }],
      Projection: { ProjectionType: "KEYS_ONLY" },
    })),
  });
  writes = [];
  const { db } = store;
  const batch = db.batch.bind(db);
  put = db.put.bind(db);
  db.batch = (operations, callback) => {
    writes.push(operations.map(({ type, key }) => `${type} ${key.replace(/~[0-9a-f]{6}\/.*/, "")}`));
    batch(operations, callback);
  };
  db.put = async (key) => {
    writes.push([`put ${key}, alone`]);
    await Promise.resolve();
  };
});

afterEach(async () => {
  await store.db.close();
});

async function act(name: string, input: object): Promise<void> {
  const action = require(`dynalite/actions/${name}`) as Action;
  await new Promise<void>((resolve, reject) => {
    action(atomicWrites(store), { TableName: "mail", ...input }, (error) =>
      error === null || error === undefined ? resolve() : reject(error),
    );
  });
}

describe("atomicWrites", () => {
  it("writes a new item and its index entries in one batch", async () => {
    await act("putItem", { Item: { ...KEY, tenant: { S: "demo" }, day: { S: "1" } } });
    expect(writes).toEqual([["put index-global~mail~by-tenant", "put index-global~mail~by-day", "put item-mail"]]);
  });

  it("moves an item from one place of an index to another in one batch", async () => {
    await act("putItem", { Item: { ...KEY, tenant: { S: "demo" } } });
    await act("updateItem", { Key: KEY, AttributeUpdates: { tenant: { Action: "PUT", Value: { S: "other" } } } });
    expect(writes[1]).toEqual(["del index-global~mail~by-tenant", "put index-global~mail~by-tenant", "put item-mail"]);
  });

  it("deletes an item and its index entries in one batch", async () => {
    await act("putItem", { Item: { ...KEY, day: { S: "1" } } });
    await act("deleteItem", { Key: KEY });
    expect(writes[1]).toEqual(["del index-global~mail~by-day", "del item-mail"]);
  });

  it("keeps the items of a BatchWriteItem apart, each with its own entries", async () => {
    const put = (pk: string) => ({ PutRequest: { Item: { pk: { S: pk }, tenant: { S: "demo" } } } });
    await act("batchWriteItem", { RequestItems: { mail: [put("a"), put("b")] } });
    expect(writes).toEqual(Array.from({ length: 2 }, () => ["put index-global~mail~by-tenant", "put item-mail"]));
  });
});

describe("finishTableChanges", () => {
  async function statuses(): Promise<string[]> {
    const found: string[] = [];
    for await (const [, table] of store.db.iterator({ gte: "table~", lt: "table~~" })) {
      found.push(`${table.TableName} ${table.TableStatus}`);
    }
    return found;
  }

  it("makes a table active whose creation was interrupted, and removes one whose deletion was", async () => {
    await store.db.close();
    const dynalite = require("dynalite/db") as { create(options: object): DynaliteStore };
    store = dynalite.create({});
    await store.db.put("table~new", { TableName: "new", TableStatus: "CREATING" });
    await store.db.put("table~old", { TableName: "old", TableStatus: "DELETING" });
    await store.db.put("item-old~k", {});
    await store.db.put("index-global~old~by-tenant~k", {});
    await finishTableChanges(store);
    expect(await statuses()).toEqual(["new ACTIVE"]);
    const left: string[] = [];
    for await (const [key] of store.db.iterator({ gte: "", lt: "~" })) left.push(key);
    expect(left).toEqual(["table~new"]);
  });
});

describe("rememberTables", () => {
  beforeEach(() => {
    store.db.put = put;
  });

  const described = async (view: DynaliteStore): Promise<StoredTable | undefined> =>
    await new Promise((resolve) => view.getTable("mail", (_error, table) => resolve(table)));
  const change = async (table: StoredTable): Promise<void> =>
    await new Promise((resolve) => store.tableDb.put("mail", table, () => resolve()));

  it("reads a description once, and again when it has been written or removed", async () => {
    const view = rememberTables(store);
    const first = await described(view);
    if (first === undefined) throw new Error("there is no table");
    expect(await described(view)).toBe(first);
    await change({ ...first, GlobalSecondaryIndexes: [] });
    expect((await described(view))?.GlobalSecondaryIndexes).toEqual([]);
    await new Promise<void>((resolve) => store.tableDb.del("mail", () => resolve()));
    expect(await described(view)).toBeUndefined();
  });

  it("does not keep what was read before another was written and came after", async () => {
    const answers: (() => void)[] = [];
    const late: DynaliteStore = {
      ...store,
      getTable: (name, mustBeActive, callback) =>
        store.getTable(name, mustBeActive, (error, table) => {
          answers.push(() => callback?.(error, table));
        }),
    };
    const view = rememberTables(late);
    const reading = described(view);
    await change({ TableName: "mail", TableStatus: "ACTIVE" });
    await expect.poll(() => answers.length).toBe(1);
    answers.shift()?.();
    expect(await reading).toHaveProperty("GlobalSecondaryIndexes");
    const again = described(view);
    await expect.poll(() => answers.length).toBe(1);
    answers.shift()?.();
    expect(await again).not.toHaveProperty("GlobalSecondaryIndexes");
  });

  it("does not keep a table that is being made", async () => {
    const view = rememberTables(store);
    await change({ TableName: "mail", TableStatus: "CREATING" });
    expect((await described(view))?.TableStatus).toBe("CREATING");
    // As what was left half done is finished at the start, past the store.
    await store.db.put("table~mail", { TableName: "mail", TableStatus: "ACTIVE" });
    expect((await described(view))?.TableStatus).toBe("ACTIVE");
  });
});
