/** `relayhost queue`: the spool, as `mailq` shows a queue. */

import type { Command } from "commander";
import { readMessage } from "../../lib/aws/ledger-dynamo.ts";
import { listSpool, readSpoolEnvelope, type SpoolEntry } from "../../lib/aws/spool-s3.ts";
import { isHandled } from "../../lib/core/message-record.ts";
import { type Connection, connect } from "./connect.ts";
import { ageText, printJson, printTable, sizeText } from "./output.ts";

interface QueueRow {
  readonly id: string;
  readonly state: string;
  readonly ageSeconds: number;
  readonly size: number;
  readonly tenant: string;
  readonly from: string;
  readonly recipients: number;
  readonly handled: number;
  /** RFC 3339; null when it is due or nobody waits. */
  readonly nextTry: string | null;
  readonly reason: string;
}

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
        ["ID", "STATE", "AGE", "SIZE", "TENANT", "FROM", "DONE", "REASON"],
        rows.map((row) => [
          row.id,
          row.state,
          ageText(row.ageSeconds),
          sizeText(row.size),
          row.tenant,
          row.from,
          `${row.handled}/${row.recipients}`,
          row.reason,
        ]),
      );
      console.log(`${total} in the queue${total > rows.length ? `, ${rows.length} shown` : ""}`);
    });
}

async function queueRow(connection: Connection, entry: SpoolEntry): Promise<QueueRow> {
  const base = { size: entry.size, ageSeconds: Math.round((Date.now() - entry.storedMs) / 1000) };
  const none = { tenant: "", from: "", recipients: 0, handled: 0, nextTry: null };
  if (entry.id === undefined) return { ...base, ...none, id: entry.key, state: "foreign", reason: "not a spool key" };
  const { message, recipients, unreadable } = await readMessage(connection.ledger, entry.id);
  if (unreadable !== undefined) return { ...base, ...none, id: entry.id, state: "unreadable", reason: unreadable };
  const envelope = message === undefined ? await readSpoolEnvelope(connection.spool, entry.id) : undefined;
  const open = recipients.filter((record) => !isHandled(record));
  const next = Math.min(...open.map((record) => record.nextTryAt ?? Number.POSITIVE_INFINITY));
  const state = open.some((record) => record.state === "sending")
    ? "sending"
    : open.length > 0
      ? "waiting"
      : message === undefined
        ? "accepted"
        : "active";
  return {
    ...base,
    id: entry.id,
    state,
    tenant: message?.tenant ?? envelope?.tenant ?? "",
    from: message?.returnPath ?? envelope?.returnPath ?? "<>",
    recipients: message?.recipients ?? envelope?.recipients.length ?? 0,
    handled: recipients.length - open.length,
    nextTry: Number.isFinite(next) ? new Date(next).toISOString() : null,
    reason: open.find((record) => record.reason !== undefined)?.reason ?? "",
  };
}
