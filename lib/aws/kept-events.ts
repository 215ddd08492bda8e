/**
 * Events of SES whose message or recipient the ledger does not know: kept word for word for two weeks, to be looked at
 * again now and then.
 *
 * Partition `x`, sort key the time of the next look and the event's key, so that only what is due is read. Throws what
 * DynamoDB throws.
 */

import { createHash } from "node:crypto";
import { DeleteItemCommand, PutItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { LIMITS } from "../core/limits.ts";
import { eventKeyOf } from "../core/message-record.ts";
import { LEDGER_KEYS } from "../core/names.ts";
import type { SesEvent } from "../core/ses-event.ts";
import type { Ledger } from "./ledger-dynamo.ts";

/** An event that is due for a look. */
export interface KeptEvent {
  readonly sort: string;
  readonly body: string;
  /** When it was kept first, epoch milliseconds. */
  readonly keptAtMs: number;
  /** Epoch seconds. */
  readonly expiresAt: number;
}

/** Keeps an event that has just come. */
export async function keepEvent(ledger: Ledger, event: SesEvent, body: string, nowMs: number): Promise<void> {
  const atMs = Date.parse(event.at);
  const fromMs = Number.isNaN(atMs) ? nowMs : Math.min(atMs, nowMs);
  // An old one is looked at for a day.
  const expiresMs = Math.max(fromMs + LIMITS.ledger.unknownEventDays * DAY_MS, nowMs + DAY_MS);
  const kept = { body, keptAtMs: nowMs, expiresAt: Math.ceil(expiresMs / 1000) };
  await put(ledger, `${new Date(nowMs + FIRST_LOOK_MS).toISOString()}#${eventKeyOf(event)}#${digest(body)}`, kept);
}

/** Two events of one call, about different recipients, have the same key and may come in the same millisecond. */
function digest(body: string): string {
  return createHash("sha256").update(body).digest("base64url").slice(0, 16);
}

/** Events that are due, oldest first, so many at most. */
export async function listDueEvents(ledger: Ledger, nowMs: number, limit: number): Promise<KeptEvent[]> {
  const { Items } = await ledger.client.send(
    new QueryCommand({
      TableName: ledger.table,
      KeyConditionExpression: "pk = :p AND sk < :now",
      ExpressionAttributeValues: { ":p": { S: PARTITION }, ":now": { S: new Date(nowMs).toISOString() } },
      Limit: limit,
    }),
  );
  return (Items ?? []).map((raw) => {
    const item = unmarshall(raw);
    return {
      sort: String(item[LEDGER_KEYS.sort]),
      body: String(item["body"]),
      keptAtMs: Number(item["keptAtMs"]),
      expiresAt: Number(item[LEDGER_KEYS.ttl]),
    };
  });
}

/** Puts off the next look, the longer the older the event is. A crash in between leaves it twice, which is harmless. */
export async function putOffEvent(ledger: Ledger, kept: KeptEvent, nowMs: number): Promise<void> {
  const waitMs = Math.min(LOOK_MAX_MS, Math.max(FIRST_LOOK_MS, (nowMs - kept.keptAtMs) / 2));
  const eventKey = kept.sort.slice(kept.sort.indexOf("#") + 1);
  if (nowMs + waitMs < kept.expiresAt * 1000) {
    await put(ledger, `${new Date(nowMs + waitMs).toISOString()}#${eventKey}`, kept);
  }
  await forgetEvent(ledger, kept);
}

/** Keeps it no longer. */
export async function forgetEvent(ledger: Ledger, kept: KeptEvent): Promise<void> {
  await ledger.client.send(
    new DeleteItemCommand({
      TableName: ledger.table,
      Key: { [LEDGER_KEYS.partition]: { S: PARTITION }, [LEDGER_KEYS.sort]: { S: kept.sort } },
    }),
  );
}

const PARTITION = "x";
const DAY_MS = 86_400_000;
const FIRST_LOOK_MS = 4 * 60_000;
const LOOK_MAX_MS = 6 * 3_600_000;

async function put(ledger: Ledger, sort: string, kept: Omit<KeptEvent, "sort">): Promise<void> {
  const item = {
    [LEDGER_KEYS.partition]: PARTITION,
    [LEDGER_KEYS.sort]: sort,
    [LEDGER_KEYS.ttl]: kept.expiresAt,
    body: kept.body,
    keptAtMs: kept.keptAtMs,
  };
  await ledger.client.send(new PutItemCommand({ TableName: ledger.table, Item: marshall(item) }));
}
