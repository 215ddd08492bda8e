/** `relayhost trace`: everything known of one message, found by any of its names. */

import type { Command } from "commander";
import {
  findByMessageId,
  findByRecipient,
  findBySesId,
  glanceAtMessage,
  type LedgerMessage,
  type ResendNote,
  readMessage,
} from "../../lib/aws/ledger-dynamo.ts";
import { headSpoolObject, readSpoolEnvelope } from "../../lib/aws/spool-s3.ts";
import type { RecipientRecord } from "../../lib/core/message-record.ts";
import { parseQueueId, type QueueId } from "../../lib/core/queue-id.ts";
import type { Envelope } from "../../lib/core/spool-object.ts";
import { type Connection, connect } from "./connect.ts";
import { plainText, printJson, sizeText } from "./output.ts";
import { CommandError, EXIT } from "./report.ts";

/** All that is known of one message. */
export interface Trace extends LedgerMessage {
  readonly id: QueueId;
  /** From the spool, when the ledger has not heard of it yet. */
  readonly spooled: Envelope | undefined;
  /** Further copies that the operator had sent; `found`: it is in the ledger or the spool. */
  readonly resends: readonly (ResendNote & { readonly found: boolean })[];
}

/** Adds the command. */
export function addTraceCommand(program: Command): void {
  program
    .command("trace")
    .description("show what became of a message")
    .argument("<name>", "queue id, SES message id, original Message-ID or recipient address")
    .option("--env <name>", "a deployed environment instead of local mode")
    .option("--limit <n>", "show at most this many messages, newest first", "20")
    .option("--json", "as JSON, one array")
    .addHelpText(
      "after",
      "\nExamples:\n  relayhost trace 01kb2x5m9cz3qv7g8h4t\n  relayhost trace someone@example.net --json",
    )
    .action(async (name: string, options: { env?: string; limit: string; json?: boolean }) => {
      const connection = await connect(options.env);
      const ids = await findIds(connection, name, Number(options.limit));
      const traces: Trace[] = [];
      for (const id of ids) {
        const trace = await readTrace(connection, id);
        if (trace !== undefined) traces.push(trace);
      }
      if (traces.length === 0) {
        throw new CommandError(`nothing is known of ${name}`, EXIT.notFound);
      }
      if (options.json === true) printJson(traces);
      else for (const trace of traces) printTrace(trace);
    });
}

async function findIds(connection: Connection, name: string, limit: number): Promise<readonly QueueId[]> {
  const id = parseQueueId(name);
  if (id !== undefined) return [id];
  const bare = name.replace(/^<|>$/g, "");
  const bySes = await findBySesId(connection.ledger, bare);
  if (bySes.length > 0) return bySes;
  const byMessageId = await findByMessageId(connection.ledger, bare, limit);
  return byMessageId.length > 0 ? byMessageId : await findByRecipient(connection.ledger, bare, limit);
}

/** Undefined when nothing is known of it. */
export async function readTrace(connection: Connection, id: QueueId): Promise<Trace | undefined> {
  const known = await readMessage(connection.ledger, id);
  const spooled = known.message === undefined ? await readSpoolEnvelope(connection.spool, id) : undefined;
  if (known.message === undefined && spooled === undefined && known.notes.unreadable === undefined) return undefined;
  return { id, spooled, ...known, resends: await resendsOf(connection, known.notes.resends ?? []) };
}

async function resendsOf({ ledger, spool }: Connection, noted: readonly ResendNote[]): Promise<Trace["resends"]> {
  const copies = new Map(noted.map((note) => [note.id, note]));
  const resends: Trace["resends"][number][] = [];
  for (const note of copies.values()) {
    const { message } = await glanceAtMessage(ledger, note.id, []);
    const found = message !== undefined || (await headSpoolObject(spool, note.id)) !== undefined;
    resends.push({ ...note, found });
  }
  return resends;
}

function printTrace(trace: Trace): void {
  const { message, spooled } = trace;
  console.log(`${trace.id}  ${message?.time ?? spooled?.time ?? ""}`);
  const { unreadable, order } = trace.notes;
  if (unreadable !== undefined) console.log(`  set aside: ${unreadable}`);
  if (order !== undefined) console.log(`  order: ${order}`);
  const tenant = message?.tenant ?? spooled?.tenant;
  if (tenant !== undefined) {
    const from = message?.returnPath ?? spooled?.returnPath ?? "";
    const size = message === undefined ? "" : `, ${sizeText(message.size)}`;
    console.log(`  tenant ${tenant}, credential ${message?.credential ?? spooled?.credential}, from <${from}>${size}`);
  }
  if (message?.messageId !== undefined) console.log(`  Message-ID <${message.messageId}>`);
  if (message?.subject !== undefined) console.log(`  Subject: ${message.subject}`);
  const original = message?.resendOf ?? spooled?.resendOf;
  if (original !== undefined) console.log(`  sent again from ${original}`);
  for (const { id, at, recipients, found } of trace.resends) {
    const gone = found ? "" : "; nothing is known of it: never stored, or expired";
    console.log(`  sent again ${at} as ${id} to ${recipients}${gone}`);
  }
  for (const recipient of trace.recipients) printRecipient(recipient);
  for (const recipient of spooled?.recipients ?? []) {
    console.log(`  <${recipient.address}>  accepted, not looked at yet`);
  }
}

function printRecipient(record: RecipientRecord): void {
  console.log(`  <${record.address}>  ${record.state}${record.sesId === undefined ? "" : `  ${record.sesId}`}`);
  for (const entry of record.history) {
    const status = entry.status === undefined ? "" : ` ${entry.status}`;
    console.log(
      `    ${entry.at}  ${entry.what}${status}${entry.detail === undefined ? "" : `  ${plainText(entry.detail)}`}`,
    );
  }
  if (record.nextTryAt !== undefined) console.log(`    next try ${new Date(record.nextTryAt).toISOString()}`);
}
