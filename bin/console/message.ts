/** One message's page and its source. */

import type { Hono } from "hono";
import { KEPT_HEADER_BYTES_MAX, readKeptMessage } from "../../lib/aws/kept-message.ts";
import { headSpoolObject } from "../../lib/aws/spool-s3.ts";
import { html } from "../../lib/console/html.ts";
import { messagePage } from "../../lib/console/message-page.ts";
import { parseQueueId } from "../../lib/core/queue-id.ts";
import { readTrace } from "../commands/trace.ts";
import { type ConsoleContext, type ConsoleEnv, download, show } from "./console-context.ts";
import { computedHeader, headerText, outboxHeaders } from "./sent-header.ts";

/** Serves `/messages/<id>` and `/messages/<id>/source`. */
export function addMessage(app: Hono<ConsoleEnv>, context: ConsoleContext): void {
  const { connection, dataDir } = context;
  app.get("/messages/:id", async (c) => {
    const view = c.get("view");
    const id = parseQueueId(c.req.param("id"));
    const trace = id === undefined ? undefined : await readTrace(connection, id);
    if (id === undefined || trace === undefined) {
      return show(c, context, view.words.notFound, html`<p>${view.words.messages.one.unknown}</p>`, 404);
    }
    const { message, spooled, notes, recipients } = trace;
    const [inQueue, kept, sent] = await Promise.all([
      headSpoolObject(connection.spool, id),
      readKeptMessage(connection.spool, id, message?.versionId, KEPT_HEADER_BYTES_MAX),
      outboxHeaders(dataDir, recipients),
    ]);
    const [asSent] = sent.values();
    const computed =
      asSent !== undefined || kept === undefined ? undefined : await computedHeader(context, kept, recipients);
    const client = spooled?.client ?? kept?.envelope.client;
    const facts = {
      id,
      message,
      recipients,
      waiting: spooled?.recipients.map(({ address }) => address) ?? [],
      tenant: message?.tenant ?? spooled?.tenant ?? "",
      credential: message?.credential ?? spooled?.credential ?? "",
      from: message?.returnPath ?? spooled?.returnPath ?? "<>",
      time: message?.time ?? spooled?.time ?? "",
      client:
        client === undefined
          ? (message?.clientAddress ?? "")
          : `${client.helo} [${client.address}] ${client.tls ?? ""}`,
      unreadable: notes.unreadable,
      order: notes.order,
      resendOf: message?.resendOf ?? spooled?.resendOf,
      resends: trace.resends,
      inQueue: inQueue !== undefined,
      received: kept === undefined ? undefined : headerText(kept.message),
      sent: asSent,
      computed,
      outbox: [...sent.keys()],
    };
    return show(c, context, `${view.words.messages.one.title} ${id}`, messagePage(view, facts));
  });
  app.get("/messages/:id/source", async (c) => {
    const { words } = c.get("view");
    const id = parseQueueId(c.req.param("id"));
    const trace = id === undefined ? undefined : await readTrace(connection, id);
    const kept = id === undefined ? undefined : await readKeptMessage(connection.spool, id, trace?.message?.versionId);
    if (id === undefined || kept === undefined) {
      return show(c, context, words.notFound, html`<p>${words.messages.one.notKept}</p>`, 404);
    }
    return download(c, `${id}.eml`, "application/octet-stream", kept.message);
  });
}
