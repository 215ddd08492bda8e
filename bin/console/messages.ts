/** Search over the ledger's indexes; filters read a bounded number of messages a page and say how many. */

import type { Hono } from "hono";
import { scanRows } from "../../lib/aws/directory-dynamo.ts";
import { type FoundMessage, type MessageSearch, searchMessages } from "../../lib/aws/search-messages.ts";
import { type MessageList, type MessageRow, messagesPage } from "../../lib/console/messages-page.ts";
import type { View } from "../../lib/console/view.ts";
import { csvText } from "../../lib/core/csv.ts";
import { parseQueueId, queueIdTimeMs } from "../../lib/core/queue-id.ts";
import { utcDay } from "../../lib/core/usage.ts";
import { type ConsoleContext, type ConsoleEnv, csv, show } from "./console-context.ts";

const PART = 50;
/** Messages that a page with filters reads. */
const FILTERED_PART = 300;
const CSV_MAX = 5_000;
const DAY_MS = 86_400_000;

/** Serves `/messages` and `/messages.csv`. */
export function addMessages(app: Hono<ConsoleEnv>, context: ConsoleContext): void {
  const tenantIds = async (): Promise<string[]> =>
    (await scanRows(context.connection.directory, "tenant")).map(({ id }) => id).toSorted();
  const { keepSubjects: keepsSubjects } = context.connection.names;
  app.get("/messages", async (c) => {
    const view = c.get("view");
    const id = parseQueueId((view.query["q"] ?? "").trim());
    if (id !== undefined) return c.redirect(`/messages/${id}`, 303);
    const tenants = await tenantIds();
    const list = await search(context, view, tenants, isFiltered(view) ? FILTERED_PART : PART, view.query["cursor"]);
    return show(c, context, view.words.nav.messages, messagesPage(view, { tenants, keepsSubjects }, list));
  });
  app.get("/messages.csv", async (c) => {
    const view = c.get("view");
    const tenants = await tenantIds();
    const rows: MessageRow[] = [];
    let read = 0;
    let cursor: string | undefined;
    do {
      const list = await search(context, view, tenants, FILTERED_PART, cursor);
      rows.push(...list.rows);
      read += list.read;
      cursor = list.next;
    } while (cursor !== undefined && read < CSV_MAX);
    return csv(
      c,
      "messages",
      csvText(
        HEADS,
        rows.map((row) => HEADS.map((head) => row[head])),
      ),
    );
  });
}

const HEADS = ["id", "time", "tenant", "from", "to", "recipients", "state", "size", "reason", "subject"] as const;

function isFiltered({ query }: View): boolean {
  return (
    (query["state"] ?? "") !== "" ||
    (query["from"] ?? "") !== "" ||
    (query["subject"] ?? "") !== "" ||
    ((query["q"] ?? "") !== "" && (query["tenant"] ?? "") !== "")
  );
}

async function search(
  { connection }: ConsoleContext,
  view: View,
  tenants: readonly string[],
  limit: number,
  cursor: string | undefined,
): Promise<MessageList> {
  const { ledger } = connection;
  const day = /^\d{4}-\d\d-\d\d$/.test(view.query["day"] ?? "") ? (view.query["day"] ?? "") : undefined;
  const times = timesOf(view, day);
  // A cursor begins with what was searched by: the first page has decided that.
  const [, by, position] = /^([a-z-]+):(.*)$/.exec(cursor ?? "") ?? [];
  for (const one of searchesOf(view, tenants, day ?? utcDay(view.nowMs))) {
    if (by !== undefined && one.by !== by) continue;
    const { found, next } = await searchMessages(ledger, one, { limit, cursor: position, ...times });
    if (found.length === 0 && by === undefined) continue;
    const rows = found.map(rowOf).filter((row) => fits(row, view));
    return { rows, next: next === undefined ? undefined : `${one.by}:${next}`, read: found.length };
  }
  return { rows: [], read: 0 };
}

/** By name: SES id, Message-ID, recipient, in this order; the first that finds something counts. */
function searchesOf(view: View, tenants: readonly string[], day: string): MessageSearch[] {
  const name = (view.query["q"] ?? "").trim().replace(/^<|>$/g, "");
  if (name !== "") {
    return [
      { by: "ses-id", sesId: name },
      { by: "message-id", messageId: name },
      { by: "recipient", address: name },
    ];
  }
  const tenant = view.query["tenant"] ?? "";
  const chosen = tenant === "" && tenants.length === 1 ? tenants[0] : tenant;
  if (chosen === undefined || chosen === "") return [];
  const failed = ["bounced", "complained", "rejected", "failed"].includes(view.query["state"] ?? "");
  return [{ by: "day", tenant: chosen, day, failed }];
}

function timesOf(view: View, day: string | undefined): { fromMs?: number; toMs?: number } {
  const clock = (name: string): number | undefined => {
    const [, hour = "", minute = ""] = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(view.query[name] ?? "") ?? [];
    return hour === "" ? undefined : (Number(hour) * 60 + Number(minute)) * 60_000;
  };
  const dayMs = Date.parse(`${day ?? utcDay(view.nowMs)}T00:00:00Z`);
  const after = clock("after");
  const before = clock("before");
  if (Number.isNaN(dayMs) || (day === undefined && after === undefined && before === undefined)) return {};
  return { fromMs: dayMs + (after ?? 0), toMs: dayMs + (before ?? DAY_MS) };
}

/** A found message as it is listed. */
export function rowOf({ id, message, recipient }: FoundMessage): MessageRow {
  return {
    id,
    time: message?.time ?? new Date(queueIdTimeMs(id)).toISOString(),
    tenant: message?.tenant ?? recipient?.tenant ?? "",
    from: message?.returnPath ?? "<>",
    size: message?.size ?? 0,
    recipients: message?.recipients ?? 1,
    to: recipient?.address ?? "",
    state: recipient?.state ?? "accepted",
    reason: recipient?.reason ?? "",
    subject: message?.subject ?? "",
  };
}

function fits(row: MessageRow, { query }: View): boolean {
  const { state = "", from = "", tenant = "", subject = "" } = query;
  const wanted = from.trim().toLowerCase();
  const sender = row.from.toLowerCase();
  return (
    (state === "" || row.state === state) &&
    (tenant === "" || row.tenant === tenant) &&
    (wanted === "" || sender === wanted || sender.endsWith(`@${wanted}`) || sender.endsWith(`.${wanted}`)) &&
    comparable(row.subject).includes(comparable(subject))
  );
}

/** Full width or half, capital or small: people do not tell them apart when they search. */
function comparable(text: string): string {
  return text.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();
}
