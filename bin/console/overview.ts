/** The overview's facts: those of `relayhost status`, and the books for the charts. Asked anew after a few seconds. */

import type { Hono } from "hono";
import { scanRows } from "../../lib/aws/directory-dynamo.ts";
import { recentSlots } from "../../lib/aws/recent-usage.ts";
import { listDirtySlots, readDailyTotals } from "../../lib/aws/usage-dynamo.ts";
import { liveNumbers, type Overview, overviewPage } from "../../lib/console/overview-page.ts";
import { forEachInFlight } from "../../lib/core/in-flight.ts";
import { errorText } from "../../lib/core/log.ts";
import type { Asked } from "../../lib/core/status.ts";
import { addUsage, NO_USAGE, type UsageCounts, utcDay } from "../../lib/core/usage.ts";
import { statusFacts } from "../commands/status-facts.ts";
import { type ConsoleContext, type ConsoleEnv, show } from "./console-context.ts";
import { remembered } from "./remembered.ts";

const HOUR_MS = 3_600_000;
const HOURS = 24;
const DAYS = 30;
const TENANTS_IN_FLIGHT = 8;
/**
 * SES's control plane takes one call a second for the whole account; several open pages ask once. A page waits 200 ms for
 * what is older than a minute, then shows the old and comes again in a second.
 */
const AGES = { freshMs: 5_000, staleMs: 60_000, waitMs: 200, deadMs: 600_000 };

/** Serves `/` and `/live.json`. */
export function addOverview(app: Hono<ConsoleEnv>, context: ConsoleContext): void {
  const overview = remembered(async () => await gather(context), AGES);
  // Whoever starts a console looks at it next. A failure is shown then, when it is asked again.
  overview().catch(() => undefined);
  app.get("/", async (c) => {
    const view = c.get("view");
    const { value, isOld } = await overview();
    if (isOld) c.header("refresh", "1");
    return show(c, context, view.words.nav.overview, overviewPage(view, value));
  });
  app.get("/live.json", async (c) => c.json(liveNumbers((await overview()).value.facts, c.get("view"))));
}

async function gather(context: ConsoleContext): Promise<Overview> {
  const { connection, environment } = context;
  const [facts, hours, days] = await Promise.all([
    statusFacts(connection, environment),
    asked(async () => await lastHours(context)),
    asked(async () => await lastDays(context)),
  ]);
  if ("error" in hours || "error" in days) return { facts, hours, days };
  // The books are behind; the hours of today are not.
  const today = utcDay(facts.nowMs);
  const sum = hours.value
    .filter(([hourMs]) => utcDay(hourMs) === today)
    .reduce((all, [, one]) => addUsage(all, one), NO_USAGE);
  const known = days.value.map(([day, counts]): [string, UsageCounts] => [day, day === today ? sum : counts]);
  return { facts, hours, days: { value: known } };
}

async function asked<T>(read: () => Promise<T>): Promise<Asked<T>> {
  try {
    return { value: await read() };
  } catch (error) {
    return { error: errorText(error) };
  }
}

async function lastHours({ connection }: ConsoleContext): Promise<[number, UsageCounts][]> {
  const { ledger, directory } = connection;
  const nowMs = Date.now();
  const firstMs = (Math.floor(nowMs / HOUR_MS) - HOURS + 1) * HOUR_MS;
  const hours = new Map(Array.from({ length: HOURS }, (_, index) => [firstMs + index * HOUR_MS, NO_USAGE]));
  const [tenants, announced] = await Promise.all([scanRows(directory, "tenant"), listDirtySlots(ledger)]);
  await forEachInFlight(tenants, TENANTS_IN_FLIGHT, async ({ id }) => {
    for (const [slotMs, counts] of await recentSlots(ledger, id, announced, firstMs, nowMs)) {
      const hourMs = Math.floor(slotMs / HOUR_MS) * HOUR_MS;
      hours.set(hourMs, addUsage(hours.get(hourMs) ?? NO_USAGE, counts));
    }
  });
  return [...hours];
}

async function lastDays({ connection }: ConsoleContext): Promise<[string, UsageCounts][]> {
  const { ledger, directory } = connection;
  const nowMs = Date.now();
  const days = Array.from({ length: DAYS }, (_, index) => utcDay(nowMs - (DAYS - 1 - index) * 24 * HOUR_MS));
  const tenants = await scanRows(directory, "tenant");
  return [
    ...(await readDailyTotals(
      ledger,
      tenants.map(({ id }) => id),
      days,
    )),
  ];
}
