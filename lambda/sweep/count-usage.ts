/**
 * Counts what tenants have used, where something has changed since it was counted last.
 *
 * Promise:  every change of a record was announced before; once its slot has been counted after the announcement has
 *           run out, the books hold what a count of all records would give. Dying at any point costs nothing: the
 *           announcement stays and the next run counts again.
 * A tenant that has reached its month's contract is marked in the directory, which the edge reads; with a larger contract
 * the mark is taken away.
 */

import { changeRow, type Directory, readRow } from "../../lib/aws/directory-dynamo.ts";
import type { Ledger } from "../../lib/aws/ledger-dynamo.ts";
import {
  clearDirtySlot,
  listDirtySlots,
  noteSlotCounted,
  readMonthlyMessages,
  readSlots,
  writeDay,
  writeSlot,
} from "../../lib/aws/usage-dynamo.ts";
import { readSlotMessages } from "../../lib/aws/usage-records.ts";
import { tenantKey } from "../../lib/core/directory.ts";
import type { Log } from "../../lib/core/log.ts";
import { type DirtySlot, slotDue, sumUsage, usageByScope, utcDay } from "../../lib/core/usage.ts";

/** What counting needs. */
export interface CountUsageDeps {
  readonly ledger: Ledger;
  readonly directory: Directory;
  readonly recordDays: number;
  readonly now: () => number;
  readonly log: Log;
}

/** See the head of this file. Throws what DynamoDB throws. */
export async function countUsage(deps: CountUsageDeps, stopAtMs: number): Promise<void> {
  const days = new Map<string, { readonly tenant: string; readonly day: string; last: DirtySlot[] }>();
  let slots = 0;
  let messages = 0;
  for (const slot of await listDirtySlots(deps.ledger)) {
    if (deps.now() >= stopAtMs) break;
    const nowMs = deps.now();
    const due = slotDue(slot, nowMs);
    if (due === "no") continue;
    const day = utcDay(slot.slotMs);
    const group = days.get(`${slot.tenant}#${day}`) ?? { tenant: slot.tenant, day, last: [] };
    days.set(`${slot.tenant}#${day}`, group);
    if (due === "last") group.last.push(slot);
    // Beyond their time, records vanish one by one.
    if (nowMs < slot.slotMs + deps.recordDays * 86_400_000) {
      const records = await readSlotMessages(deps.ledger, slot.tenant, slot.slotMs);
      const expiresAt = Math.floor(slot.slotMs / 1000) + (deps.recordDays + KEPT_DAYS) * 86_400;
      const usage = usageByScope(records);
      await writeSlot(deps.ledger, { ...slot, day, usage, countedAtMs: nowMs, expiresAt });
      messages += records.length;
    }
    await noteSlotCounted(deps.ledger, slot, nowMs);
    slots += 1;
  }
  const months = new Map<string, { readonly tenant: string; readonly month: string }>();
  for (const { tenant, day, last } of days.values()) {
    const readAtMs = deps.now();
    await writeDay(deps.ledger, tenant, day, sumUsage(await readSlots(deps.ledger, tenant, day)), readAtMs);
    // Only now: until the day holds it, the count is not done.
    for (const slot of last) await clearDirtySlot(deps.ledger, slot);
    months.set(`${tenant}#${day.slice(0, 7)}`, { tenant, month: day.slice(0, 7) });
  }
  for (const { tenant, month } of months.values()) await markLimit(deps, tenant, month);
  if (slots > 0) deps.log({ event: "usage-counted", slots, messages, tenants: months.size });
}

/** Longer than a record may outlive its slot: a day is made of its slots as long as any of them may be counted anew. */
const KEPT_DAYS = 60;

async function markLimit(deps: CountUsageDeps, tenant: string, month: string): Promise<void> {
  if (month !== utcDay(deps.now()).slice(0, 7)) return;
  const row = await readRow(deps.directory, tenantKey(tenant));
  if (row?.kind !== "tenant") return;
  const { monthlyMessagesMax: max, limitReachedMonth } = row;
  const marked = limitReachedMonth === month;
  if (max === undefined && !marked) return;
  const used = max === undefined ? 0 : await readMonthlyMessages(deps.ledger, tenant, month);
  const reached = max !== undefined && used >= max;
  if (reached === marked) return;
  await changeRow(deps.directory, tenantKey(tenant), { limitReachedMonth: reached ? month : undefined });
  deps.log({ event: reached ? "monthly-limit-reached" : "monthly-limit-lifted", tenant, month, used, max });
}
