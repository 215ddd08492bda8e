/**
 * Puts what came of a call to SES on a recipient's record, with the report that it owes the sender.
 *
 * Failure:  throws what DynamoDB throws; the claim then runs out, and the copy that follows is counted as a possible
 *           duplicate.
 */

import { readRecipient, saveRecipient } from "../../lib/aws/ledger-dynamo.ts";
import type { SendResult } from "../../lib/aws/send-ses.ts";
import { failureOutcome, heldOutcome, owesDsn } from "../../lib/core/dsn-policy.ts";
import { dsnQuestion } from "../../lib/core/dsn-question.ts";
import { accountSignal, type Failure } from "../../lib/core/failure.ts";
import {
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
import type { ForwardDeps, RecipientEnd, Turn } from "./forward-job.ts";

/** `claimed`: the record with our claim, as it was written. */
export async function recordResult(
  deps: ForwardDeps,
  message: MessageRecord,
  claimed: RecipientRecord,
  result: SendResult,
  turn: Turn,
): Promise<RecipientEnd> {
  const { id, tenant } = message;
  const { address } = claimed;
  if (result.kind === "accepted") {
    await saveOutcome(deps, message, claimed, (record) =>
      record.sesId === undefined ? recordSent(record, result.sesId, deps.now()) : undefined,
    );
    deps.log({ event: "forwarded", id, tenant, recipient: address, sesId: result.sesId });
    return {};
  }
  const { failure } = result;
  const permanent = failure.class === "permanent";
  if (permanent || shouldGiveUp(Date.parse(message.time), deps.now(), deps.giveUpAfterHours)) {
    const outcome = failureOutcome(failure, !permanent);
    await saveOutcome(deps, message, claimed, (record) =>
      owe(deps, message, recordFailed(record, { ...failure, status: outcome.status }, deps.now()), outcome),
    );
    deps.log({ event: "failed", id, tenant, recipient: address, code: failure.code, status: outcome.status });
    return { mayOwe: true };
  }
  const nextTryAt = nextTry(deps, claimed, failure, turn);
  const outcome = heldOutcome(failure, giveUpTime(deps, message));
  await saveOutcome(deps, message, claimed, (record) =>
    owe(deps, message, recordDeferred(record, failure, nextTryAt, deps.now()), outcome),
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
function owe(
  deps: ForwardDeps,
  message: MessageRecord,
  record: RecipientRecord,
  outcome: TellingOutcome,
): RecipientRecord {
  const heldMs = deps.now() - Date.parse(message.time);
  const { owed } = owesDsn(dsnQuestion(message, record, outcome, deps.systemAddress, heldMs));
  return owed ? withDsn(record, outcome) : record;
}

function giveUpTime(deps: ForwardDeps, message: MessageRecord): string {
  return new Date(Date.parse(message.time) + deps.giveUpAfterHours * 3_600_000).toISOString();
}

/**
 * Writes what came of a call. The record may have moved on meanwhile by an event of the same call, so a conflict is
 * answered by deciding again on the stored record; `undefined` means it says all there is to say.
 */
async function saveOutcome(
  deps: ForwardDeps,
  message: MessageRecord,
  claimed: RecipientRecord,
  decide: (record: RecipientRecord) => RecipientRecord | undefined,
): Promise<void> {
  let current: RecipientRecord | undefined = claimed;
  while (current !== undefined) {
    const next = decide(current);
    if (next === undefined || (await saveRecipient(deps.ledger, next))) return;
    current = await readRecipient(deps.ledger, message.id, claimed.index);
    if (current !== undefined && isHandled(current)) return;
  }
}
