/**
 * The audit record in the ledger table: partition `a#<month>` (UTC), sort key the time, the change and its phase.
 *
 * Append only: a line is written on the condition that there is none, and nothing here changes or deletes one. It has no
 * end of life. Throws what DynamoDB throws.
 */

import { type AttributeValue, PutItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import type { AuditEntry } from "../core/audit.ts";
import { LEDGER_KEYS } from "../core/names.ts";
import type { Ledger } from "./ledger-dynamo.ts";

/** One item holds at most 400 KB; what a person agrees to is far less. */
const TEXTS_MAX = 1_000;

/** Adds a line. */
export async function appendAudit(ledger: Ledger, entry: AuditEntry): Promise<void> {
  const item = {
    [LEDGER_KEYS.partition]: auditPartition(entry.at.slice(0, 7)),
    [LEDGER_KEYS.sort]: `${entry.at}#${entry.id}#${entry.phase}`,
    entry: { ...entry, subjects: entry.subjects.slice(0, TEXTS_MAX), text: entry.text.slice(0, TEXTS_MAX) },
  };
  await ledger.client.send(
    new PutItemCommand({
      TableName: ledger.table,
      Item: marshall(item, { removeUndefinedValues: true }),
      ConditionExpression: "attribute_not_exists(pk)",
    }),
  );
}

/** Lines of a month (`2026-11`), newest first, and where to go on; `cursor` is from an earlier answer. */
export async function readAudit(
  ledger: Ledger,
  month: string,
  limit: number,
  cursor?: string,
): Promise<{ readonly entries: readonly AuditEntry[]; readonly next?: string }> {
  const key = (sort: string): Record<string, AttributeValue> => ({
    [LEDGER_KEYS.partition]: { S: auditPartition(month) },
    [LEDGER_KEYS.sort]: { S: sort },
  });
  const { Items, LastEvaluatedKey } = await ledger.client.send(
    new QueryCommand({
      TableName: ledger.table,
      ConsistentRead: true,
      KeyConditionExpression: `${LEDGER_KEYS.partition} = :p`,
      ExpressionAttributeValues: { ":p": { S: auditPartition(month) } },
      ScanIndexForward: false,
      Limit: limit,
      ...(cursor === undefined ? {} : { ExclusiveStartKey: key(cursor) }),
    }),
  );
  const entries = (Items ?? []).map((item) => unmarshall(item)["entry"] as AuditEntry);
  const next = LastEvaluatedKey?.[LEDGER_KEYS.sort]?.S;
  return { entries, ...(next === undefined ? {} : { next }) };
}

function auditPartition(month: string): string {
  return `a#${month}`;
}
