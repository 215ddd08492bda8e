/**
 * Brings one recipient of a message to SES: claim, call, record.
 *
 * Promise:  nothing is sent that is not claimed in the ledger before and recorded after. SES's "too fast" is waited out
 *           under the same claim, since SES has not taken the mail.
 */

import { claimUnique } from "../../lib/aws/duplicate-guard.ts";
import { readMessage, saveRecipient } from "../../lib/aws/ledger-dynamo.ts";
import type { RawMessage } from "../../lib/aws/raw-message.ts";
import { type Sender, type SendResult, sendMail } from "../../lib/aws/send-ses.ts";
import type { UsageMarker } from "../../lib/aws/usage-dynamo.ts";
import type { DsnDeps } from "../../lib/aws/write-owed-dsns.ts";
import { failureOutcome, heldOutcome, owesDsn } from "../../lib/core/dsn-policy.ts";
import { dsnQuestion } from "../../lib/core/dsn-question.ts";
import { accountSignal, type Failure } from "../../lib/core/failure.ts";
import type { MessageRefusal } from "../../lib/core/header-rules.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import {
  type ClaimHolder,
  claim,
  duplicateOf,
  firstClaim,
  isHandled,
  type MessageRecord,
  type RecipientRecord,
  recordDeferred,
  recordFailed,
  recordSent,
  withDsn,
} from "../../lib/core/message-record.ts";
import { retryDelayMs, shouldGiveUp } from "../../lib/core/retry.ts";
import type { TellingOutcome } from "../../lib/core/ses-outcome.ts";
import type { EnvelopeRecipient } from "../../lib/core/spool-object.ts";
import type { AccountGate, Leave } from "./account-gate.ts";

/** What forwarding needs; the clients are made in the handler. */
export interface ForwardDeps extends DsnDeps {
  readonly sender: Sender;
  readonly gate: AccountGate;
  readonly usage: UsageMarker;
  readonly recordDays: number;
  readonly giveUpAfterHours: number;
  readonly random: () => number;
}

/** What one invocation may do: who claims, and when it must stop beginning new calls. */
export interface Turn {
  readonly holder: ClaimHolder;
  readonly stopAtMs: number;
  /** From 0 to 1, the same for all recipients, so that a message with many of them wakes once for all. */
  readonly jitter: number;
}

/** One recipient of a message that is ready to go. */
export interface Job {
  readonly message: MessageRecord;
  readonly index: number;
  readonly recipient: EnvelopeRecipient;
  /** Why it cannot be sent at all. */
  readonly refusal: MessageRefusal | undefined;
  readonly raw: RawMessage;
  /** From is an address of the relay itself. */
  readonly own: boolean;
  /** SHA-256 of the client's octets; undefined when copies are not to be found out. */
  readonly digest: string | undefined;
}

/** Where a recipient stands after its turn. */
export interface RecipientEnd {
  /** When to come back (epoch milliseconds); undefined: nothing more is to be sent. */
  readonly againMs?: number;
  /** A report about it may be owed since its record was read. */
  readonly mayOwe?: boolean;
}

/** See the head of this file; `known` is the recipient's record as it was read. Throws what DynamoDB throws. */
export async function forwardRecipient(
  deps: ForwardDeps,
  job: Job,
  known: RecipientRecord | undefined,
  turn: Turn,
): Promise<RecipientEnd> {
  if (known !== undefined && isHandled(known)) return {};
  if (deps.now() >= turn.stopAtMs) return { againMs: deps.now() };
  if (known === undefined && (await isCopy(deps, job))) return {};
  const { refusal } = job;
  if (refusal !== undefined) {
    return await underClaim(deps, job, known, turn, async () => ({ kind: "failed", failure: unsendable(refusal) }));
  }
  const passage = await deps.gate.pass(turn.stopAtMs);
  if (passage.kind === "later") return { againMs: passage.atMs };
  try {
    return await underClaim(deps, job, known, turn, async () => await send(deps, job, turn, passage));
  } finally {
    passage.end(false);
  }
}

async function underClaim(
  deps: ForwardDeps,
  job: Job,
  known: RecipientRecord | undefined,
  turn: Turn,
  call: () => Promise<SendResult>,
): Promise<RecipientEnd> {
  const claimed = await claimRecipient(deps, job, known, turn.holder);
  if ("againMs" in claimed) return claimed;
  // Whoever handled it may have died before the report.
  if (claimed.record === undefined) return { mayOwe: true };
  return await recordResult(deps, job, claimed.record, await call(), turn);
}

/**
 * The edge may have stored a message and failed to say so; the client then sends it again. Such a copy ends here, as
 * long as the first one was not given up.
 */
async function isCopy(deps: ForwardDeps, job: Job): Promise<boolean> {
  if (job.digest === undefined) return false;
  const { message, index, recipient } = job;
  const first = await claimUnique(deps.ledger, {
    tenant: message.tenant,
    returnPath: message.returnPath,
    recipient: recipient.address,
    digest: job.digest,
    id: message.id,
    index,
    acceptedMs: Date.parse(message.time),
    windowMs: LIMITS.forward.duplicateWindowMs,
  });
  if (first === undefined) return false;
  const { recipients } = await readMessage(deps.ledger, first.id);
  const original = recipients.find((record) => record.index === first.index);
  // Without a record the first one is still to come, and will be sent.
  if (original?.state === "failed") return false;
  if (await saveRecipient(deps.ledger, duplicateOf(message, index, recipient, first.id, deps.now()))) {
    deps.log({ event: "duplicate-dropped", id: message.id, recipient: recipient.address, first: first.id });
  }
  return true;
}

async function send(deps: ForwardDeps, job: Job, turn: Turn, first: Leave): Promise<SendResult> {
  let leave = first;
  for (;;) {
    const result = await sendMail(deps.sender, {
      id: job.message.id,
      recipientIndex: job.index,
      tenant: job.message.tenant,
      own: job.own,
      recipient: job.recipient.address,
      raw: job.raw,
    });
    const signal = await tellGate(deps.gate, result);
    leave.end(true);
    if (signal !== "too-fast") return result;
    const next = await deps.gate.pass(turn.stopAtMs);
    if (next.kind === "later") return result;
    leave = next;
  }
}

async function tellGate(gate: AccountGate, result: SendResult): Promise<ReturnType<typeof accountSignal>> {
  const signal = result.kind === "failed" ? accountSignal(result.failure) : undefined;
  if (result.kind === "accepted" || result.failure.class === "permanent") gate.worked();
  else if (signal === "closed") await gate.closed(result.failure);
  else if (signal === "too-fast") gate.tooFast();
  return signal;
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
  turn: Turn,
): Promise<RecipientEnd> {
  const { id, tenant } = job.message;
  const { address } = job.recipient;
  if (result.kind === "accepted") {
    await saveOutcome(deps, job, claimed, (record) =>
      record.sesId === undefined ? recordSent(record, result.sesId, deps.now()) : undefined,
    );
    deps.log({ event: "forwarded", id, tenant, recipient: address, sesId: result.sesId });
    return {};
  }
  const { failure } = result;
  const permanent = failure.class === "permanent";
  if (permanent || shouldGiveUp(Date.parse(job.message.time), deps.now(), deps.giveUpAfterHours)) {
    const outcome = failureOutcome(failure, !permanent);
    await saveOutcome(deps, job, claimed, (record) =>
      owe(deps, job, recordFailed(record, { ...failure, status: outcome.status }, deps.now()), outcome),
    );
    deps.log({ event: "failed", id, tenant, recipient: address, code: failure.code, status: outcome.status });
    return { mayOwe: true };
  }
  const nextTryAt = nextTry(deps, claimed, failure, turn);
  const outcome = heldOutcome(failure, giveUpTime(deps, job.message));
  await saveOutcome(deps, job, claimed, (record) =>
    owe(deps, job, recordDeferred(record, failure, nextTryAt, deps.now()), outcome),
  );
  deps.log({ event: "deferred", id, tenant, recipient: address, code: failure.code, nextTryAt });
  return { againMs: nextTryAt, mayOwe: true };
}

/** The waits grow, but not by SES's "too fast", which says nothing against the mail; a closed account is not asked. */
function nextTry(deps: ForwardDeps, claimed: RecipientRecord, failure: Failure, turn: Turn): number {
  const signal = accountSignal(failure);
  const attempts = signal === "too-fast" ? 1 : claimed.attempts;
  const atMs = deps.now() + retryDelayMs(attempts, () => turn.jitter);
  return signal === "closed" ? Math.max(atMs, deps.gate.openUntilMs) : atMs;
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
