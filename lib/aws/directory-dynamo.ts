/**
 * The directory table: rows by key, for the edge; rows of a tenant, for the CLI.
 *
 * Reads are eventually consistent: a change works within the cache time of the edge in any case. Every function
 * throws the SDK's error when the table cannot be asked; callers turn that into a 4xx.
 */

import {
  BatchGetItemCommand,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { type DirectoryRow, directoryKey, type Tenant } from "../core/directory.ts";
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
  return Item === undefined ? undefined : parseRow(unmarshall(Item));
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
        const row = parseRow(unmarshall(item));
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
      const row = parseRow(unmarshall(item));
      if (row !== undefined) rows.push(row);
    }
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
  return rows;
}

function tenantOf(row: DirectoryRow): string {
  return row.kind === "tenant" ? row.id : row.tenant;
}

/** A row of a kind or form unknown here is treated as absent: an old edge must not stumble over newer rows. */
function parseRow(item: Record<string, unknown>): DirectoryRow | undefined {
  const text = (name: string): string => (typeof item[name] === "string" ? item[name] : "");
  const status = item["status"] === "paused" ? "paused" : "active";
  switch (item["kind"]) {
    case "tenant": {
      const language = item["language"] === "ja" ? "ja" : "en";
      return { kind: "tenant", id: text("id"), name: text("name"), status, language, ...parsePolicy(item) };
    }
    case "credential":
      return {
        kind: "credential",
        login: text("login"),
        tenant: text("tenant"),
        label: text("label"),
        status,
        passwordHash: text("passwordHash"),
      };
    case "network":
      return {
        kind: "network",
        cidr: text("cidr"),
        tenant: text("tenant"),
        label: text("label"),
        status,
        tlsRequired: item["tlsRequired"] !== false,
      };
    case "domain":
      return {
        kind: "domain",
        domain: text("domain"),
        tenant: text("tenant"),
        status: item["status"] === "verified" ? "verified" : "pending",
      };
    default:
      return undefined;
  }
}

/** A value unknown here, from a newer writer, counts as the stricter choice. */
function parsePolicy(item: Record<string, unknown>): Pick<Tenant, "foreignFrom" | "systemMail" | "rewriteDomain"> {
  const { foreignFrom, systemMail, rewriteDomain } = item;
  return {
    ...(foreignFrom === undefined ? {} : { foreignFrom: foreignFrom === "rewrite" ? "rewrite" : "refuse" }),
    ...(systemMail === undefined ? {} : { systemMail: systemMail === "rewrite" ? "rewrite" : "refuse" }),
    ...(typeof rewriteDomain === "string" && rewriteDomain !== "" ? { rewriteDomain } : {}),
  };
}
