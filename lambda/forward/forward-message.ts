/**
 * Brings one spooled message to SES and ends our responsibility for it.
 *
 * Promise:  a recipient is claimed in the ledger before SES is called and recorded after; the object is deleted only
 *           when every recipient is handled. Called again at any point, it goes on where it stopped.
 * Refusal:  an object that is not ours throws `NotASpoolObject`; retrying it does not help.
 * Failure:  what S3 or DynamoDB throw goes to the caller, who lets the queue bring the message back.
 * The one window for a second copy: the process dies between SES's answer and `recordSent` (or the ledger stays
 * away for that long); the claim then runs out and the copy that follows is logged as a possible duplicate.
 */

import { createHash } from "node:crypto";
import { type End, endMessage } from "../../lib/aws/end-message.ts";
import { createMessage, type LedgerMessage, readMessage } from "../../lib/aws/ledger-dynamo.ts";
import { prepareMessage } from "../../lib/aws/prepare-message.ts";
import { RawMessage } from "../../lib/aws/raw-message.ts";
import { readSendingPermit, type SendingPermit } from "../../lib/aws/sending-permit.ts";
import { deleteSpoolObject, getSpoolObject } from "../../lib/aws/spool-s3.ts";
import { writeOwedDsns } from "../../lib/aws/write-owed-dsns.ts";
import { addressKey } from "../../lib/core/address.ts";
import { callGroups, callsAtOnce } from "../../lib/core/call-groups.ts";
import { ownOutcome } from "../../lib/core/dsn-policy.ts";
import { type Failure, pausedFailure } from "../../lib/core/failure.ts";
import { forEachInFlight } from "../../lib/core/in-flight.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { isHandled, isSettled, type MessageRecord, owesReport } from "../../lib/core/message-record.ts";
import { newMessageRecord } from "../../lib/core/new-message-record.ts";
import type { QueueId } from "../../lib/core/queue-id.ts";
import { decodeSpoolObject, NotASpoolObject, type SpoolObject } from "../../lib/core/spool-object.ts";
import { suppressedFailure } from "../../lib/core/suppression.ts";
import { type ForwardDeps, type Job, joinEnds, type RecipientEnd, type Target, type Turn } from "./forward-job.ts";
import { forwardRecipients } from "./forward-recipients.ts";

/** What became of a message in one invocation. */
export type ForwardResult =
  /** Every recipient is handled and the object is gone. */
  | { readonly kind: "done" }
  /** Something is left; come back at this time (epoch milliseconds). */
  | { readonly kind: "later"; readonly atMs: number };

/** See the head of this file. */
export async function forwardMessage(deps: ForwardDeps, id: QueueId, turn: Turn): Promise<ForwardResult> {
  const known = await readMessage(deps.ledger, id);
  if (isComplete(known)) {
    // The invocation that made the last end may have died before it told.
    if (known.message !== undefined) await deps.webhooks.tellOwnEnds(known.message, known.recipients);
    return await finish(deps, id);
  }
  if (known.notes.order === "hold") return { kind: "later", atMs: deps.now() + LIMITS.forward.holdCheckMs };
  const spooled = await getSpoolObject(deps.spool, id);
  if (spooled === undefined) {
    deps.log({ event: "spool-object-gone", id, known: known.message !== undefined });
    return { kind: "done" };
  }
  const object = decodeSpoolObject(spooled.bytes);
  if (object.envelope.id !== id) throw new NotASpoolObject(`the object calls itself ${object.envelope.id}`);
  const expiresAt = Math.floor(deps.now() / 1000) + deps.recordDays * 86_400;
  const { versionId } = spooled;
  const message = known.message ?? newMessageRecord(object, { versionId, expiresAt, keepSubject: deps.keepSubjects });
  await Promise.all([
    deps.usage.announce(message.tenant, id, deps.now()),
    known.message === undefined ? createMessage(deps.ledger, message) : undefined,
  ]);
  const laterMs =
    known.notes.order === undefined
      ? await sendAll(deps, object, message, known, turn)
      : await endMessage(deps, object, message, dropped(known.notes.order === "drop"));
  await tellWebhook(deps, message, known, laterMs === undefined);
  return laterMs === undefined ? await finish(deps, id) : { kind: "later", atMs: laterMs };
}

/** Tells of what ended in this invocation; of all before the object goes, should an earlier one have died untold. */
async function tellWebhook(
  deps: ForwardDeps,
  message: MessageRecord,
  known: LedgerMessage,
  last: boolean,
): Promise<void> {
  if (!(await deps.webhooks.wants(message.tenant))) return;
  const { recipients } = await readMessage(deps.ledger, message.id);
  const before = new Set(known.recipients.filter(isHandled).map(({ index }) => index));
  await deps.webhooks.tellOwnEnds(message, last ? recipients : recipients.filter(({ index }) => !before.has(index)));
}

/** Returns undefined when every recipient is handled, else when to come back. */
async function sendAll(
  deps: ForwardDeps,
  object: SpoolObject,
  message: MessageRecord,
  known: LedgerMessage,
  turn: Turn,
): Promise<number | undefined> {
  const records = new Map(known.recipients.map((record) => [record.index, record]));
  const isOpen = (index: number): boolean => {
    const record = records.get(index);
    return record === undefined || !isHandled(record);
  };
  const open = object.envelope.recipients.filter((_, index) => isOpen(index));
  const [{ refusal, bytes, own }, permit] = await Promise.all([
    prepareMessage(deps, object),
    readSendingPermit(deps, { ...message, recipients: open.map(({ address }) => address) }),
  ]);
  const raw = new RawMessage(bytes);
  const targets = object.envelope.recipients
    .map((recipient, index): Target => {
      const stop = whyStopped(message, recipient.address, permit);
      return { recipient, index, known: records.get(index), ...(stop === undefined ? {} : { stop }) };
    })
    .filter(({ index }) => isOpen(index));
  const job: Job = { message, refusal, raw, own, digest: copyDigest(object, message) };
  const ends: RecipientEnd[] = [];
  const groups = await callsFor(deps, targets, turn);
  await forEachInFlight(groups, callsAtOnce(raw.requestBytes, groups[0]?.length ?? 1), async (group) => {
    ends.push(await forwardRecipients(deps, job, group, turn));
  });
  const { againMs, mayOwe } = joinEnds(ends);
  if (mayOwe === true || known.recipients.some(owesReport)) {
    await writeOwedDsns(deps, message.id, async () => object.message);
  }
  return againMs;
}

/** Who goes with whom; each who gets no call is alone. */
async function callsFor(
  deps: ForwardDeps,
  all: readonly Target[],
  turn: Turn,
): Promise<readonly (readonly Target[])[]> {
  const stopped = all.filter(({ stop }) => stop !== undefined).map((target) => [target]);
  const targets = all.filter(({ stop }) => stop === undefined);
  return [...(await groupsOf(deps, targets, turn)), ...stopped];
}

async function groupsOf(
  deps: ForwardDeps,
  targets: readonly Target[],
  turn: Turn,
): Promise<readonly (readonly Target[])[]> {
  if (deps.recipientsPerCall === 1 || targets.length <= 1) return targets.map((target) => [target]);
  const sizeMax = Math.min(deps.recipientsPerCall, await deps.gate.recipientsPerCall(turn.stopAtMs));
  const candidates = targets.map((target) => {
    const { index, recipient, known } = target;
    return { index, address: recipient.address, wasTried: known !== undefined, target };
  });
  return callGroups(candidates, sizeMax).map((group) => group.map(({ target }) => target));
}

/** Our own reports go out even while their tenant is paused: nobody else would tell its senders. */
function whyStopped(message: MessageRecord, address: string, permit: SendingPermit): Failure | undefined {
  const entry = permit.suppressed.get(addressKey(address));
  if (entry !== undefined) return suppressedFailure(entry);
  return permit.pause === undefined || message.dsnFor !== undefined ? undefined : pausedFailure(permit.pause);
}

/** The operator ends the message; `tell` says whether the sender hears of it. */
function dropped(tell: boolean): End {
  const outcome = ownOutcome("dropped");
  const failure = {
    class: "permanent",
    code: "dropped",
    text: "by the operator",
    status: outcome.status,
    ambiguous: false,
    accountWide: false,
  } as const;
  return { failure, outcome, tell };
}

async function finish(deps: ForwardDeps, id: QueueId): Promise<ForwardResult> {
  await deleteSpoolObject(deps.spool, id);
  return { kind: "done" };
}

function isComplete({ message, recipients }: LedgerMessage): boolean {
  return message !== undefined && recipients.length >= message.recipients && recipients.every(isSettled);
}

/**
 * Mail without a Message-ID may be meant to come twice, what the operator sends again is; and our own reports have ids
 * that say what they are.
 */
function copyDigest(object: SpoolObject, message: MessageRecord): string | undefined {
  const { messageId, dsnFor, resendOf } = message;
  if (messageId === undefined || dsnFor !== undefined || resendOf !== undefined) return undefined;
  return createHash("sha256").update(object.message).digest("base64url");
}
