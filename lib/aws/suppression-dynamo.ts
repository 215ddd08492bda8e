/**
 * Suppression lists in the ledger table: partition `s#<tenant>`, sort key the address in lower case.
 *
 * An entry stays until it is lifted. Throws what DynamoDB throws.
 */

import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  PutItemCommand,
  paginateQuery,
} from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { addressKey } from "../core/address.ts";
import { LEDGER_KEYS } from "../core/names.ts";
import type { Suppression } from "../core/suppression.ts";
import { isSortKey } from "./key-sizes.ts";
import type { Ledger } from "./ledger-dynamo.ts";

/** Key of an entry. */
export function suppressionKey(tenant: string, address: string): Record<string, AttributeValue> {
  return {
    [LEDGER_KEYS.partition]: { S: suppressionPartition(tenant) },
    [LEDGER_KEYS.sort]: { S: addressKey(address) },
  };
}

/** Partition of a tenant's list. */
export function suppressionPartition(tenant: string): string {
  return `s#${tenant}`;
}

/** An entry as it was stored. */
export function parseSuppression(item: Record<string, AttributeValue>): Suppression {
  return unmarshall(item)["entry"] as Suppression;
}

/** Puts an address on the list. False: it was there; of two reasons a complaint is kept, else the older entry. */
export async function addSuppression(ledger: Ledger, entry: Suppression): Promise<boolean> {
  const item = { ...unmarshall(suppressionKey(entry.tenant, entry.address)), reason: entry.reason, entry };
  try {
    await ledger.client.send(
      new PutItemCommand({
        TableName: ledger.table,
        Item: marshall(item, { removeUndefinedValues: true }),
        ConditionExpression: "attribute_not_exists(pk) OR (:r = :c AND reason <> :c)",
        ExpressionAttributeValues: { ":r": { S: entry.reason }, ":c": { S: "complaint" } },
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/** Lifts an entry. False: there was none. */
export async function removeSuppression(ledger: Ledger, tenant: string, address: string): Promise<boolean> {
  const { Attributes } = await ledger.client.send(
    new DeleteItemCommand({
      TableName: ledger.table,
      Key: suppressionKey(tenant, address),
      ReturnValues: "ALL_OLD",
    }),
  );
  return Attributes !== undefined;
}

/** The entries of a tenant, by address: all, those that begin with a text, or those after an address. */
export async function* listSuppressions(
  ledger: Ledger,
  tenant: string,
  part: { readonly begins?: string; readonly after?: string | undefined } = {},
): AsyncGenerator<Suppression> {
  const { partition, sort } = LEDGER_KEYS;
  const { begins = "" } = part;
  if (begins !== "" && !isSortKey(begins)) return;
  const after = part.after !== undefined && isSortKey(part.after) ? part.after : undefined;
  const pages = paginateQuery(
    { client: ledger.client },
    {
      TableName: ledger.table,
      KeyConditionExpression: `${partition} = :p${begins === "" ? "" : ` AND begins_with(${sort}, :b)`}`,
      ExpressionAttributeValues: {
        ":p": { S: suppressionPartition(tenant) },
        ...(begins === "" ? {} : { ":b": { S: begins } }),
      },
      ...(after === undefined || !after.startsWith(begins) ? {} : { ExclusiveStartKey: suppressionKey(tenant, after) }),
    },
  );
  for await (const page of pages) {
    for (const item of page.Items ?? []) yield parseSuppression(item);
  }
}
