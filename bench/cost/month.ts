/** A month's bill: quantities times prices, with and without what AWS gives for nothing. */

import { LIMITS } from "../../lib/core/limits.ts";
import { METRICS } from "../../lib/core/names.ts";
import { CALLS_PER_MESSAGE, CALLS_PER_RECIPIENT } from "../../lib/core/prices.ts";
import { ALWAYS_FREE, LIST_PRICES, type PriceName, type Region } from "./list-prices.ts";
import type { Quantities } from "./standing-resources.ts";

/** The mail that is reckoned with, as the cost benchmark has it. */
export const MESSAGE_BYTES = 10_240;
/** Of what a session sends beside the message, and what TLS adds. */
const SESSION_BYTES = 2_048;
/**
 * Octets of a message that stay in DynamoDB, with its index entries and the hundred that DynamoDB adds to each item, and
 * that are logged: the benchmark's figures, which a test counts again; to the functions' lines (450) come those of Lambda itself
 * and of the edge's sessions.
 */
export const KEPT_BYTES_PER_MESSAGE = { records: 2_500, logs: 2_000 } as const;
/** Of refusals by reason, while mail comes. */
const REASON_METRICS = 4;

/** What so many messages to one recipient each use, one at a time (the dearest way), on top of what stands by. */
export function trafficQuantities(messages: number, zones: number): Quantities {
  const calls = (name: keyof typeof CALLS_PER_MESSAGE): number =>
    messages * (CALLS_PER_MESSAGE[name] + CALLS_PER_RECIPIENT[name]);
  const gigabytesIn = (messages * (MESSAGE_BYTES + SESSION_BYTES)) / 1e9;
  const logGigabytes = (messages * KEPT_BYTES_PER_MESSAGE.logs) / 1e9;
  return {
    loadBalancerUnitHour: gigabytesIn,
    // Of two zones, half of the sessions go to the other one, and both ends are charged.
    zoneTransferGigabyte: zones > 1 ? gigabytesIn : 0,
    metric: messages > 0 ? Object.keys(METRICS).length - 2 + REASON_METRICS : 0,
    logGigabyte: logGigabytes,
    logStoredGigabyte: (logGigabytes * LOG_DAYS) / 30,
    s3Put: calls("s3Puts"),
    s3Get: calls("s3Gets"),
    s3Gigabyte: (messages * MESSAGE_BYTES * LIMITS.spool.retentionDays) / 30 / 1e9,
    sqsRequest: calls("sqsRequests"),
    snsPublish: calls("snsPublishes"),
    lambdaRequest: calls("lambdaRequests"),
    lambdaGigabyteSecond: calls("lambdaGigabyteSeconds"),
    dynamodbWriteUnit: calls("dynamodbWriteUnits"),
    dynamodbReadUnit: calls("dynamodbReadUnits"),
    dynamodbGigabyte: (messages * KEPT_BYTES_PER_MESSAGE.records * LIMITS.ledger.recordDays) / 30 / 1e9,
  };
}

/** How long logs are kept, by default (`logDays`). */
const LOG_DAYS = 90;

/** The sum of both. */
export function addQuantities(one: Quantities, other: Quantities): Quantities {
  const sum = { ...one };
  for (const [name, amount] of Object.entries(other) as [PriceName, number][]) sum[name] = (sum[name] ?? 0) + amount;
  return sum;
}

/** Dollars for each price. `free`: what AWS always gives is taken off first. */
export function billLines(quantities: Quantities, region: Region, free: boolean): ReadonlyMap<PriceName, number> {
  const lines = new Map<PriceName, number>();
  for (const [name, amount] of Object.entries(quantities) as [PriceName, number][]) {
    const charged = Math.max(0, amount - (free ? (ALWAYS_FREE[name] ?? 0) : 0));
    lines.set(name, charged * LIST_PRICES[name].dollars[region]);
  }
  return lines;
}

/** What a month of SES's plan Essentials asks for so many recipients (price list of us-east-1, 22 July 2026). */
export function essentialsDollars(recipients: number): number {
  const tiers = [
    { to: 10_000_000, dollars: 0.16e-3 },
    { to: 100_000_000, dollars: 0.14e-3 },
    { to: Number.POSITIVE_INFINITY, dollars: 0.11e-3 },
  ];
  let from = 0;
  let sum = 0;
  for (const { to, dollars } of tiers) {
    sum += Math.max(0, Math.min(recipients, to) - from) * dollars;
    from = to;
  }
  return sum;
}
