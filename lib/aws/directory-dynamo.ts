/**
 * The directory table: rows by key, for the edge; rows of a tenant, for the CLI.
 *
 * Reads are eventually consistent: a change works within the cache time of the edge in any case. Every function
 * throws the SDK's error when the table cannot be asked; callers turn that into a 4xx.
 */

import {
  type AttributeValue,
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  paginateQuery,
  paginateScan,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { type DirectoryRow, directoryKey, domainKey, type SenderDomain } from "../core/directory.ts";
import { parseDirectoryRow } from "../core/directory-row.ts";
import { DIRECTORY_INDEX, DIRECTORY_KEYS } from "../core/names.ts";
import { isPartitionKey } from "./key-sizes.ts";

/** The directory table and a client for it. */
export interface Directory {
  readonly client: DynamoDBClient;
  readonly table: string;
}

/** DynamoDB takes at most this many keys in one BatchGetItem. */
const BATCH_KEYS_MAX = 100;
/** What a pending domain waits for, as the key of the index of those that wait. */
const WAITS_FOR_SES = "ses";

/** Reads one row, under a key of any length. `signal` ends the request; it then throws. */
export async function readRow(
  directory: Directory,
  key: string,
  signal?: AbortSignal,
): Promise<DirectoryRow | undefined> {
  if (!isPartitionKey(key)) return undefined;
  const { Item } = await directory.client.send(
    new GetItemCommand({ TableName: directory.table, Key: { [DIRECTORY_KEYS.partition]: { S: key } } }),
    signal === undefined ? {} : { abortSignal: signal },
  );
  return Item === undefined ? undefined : parseDirectoryRow(unmarshall(Item));
}

/** Reads several rows, under keys of any length; those that do not exist are left out. Throws when DynamoDB keeps some back. */
export async function readRows(
  directory: Directory,
  keys: readonly string[],
  signal?: AbortSignal,
): Promise<DirectoryRow[]> {
  const rows: DirectoryRow[] = [];
  const possible = keys.filter(isPartitionKey);
  for (let start = 0; start < possible.length; start += BATCH_KEYS_MAX) {
    let wanted = possible
      .slice(start, start + BATCH_KEYS_MAX)
      .map((key) => ({ [DIRECTORY_KEYS.partition]: { S: key } }));
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
  await directory.client.send(new PutItemCommand({ TableName: directory.table, Item: itemOf(row) }));
}

/** Writes a row if there is none under its key. False: there is one, and it stays as it is. */
export async function createRow(directory: Directory, row: DirectoryRow): Promise<boolean> {
  const put = new PutItemCommand({
    TableName: directory.table,
    Item: itemOf(row),
    ConditionExpression: "attribute_not_exists(#pk)",
    ExpressionAttributeNames: { "#pk": DIRECTORY_KEYS.partition },
  });
  return await unlessCondition(directory.client.send(put));
}

/**
 * Changes single attributes of a row that is there, and leaves those of other writers alone; undefined removes one.
 * With `expected` only while those attributes have these values. False: there is no such row, or it differs.
 */
export async function changeRow(
  directory: Directory,
  key: string,
  changes: Readonly<Record<string, unknown>>,
  expected: Readonly<Record<string, unknown>> = {},
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
  const conditions = ["attribute_exists(#pk)"];
  for (const [index, [name, value]] of Object.entries(expected).entries()) {
    names[`#e${index}`] = name;
    values[`:e${index}`] = value;
    conditions.push(`#e${index} = :e${index}`);
  }
  const set = sets.length > 0 ? `SET ${sets.join(", ")}` : "";
  const remove = removes.length > 0 ? `REMOVE ${removes.join(", ")}` : "";
  const update = new UpdateItemCommand({
    TableName: directory.table,
    Key: { [DIRECTORY_KEYS.partition]: { S: key } },
    UpdateExpression: `${set} ${remove}`.trim(),
    ConditionExpression: conditions.join(" AND "),
    ExpressionAttributeNames: names,
    ...(Object.keys(values).length > 0
      ? { ExpressionAttributeValues: marshall(values, { removeUndefinedValues: true }) }
      : {}),
  });
  return await unlessCondition(directory.client.send(update));
}

/** Removes a row; no error when it is not there. */
export async function deleteRow(directory: Directory, key: string): Promise<void> {
  await directory.client.send(
    new DeleteItemCommand({ TableName: directory.table, Key: { [DIRECTORY_KEYS.partition]: { S: key } } }),
  );
}

/** Removes a row if it is that tenant's. False: it is another's; true too when it is not there. */
export async function deleteRowOf(directory: Directory, key: string, tenant: string): Promise<boolean> {
  const remove = new DeleteItemCommand({
    TableName: directory.table,
    Key: { [DIRECTORY_KEYS.partition]: { S: key } },
    ConditionExpression: "attribute_not_exists(#pk) OR #t = :t",
    ExpressionAttributeNames: { "#pk": DIRECTORY_KEYS.partition, "#t": DIRECTORY_KEYS.tenant },
    ExpressionAttributeValues: { ":t": { S: tenant } },
  });
  return await unlessCondition(directory.client.send(remove));
}

/**
 * All rows of one kind, by reading the whole table: for the operator's tools and for checks that run by the hour, never
 * on the way of a message. A thousand rows of 300 octets are about 40 read units.
 */
export async function scanRows<K extends DirectoryRow["kind"]>(
  directory: Directory,
  kind: K,
): Promise<Extract<DirectoryRow, { kind: K }>[]> {
  const rows: Extract<DirectoryRow, { kind: K }>[] = [];
  const pages = paginateScan(
    { client: directory.client },
    {
      TableName: directory.table,
      FilterExpression: "#k = :k",
      ExpressionAttributeNames: { "#k": "kind" },
      ExpressionAttributeValues: { ":k": { S: kind } },
    },
  );
  for await (const page of pages) {
    for (const item of page.Items ?? []) {
      const row = parseDirectoryRow(unmarshall(item));
      if (row !== undefined && isKind(row, kind)) rows.push(row);
    }
  }
  return rows;
}

/** The domains that wait for SES to verify them, of all tenants; one Query of an index that holds no others. */
export async function listPendingDomains(directory: Directory): Promise<string[]> {
  const domains: string[] = [];
  const pages = paginateQuery(
    { client: directory.client },
    {
      TableName: directory.table,
      IndexName: DIRECTORY_INDEX.byWaiting,
      KeyConditionExpression: "#w = :w",
      ExpressionAttributeNames: { "#w": DIRECTORY_KEYS.waiting },
      ExpressionAttributeValues: { ":w": { S: WAITS_FOR_SES } },
    },
  );
  for await (const page of pages) {
    for (const item of page.Items ?? []) {
      domains.push((item[DIRECTORY_KEYS.partition]?.S ?? "").slice(domainKey("").length));
    }
  }
  return domains;
}

/** Says whether SES has verified a domain. False: the tenant does not hold it. */
export async function setDomainStatus(
  directory: Directory,
  domain: string,
  status: SenderDomain["status"],
): Promise<boolean> {
  return await changeRow(directory, domainKey(domain), { status, ...waitsFor(status) }, { kind: "domain" });
}

/** All rows of one tenant. */
export async function listTenantRows(directory: Directory, tenant: string): Promise<DirectoryRow[]> {
  const rows: DirectoryRow[] = [];
  const pages = paginateQuery(
    { client: directory.client },
    {
      TableName: directory.table,
      IndexName: DIRECTORY_INDEX.byTenant,
      KeyConditionExpression: "#t = :t",
      ExpressionAttributeNames: { "#t": DIRECTORY_KEYS.tenant },
      ExpressionAttributeValues: { ":t": { S: tenant } },
    },
  );
  for await (const page of pages) {
    for (const item of page.Items ?? []) {
      const row = parseDirectoryRow(unmarshall(item));
      if (row !== undefined) rows.push(row);
    }
  }
  return rows;
}

function isKind<K extends DirectoryRow["kind"]>(row: DirectoryRow, kind: K): row is Extract<DirectoryRow, { kind: K }> {
  return row.kind === kind;
}

function itemOf(row: DirectoryRow): Record<string, AttributeValue> {
  const item = {
    ...row,
    [DIRECTORY_KEYS.partition]: directoryKey(row),
    [DIRECTORY_KEYS.tenant]: tenantOf(row),
    ...(row.kind === "domain" ? waitsFor(row.status) : {}),
  };
  return marshall(item, { removeUndefinedValues: true });
}

/** Only what waits has the attribute, so that the index over it holds nothing else. */
function waitsFor(status: SenderDomain["status"]): Record<string, string | undefined> {
  return { [DIRECTORY_KEYS.waiting]: status === "pending" ? WAITS_FOR_SES : undefined };
}

async function unlessCondition(sent: Promise<unknown>): Promise<boolean> {
  try {
    await sent;
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

function tenantOf(row: DirectoryRow): string {
  return row.kind === "tenant" ? row.id : row.tenant;
}
