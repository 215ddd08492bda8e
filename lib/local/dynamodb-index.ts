/**
 * Adds an index to a table that is there already, which dynalite's UpdateTable takes and then forgets.
 *
 * Promise:  an index that is ACTIVE holds every item. While it is CREATING it grows: new writes go into it, and each
 *           item that was there is written again as it is. A process killed meanwhile goes on at its next start.
 */

import { RefusedRequest } from "./aws-request.ts";
import type { Callback, DynaliteStore, StoredTable } from "./dynamodb-store.ts";

/** Runs one of dynalite's operations. */
export type RunOperation = (name: string, input: Record<string, unknown>) => Promise<object>;

type StoredIndex = NonNullable<StoredTable["GlobalSecondaryIndexes"]>[number];

/** Serves UpdateTable where it creates indexes; undefined: it creates none, and is dynalite's to serve. */
export async function createIndexes(
  store: DynaliteStore,
  run: RunOperation,
  input: Record<string, unknown>,
): Promise<object | undefined> {
  const updates = (input["GlobalSecondaryIndexUpdates"] ?? []) as readonly { readonly Create?: StoredIndex }[];
  const wanted = updates.map(({ Create }) => Create).filter((index) => index !== undefined);
  if (wanted.length === 0) return undefined;
  const name = String(input["TableName"]);
  const table = await storedTable(store, name);
  const created = wanted.map((index) => ({
    ProvisionedThroughput: { ReadCapacityUnits: 0, WriteCapacityUnits: 0, NumberOfDecreasesToday: 0 },
    IndexSizeBytes: 0,
    ItemCount: 0,
    ...index,
    IndexStatus: "CREATING",
  }));
  table.GlobalSecondaryIndexes = [...(table.GlobalSecondaryIndexes ?? []), ...created];
  const attributes = input["AttributeDefinitions"];
  if (attributes !== undefined) table.AttributeDefinitions = attributes;
  await putTable(store, table);
  await fillIndexes(store, run, name);
  return { TableDescription: table };
}

/** Fills the indexes of a table that are still being made; does nothing when there are none. */
export async function fillIndexes(store: DynaliteStore, run: RunOperation, name: string): Promise<void> {
  const table = await storedTable(store, name);
  const unfinished = (table.GlobalSecondaryIndexes ?? []).filter(({ IndexStatus }) => IndexStatus === "CREATING");
  if (unfinished.length === 0 || table.TableStatus !== "ACTIVE") return;
  let from: unknown;
  do {
    const page = (await run("Scan", {
      TableName: name,
      ...(from === undefined ? {} : { ExclusiveStartKey: from }),
    })) as {
      readonly Items?: readonly object[];
      readonly LastEvaluatedKey?: unknown;
    };
    for (const item of page.Items ?? []) {
      try {
        await run("PutItem", { TableName: name, Item: item });
      } catch (error) {
        // What cannot be a key of the new index is not in it, as on AWS, and stays in the table.
        if (!(error instanceof RefusedRequest)) throw error;
      }
    }
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
  for (const index of unfinished) index.IndexStatus = "ACTIVE";
  await putTable(store, table);
}

async function storedTable(store: DynaliteStore, name: string): Promise<StoredTable> {
  return await new Promise((resolve, reject) => {
    store.getTable(name, false, (error, table) => {
      if (error !== null && error !== undefined) reject(error);
      else if (table === undefined) reject(new Error(`there is no table ${name}`));
      else resolve(table);
    });
  });
}

async function putTable(store: DynaliteStore, table: StoredTable): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const done: Callback<void> = (error) => (error === null || error === undefined ? resolve() : reject(error));
    store.tableDb.put(table.TableName, table, done);
  });
}
