/**
 * Brings one spooled message to SES, recipient by recipient, and ends our responsibility for it.
 *
 * Promise:  a recipient is claimed in the ledger before SES is called and recorded after; the object is deleted only
 *           when every recipient is handled. Called again at any point, it goes on where it stopped.
 * Refusal:  an object that is not ours throws `NotASpoolObject`; retrying it does not help.
 * Failure:  what S3 or DynamoDB throw goes to the caller, who lets the queue bring the message back.
 * The one window for a second copy: the process dies between SES's answer and `recordSent` (or the ledger stays
 * away for that long); the claim then runs out and the copy that follows is logged as a possible duplicate.
 */

import { createHash } from "node:crypto";
import { createMessage, type LedgerMessage, readMessage } from "../../lib/aws/ledger-dynamo.ts";
import { deleteSpoolObject, getSpoolObject } from "../../lib/aws/spool-s3.ts";
import { writeOwedDsns } from "../../lib/aws/write-owed-dsns.ts";
import { isAddress, parseAddress } from "../../lib/core/address.ts";
import { describeEdit } from "../../lib/core/header-edits.ts";
import { fieldValue, readHeader } from "../../lib/core/header-fields.ts";
import { fromDomains } from "../../lib/core/header-from.ts";
import { type PreparedMessage, prepareForSes } from "../../lib/core/header-rules.ts";
import { forEachInFlight } from "../../lib/core/in-flight.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { isSettled, type MessageRecord } from "../../lib/core/message-record.ts";
import type { QueueId } from "../../lib/core/queue-id.ts";
import { decodeSpoolObject, NotASpoolObject, type SpoolObject } from "../../lib/core/spool-object.ts";
import { type ForwardDeps, forwardRecipient, type Turn } from "./forward-recipient.ts";
import { reportFields } from "./report-fields.ts";
import { verifiedSenderDomains } from "./verified-sender-domains.ts";

export type ForwardResult =
  /** Every recipient is handled and the object is gone. */
  | { readonly kind: "done" }
  /** Something is left; come back at this time (epoch milliseconds). */
  | { readonly kind: "later"; readonly atMs: number };

/** See the head of this file. */
export async function forwardMessage(deps: ForwardDeps, id: QueueId, turn: Turn): Promise<ForwardResult> {
  const known = await readMessage(deps.ledger, id);
  if (isComplete(known)) return await finish(deps, id);
  const spooled = await getSpoolObject(deps.spool, id);
  if (spooled === undefined) {
    deps.log({ event: "spool-object-gone", id, known: known.message !== undefined });
    return { kind: "done" };
  }
  const object = decodeSpoolObject(spooled.bytes);
  if (object.envelope.id !== id) throw new NotASpoolObject(`the object calls itself ${object.envelope.id}`);
  const verified = await verifiedSenderDomains(deps.directory, object);
  const defaultDomain = senderDomain(object);
  const prepared = prepareForSes(object.message, {
    receivedField: object.received,
    longBodyLines: "fold",
    isVerifiedDomain: (domain) => verified.has(domain),
    ...(defaultDomain === undefined ? {} : { defaultDomain }),
  });
  logEdits(deps, id, prepared);
  const message = known.message ?? messageRecord(deps, object, prepared.originalMessageId, spooled.versionId);
  if (known.message === undefined) await createMessage(deps.ledger, message);

  const records = new Map(known.recipients.map((record) => [record.index, record]));
  const digest = copyDigest(object, message);
  let laterMs: number | undefined;
  await forEachInFlight(object.envelope.recipients, LIMITS.forward.recipientsInFlight, async (recipient, index) => {
    const job = { message, index, recipient, prepared, digest };
    const againMs = await forwardRecipient(deps, job, records.get(index), turn);
    if (againMs !== undefined) laterMs = Math.min(laterMs ?? againMs, againMs);
  });
  await writeOwedDsns(deps, id, async () => object.message);
  return laterMs === undefined ? await finish(deps, id) : { kind: "later", atMs: laterMs };
}

async function finish(deps: ForwardDeps, id: QueueId): Promise<ForwardResult> {
  await deleteSpoolObject(deps.spool, id);
  return { kind: "done" };
}

function isComplete({ message, recipients }: LedgerMessage): boolean {
  return message !== undefined && recipients.length >= message.recipients && recipients.every(isSettled);
}

function messageRecord(
  deps: ForwardDeps,
  object: SpoolObject,
  messageId: string | undefined,
  versionId: string | undefined,
): MessageRecord {
  const { envelope } = object;
  return {
    id: envelope.id,
    tenant: envelope.tenant,
    credential: envelope.credential,
    returnPath: envelope.returnPath,
    time: envelope.time,
    size: object.message.length,
    ...(messageId === undefined ? {} : { messageId }),
    ...(envelope.ret === undefined ? {} : { ret: envelope.ret }),
    ...(envelope.envid === undefined ? {} : { envid: envelope.envid }),
    ...reportFields(object.message),
    ...(versionId === undefined ? {} : { versionId }),
    clientAddress: envelope.client.address,
    recipients: envelope.recipients.length,
    ...(envelope.dsnFor === undefined ? {} : { dsnFor: envelope.dsnFor }),
    expiresAt: Math.floor(deps.now() / 1000) + deps.recordDays * 86_400,
  };
}

/** Mail without a Message-ID may be meant to come twice, and our own reports have ids that say what they are. */
function copyDigest(object: SpoolObject, message: MessageRecord): string | undefined {
  if (message.messageId === undefined || message.dsnFor !== undefined) return undefined;
  return createHash("sha256").update(object.message).digest("base64url");
}

/** Completes bare names such as cron's `To: root`: the sender's own domain, else that of From. */
function senderDomain(object: SpoolObject): string | undefined {
  const address = parseAddress(object.envelope.returnPath ?? "");
  if (isAddress(address)) return address.domain;
  const from = readHeader(object.message).fields.find((field) => field.name === "from");
  return from === undefined ? undefined : fromDomains(fieldValue(object.message, from))?.[0];
}

/** What was changed beyond our own Received field, so that nobody has to guess why a header differs. */
function logEdits(deps: ForwardDeps, id: QueueId, prepared: PreparedMessage): void {
  const edits = prepared.edits.filter((edit) => edit.kinds.some((kind) => kind !== "received-added"));
  const { foldedBodyLines } = prepared;
  if (edits.length > 0 || foldedBodyLines > 0) {
    deps.log({ event: "message-edited", id, edits: edits.map(describeEdit), foldedBodyLines });
  }
}
