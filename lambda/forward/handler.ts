/**
 * Lambda entry of forward: SQS batches of S3 events.
 *
 * A handled message is reported as such, one that must come back gets its own waiting time and is listed in
 * `batchItemFailures`; see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html.
 */

import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { makeDynamoDb, makeS3, makeSes, makeSesForSending, makeSqs } from "../../lib/aws/clients.ts";
import { noteMessage, noteStart } from "../../lib/aws/ledger-dynamo.ts";
import { deferMessage, type Queue, sendToQueue } from "../../lib/aws/queue-sqs.ts";
import { readSendingQuota } from "../../lib/aws/sending-quota.ts";
import { UsageMarker } from "../../lib/aws/usage-dynamo.ts";
import { readForwardConfig } from "../../lib/config/function-config.ts";
import { ByteBudget } from "../../lib/core/byte-budget.ts";
import { type CreatedObject, parseCreatedEvent } from "../../lib/core/created-event.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { errorText, type Log, logJson } from "../../lib/core/log.ts";
import { NotASpoolObject } from "../../lib/core/spool-object.ts";
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
  const ses = makeSes();
  const deps: HandlerDeps = {
    spool: { client: makeS3(), bucket: config.spoolBucket },
    ledger: { client: dynamodb, table: config.ledgerTable },
    directory: { client: dynamodb, table: config.directoryTable },
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
    recordDays: config.recordDays,
    giveUpAfterHours: config.giveUpAfterHours,
    now: Date.now,
    random: Math.random,
    log,
  };
  const budget = new ByteBudget(LIMITS.edge.messageSizeBytesMax);
  return async (event, invocation) => {
    const failed = await Promise.all(event.Records.map((record) => handleRecord(deps, budget, record, invocation)));
    return { batchItemFailures: failed.filter((itemIdentifier) => itemIdentifier !== undefined) };
  };
}

let cached: ForwardHandler | undefined;

/** What Lambda calls. */
export const handler: ForwardHandler = async (event, invocation) => {
  cached ??= makeForwardHandler(process.env);
  return await cached(event, invocation);
};

type Failed = { readonly itemIdentifier: string } | undefined;

async function handleRecord(
  deps: HandlerDeps,
  budget: ByteBudget,
  record: SQSRecord,
  invocation: Invocation,
): Promise<Failed> {
  try {
    const objects = parseCreatedEvent(record.body);
    if (objects === undefined) {
      await toDeadLetters(deps, record, "the body is not an S3 event");
      return undefined;
    }
    let laterMs: number | undefined;
    for (const object of objects) {
      const turn = turnOf(deps, record, invocation);
      const againMs = await budget.run(object.size, () => handleObject(deps, record, object, turn));
      if (againMs !== undefined) laterMs = Math.min(laterMs ?? againMs, againMs);
    }
    if (laterMs === undefined) return undefined;
    await deferMessage(deps.queue, record.receiptHandle, (laterMs - deps.now()) / 1000);
  } catch (error) {
    deps.log({ event: "forward-error", sqsMessageId: record.messageId, error: errorText(error) });
  }
  return { itemIdentifier: record.messageId };
}

async function handleObject(
  deps: HandlerDeps,
  record: SQSRecord,
  object: CreatedObject,
  turn: Turn,
): Promise<number | undefined> {
  if (object.bucket !== deps.spool.bucket || object.id === undefined) {
    await toDeadLetters(deps, record, `${object.bucket}/${object.key} is not a spool object`);
    return undefined;
  }
  const counted = Number(record.attributes.ApproximateReceiveCount) >= LIMITS.forward.countStartsFromReceipt;
  try {
    if (counted && (await noteStart(deps.ledger, object.id, deps.now())) > LIMITS.forward.startsMax) {
      throw new NotASpoolObject(`${LIMITS.forward.startsMax} invocations in a row have died over it`);
    }
    const result = await forwardMessage(deps, object.id, turn);
    if (counted) await noteMessage(deps.ledger, object.id, { starts: null }, deps.now());
    return result.kind === "later" ? result.atMs : undefined;
  } catch (error) {
    if (!(error instanceof NotASpoolObject)) {
      // It failed in order: not what the count is for.
      if (counted) await noteMessage(deps.ledger, object.id, { starts: null }, deps.now());
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
