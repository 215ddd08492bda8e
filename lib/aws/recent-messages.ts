/** How many messages of a tenant the ledger has heard of lately, without reading any. */

import { paginateQuery } from "@aws-sdk/client-dynamodb";
import { LEDGER_INDEX, LEDGER_KEYS } from "../core/names.ts";
import { firstQueueIdAt } from "../core/queue-id.ts";
import { utcDay } from "../core/usage.ts";
import { type Ledger, tenantDay } from "./ledger-dynamo.ts";

/**
 * Accepted from `sinceMs` (epoch milliseconds, at most a day ago) until `nowMs`. The index is a moment behind, and a message
 * is in it once forward has seen it. Throws what DynamoDB throws.
 */
export async function countRecentMessages(
  ledger: Ledger,
  tenant: string,
  sinceMs: number,
  nowMs: number,
): Promise<number> {
  let messages = 0;
  for (const day of new Set([sinceMs, nowMs].map(utcDay))) {
    const pages = paginateQuery(
      { client: ledger.client },
      {
        TableName: ledger.table,
        IndexName: LEDGER_INDEX.byTenantDay,
        Select: "COUNT",
        KeyConditionExpression: "#k = :v AND #id >= :from",
        ExpressionAttributeNames: { "#k": LEDGER_KEYS.tenantDay, "#id": LEDGER_KEYS.id },
        ExpressionAttributeValues: { ":v": { S: tenantDay(tenant, day) }, ":from": { S: firstQueueIdAt(sinceMs) } },
      },
    );
    for await (const { Count } of pages) messages += Count ?? 0;
  }
  return messages;
}
