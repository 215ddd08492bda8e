/**
 * Finds spooled messages that nothing is working on and puts them back into the forward queue.
 *
 * Nothing works on a message when its object is older than the grace time and either the ledger has never heard of
 * it (the notification was lost), or every claim and every wait on record ran out some time ago (its queue message
 * was lost), or all is handled and only the object was left. Putting back too much is harmless: claims absorb it.
 */

import { type Ledger, type LedgerMessage, noteRedrive, readMessage } from "../../lib/aws/ledger-dynamo.ts";
import { type Queue, sendToQueue } from "../../lib/aws/queue-sqs.ts";
import { listSpool, type Spool, type SpoolEntry } from "../../lib/aws/spool-s3.ts";
import { createdEventBody } from "../../lib/core/created-event.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import type { Log } from "../../lib/core/log.ts";
import type { QueueId } from "../../lib/core/queue-id.ts";

export interface SweepDeps {
  readonly spool: Spool;
  readonly ledger: Ledger;
  readonly queue: Queue;
  readonly region: string;
  readonly now: () => number;
  readonly log: Log;
  readonly grace: SweepGrace;
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
  /** Objects that are not spool objects, left for the operator. */
  readonly foreign: number;
  readonly oldestAgeSeconds: number;
}

/** Grace times for a running environment. */
export const SWEEP_GRACE: SweepGrace = LIMITS.sweep;

/** See the head of this file. Throws what S3, DynamoDB or SQS throw; the next run starts over. */
export async function sweepSpool(deps: SweepDeps): Promise<SweepReport> {
  let objects = 0;
  let redriven = 0;
  let foreign = 0;
  let oldestMs = 0;
  for await (const entry of listSpool(deps.spool)) {
    objects += 1;
    const ageMs = deps.now() - entry.storedMs;
    oldestMs = Math.max(oldestMs, ageMs);
    if (entry.id === undefined) {
      foreign += 1;
      deps.log({ event: "sweep-foreign-object", key: entry.key });
      continue;
    }
    if (ageMs < deps.grace.forgottenAfterMs) continue;
    const known = await readMessage(deps.ledger, entry.id);
    if (known.unreadable !== undefined) {
      foreign += 1;
      continue;
    }
    const reason = whyIdle(deps, known);
    if (reason === undefined) continue;
    await redrive(deps, entry, entry.id, reason);
    redriven += 1;
  }
  const report = { objects, redriven, foreign, oldestAgeSeconds: Math.round(oldestMs / 1000) };
  deps.log({ event: "sweep", ...report });
  return report;
}

function whyIdle(deps: SweepDeps, known: LedgerMessage): string | undefined {
  const { grace } = deps;
  const nowMs = deps.now();
  if (known.redrivenAtMs !== undefined && known.redrivenAtMs + grace.redriveAgainAfterMs > nowMs) return undefined;
  if (known.message === undefined) return "no record: the notification was lost";
  const dueMs = known.recipients.map((record) => record.claimUntil ?? record.nextTryAt ?? 0);
  const lastDueMs = Math.max(0, ...dueMs);
  return lastDueMs + grace.overdueAfterMs <= nowMs ? "nothing has worked on it since it was due" : undefined;
}

/** Sends first and notes it after: a crash in between costs one queue message too many, not an hour of waiting. */
async function redrive(deps: SweepDeps, entry: SpoolEntry, id: QueueId, reason: string): Promise<void> {
  const time = new Date(deps.now()).toISOString();
  await sendToQueue(deps.queue, createdEventBody(deps.spool.bucket, id, entry.size, time, deps.region));
  await noteRedrive(deps.ledger, id, deps.now());
  deps.log({ event: "sweep-redrive", id, reason });
}
