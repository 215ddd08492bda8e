/**
 * The directory table: rows by key, for the edge; rows of a tenant, for the CLI.
 *
 * Reads are eventually consistent: a change works within the cache time of the edge in any case. Every function
 * throws the SDK's error when the table cannot be asked; callers turn that into a 4xx.
 */

import {
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { type DirectoryRow, directoryKey } from "../core/directory.ts";
import { parseDirectoryRow } from "../core/directory-row.ts";
import { DIRECTORY_INDEX, DIRECTORY_KEYS } from "../core/names.ts";

/** The directory table and a client for it. */
export interface Directory {
  readonly client: DynamoDBClient;
  readonly table: string;
}

/** DynamoDB takes at most this many keys in one BatchGetItem. */
const BATCH_KEYS_MAX = 100;

/** Reads one row. `signal` ends the request; it then throws. */
export async function readRow(
  directory: Directory,
  key: string,
  signal?: AbortSignal,
): Promise<DirectoryRow | undefined> {
  const { Item } = await directory.client.send(
    new GetItemCommand({ TableName: directory.table, Key: { [DIRECTORY_KEYS.partition]: { S: key } } }),
    signal === undefined ? {} : { abortSignal: signal },
  );
  return Item === undefined ? undefined : parseDirectoryRow(unmarshall(Item));
}

/** Reads several rows; those that do not exist are left out. Throws when DynamoDB keeps some back. */
export async function readRows(
  directory: Directory,
  keys: readonly string[],
  signal?: AbortSignal,
): Promise<DirectoryRow[]> {
  const rows: DirectoryRow[] = [];
  for (let start = 0; start < keys.length; start += BATCH_KEYS_MAX) {
    let wanted = keys.slice(start, start + BATCH_KEYS_MAX).map((key) => ({ [DIRECTORY_KEYS.partition]: { S: key } }));
    for (let round = 0; wanted.length > 0; round++) {
      if (round === 5) throw new Error("the directory keeps back part of a batch");
      const { Responses, UnprocessedKeys } = await directory.client.send(
        new BatchGetItemCommand({ RequestItems: { [directory.table]: { Keys: wanted } } }),
        signal === undefined ? {} : { abortSignal: signal },
      );
      for (const item of Responses?.[directory.table] ?? []) {
        const row = parseDirectoryRow(unmarshall(item));
        if (row !== undefined) rows.push(row);
      }
      wanted = (UnprocessedKeys?.[directory.table]?.Keys ?? []).map((key) => ({
        [DIRECTORY_KEYS.partition]: { S: key[DIRECTORY_KEYS.partition]?.S ?? "" },
      }));
    }
  }
  return rows;
}

/** Writes a row whole. */
export async function writeRow(directory: Directory, row: DirectoryRow): Promise<void> {
  const item = { ...row, [DIRECTORY_KEYS.partition]: directoryKey(row), [DIRECTORY_KEYS.tenant]: tenantOf(row) };
  await directory.client.send(
    new PutItemCommand({ TableName: directory.table, Item: marshall(item, { removeUndefinedValues: true }) }),
  );
}

/**
 * Changes single attributes of a row that is there, and leaves those of other writers alone; undefined removes one.
 * False: there is no such row.
 */
export async function changeRow(
  directory: Directory,
  key: string,
  changes: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  const names: Record<string, string> = { "#pk": DIRECTORY_KEYS.partition };
  const values: Record<string, unknown> = {};
  const sets: string[] = [];
  const removes: string[] = [];
  for (const [index, [name, value]] of Object.entries(changes).entries()) {
    names[`#n${index}`] = name;
    if (value === undefined) {
      removes.push(`#n${index}`);
    } else {
      sets.push(`#n${index} = :v${index}`);
      values[`:v${index}`] = value;
    }
  }
  const set = sets.length > 0 ? `SET ${sets.join(", ")}` : "";
  const remove = removes.length > 0 ? `REMOVE ${removes.join(", ")}` : "";
  try {
    await directory.client.send(
      new UpdateItemCommand({
        TableName: directory.table,
        Key: { [DIRECTORY_KEYS.partition]: { S: key } },
        UpdateExpression: `${set} ${remove}`.trim(),
        ConditionExpression: "attribute_exists(#pk)",
        ExpressionAttributeNames: names,
        ...(sets.length > 0 ? { ExpressionAttributeValues: marshall(values, { removeUndefinedValues: true }) } : {}),
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/** Removes a row; no error when it is not there. */
export async function deleteRow(directory: Directory, key: string): Promise<void> {
  await directory.client.send(
    new DeleteItemCommand({ TableName: directory.table, Key: { [DIRECTORY_KEYS.partition]: { S: key } } }),
  );
}

/** All rows of one tenant. */
export async function listTenantRows(directory: Directory, tenant: string): Promise<DirectoryRow[]> {
  const rows: DirectoryRow[] = [];
  let from: Record<string, import("@aws-sdk/client-dynamodb").AttributeValue> | undefined;
  do {
    const page = await directory.client.send(
      new QueryCommand({
        TableName: directory.table,
        IndexName: DIRECTORY_INDEX.byTenant,
        KeyConditionExpression: "#t = :t",
        ExpressionAttributeNames: { "#t": DIRECTORY_KEYS.tenant },
        ExpressionAttributeValues: { ":t": { S: tenant } },
        ...(from === undefined ? {} : { ExclusiveStartKey: from }),
      }),
    );
    for (const item of page.Items ?? []) {
      const row = parseDirectoryRow(unmarshall(item));
      if (row !== undefined) rows.push(row);
    }
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
  return rows;
}

function tenantOf(row: DirectoryRow): string {
  return row.kind === "tenant" ? row.id : row.tenant;
}
