/**
 * What a tenant has sent since some time ago, up to now: from the books where a slot has been counted after its end, from
 * the records themselves where it has not. Throws what DynamoDB throws.
 */

import {
  addUsage,
  type DirtySlot,
  messageUsage,
  NO_USAGE,
  scopeKey,
  USAGE_SLOT_MS,
  type UsageCounts,
  utcDay,
} from "../core/usage.ts";
import type { Ledger } from "./ledger-dynamo.ts";
import { readCountedSlots } from "./usage-dynamo.ts";
import { readSlotMessages } from "./usage-records.ts";

/**
 * The sum of all slots that begin at or after `sinceMs`, rounded down to a slot; epoch milliseconds. `announced`: the slots
 * in which something has changed since they were counted; in all others nothing has.
 */
export async function recentUsage(
  ledger: Ledger,
  tenant: string,
  announced: readonly DirtySlot[],
  sinceMs: number,
  nowMs: number,
): Promise<UsageCounts> {
  const firstMs = Math.floor(sinceMs / USAGE_SLOT_MS) * USAGE_SLOT_MS;
  const books = new Map<number, UsageCounts>();
  for (const day of new Set([utcDay(firstMs), utcDay(nowMs)])) {
    for (const { slotMs, countedAtMs, usage } of await readCountedSlots(ledger, tenant, day)) {
      const counts = usage.get(scopeKey("tenant", ""));
      if (countedAtMs >= slotMs + USAGE_SLOT_MS && counts !== undefined) books.set(slotMs, counts);
    }
  }
  const changed = new Set(announced.filter((slot) => slot.tenant === tenant).map(({ slotMs }) => slotMs));
  let sum = NO_USAGE;
  for (let slotMs = firstMs; slotMs <= nowMs; slotMs += USAGE_SLOT_MS) {
    const counted = books.get(slotMs);
    if (counted !== undefined) sum = addUsage(sum, counted);
    else if (changed.has(slotMs)) {
      for (const { message, recipients } of await readSlotMessages(ledger, tenant, slotMs)) {
        sum = addUsage(sum, messageUsage(message, recipients));
      }
    }
  }
  return sum;
}
