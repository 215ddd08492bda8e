/**
 * Lambda entry of feedback: SQS batches of SES events, delivered raw by SNS.
 *
 * A body that is no SES event can never become one: it is logged and put aside by the queue after its tries, since
 * it may tell of a change at SES that somebody must look at.
 */

import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { makeDynamoDb, makeS3, makeSqs } from "../../lib/aws/clients.ts";
import { comeAgain } from "../../lib/aws/come-again.ts";
import { deferMessage, type Queue } from "../../lib/aws/queue-sqs.ts";
import { UsageMarker } from "../../lib/aws/usage-dynamo.ts";
import { WebhookOutbox } from "../../lib/aws/webhook-outbox.ts";
import { readFeedbackConfig } from "../../lib/config/function-config.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { errorText, type Log, logJson } from "../../lib/core/log.ts";
import { parseSesEvent } from "../../lib/core/ses-event.ts";
import { type ApplyEventDeps, applyEvent } from "./apply-event.ts";
import { type BreakerDeps, type BreakerFact, tripBreaker } from "./trip-breaker.ts";

/** A Lambda handler for SQS batches of SES events. */
export type FeedbackHandler = (event: SQSEvent) => Promise<SQSBatchResponse>;

interface HandlerDeps extends ApplyEventDeps, BreakerDeps {
  readonly queue: Queue;
  /** 0 to 1. */
  readonly random: () => number;
}

/** Builds the handler from an environment. Throws `ConfigurationError`. */
export function makeFeedbackHandler(env: NodeJS.ProcessEnv, log: Log = logJson): FeedbackHandler {
  const config = readFeedbackConfig(env);
  const dynamodb = makeDynamoDb();
  const directory = { client: dynamodb, table: config.directoryTable };
  const deps: HandlerDeps = {
    spool: { client: makeS3(), bucket: config.spoolBucket },
    ledger: { client: dynamodb, table: config.ledgerTable },
    directory,
    webhooks: new WebhookOutbox({
      directory,
      queue: config.webhookQueueUrl === undefined ? undefined : { client: makeSqs(), url: config.webhookQueueUrl },
      now: Date.now,
    }),
    queue: { client: makeSqs(), url: config.feedbackQueueUrl },
    hostName: config.hostName,
    systemAddress: config.systemAddress,
    breaker: {
      bounceRateMax: config.breakerBounceRateMax,
      complaintRateMax: config.breakerComplaintRateMax,
      messagesMin: config.breakerMessagesMin,
    },
    usage: new UsageMarker({ client: dynamodb, table: config.ledgerTable }),
    now: Date.now,
    random: Math.random,
    log,
  };
  return async (event) => {
    const facts: BreakerFact[] = [];
    const failed = await Promise.all(event.Records.map((record) => handleRecord(deps, record, facts)));
    try {
      await tripBreaker(deps, facts);
    } catch (error) {
      // The events are on record; had they to come again, they would add nothing.
      deps.log({ event: "breaker-error", error: errorText(error) });
    }
    return { batchItemFailures: failed.filter((itemIdentifier) => itemIdentifier !== undefined) };
  };
}

let cached: FeedbackHandler | undefined;

/** What Lambda calls. */
export const handler: FeedbackHandler = async (event) => {
  cached ??= makeFeedbackHandler(process.env);
  return await cached(event);
};

async function handleRecord(
  deps: HandlerDeps,
  record: SQSRecord,
  facts: BreakerFact[],
): Promise<{ readonly itemIdentifier: string } | undefined> {
  try {
    const event = parseSesEvent(record.body);
    if (event === undefined) throw new Error("the body is not an SES event");
    const result = await applyEvent(deps, event, record.body);
    facts.push(...result.facts);
    if (result.laterMs === undefined) return undefined;
    await deferMessage(deps.queue, record.receiptHandle, (result.laterMs - deps.now()) / 1000);
  } catch (error) {
    const { visibilityTimeoutSeconds } = LIMITS.feedback;
    await comeAgain({ ...deps, visibilityTimeoutSeconds }, record, "feedback-error", error);
  }
  return { itemIdentifier: record.messageId };
}
