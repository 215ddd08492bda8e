/**
 * Lambda entry of forward: SQS batches of S3 events.
 *
 * A handled message is reported as such, one that must come back gets its own waiting time and is listed in
 * `batchItemFailures`; see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html.
 */

import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { makeDynamoDb, makeS3, makeSes, makeSesForSending, makeSqs } from "../../lib/aws/clients.ts";
import { comeAgain } from "../../lib/aws/come-again.ts";
import { noteMessage, noteStart } from "../../lib/aws/ledger-dynamo.ts";
import { deferMessage, type Queue, sendToQueue } from "../../lib/aws/queue-sqs.ts";
import { readSendingQuota } from "../../lib/aws/sending-quota.ts";
import { UsageMarker } from "../../lib/aws/usage-dynamo.ts";
import { WebhookOutbox } from "../../lib/aws/webhook-outbox.ts";
import { readForwardConfig } from "../../lib/config/function-config.ts";
import { ByteBudget } from "../../lib/core/byte-budget.ts";
import { type CreatedObject, parseCreatedEvent } from "../../lib/core/created-event.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { errorText, type Log, logJson } from "../../lib/core/log.ts";
import type { QueueId } from "../../lib/core/queue-id.ts";
import { retryDelayMs } from "../../lib/core/retry.ts";
import { NewerSpoolObject, NotASpoolObject } from "../../lib/core/spool-object.ts";
import { AccountGate } from "./account-gate.ts";
import type { ForwardDeps, Turn } from "./forward-job.ts";
import { forwardMessage } from "./forward-message.ts";

/** The part of Lambda's context that is used; local mode gives the same. */
export type Invocation = Pick<Context, "awsRequestId" | "getRemainingTimeInMillis">;
/** A Lambda handler for SQS batches of S3 events. */
export type ForwardHandler = (event: SQSEvent, invocation: Invocation) => Promise<SQSBatchResponse>;

interface HandlerDeps extends ForwardDeps {
  readonly queue: Queue;
  readonly deadLetterQueue: Queue;
}

/** Builds the handler from an environment. Throws `ConfigurationError`. */
export function makeForwardHandler(env: NodeJS.ProcessEnv, log: Log = logJson): ForwardHandler {
  const config = readForwardConfig(env);
  const sqs = makeSqs();
  const dynamodb = makeDynamoDb();
  const directory = { client: dynamodb, table: config.directoryTable };
  const ses = makeSes();
  const deps: HandlerDeps = {
    spool: { client: makeS3(), bucket: config.spoolBucket },
    ledger: { client: dynamodb, table: config.ledgerTable },
    directory,
    webhooks: new WebhookOutbox({
      directory,
      queue: config.webhookQueueUrl === undefined ? undefined : { client: sqs, url: config.webhookQueueUrl },
      now: Date.now,
    }),
    hostName: config.hostName,
    systemAddress: config.systemAddress,
    sender: {
      client: makeSesForSending(LIMITS.forward.sesCallTimeoutMs),
      configurationSet: config.configurationSet,
      sesTenants: config.sesTenants,
    },
    gate: new AccountGate({
      readQuota: () => readSendingQuota(ses),
      concurrency: config.concurrency,
      now: Date.now,
      log,
    }),
    queue: { client: sqs, url: config.forwardQueueUrl },
    deadLetterQueue: { client: sqs, url: config.forwardDlqUrl },
    usage: new UsageMarker({ client: dynamodb, table: config.ledgerTable }),
    recipientsPerCall: config.recipientsPerCall,
    region: env["AWS_REGION"] ?? "us-east-1",
    threadReplies: config.threadReplies,
    keepSubjects: config.keepSubjects,
    recordDays: config.recordDays,
    giveUpAfterHours: config.giveUpAfterHours,
    now: Date.now,
    random: Math.random,
    log,
  };
  const budget = new ByteBudget(LIMITS.edge.messageSizeBytesMax);
  return async (event, invocation) => {
    const work: Work = { deps, budget, invocation };
    const begun = await Promise.all(event.Records.map(async (record) => await begin(deps, record)));
    const ready = begun.filter((each) => each.kind === "ready");
    const failed = begun.filter((each) => each.kind === "failed").map(({ record }) => record);
    const usual = ready.filter(({ starts }) => starts < LIMITS.forward.suspectFromStart);
    const suspects = ready.filter(({ starts }) => starts >= LIMITS.forward.suspectFromStart);
    failed.push(...(await Promise.all(usual.map(async (each) => await handleRecord(work, each)))).flat());
    failed.push(...(await handleSuspects(work, suspects)));
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  };
}

let cached: ForwardHandler | undefined;

/** What Lambda calls. */
export const handler: ForwardHandler = async (event, invocation) => {
  cached ??= makeForwardHandler(process.env);
  return await cached(event, invocation);
};

interface Work {
  readonly deps: HandlerDeps;
  readonly budget: ByteBudget;
  readonly invocation: Invocation;
}

interface Ready {
  readonly kind: "ready";
  readonly record: SQSRecord;
  readonly objects: readonly SpoolNotice[];
  /** Invocations begun over it since one ended in order, this one included; 0: not counted. */
  readonly starts: number;
}

/** A notice of an object that is in the spool. */
type SpoolNotice = CreatedObject & { readonly id: QueueId };

type Begun = Ready | { readonly kind: "handled" | "failed"; readonly record: SQSRecord };

/** Puts aside what is no message or has killed too many invocations, and counts this one where it has to be. */
async function begin(deps: HandlerDeps, record: SQSRecord): Promise<Begun> {
  try {
    const objects = parseCreatedEvent(record.body);
    if (objects === undefined) {
      await toDeadLetters(deps, record, "the body is not an S3 event");
      return { kind: "handled", record };
    }
    const notices = objects.filter(
      (object): object is SpoolNotice => object.bucket === deps.spool.bucket && object.id !== undefined,
    );
    const strange = objects.find((object) => !notices.some((notice) => notice === object));
    if (strange !== undefined) {
      await toDeadLetters(deps, record, `${strange.bucket}/${strange.key} is not a spool object`);
      return { kind: "handled", record };
    }
    let starts = 0;
    if (isCounted(record)) {
      for (const { id } of notices) starts = Math.max(starts, await noteStart(deps.ledger, id, deps.now()));
    }
    if (starts <= LIMITS.forward.startsMax) return { kind: "ready", record, objects: notices, starts };
    const reason = `${LIMITS.forward.startsMax} invocations in a row have died over it`;
    for (const { id } of notices) await noteMessage(deps.ledger, id, { unreadable: reason }, deps.now());
    await toDeadLetters(deps, record, reason);
    return { kind: "handled", record };
  } catch (error) {
    await failed(deps, record, error);
    return { kind: "failed", record };
  }
}

async function failed(deps: HandlerDeps, record: SQSRecord, error: unknown): Promise<void> {
  const { visibilityTimeoutSeconds } = LIMITS.forward;
  await comeAgain({ ...deps, visibilityTimeoutSeconds }, record, "forward-error", error);
}

/** Only what comes again: mail that is handled at its first receipt costs nothing for this. */
function isCounted(record: SQSRecord): boolean {
  return Number(record.attributes.ApproximateReceiveCount) >= LIMITS.forward.countStartsFromReceipt;
}

/**
 * What invocations have died over before, or died beside: one of them, once all others are done. The rest goes back
 * first, to come again soon in other batches: if this one kills the invocation, it does so alone.
 */
async function handleSuspects(work: Work, suspects: readonly Ready[]): Promise<SQSRecord[]> {
  const { deps } = work;
  const [first, ...others] = suspects;
  if (first === undefined) return [];
  for (const [index, { record, objects, starts }] of others.entries()) {
    try {
      for (const { id } of objects) await noteMessage(deps.ledger, id, { starts: starts - 1 }, deps.now());
      await deferMessage(deps.queue, record.receiptHandle, (index + 1) * LIMITS.forward.suspectWaitSeconds);
    } catch (error) {
      deps.log({ event: "forward-error", sqsMessageId: record.messageId, error: errorText(error) });
    }
  }
  return [...others.map(({ record }) => record), ...(await handleRecord(work, first))];
}

/** Returns the record when the queue has to bring it again. */
async function handleRecord({ deps, budget, invocation }: Work, { record, objects }: Ready): Promise<SQSRecord[]> {
  try {
    let laterMs: number | undefined;
    for (const object of objects) {
      const turn = turnOf(deps, record, invocation);
      const againMs = await budget.run(object.size, () => handleObject(deps, record, object, turn));
      if (againMs !== undefined) laterMs = Math.min(laterMs ?? againMs, againMs);
    }
    if (laterMs === undefined) return [];
    await deferMessage(deps.queue, record.receiptHandle, (laterMs - deps.now()) / 1000);
  } catch (error) {
    await failed(deps, record, error);
  }
  return [record];
}

async function handleObject(
  deps: HandlerDeps,
  record: SQSRecord,
  object: SpoolNotice,
  turn: Turn,
): Promise<number | undefined> {
  const endedInOrder = async (): Promise<void> => {
    if (isCounted(record)) await noteMessage(deps.ledger, object.id, { starts: null }, deps.now());
  };
  try {
    const result = await forwardMessage(deps, object.id, turn);
    await endedInOrder();
    return result.kind === "later" ? result.atMs : undefined;
  } catch (error) {
    if (error instanceof NewerSpoolObject) {
      await endedInOrder();
      deps.log({ event: "newer-spool-object", id: object.id, error: error.message });
      return deps.now() + retryDelayMs(Number(record.attributes.ApproximateReceiveCount), deps.random);
    }
    if (!(error instanceof NotASpoolObject)) {
      // It failed in order: not what the count is for.
      await endedInOrder();
      throw error;
    }
    await noteMessage(deps.ledger, object.id, { unreadable: error.message }, deps.now());
    await toDeadLetters(deps, record, error.message);
    return undefined;
  }
}

/** What no retry can mend goes aside at once, where the alarm is, and does not hold up its neighbours. */
async function toDeadLetters(deps: HandlerDeps, record: SQSRecord, reason: string): Promise<void> {
  deps.log({ event: "dead-letter", sqsMessageId: record.messageId, reason });
  await sendToQueue(deps.deadLetterQueue, record.body);
}

function turnOf(deps: HandlerDeps, record: SQSRecord, invocation: Invocation): Turn {
  const endMs = deps.now() + invocation.getRemainingTimeInMillis();
  return {
    holder: {
      claimedBy: `${invocation.awsRequestId}/${record.messageId}`,
      claimUntil: endMs + LIMITS.forward.claimMarginMs,
    },
    jitter: deps.random(),
    stopAtMs: endMs - LIMITS.forward.sesCallTimeoutMs - LIMITS.forward.claimMarginMs,
  };
}
