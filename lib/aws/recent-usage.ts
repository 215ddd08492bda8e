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
  const slots = await recentSlots(ledger, tenant, announced, sinceMs, nowMs);
  return [...slots.values()].reduce(addUsage, NO_USAGE);
}

/** The same slot by slot, under its start (epoch milliseconds); slots without mail are left out. */
export async function recentSlots(
  ledger: Ledger,
  tenant: string,
  announced: readonly DirtySlot[],
  sinceMs: number,
  nowMs: number,
): Promise<Map<number, UsageCounts>> {
  const firstMs = Math.floor(sinceMs / USAGE_SLOT_MS) * USAGE_SLOT_MS;
  const slots = new Map<number, UsageCounts>();
  for (const day of new Set([utcDay(firstMs), utcDay(nowMs)])) {
    for (const { slotMs, countedAtMs, usage } of await readCountedSlots(ledger, tenant, day)) {
      const counts = usage.get(scopeKey("tenant", ""));
      if (slotMs < firstMs || slotMs > nowMs) continue;
      if (countedAtMs >= slotMs + USAGE_SLOT_MS && counts !== undefined) slots.set(slotMs, counts);
    }
  }
  for (const slot of announced) {
    const { slotMs } = slot;
    if (slot.tenant !== tenant || slotMs < firstMs || slotMs > nowMs || slots.has(slotMs)) continue;
    const messages = await readSlotMessages(ledger, tenant, slotMs);
    slots.set(
      slotMs,
      messages.reduce((sum, { message, recipients }) => addUsage(sum, messageUsage(message, recipients)), NO_USAGE),
    );
  }
  return slots;
}
