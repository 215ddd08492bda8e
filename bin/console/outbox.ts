/**
 * Local mode's outbox: files that local SES has written, read and taken apart.
 *
 * Promise:  nothing of a mail runs or loads: its HTML is served with a policy of its own that allows inline styles and the
 *           mail's own pictures only, sandboxed also when it is opened by itself; attachments are always saved, never shown.
 */

import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Hono } from "hono";
import PostalMime, { type Address, type Email } from "postal-mime";
import { html } from "../../lib/console/html.ts";
import { type OutboxEntry, type OutboxMail, outboxMailPage, outboxPage } from "../../lib/console/outbox-page.ts";
import { safeMailHtml } from "../../lib/console/safe-html.ts";
import { csvText } from "../../lib/core/csv.ts";
import { errorText } from "../../lib/core/log.ts";
import { type ConsoleContext, type ConsoleEnv, csv, download, type Request, show } from "./console-context.ts";

const PART = 50;
const SOURCE_BYTES_SHOWN = 64 * 1024;
const SES_ID = /^[0-9a-f-]{20,80}$/;
/** Pictures in the mail that are shown in its frame. */
const SHOWN_IMAGES = /^image\/(png|jpeg|gif|webp)$/i;

const MAIL_POLICY =
  "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; " +
  "frame-ancestors 'self'; sandbox";

/** Serves `/outbox` and what is below it. */
export function addOutbox(app: Hono<ConsoleEnv>, context: ConsoleContext, dataDir: string): void {
  const folder = join(dataDir, "outbox");
  app.get("/outbox", async (c) => {
    const view = c.get("view");
    const { entries, next } = await list(folder, PART, view.query["cursor"]);
    return show(c, context, view.words.nav.outbox, outboxPage(view, entries, next));
  });
  app.get("/outbox.csv", async (c) => {
    const { entries } = await list(folder, Number.POSITIVE_INFINITY, undefined);
    const rows = entries.map((one) => [one.sesId, one.time, one.from, one.to.join(" "), one.size, one.queueId ?? ""]);
    return csv(c, "outbox", csvText(["ses_id", "time", "from", "to", "size", "queue_id"], rows));
  });
  app.get("/outbox/:id", async (c) => {
    const mail = await readMail(folder, c.req.param("id"));
    if (mail === undefined) return missing(c, context);
    const { words } = c.get("view");
    const title =
      mail.email.subject === undefined || mail.email.subject === "" ? words.outbox.noSubject : mail.email.subject;
    return show(c, context, title, outboxMailPage(c.get("view"), shownMail(mail)));
  });
  app.get("/outbox/:id/html", async (c) => {
    const mail = await readMail(folder, c.req.param("id"));
    if (mail?.email.html === undefined) return missing(c, context);
    const images = new Map<string, string>();
    for (const { contentId, mimeType, content } of mail.email.attachments) {
      if (contentId === undefined || !SHOWN_IMAGES.test(mimeType)) continue;
      images.set(
        contentId.replace(/^<|>$/g, ""),
        `data:${mimeType.toLowerCase()};base64,${octets(content).toString("base64")}`,
      );
    }
    return c.body(safeMailHtml(mail.email.html, images), 200, {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": MAIL_POLICY,
      "x-frame-options": "SAMEORIGIN",
      "referrer-policy": "no-referrer",
    });
  });
  app.get("/outbox/:id/source", async (c) => {
    const mail = await readMail(folder, c.req.param("id"));
    if (mail === undefined) return missing(c, context);
    return download(c, `${mail.entry.sesId}.eml`, "application/octet-stream", mail.bytes);
  });
  app.get("/outbox/:id/attachments/:index", async (c) => {
    const mail = await readMail(folder, c.req.param("id"));
    const index = c.req.param("index");
    const attachment = /^\d{1,4}$/.test(index) ? mail?.email.attachments[Number(index)] : undefined;
    if (attachment === undefined) return missing(c, context);
    return download(
      c,
      attachment.filename ?? `attachment-${index}`,
      "application/octet-stream",
      octets(attachment.content),
    );
  });
}

function missing(c: Request, context: ConsoleContext): Response {
  const { words } = c.get("view");
  return show(c, context, words.notFound, html`<p>${words.notFoundText}</p>`, 404);
}

/** Newest first: an SES id begins with its time. */
async function list(
  folder: string,
  limit: number,
  cursor: string | undefined,
): Promise<{ readonly entries: OutboxEntry[]; readonly next?: string }> {
  const ids = (await readdir(folder).catch(() => []))
    .filter((name) => name.endsWith(".eml"))
    .map((name) => name.slice(0, -4))
    .filter((id) => SES_ID.test(id) && (cursor === undefined || id < cursor))
    .toSorted()
    .toReversed();
  const entries: OutboxEntry[] = [];
  for (const id of ids.slice(0, limit)) {
    const entry = await readEntry(folder, id);
    if (entry !== undefined) entries.push(entry);
  }
  const last = ids[limit - 1];
  return { entries, ...(ids.length > limit && last !== undefined ? { next: last } : {}) };
}

/** Undefined when there is none: what is in the folder is never believed to be complete. */
async function readEntry(folder: string, sesId: string): Promise<OutboxEntry | undefined> {
  try {
    const { size } = await stat(join(folder, `${sesId}.eml`));
    const request = JSON.parse(await readFile(join(folder, `${sesId}.json`), "utf8")) as {
      readonly time?: string;
      readonly source?: string;
      readonly recipients?: readonly string[];
      readonly tags?: Readonly<Record<string, string>>;
    };
    return {
      sesId,
      time: request.time ?? "",
      from: request.source ?? "",
      to: request.recipients ?? [],
      size,
      queueId: request.tags?.["relayhost-id"],
    };
  } catch {
    return undefined;
  }
}

interface ParsedMail {
  readonly entry: OutboxEntry;
  readonly bytes: Buffer;
  readonly email: Email;
  /** Why there is nothing but the source. */
  readonly unreadable?: string;
}

async function parse(bytes: Buffer): Promise<Pick<ParsedMail, "email" | "unreadable">> {
  try {
    return { email: await PostalMime.parse(bytes) };
  } catch (error) {
    return { email: { headers: [], headerLines: [], attachments: [] }, unreadable: errorText(error) };
  }
}

async function readMail(folder: string, sesId: string): Promise<ParsedMail | undefined> {
  const entry = SES_ID.test(sesId) ? await readEntry(folder, sesId) : undefined;
  if (entry === undefined) return undefined;
  const bytes = await readFile(join(folder, `${sesId}.eml`));
  return { entry, bytes, ...(await parse(bytes)) };
}

/** The header of a mail in the outbox, as octets. */
export async function readOutboxHeader(dataDir: string, sesId: string): Promise<Buffer | undefined> {
  if (!SES_ID.test(sesId)) return undefined;
  try {
    return await readFile(join(dataDir, "outbox", `${sesId}.eml`));
  } catch {
    return undefined;
  }
}

function shownMail({ entry, bytes, email, unreadable }: ParsedMail): OutboxMail {
  return {
    entry,
    unreadable,
    subject: email.subject ?? "",
    from: addressText(email.from === undefined ? [] : [email.from]),
    to: addressText([...(email.to ?? []), ...(email.cc ?? [])]),
    date: email.date ?? "",
    text: email.text,
    hasHtml: email.html !== undefined,
    attachments: email.attachments.map((one) => ({
      name: one.filename ?? one.mimeType,
      type: one.mimeType,
      size: octets(one.content).length,
    })),
    source: bytes.subarray(0, SOURCE_BYTES_SHOWN).toString("utf8"),
    isCut: bytes.length > SOURCE_BYTES_SHOWN,
  };
}

function addressText(addresses: readonly Address[]): string {
  return addresses
    .map((one) => (one.name === "" ? (one.address ?? "") : `${one.name} <${one.address ?? ""}>`))
    .join(", ");
}

function octets(content: ArrayBuffer | Uint8Array | string): Buffer {
  return typeof content === "string" ? Buffer.from(content) : Buffer.from(content as Uint8Array);
}
