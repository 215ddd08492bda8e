/** `relayhost queue`: the spool, as `mailq` shows a queue. */

import type { Command } from "commander";
import { type MessageNotes, readMessage } from "../../lib/aws/ledger-dynamo.ts";
import { listSpool, readSpoolEnvelope, type SpoolEntry } from "../../lib/aws/spool-s3.ts";
import { isHandled, type RecipientRecord } from "../../lib/core/message-record.ts";
import type { QueueRow } from "../../lib/core/queue-row.ts";
import { type Envelope, NewerSpoolObject } from "../../lib/core/spool-object.ts";
import { type Connection, connect } from "./connect.ts";
import { ageText, printJson, printTable, sizeText } from "./output.ts";

/** Adds the command. */
export function addQueueCommand(program: Command): void {
  program
    .command("queue")
    .description("list the messages we are responsible for, oldest first")
    .option("--env <name>", "a deployed environment instead of local mode")
    .option("--limit <n>", "show at most this many", "100")
    .option("--json", "as JSON, one array")
    .addHelpText("after", "\nExamples:\n  relayhost queue\n  relayhost queue --env prod --json")
    .action(async (options: { env?: string; limit: string; json?: boolean }) => {
      const connection = await connect(options.env);
      const limit = Number(options.limit);
      const rows: QueueRow[] = [];
      let total = 0;
      for await (const entry of listSpool(connection.spool)) {
        total += 1;
        if (rows.length < limit) rows.push(await queueRow(connection, entry));
      }
      if (options.json === true) {
        printJson(rows);
        return;
      }
      if (total === 0) {
        console.log("The queue is empty: everything accepted has been handed to SES or answered.");
        return;
      }
      printTable(
        ["ID", "STATE", "AGE", "SIZE", "TENANT", "FROM", "DONE", "TRIES", "NEXT", "REASON"],
        rows.map((row) => [
          row.id,
          row.state,
          ageText(row.ageSeconds),
          sizeText(row.size),
          row.tenant,
          row.from,
          `${row.handled}/${row.recipients}`,
          String(row.attempts),
          row.nextTry === null ? "" : nextText(row.nextTry),
          row.reason,
        ]),
      );
      console.log(`${total} in the queue${total > rows.length ? `, ${rows.length} shown` : ""}`);
    });
}

function nextText(time: string): string {
  const seconds = Math.round((Date.parse(time) - Date.now()) / 1000);
  return seconds <= 0 ? "now" : `in ${ageText(seconds)}`;
}

/** Looks a spool entry up in the ledger. */
export async function queueRow(connection: Connection, entry: SpoolEntry): Promise<QueueRow> {
  const base = { size: entry.size, ageSeconds: Math.round((Date.now() - entry.storedMs) / 1000) };
  const none = { tenant: "", from: "", recipients: 0, handled: 0, attempts: 0, nextTry: null };
  if (entry.id === undefined) return { ...base, ...none, id: entry.key, state: "foreign", reason: "not a spool key" };
  const { message, recipients, notes } = await readMessage(connection.ledger, entry.id);
  if (notes.unreadable !== undefined) {
    return { ...base, ...none, id: entry.id, state: "unreadable", reason: notes.unreadable };
  }
  let envelope: Envelope | undefined;
  try {
    if (message === undefined) envelope = await readSpoolEnvelope(connection.spool, entry.id);
  } catch (error) {
    if (!(error instanceof NewerSpoolObject)) throw error;
    return { ...base, ...none, id: entry.id, state: "newer", reason: error.message };
  }
  const open = recipients.filter((record) => !isHandled(record));
  const next = Math.min(...open.map((record) => record.nextTryAt ?? Number.POSITIVE_INFINITY));
  return {
    ...base,
    id: entry.id,
    state: stateOf(notes, message !== undefined, open),
    tenant: message?.tenant ?? envelope?.tenant ?? "",
    from: message?.returnPath ?? envelope?.returnPath ?? "<>",
    recipients: message?.recipients ?? envelope?.recipients.length ?? 0,
    handled: recipients.length - open.length,
    nextTry: Number.isFinite(next) ? new Date(next).toISOString() : null,
    attempts: Math.max(0, ...recipients.map((record) => record.attempts)),
    reason: open.find((record) => record.reason !== undefined)?.reason ?? "",
  };
}

function stateOf(notes: MessageNotes, isKnown: boolean, open: readonly RecipientRecord[]): string {
  if (notes.order === "hold") return "held";
  if (notes.order !== undefined) return "dropping";
  if (open.some((record) => record.state === "sending")) return "sending";
  if (open.length > 0) return "waiting";
  return isKnown ? "active" : "accepted";
}
