import { createRequire } from "node:module";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { atomicWrites, type DynaliteStore, finishTableChanges } from "../../lib/local/dynamodb-store.ts";

type Action = (store: DynaliteStore, input: object, callback: (error: unknown, value: unknown) => void) => void;

const require = createRequire(import.meta.url);
const KEY = { pk: { S: "p" } };

let store: DynaliteStore;
/** Keys written, one list per write to the database. */
let writes: string[][];

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
