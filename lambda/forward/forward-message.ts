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

import { createMessage, type LedgerMessage, readMessage, saveRecipient } from "../../lib/aws/ledger-dynamo.ts";
import { type Sender, type SendResult, sendMail } from "../../lib/aws/send-ses.ts";
import { deleteSpoolObject, getSpoolObject } from "../../lib/aws/spool-s3.ts";
import { type DsnDeps, writeOwedDsns } from "../../lib/aws/write-owed-dsns.ts";
import { failureOutcome, heldOutcome, owesDsn } from "../../lib/core/dsn-policy.ts";
import { dsnQuestion } from "../../lib/core/dsn-question.ts";
import type { Failure } from "../../lib/core/failure.ts";
import { type MessageRefusal, type PreparedMessage, prepareForSes } from "../../lib/core/header-rules.ts";
import {
  type ClaimHolder,
  claim,
  firstClaim,
  isHandled,
  isSettled,
  type MessageRecord,
  type RecipientRecord,
  recordDeferred,
  recordFailed,
  recordSent,
  withDsn,
} from "../../lib/core/message-record.ts";
import type { QueueId } from "../../lib/core/queue-id.ts";
import { retryDelayMs, shouldGiveUp } from "../../lib/core/retry.ts";
import type { TellingOutcome } from "../../lib/core/ses-outcome.ts";
import {
  decodeSpoolObject,
  type EnvelopeRecipient,
  NotASpoolObject,
  type SpoolObject,
} from "../../lib/core/spool-object.ts";
import { reportFields } from "./report-fields.ts";
import { verifiedSenderDomains } from "./verified-sender-domains.ts";

export interface ForwardDeps extends DsnDeps {
  readonly sender: Sender;
  readonly recordDays: number;
  readonly giveUpAfterHours: number;
  readonly random: () => number;
}

export type ForwardResult =
  /** Every recipient is handled and the object is gone. */
  | { readonly kind: "done" }
  /** Something is left; come back at this time (epoch milliseconds). */
  | { readonly kind: "later"; readonly atMs: number };

/** What one invocation may do: who claims, and when it must stop beginning new calls. */
export interface Turn {
  readonly holder: ClaimHolder;
  readonly stopAtMs: number;
}

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
  const prepared = prepareForSes(object.message, {
    receivedField: object.received,
    longBodyLines: "fold",
    isVerifiedDomain: (domain) => verified.has(domain),
  });
  const message = known.message ?? messageRecord(deps, object, prepared.originalMessageId, spooled.versionId);
  if (known.message === undefined) await createMessage(deps.ledger, message);

  const records = new Map(known.recipients.map((record) => [record.index, record]));
  let laterMs: number | undefined;
  for (const [index, recipient] of object.envelope.recipients.entries()) {
    const job = { message, index, recipient, prepared };
    const againMs = await forwardRecipient(deps, job, records.get(index), turn);
    if (againMs !== undefined) laterMs = Math.min(laterMs ?? againMs, againMs);
  }
  await writeOwedDsns(deps, id, async () => object.message);
  return laterMs === undefined ? await finish(deps, id) : { kind: "later", atMs: laterMs };
}

interface Job {
  readonly message: MessageRecord;
  readonly index: number;
  readonly recipient: EnvelopeRecipient;
  readonly prepared: PreparedMessage;
}

/** Returns undefined when the recipient is handled, else when to come back. */
async function forwardRecipient(
  deps: ForwardDeps,
  job: Job,
  known: RecipientRecord | undefined,
  turn: Turn,
): Promise<number | undefined> {
  if (known !== undefined && isHandled(known)) return undefined;
  if (deps.now() >= turn.stopAtMs) return deps.now();
  const claimed = await claimRecipient(deps, job, known, turn.holder);
  if ("againMs" in claimed) return claimed.againMs;
  if (claimed.record === undefined) return undefined;
  return await recordResult(deps, job, claimed.record, await send(deps, job));
}

async function send(deps: ForwardDeps, job: Job): Promise<SendResult> {
  const { refusal, bytes } = job.prepared;
  if (refusal !== undefined) return { kind: "failed", failure: unsendable(refusal) };
  return await sendMail(deps.sender, {
    id: job.message.id,
    recipientIndex: job.index,
    tenant: job.message.tenant,
    own: job.message.dsnFor !== undefined,
    recipient: job.recipient.address,
    bytes,
  });
}

type Claimed = { readonly againMs: number } | { readonly record: RecipientRecord | undefined };

/** Makes the claim durable before anything is sent. `record: undefined` means somebody else has handled it. */
async function claimRecipient(
  deps: ForwardDeps,
  job: Job,
  known: RecipientRecord | undefined,
  holder: ClaimHolder,
): Promise<Claimed> {
  let current = known;
  for (;;) {
    let next: RecipientRecord;
    if (current === undefined) next = firstClaim(job.message, job.index, job.recipient, deps.now(), holder);
    else {
      const result = claim(current, deps.now(), holder);
      if (result.kind === "handled") return { record: undefined };
      if (result.kind !== "claimed") return { againMs: result.untilMs };
      if (result.possibleDuplicate) {
        const { address } = job.recipient;
        deps.log({ event: "possible-duplicate", id: job.message.id, recipient: address, attempt: current.attempts });
      }
      next = result.record;
    }
    if (await saveRecipient(deps.ledger, next)) return { record: next };
    const stored = await readRecipient(deps, job);
    // The write may have been ours, with its answer lost on the way back.
    if (stored?.version === next.version && stored.claimedBy === holder.claimedBy) return { record: stored };
    current = stored;
  }
}

async function recordResult(
  deps: ForwardDeps,
  job: Job,
  claimed: RecipientRecord,
  result: SendResult,
): Promise<number | undefined> {
  const { id, tenant } = job.message;
  const { address } = job.recipient;
  if (result.kind === "accepted") {
    await saveOutcome(deps, job, claimed, (record) =>
      record.sesId === undefined ? recordSent(record, result.sesId, deps.now()) : undefined,
    );
    deps.log({ event: "forwarded", id, tenant, recipient: address, sesId: result.sesId });
    return undefined;
  }
  const { failure } = result;
  const permanent = failure.class === "permanent";
  if (permanent || shouldGiveUp(Date.parse(job.message.time), deps.now(), deps.giveUpAfterHours)) {
    const outcome = failureOutcome(failure, !permanent);
    await saveOutcome(deps, job, claimed, (record) =>
      owe(deps, job, recordFailed(record, { ...failure, status: outcome.status }, deps.now()), outcome),
    );
    deps.log({ event: "failed", id, tenant, recipient: address, code: failure.code, status: outcome.status });
    return undefined;
  }
  const nextTryAt = deps.now() + retryDelayMs(claimed.attempts, deps.random);
  const outcome = heldOutcome(failure, giveUpTime(deps, job.message));
  await saveOutcome(deps, job, claimed, (record) =>
    owe(deps, job, recordDeferred(record, failure, nextTryAt, deps.now()), outcome),
  );
  deps.log({ event: "deferred", id, tenant, recipient: address, code: failure.code, nextTryAt });
  return nextTryAt;
}

/** Adds the report that this outcome owes the sender, if it owes one. */
function owe(deps: ForwardDeps, job: Job, record: RecipientRecord, outcome: TellingOutcome): RecipientRecord {
  const heldMs = deps.now() - Date.parse(job.message.time);
  const { owed } = owesDsn(dsnQuestion(job.message, record, outcome, deps.systemAddress, heldMs));
  return owed ? withDsn(record, outcome) : record;
}

function giveUpTime(deps: ForwardDeps, message: MessageRecord): string {
  return new Date(Date.parse(message.time) + deps.giveUpAfterHours * 3_600_000).toISOString();
}

function unsendable(refusal: MessageRefusal): Failure {
  const { status, text } = refusal;
  return { class: "permanent", code: refusal.reason, text, status, ambiguous: false, accountWide: false };
}

/**
 * Writes what came of a call. The record may have moved on meanwhile by an event of the same call, so a conflict is
 * answered by deciding again on the stored record; `undefined` means it says all there is to say.
 */
async function saveOutcome(
  deps: ForwardDeps,
  job: Job,
  claimed: RecipientRecord,
  decide: (record: RecipientRecord) => RecipientRecord | undefined,
): Promise<void> {
  let current: RecipientRecord | undefined = claimed;
  while (current !== undefined) {
    const next = decide(current);
    if (next === undefined || (await saveRecipient(deps.ledger, next))) return;
    current = await readRecipient(deps, job);
    if (current !== undefined && isHandled(current)) return;
  }
}

async function readRecipient(deps: ForwardDeps, job: Job): Promise<RecipientRecord | undefined> {
  const { recipients } = await readMessage(deps.ledger, job.message.id);
  return recipients.find((record) => record.index === job.index);
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
