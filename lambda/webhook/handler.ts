/**
 * Lambda entry of webhook: SQS batches of events, each for one tenant's server.
 *
 * What cannot be delivered within its time goes to the dead letter queue, where the alarm is.
 */

import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { makeDynamoDb, makeSqs } from "../../lib/aws/clients.ts";
import { comeAgain } from "../../lib/aws/come-again.ts";
import { deferMessage, type Queue, sendToQueue } from "../../lib/aws/queue-sqs.ts";
import { readWebhookConfig } from "../../lib/config/function-config.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { type Log, logJson } from "../../lib/core/log.ts";
import { parseQueuedWebhook } from "../../lib/core/webhook.ts";
import { WebhookDelivery } from "./deliver-webhook.ts";
import { postWebhook } from "./post-webhook.ts";

/** A Lambda handler for SQS batches of webhook events. */
export type WebhookHandler = (event: SQSEvent) => Promise<SQSBatchResponse>;

interface HandlerDeps {
  readonly delivery: WebhookDelivery;
  readonly queue: Queue;
  readonly deadLetterQueue: Queue;
  /** 0 to 1. */
  readonly random: () => number;
  readonly log: Log;
}

/** Builds the handler from an environment. Throws `ConfigurationError`. */
export function makeWebhookHandler(env: NodeJS.ProcessEnv, log: Log = logJson): WebhookHandler {
  const config = readWebhookConfig(env);
  const sqs = makeSqs();
  const directory = { client: makeDynamoDb(), table: config.directoryTable };
  const guard = { loopback: config.webhookLoopback, timeoutMs: LIMITS.webhook.requestTimeoutMs };
  const deps: HandlerDeps = {
    delivery: new WebhookDelivery({ directory, post: (post) => postWebhook(post, guard), now: Date.now, log }),
    queue: { client: sqs, url: config.webhookQueueUrl },
    deadLetterQueue: { client: sqs, url: config.webhookDlqUrl },
    random: Math.random,
    log,
  };
  return async (event) => {
    const failed = await Promise.all(event.Records.map((record) => handleRecord(deps, record)));
    return { batchItemFailures: failed.filter((itemIdentifier) => itemIdentifier !== undefined) };
  };
}

let cached: WebhookHandler | undefined;

/** What Lambda calls. */
export const handler: WebhookHandler = async (event) => {
  cached ??= makeWebhookHandler(process.env);
  return await cached(event);
};

async function handleRecord(
  deps: HandlerDeps,
  record: SQSRecord,
): Promise<{ readonly itemIdentifier: string } | undefined> {
  try {
    const queued = parseQueuedWebhook(record.body);
    if (queued === undefined) return await toDeadLetters(deps, record, "the body is no webhook event");
    const sentAtMs = Number(record.attributes.SentTimestamp);
    const result = await deps.delivery.deliver(queued, sentAtMs);
    if (result.kind === "dead") return await toDeadLetters(deps, record, result.why);
    if (result.kind !== "later") return undefined;
    await deferMessage(deps.queue, record.receiptHandle, result.waitMs / 1000);
  } catch (error) {
    const { visibilityTimeoutSeconds } = LIMITS.webhook;
    await comeAgain({ ...deps, visibilityTimeoutSeconds }, record, "webhook-error", error);
  }
  return { itemIdentifier: record.messageId };
}

async function toDeadLetters(deps: HandlerDeps, record: SQSRecord, why: string): Promise<undefined> {
  await sendToQueue(deps.deadLetterQueue, record.body);
  deps.log({ event: "webhook-dead", sqsMessageId: record.messageId, why });
  return undefined;
}
