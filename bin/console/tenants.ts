/** Tenants: the same as `relayhost tenant list`, `tenant show` and `usage`. */

import type { Hono } from "hono";
import { readBuckets } from "../../lib/aws/breaker-dynamo.ts";
import { listTenantRows, readRow, scanRows } from "../../lib/aws/directory-dynamo.ts";
import { countRecentMessages } from "../../lib/aws/recent-messages.ts";
import { readUsage } from "../../lib/aws/usage-dynamo.ts";
import { html } from "../../lib/console/html.ts";
import { tenantPage, tenantsPage } from "../../lib/console/tenants-page.ts";
import { addBreakerCounts } from "../../lib/core/breaker.ts";
import { csvText } from "../../lib/core/csv.ts";
import { TENANT_ID_PATTERN, tenantKey } from "../../lib/core/directory.ts";
import { type InvoiceParts, invoiceLine } from "../../lib/core/invoice.ts";
import { SES_PLANS } from "../../lib/core/prices.ts";
import { NO_USAGE } from "../../lib/core/usage.ts";
import { stateOf } from "../commands/tenant.ts";
import { usageCsv, usageLines } from "../commands/usage.ts";
import { type ConsoleContext, type ConsoleEnv, csv, show } from "./console-context.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** Serves `/tenants`, `/tenants/<id>` and `/usage.csv`. */
export function addTenants(app: Hono<ConsoleEnv>, context: ConsoleContext): void {
  const { directory, ledger, names } = context.connection;
  const all = async (nowMs: number) =>
    (await scanRows(directory, "tenant"))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .map((tenant) => ({ tenant, state: stateOf(tenant, nowMs) }));
  app.get("/tenants", async (c) => {
    const view = c.get("view");
    return show(c, context, view.words.nav.tenants, tenantsPage(view, await all(view.nowMs)));
  });
  app.get("/tenants.csv", async (c) => {
    const day = (ms: number | undefined): string => (ms === undefined ? "" : new Date(ms).toISOString());
    const rows = (await all(Date.now())).map(({ tenant, state }) => [
      tenant.id,
      tenant.name,
      state,
      tenant.language,
      day(tenant.startsAtMs),
      day(tenant.endsAtMs),
      tenant.price?.per1000 ?? "",
      tenant.price?.currency ?? "",
    ]);
    return csv(
      c,
      "tenants",
      csvText(["id", "name", "state", "language", "starts", "ends", "per1000", "currency"], rows),
    );
  });
  app.get("/tenants/:id", async (c) => {
    const view = c.get("view");
    const id = c.req.param("id");
    const tenant = TENANT_ID_PATTERN.test(id) ? await readRow(directory, tenantKey(id)) : undefined;
    if (tenant?.kind !== "tenant") {
      return show(c, context, view.words.notFound, html`<p>${view.words.notFoundText}</p>`, 404);
    }
    const month = monthOf(view.query["month"], view.nowMs);
    const [rows, usage, lastMinute, buckets] = await Promise.all([
      listTenantRows(directory, id),
      readUsage(ledger, id, month),
      countRecentMessages(ledger, id, view.nowMs - MINUTE_MS, view.nowMs),
      readBuckets(ledger, id, view.nowMs),
    ]);
    const byDay = new Map(usage.filter(({ scope }) => scope === "tenant").map(({ day, counts }) => [day, counts]));
    const { counts, amount } = invoiceLine(tenant, month, usage);
    const facts = {
      tenant,
      state: stateOf(tenant, view.nowMs),
      credentials: rows.filter((row) => row.kind === "credential"),
      networks: rows.filter((row) => row.kind === "network"),
      domains: rows.filter((row) => row.kind === "domain"),
      pausedSenders: rows.filter((row) => row.kind === "sender-pause"),
      month,
      days: daysOf(month).map((day) => [day, byDay.get(day) ?? NO_USAGE] as const),
      total: counts,
      lastMinute,
      lastDay: buckets.reduce(addBreakerCounts, { mails: 0, bounced: 0, complained: 0 }),
      amount: amount === undefined ? undefined : `${amount.value} ${amount.currency}`,
    };
    return show(c, context, `${view.words.common.tenant} ${id}`, tenantPage(view, facts));
  });
  app.get("/usage.csv", async (c) => {
    const view = c.get("view");
    const id = view.query["tenant"] ?? "";
    const month = monthOf(view.query["month"], view.nowMs);
    const parts: readonly InvoiceParts[] = ["day", "credential", "domain"];
    const by = parts.find((part) => part === view.query["by"]);
    const tenants = (await scanRows(directory, "tenant")).filter((tenant) => id === "" || tenant.id === id);
    const lines = await usageLines(ledger, names.region, tenants, month, by, SES_PLANS[0]);
    return csv(c, `usage-${id === "" ? "all" : id}-${month}`, usageCsv(lines));
  });
}

function monthOf(asked: string | undefined, nowMs: number): string {
  return /^\d{4}-(0[1-9]|1[0-2])$/.test(asked ?? "") ? (asked ?? "") : new Date(nowMs).toISOString().slice(0, 7);
}

function daysOf(month: string): string[] {
  const days: string[] = [];
  for (let ms = Date.parse(`${month}-01T00:00:00Z`); ; ms += DAY_MS) {
    const day = new Date(ms).toISOString().slice(0, 10);
    if (!day.startsWith(month)) return days;
    days.push(day);
  }
}
