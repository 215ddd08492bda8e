/**
 * From which addresses a tenant's mail came lately: a sample of the ledger that is cheap for every size of tenant.
 *
 * Read are the newest `messagesADay` messages of each of the last `days` days; thirty days of a hundred are 1,500 read
 * units (0.0004 dollars). A server that sends less than others do may be missed. Throws what DynamoDB throws.
 */

import { unmarshall } from "@aws-sdk/util-dynamodb";
import { forEachInFlight } from "../core/in-flight.ts";
import { LIMITS } from "../core/limits.ts";
import type { MessageRecord } from "../core/message-record.ts";
import { LEDGER_KEYS } from "../core/names.ts";
import { utcDay } from "../core/usage.ts";
import { findByTenantDay, type Ledger, MESSAGE_SORT, messagePartition } from "./ledger-dynamo.ts";
import { batchGet } from "./usage-records.ts";

const DAYS_IN_FLIGHT = 4;
const DAY_MS = 86_400_000;

/** The addresses, sorted. */
export async function recentClients(ledger: Ledger, tenant: string, nowMs: number): Promise<string[]> {
  const days = Array.from({ length: LIMITS.watch.knownDays }, (_, index) => utcDay(nowMs - index * DAY_MS));
  const addresses = new Set<string>();
  await forEachInFlight(days, DAYS_IN_FLIGHT, async (day) => {
    const ids = await findByTenantDay(ledger, tenant, day, LIMITS.watch.knownMessagesADay);
    const keys = ids.map((id) => ({
      [LEDGER_KEYS.partition]: { S: messagePartition(id) },
      [LEDGER_KEYS.sort]: { S: MESSAGE_SORT },
    }));
    for (const item of await batchGet(ledger, keys)) {
      addresses.add((unmarshall(item)["record"] as MessageRecord).clientAddress);
    }
  });
  return [...addresses].sort();
}
