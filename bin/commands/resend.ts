/**
 * `relayhost resend`: sends a message again that is still kept, under a queue id of its own.
 *
 * Promise:  the copy takes the way of any message: through the spool, with records and a place in the books of its own,
 *           held back by its tenant's pause and suppression list. Only the duplicate guard lets it pass.
 * Refusal:  a plan that cannot be carried out says why; nothing is written then.
 * Order:    the original's notes name the copy before it is stored, so that no copy leaves unseen; `trace` tells one that
 *           was announced and never stored.
 */

import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { readRow } from "../../lib/aws/directory-dynamo.ts";
import { KEPT_HEADER_BYTES_MAX, readKeptMessage } from "../../lib/aws/kept-message.ts";
import { noteResend, readMessage } from "../../lib/aws/ledger-dynamo.ts";
import { readSendingPermit } from "../../lib/aws/sending-permit.ts";
import { putSpoolObject } from "../../lib/aws/spool-s3.ts";
import { verifiedDomains } from "../../lib/aws/verified-sender-domains.ts";
import { addressKey, isAddress, parseAddress } from "../../lib/core/address.ts";
import { type Pause, tenantKey } from "../../lib/core/directory.ts";
import { fieldValue, readHeader } from "../../lib/core/header-fields.ts";
import { fromDomains } from "../../lib/core/header-from.ts";
import type { MessageRecord, RecipientRecord } from "../../lib/core/message-record.ts";
import { makeQueueId, parseQueueId, QUEUE_ID_RANDOM_BYTES, type QueueId } from "../../lib/core/queue-id.ts";
import { mayHaveMail, type ResendChoice, resendEnvelope, resendTargets } from "../../lib/core/resend.ts";
import { encodeSpoolHeader, type SpoolObject } from "../../lib/core/spool-object.ts";
import { type Connection, connect } from "./connect.ts";
import { plainText, printJson } from "./output.ts";
import { CommandError, EXIT } from "./report.ts";
import { stateOf } from "./tenant.ts";

/** Why a message cannot be sent again; `detail`: of whom or what that is said. */
export interface ResendObstacle {
  readonly obstacle:
    | "no-record"
    | "not-kept"
    | "unknown-recipient"
    | "still-open"
    | "nobody"
    | "no-tenant"
    | "tenant-stopped"
    | "sender-not-theirs";
  readonly detail: string;
}

/** One who gets the copy. */
export interface ResendTarget {
  readonly record: RecipientRecord;
  /** It may have the mail already: this is its second copy. */
  readonly second: boolean;
  /** On the tenant's suppression list: nothing is sent to it. */
  readonly suppressed: boolean;
}

/** A copy that can be sent. */
export interface ResendPlan {
  readonly message: MessageRecord;
  readonly targets: readonly ResendTarget[];
  /** The tenant or the envelope sender is paused: the copy waits. */
  readonly pause: Pause | undefined;
}

/** Looks whether and to whom. Throws what AWS throws. */
export async function planResend(
  connection: Connection,
  id: QueueId,
  choice: ResendChoice,
  nowMs: number,
): Promise<ResendPlan | ResendObstacle> {
  const { ledger, spool, directory } = connection;
  const { message, recipients } = await readMessage(ledger, id);
  if (message === undefined) return { obstacle: "no-record", detail: id };
  const { chosen, open, unknown } = resendTargets(recipients, choice);
  if (unknown.length > 0) return { obstacle: "unknown-recipient", detail: unknown.join(", ") };
  if (open.length > 0) return { obstacle: "still-open", detail: open.map(({ address }) => address).join(", ") };
  if (chosen.length === 0) return { obstacle: "nobody", detail: id };
  const tenant = await readRow(directory, tenantKey(message.tenant));
  if (tenant?.kind !== "tenant") return { obstacle: "no-tenant", detail: message.tenant };
  const state = stateOf(tenant, nowMs);
  if (state === "ended" || state === "not begun" || state === "limit reached") {
    return { obstacle: "tenant-stopped", detail: `${tenant.id}: ${state}` };
  }
  const kept = await readKeptMessage(spool, id, message.versionId, KEPT_HEADER_BYTES_MAX);
  if (kept === undefined) return { obstacle: "not-kept", detail: id };
  const foreign = await foreignDomains(connection, kept);
  if (foreign.length > 0) return { obstacle: "sender-not-theirs", detail: foreign.join(", ") };
  const permit = await readSendingPermit(connection, { ...message, recipients: chosen.map(({ address }) => address) });
  return {
    message,
    targets: chosen.map((record) => ({
      record,
      second: mayHaveMail(record),
      suppressed: permit.suppressed.has(addressKey(record.address)),
    })),
    // Reports go out while their tenant is paused.
    pause: message.dsnFor === undefined ? permit.pause : undefined,
  };
}

/** The edge has asked when it came; the domain may be another tenant's since. */
async function foreignDomains({ directory }: Connection, { envelope, message }: SpoolObject): Promise<string[]> {
  if (envelope.dsnFor !== undefined) return [];
  const from = readHeader(message).fields.find(({ name }) => name === "from");
  const authors =
    envelope.rewrite !== undefined
      ? []
      : ((from === undefined ? undefined : fromDomains(fieldValue(message, from))) ?? ["From"]);
  const sender = parseAddress(envelope.foreignReturnPath === true ? "" : (envelope.returnPath ?? ""));
  const domains = [...new Set([...authors, ...(isAddress(sender) ? [sender.domain] : [])])];
  const verified = await verifiedDomains(directory, envelope.tenant, domains);
  return domains.filter((domain) => !verified.has(domain));
}

/** Stores the copy and returns its id. Throws `CommandError` when the message is kept no more, and what AWS throws. */
export async function resend(
  connection: Connection,
  { message, targets }: ResendPlan,
  nowMs: number,
): Promise<QueueId> {
  const { spool, ledger } = connection;
  const kept = await readKeptMessage(spool, message.id, message.versionId);
  if (kept === undefined) throw new CommandError(resendObstacleText({ obstacle: "not-kept", detail: message.id }));
  const id = makeQueueId(nowMs, randomBytes(QUEUE_ID_RANDOM_BYTES));
  const at = new Date(nowMs).toISOString();
  const indexes = targets.map(({ record }) => record.index);
  const head = encodeSpoolHeader(resendEnvelope(kept.envelope, id, at, indexes), kept.received.toString("latin1"));
  await noteResend(ledger, message, { id, at, recipients: indexes.length });
  await putSpoolObject(spool, id, Buffer.concat([head, kept.message]));
  return id;
}

/** The obstacle in a sentence. */
export function resendObstacleText({ obstacle, detail }: ResendObstacle): string {
  switch (obstacle) {
    case "no-record":
      return `the ledger has no record of ${detail}: it has expired, or the message was never looked at`;
    case "not-kept":
      return `${detail} is kept no more, only its records: it cannot be sent again from here. Ask its sender to send it anew`;
    case "unknown-recipient":
      return `not a recipient of the message: ${detail}`;
    case "still-open":
      return `the relay is still trying to send it to ${detail}; use relayhost retry`;
    case "nobody":
      return `nobody of ${detail} lacks the mail; name recipients with --to, or take --all`;
    case "no-tenant":
      return `there is no tenant ${detail} any more`;
    case "tenant-stopped":
      return `the tenant may not send now (${detail})`;
    case "sender-not-theirs":
      return `the sender's domain is not a verified one of the tenant any more: ${detail}`;
  }
}

interface Options {
  readonly env?: string;
  readonly to?: readonly string[];
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Adds the command. */
export function addResendCommand(program: Command): void {
  program
    .command("resend")
    .description("send messages again that are still kept, each under a new queue id: to those who did not get it")
    .argument("<id...>", "queue ids")
    .option("--to <address...>", "to these of its recipients, whether or not they have it (one message only)")
    .option("--all", "to all its recipients: those who have it get a second copy")
    .option("--env <name>", "a deployed environment instead of local mode")
    .option("--dry-run", "say what would be done, and do nothing")
    .option("--json", "as JSON, one array")
    .addHelpText(
      "after",
      "\nExamples:\n  relayhost resend 01kb2x5m9cz3qv7g8h4t --dry-run\n  relayhost resend 01kb2x5m9cz3qv7g8h4t --to someone@example.net",
    )
    .action(async (texts: string[], options: Options) => await run(texts, options));
}

async function run(texts: readonly string[], options: Options): Promise<void> {
  const wrong = texts.filter((text) => parseQueueId(text) === undefined);
  if (wrong.length > 0) throw new CommandError(`not a queue id: ${wrong.join(", ")}`, EXIT.usage);
  if (options.to !== undefined && (options.all === true || texts.length > 1)) {
    throw new CommandError("--to goes with one message and without --all", EXIT.usage);
  }
  const ids = [...new Set(texts.map(parseQueueId).filter((id) => id !== undefined))];
  const connection = await connect(options.env);
  const results: ResendResult[] = [];
  for (const id of ids) results.push(await resendOne(connection, id, choiceOf(options), options.dryRun === true));
  if (options.json === true) printJson(results);
  else for (const line of results.flatMap(resultLines)) console.log(plainText(line));
  if (results.some(({ obstacle }) => obstacle !== undefined)) process.exitCode = EXIT.notFound;
}

function choiceOf({ to, all }: Options): ResendChoice {
  if (to !== undefined) return { kind: "addresses", addresses: to };
  return { kind: all === true ? "all" : "failed" };
}

interface ResendResult {
  readonly id: QueueId;
  /** Of the copy; absent in a dry run and where there is none. */
  readonly resentAs?: QueueId;
  readonly obstacle?: ResendObstacle["obstacle"];
  readonly text?: string;
  readonly waits?: string;
  readonly recipients: readonly {
    readonly address: string;
    readonly state: string;
    readonly second: boolean;
    readonly suppressed: boolean;
  }[];
}

async function resendOne(
  connection: Connection,
  id: QueueId,
  choice: ResendChoice,
  dryRun: boolean,
): Promise<ResendResult> {
  const nowMs = Date.now();
  const plan = await planResend(connection, id, choice, nowMs);
  if ("obstacle" in plan) {
    return { id, obstacle: plan.obstacle, text: resendObstacleText(plan), recipients: [] };
  }
  const recipients = plan.targets.map(({ record, second, suppressed }) => {
    const { address, state } = record;
    return { address, state, second, suppressed };
  });
  const waits = plan.pause === undefined ? {} : { waits: plan.pause.reason };
  return { id, ...(dryRun ? {} : { resentAs: await resend(connection, plan, nowMs) }), ...waits, recipients };
}

function resultLines({ id, resentAs, text, waits, recipients }: ResendResult): string[] {
  if (text !== undefined) return [`${id}  not sent again: ${text}`];
  return [
    `${id}  ${resentAs === undefined ? "would be sent again" : `sent again as ${resentAs}`}`,
    ...(waits === undefined ? [] : [`  waits, since its tenant or sender is paused: ${waits}`]),
    ...recipients.map(({ address, state, second, suppressed }) => {
      const remark = suppressed ? "; suppressed, so nothing is sent to it" : second ? "; a second copy" : "";
      return `  <${address}>  ${state}${remark}`;
    }),
  ];
}
