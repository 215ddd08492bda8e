/**
 * Looks through the spool for messages that nothing is working on, and sees to it that none stays for ever.
 *
 * Put back into the forward queue: an object older than the grace time of which the ledger has never heard (the
 * notification was lost), or whose claims and waits ran out some time ago (its queue message was lost), or of which all
 * is handled and only the object was left. Putting back too much is harmless: claims absorb it.
 * Ended with a report to the sender: what is still open some hours after forward should have given it up.
 * Left for the operator and rung for: what is no spool object. Held messages are left alone.
 */

import { endMessage } from "../../lib/aws/end-message.ts";
import { createMessage, type LedgerMessage, noteMessage, readMessage } from "../../lib/aws/ledger-dynamo.ts";
import { type Queue, sendToQueue } from "../../lib/aws/queue-sqs.ts";
import { deleteSpoolObject, getSpoolObject, listSpool, type SpoolEntry } from "../../lib/aws/spool-s3.ts";
import type { UsageMarker } from "../../lib/aws/usage-dynamo.ts";
import type { WebhookOutbox } from "../../lib/aws/webhook-outbox.ts";
import type { DsnDeps } from "../../lib/aws/write-owed-dsns.ts";
import { createdEventBody } from "../../lib/core/created-event.ts";
import { failureOutcome } from "../../lib/core/dsn-policy.ts";
import type { Failure } from "../../lib/core/failure.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { errorText } from "../../lib/core/log.ts";
import { newMessageRecord } from "../../lib/core/new-message-record.ts";
import type { QueueId } from "../../lib/core/queue-id.ts";
import { decodeSpoolObject, NotASpoolObject } from "../../lib/core/spool-object.ts";

/** What a sweep needs; the clients are made in the handler. */
export interface SweepDeps extends DsnDeps {
  readonly webhooks: WebhookOutbox;
  readonly queue: Queue;
  readonly region: string;
  readonly grace: SweepGrace;
  readonly giveUpAfterHours: number;
  readonly recordDays: number;
  readonly keepSubjects: boolean;
  readonly usage: UsageMarker;
}

/** Grace times in milliseconds; all zero when it is known that nobody works, as at a start of local mode. */
export interface SweepGrace {
  readonly forgottenAfterMs: number;
  readonly overdueAfterMs: number;
  readonly redriveAgainAfterMs: number;
}

/** What a sweep saw and did. */
export interface SweepReport {
  readonly objects: number;
  readonly redriven: number;
  /** Ended with a report, long after forward should have done it. */
  readonly ended: number;
  /** Objects that are not spool objects, left for the operator. */
  readonly foreign: number;
  readonly oldestAgeSeconds: number;
  /** False when time ran out; the oldest come first, so the next run begins with them again. */
  readonly complete: boolean;
}

/** Grace times for a running environment. */
export const SWEEP_GRACE: SweepGrace = LIMITS.sweep;

type Verdict = "redriven" | "ended" | "foreign" | "fine";

/** See the head of this file. Throws what S3, DynamoDB or SQS throw; the next run starts over. */
export async function sweepSpool(deps: SweepDeps, stopAtMs: number): Promise<SweepReport> {
  const count = { redriven: 0, ended: 0, foreign: 0, fine: 0 };
  let objects = 0;
  let oldestMs = 0;
  let complete = true;
  for await (const entry of listSpool(deps.spool)) {
    if (deps.now() >= stopAtMs) {
      complete = false;
      break;
    }
    objects += 1;
    oldestMs = Math.max(oldestMs, deps.now() - entry.storedMs);
    count[await sweepEntry(deps, entry)] += 1;
  }
  const { redriven, ended, foreign } = count;
  const report = { objects, redriven, ended, foreign, oldestAgeSeconds: Math.round(oldestMs / 1000), complete };
  deps.log({ event: "sweep", ...report });
  return report;
}

async function sweepEntry(deps: SweepDeps, entry: SpoolEntry): Promise<Verdict> {
  if (entry.id === undefined) {
    deps.log({ event: "sweep-foreign-object", key: entry.key });
    return "foreign";
  }
  const ageMs = deps.now() - entry.storedMs;
  if (ageMs < deps.grace.forgottenAfterMs) return "fine";
  const known = await readMessage(deps.ledger, entry.id);
  if (known.notes.order === "hold") return "fine";
  if (ageMs > deps.giveUpAfterHours * 3_600_000 + LIMITS.sweep.endAfterGiveUpMs) {
    return await endLeftOver(deps, entry.id, known);
  }
  if (known.notes.unreadable !== undefined) return "foreign";
  const reason = whyIdle(deps, known);
  if (reason === undefined) return "fine";
  await redrive(deps, entry, entry.id, reason);
  return "redriven";
}

/** Forward has had its time and more; whatever kept it from ending this message, the sender must know. */
async function endLeftOver(deps: SweepDeps, id: QueueId, known: LedgerMessage): Promise<Verdict> {
  const spooled = await getSpoolObject(deps.spool, id);
  if (spooled === undefined) return "fine";
  try {
    const object = decodeSpoolObject(spooled.bytes);
    if (object.envelope.id !== id) throw new NotASpoolObject(`the object calls itself ${object.envelope.id}`);
    const expiresAt = Math.floor(deps.now() / 1000) + deps.recordDays * 86_400;
    const { versionId } = spooled;
    const message = known.message ?? newMessageRecord(object, { versionId, expiresAt, keepSubject: deps.keepSubjects });
    await deps.usage.announce(message.tenant, id, deps.now());
    if (known.message === undefined) await createMessage(deps.ledger, message);
    const why = known.notes.unreadable ?? "it was left over";
    const busyUntilMs = await endMessage(deps, object, message, {
      failure: leftOver(why),
      outcome: failureOutcome(leftOver(why), true),
      tell: true,
    });
    if (busyUntilMs !== undefined) return "fine";
    if (await deps.webhooks.wants(message.tenant)) {
      await deps.webhooks.tellOwnEnds(message, (await readMessage(deps.ledger, id)).recipients);
    }
    await deleteSpoolObject(deps.spool, id);
    deps.log({ event: "sweep-ended", id, why });
    return "ended";
  } catch (error) {
    if (!(error instanceof NotASpoolObject)) throw error;
    deps.log({ event: "sweep-undeliverable", id, error: errorText(error) });
    return "foreign";
  }
}

function leftOver(why: string): Failure {
  return { class: "permanent", code: "gave-up", text: why, status: "4.4.7", ambiguous: false, accountWide: false };
}

function whyIdle(deps: SweepDeps, known: LedgerMessage): string | undefined {
  const { grace } = deps;
  const nowMs = deps.now();
  const { redrivenAtMs } = known.notes;
  if (redrivenAtMs !== undefined && redrivenAtMs + grace.redriveAgainAfterMs > nowMs) return undefined;
  if (known.message === undefined) return "no record: the notification was lost";
  const dueMs = known.recipients.map((record) => record.claimUntil ?? record.nextTryAt ?? 0);
  const lastDueMs = Math.max(0, ...dueMs);
  return lastDueMs + grace.overdueAfterMs <= nowMs ? "nothing has worked on it since it was due" : undefined;
}

/** Sends first and notes it after: a crash in between costs one queue message too many, not an hour of waiting. */
async function redrive(deps: SweepDeps, entry: SpoolEntry, id: QueueId, reason: string): Promise<void> {
  const time = new Date(deps.now()).toISOString();
  await sendToQueue(deps.queue, createdEventBody(deps.spool.bucket, id, entry.size, time, deps.region));
  await noteMessage(deps.ledger, id, { redrivenAtMs: deps.now() }, deps.now());
  deps.log({ event: "sweep-redrive", id, reason });
}
