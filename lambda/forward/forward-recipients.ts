/**
 * Brings recipients of a message to SES with one call: claim each, call, record each.
 *
 * Promise:  nobody is sent to who is not claimed in the ledger before and recorded after. SES's "too fast" is waited out
 *           under the same claims, since SES has not taken the mail. So is the refusal of a call for several: SES names
 *           nobody, and has taken the mail for nobody, so each is tried alone.
 * Failure:  throws what DynamoDB throws, once what runs has ended.
 */

import { type SendResult, sendMail } from "../../lib/aws/send-ses.ts";
import { accountSignal, type Failure } from "../../lib/core/failure.ts";
import type { MessageRefusal } from "../../lib/core/header-rules.ts";
import { forEachInFlight, tryEachInFlight } from "../../lib/core/in-flight.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import type { RecipientRecord } from "../../lib/core/message-record.ts";
import type { AccountGate, Leave } from "./account-gate.ts";
import { claimRecipient, isCopy } from "./claim-recipient.ts";
import { type ForwardDeps, type Job, joinEnds, type RecipientEnd, type Target, type Turn } from "./forward-job.ts";
import { recordResult } from "./record-result.ts";

const IN_FLIGHT = LIMITS.forward.recipientsInFlight;

/** See the head of this file. No address may be twice among the targets; one to whom nothing is sent comes alone. */
export async function forwardRecipients(
  deps: ForwardDeps,
  job: Job,
  targets: readonly Target[],
  turn: Turn,
): Promise<RecipientEnd> {
  if (deps.now() >= turn.stopAtMs) return { againMs: deps.now() };
  const wanted: Target[] = [];
  await forEachInFlight(targets, IN_FLIGHT, async (target) => {
    if (!(await isCopy(deps, job, target))) wanted.push(target);
  });
  if (wanted.length === 0) return {};
  const stop = job.refusal === undefined ? wanted[0]?.stop : unsendable(job.refusal);
  if (stop !== undefined) {
    const result = { kind: "failed", failure: stop } as const;
    return await underClaim(
      deps,
      job,
      wanted,
      turn,
      async (claimed) => await recordAll(deps, job, claimed, turn, result),
    );
  }
  const passage = await deps.gate.pass(turn.stopAtMs, wanted.length);
  if (passage.kind === "later") return { againMs: passage.atMs };
  try {
    return await underClaim(
      deps,
      job,
      wanted,
      turn,
      async (claimed) => await callAndRecord(deps, job, claimed, turn, passage),
    );
  } finally {
    passage.end(0);
  }
}

/**
 * Claims each target and does the work for those that it got, even when another's claim could not be written: a claim
 * that nobody uses would stand in the way of its recipient, and count as a possible duplicate.
 */
async function underClaim(
  deps: ForwardDeps,
  job: Job,
  targets: readonly Target[],
  turn: Turn,
  work: (claimed: readonly RecipientRecord[]) => Promise<RecipientEnd>,
): Promise<RecipientEnd> {
  const claimed: RecipientRecord[] = [];
  const ends: RecipientEnd[] = [];
  const claiming = tryEachInFlight(targets, IN_FLIGHT, async (target) => {
    const result = await claimRecipient(deps, job.message, target, turn.holder);
    if ("againMs" in result) ends.push(result);
    // Whoever handled it may have died before the report.
    else if (result.record === undefined) ends.push({ mayOwe: true });
    else claimed.push(result.record);
  });
  try {
    await claiming;
  } finally {
    if (claimed.length > 0) ends.push(await work(claimed));
  }
  return joinEnds(ends);
}

/** One call for all who are claimed, and what came of it on the record of each. */
async function callAndRecord(
  deps: ForwardDeps,
  job: Job,
  claimed: readonly RecipientRecord[],
  turn: Turn,
  leave: Leave,
): Promise<RecipientEnd> {
  const result = await call(deps, job, claimed, turn, leave);
  if (claimed.length > 1 && result.kind === "failed" && result.failure.class === "permanent") {
    const { code, text } = result.failure;
    deps.log({ event: "call-refused", id: job.message.id, recipients: claimed.length, code, text });
    return await oneByOne(deps, job, claimed, turn, result.failure);
  }
  return await recordAll(deps, job, claimed, turn, result);
}

/** Nobody's record is left out because another's could not be written. */
async function recordAll(
  deps: ForwardDeps,
  job: Job,
  claimed: readonly RecipientRecord[],
  turn: Turn,
  result: SendResult,
): Promise<RecipientEnd> {
  const ends: RecipientEnd[] = [];
  await tryEachInFlight(claimed, IN_FLIGHT, async (record) => {
    ends.push(await recordResult(deps, job.message, record, result, turn));
  });
  return joinEnds(ends);
}

/**
 * A call for each. For whom there is no time left: its next try is alone, too, since it was tried before. Where the
 * ledger fails, the rest are not sent: what cannot be recorded must not be called for.
 */
async function oneByOne(
  deps: ForwardDeps,
  job: Job,
  claimed: readonly RecipientRecord[],
  turn: Turn,
  refused: Failure,
): Promise<RecipientEnd> {
  const ends: RecipientEnd[] = [];
  await forEachInFlight(claimed, IN_FLIGHT, async (record) => {
    const passage = await deps.gate.pass(turn.stopAtMs);
    if (passage.kind === "later") {
      const result = { kind: "failed", failure: { ...refused, class: "transient" } } as const;
      ends.push(await recordResult(deps, job.message, record, result, turn));
      return;
    }
    try {
      ends.push(await callAndRecord(deps, job, [record], turn, passage));
    } finally {
      passage.end(0);
    }
  });
  return joinEnds(ends);
}

/** Calls, and again while SES says "too fast" and there is time. */
async function call(
  deps: ForwardDeps,
  job: Job,
  claimed: readonly RecipientRecord[],
  turn: Turn,
  first: Leave,
): Promise<SendResult> {
  let leave = first;
  for (;;) {
    const result = await sendMail(deps.sender, {
      id: job.message.id,
      tenant: job.message.tenant,
      own: job.own,
      recipients: claimed,
      raw: job.raw,
    });
    const signal = await tellGate(deps.gate, result);
    leave.end(claimed.length);
    if (signal !== "too-fast") return result;
    const next = await deps.gate.pass(turn.stopAtMs, claimed.length);
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

function unsendable(refusal: MessageRefusal): Failure {
  const { status, text } = refusal;
  return { class: "permanent", code: refusal.reason, text, status, ambiguous: false, accountWide: false };
}
