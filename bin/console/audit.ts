/** The audit record's page. */

import type { Hono } from "hono";
import { readAudit } from "../../lib/aws/audit-dynamo.ts";
import { auditPage } from "../../lib/console/audit-page.ts";
import { csvText } from "../../lib/core/csv.ts";
import { type ConsoleContext, type ConsoleEnv, csv, show } from "./console-context.ts";

const PART = 100;
const CSV_MAX = 10_000;

/** Serves `/audit` and `/audit.csv`. */
export function addAudit(app: Hono<ConsoleEnv>, context: ConsoleContext): void {
  const { ledger } = context.connection;
  const monthOf = (asked: string | undefined, nowMs: number): string =>
    /^\d{4}-\d\d$/.test(asked ?? "") ? (asked ?? "") : new Date(nowMs).toISOString().slice(0, 7);
  app.get("/audit", async (c) => {
    const view = c.get("view");
    const month = monthOf(view.query["month"], view.nowMs);
    const { entries, next } = await readAudit(ledger, month, PART, view.query["cursor"]);
    return show(c, context, view.words.nav.audit, auditPage(view, month, entries, next));
  });
  app.get("/audit.csv", async (c) => {
    const view = c.get("view");
    const month = monthOf(view.query["month"], view.nowMs);
    const { entries } = await readAudit(ledger, month, CSV_MAX);
    const rows = entries.map((entry) => [
      entry.at,
      entry.id,
      entry.phase,
      entry.who,
      entry.action,
      entry.tenant ?? "",
      entry.subjects.join(" "),
      entry.text.join(" "),
    ]);
    return csv(
      c,
      `audit-${month}`,
      csvText(["at", "id", "phase", "who", "action", "tenant", "subjects", "text"], rows),
    );
  });
}
