/**
 * Keys of wrong size are refused as DynamoDB refuses them; dynalite counts UTF-16 units, and looks at no index.
 *
 * Looked at are items that are written whole, keys, and what a Query asks for by equality, by beginning and as its start.
 * An UpdateItem that gives an index key another value is not.
 * See https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html.
 */

import { RefusedRequest } from "./aws-request.ts";
import type { DynaliteStore, StoredTable } from "./dynamodb-store.ts";

const PARTITION_OCTETS_MAX = 2048;
const SORT_OCTETS_MAX = 1024;

/** Octets allowed in each key attribute of a table and its indexes. */
type KeySizes = ReadonlyMap<string, number>;
type Attributes = Readonly<Record<string, unknown>>;

/** Throws the refusal for a request of this operation whose keys are empty or too long. */
export async function checkKeySizes(store: DynaliteStore, operation: string, input: Attributes): Promise<void> {
  switch (operation) {
    case "PutItem":
      return checkAll(await keySizes(store, input["TableName"]), [input["Item"]]);
    case "GetItem":
    case "UpdateItem":
    case "DeleteItem":
      return checkAll(await keySizes(store, input["TableName"]), [input["Key"]]);
    case "BatchGetItem":
      for (const [table, request] of Object.entries(attributes(input["RequestItems"]))) {
        checkAll(await keySizes(store, table), list(attributes(request)["Keys"]));
      }
      return;
    case "BatchWriteItem":
      for (const [table, requests] of Object.entries(attributes(input["RequestItems"]))) {
        const items = list(requests).flatMap((request) => {
          const { PutRequest, DeleteRequest } = attributes(request);
          return [attributes(PutRequest)["Item"], attributes(DeleteRequest)["Key"]];
        });
        checkAll(await keySizes(store, table), items);
      }
      return;
    case "Query":
      return checkQuery(await keySizes(store, input["TableName"]), input);
    default:
  }
}

function checkQuery(sizes: KeySizes, input: Attributes): void {
  const names = attributes(input["ExpressionAttributeNames"]);
  const values = attributes(input["ExpressionAttributeValues"]);
  const condition = typeof input["KeyConditionExpression"] === "string" ? input["KeyConditionExpression"] : "";
  checkAll(sizes, [input["ExclusiveStartKey"]]);
  for (const [, equal, beginning, value = ""] of condition.matchAll(
    /(?:([#\w]+)\s*=|begins_with\s*\(\s*([#\w]+)\s*,)\s*(:\w+)/g,
  )) {
    const name = equal ?? beginning ?? "";
    const attribute = names[name] ?? name;
    if (typeof attribute === "string") checkAll(sizes, [{ [attribute]: values[value] }]);
  }
}

function checkAll(sizes: KeySizes, items: readonly unknown[]): void {
  for (const item of items) {
    for (const [name, value] of Object.entries(attributes(item))) {
      const max = sizes.get(name);
      const text = attributes(value)["S"];
      if (max === undefined || typeof text !== "string") continue;
      if (text === "")
        throw invalid(`The AttributeValue for a key attribute cannot contain an empty string value. Key: ${name}`);
      if (Buffer.byteLength(text, "utf8") <= max) continue;
      throw invalid(
        max === PARTITION_OCTETS_MAX
          ? `Size of hashkey has exceeded the maximum size limit of ${max} bytes`
          : `Aggregated size of all range keys has exceeded the size limit of ${max} bytes`,
      );
    }
  }
}

/** Of no table: none. The operation itself says that it is not there. */
async function keySizes(store: DynaliteStore, name: unknown): Promise<KeySizes> {
  const table = await new Promise<StoredTable | undefined>((resolve) => {
    if (typeof name !== "string") resolve(undefined);
    else store.getTable(name, false, (_error, found) => resolve(found));
  });
  const sizes = new Map<string, number>();
  for (const schema of [table?.KeySchema, ...(table?.GlobalSecondaryIndexes ?? []).map((index) => index.KeySchema)]) {
    for (const { AttributeName, KeyType } of schema ?? []) {
      const max = KeyType === "HASH" ? PARTITION_OCTETS_MAX : SORT_OCTETS_MAX;
      // An attribute that is a key twice has to fit both.
      sizes.set(AttributeName, Math.min(max, sizes.get(AttributeName) ?? max));
    }
  }
  return sizes;
}

function attributes(value: unknown): Attributes {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Attributes) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function invalid(text: string): RefusedRequest {
  return new RefusedRequest(400, "ValidationException", `One or more parameter values were invalid: ${text}`);
}
