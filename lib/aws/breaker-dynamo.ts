/**
 * The breaker's memory in the ledger table: `b#<tenant>#<day>` holds what arrived by hour and sender, `b#<tenant>` what
 * was done about it. Throws what DynamoDB throws.
 */

import { PutItemCommand, paginateQuery, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import type { BreakerBucket, BreakerCounts, BreakerScope, BreakerState } from "../core/breaker.ts";
import { LIMITS } from "../core/limits.ts";
import { LEDGER_KEYS } from "../core/names.ts";
import { utcDay } from "../core/usage.ts";
import type { Ledger } from "./ledger-dynamo.ts";

const DAY_MS = 86_400_000;
/** Of a state nothing depends once its counts have left the window; it is kept for whoever wants to know. */
const STATE_DAYS = 90;

/** Adds to an hour of a sender. */
export async function addToBucket(
  ledger: Ledger,
  tenant: string,
  bucket: { readonly sender: string; readonly hourMs: number },
  counts: BreakerCounts,
): Promise<void> {
  const { sender, hourMs } = bucket;
  await ledger.client.send(
    new UpdateItemCommand({
      TableName: ledger.table,
      Key: {
        [LEDGER_KEYS.partition]: { S: `b#${tenant}#${utcDay(hourMs)}` },
        [LEDGER_KEYS.sort]: { S: `${hourMs}#${sender}` },
      },
      UpdateExpression: "ADD mails :m, bounced :b, complained :c SET #ttl = :ttl",
      ExpressionAttributeNames: { "#ttl": LEDGER_KEYS.ttl },
      ExpressionAttributeValues: marshall({
        ":m": counts.mails,
        ":b": counts.bounced,
        ":c": counts.complained,
        ":ttl": Math.ceil((hourMs + LIMITS.breaker.windowHours * 3_600_000 + DAY_MS) / 1000),
      }),
    }),
  );
}

/** What arrived within the window, with what was added just now. */
export async function readBuckets(ledger: Ledger, tenant: string, nowMs: number): Promise<BreakerBucket[]> {
  const days = new Set([nowMs - LIMITS.breaker.windowHours * 3_600_000, nowMs].map(utcDay));
  const buckets: BreakerBucket[] = [];
  for (const day of days) {
    for (const item of await queryAll(ledger, `b#${tenant}#${day}`)) {
      const sort = String(item[LEDGER_KEYS.sort]);
      const end = sort.indexOf("#");
      buckets.push({
        sender: sort.slice(end + 1),
        hourMs: Number(sort.slice(0, end)),
        mails: Number(item["mails"]),
        bounced: Number(item["bounced"]),
        complained: Number(item["complained"]),
      });
    }
  }
  return buckets;
}

/** What the breaker remembers of a tenant and its senders. */
export async function readBreakerStates(ledger: Ledger, tenant: string): Promise<Map<BreakerScope, BreakerState>> {
  const items = await queryAll(ledger, `b#${tenant}`);
  return new Map(items.map((item) => [String(item[LEDGER_KEYS.sort]), item["state"] as BreakerState]));
}

/** Remembers. */
export async function writeBreakerState(
  ledger: Ledger,
  tenant: string,
  scope: BreakerScope,
  state: BreakerState,
  nowMs: number,
): Promise<void> {
  const item = {
    [LEDGER_KEYS.partition]: `b#${tenant}`,
    [LEDGER_KEYS.sort]: scope,
    [LEDGER_KEYS.ttl]: Math.ceil((nowMs + STATE_DAYS * DAY_MS) / 1000),
    state,
  };
  await ledger.client.send(
    new PutItemCommand({ TableName: ledger.table, Item: marshall(item, { removeUndefinedValues: true }) }),
  );
}

async function queryAll(ledger: Ledger, partition: string): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  const pages = paginateQuery(
    { client: ledger.client },
    {
      TableName: ledger.table,
      ConsistentRead: true,
      KeyConditionExpression: `${LEDGER_KEYS.partition} = :p`,
      ExpressionAttributeValues: { ":p": { S: partition } },
    },
  );
  for await (const page of pages) {
    for (const item of page.Items ?? []) items.push(unmarshall(item));
  }
  return items;
}
