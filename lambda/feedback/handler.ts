/**
 * Lambda entry of feedback: SQS batches of SES events, delivered raw by SNS.
 *
 * A body that is no SES event can never become one: it is logged and put aside by the queue after its tries, since
 * it may tell of a change at SES that somebody must look at.
 */

import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { makeDynamoDb } from "../../lib/aws/clients.ts";
import { readFeedbackConfig } from "../../lib/config/function-config.ts";
import { errorText, type Log, logJson } from "../../lib/core/log.ts";
import { parseSesEvent } from "../../lib/core/ses-event.ts";
import { applyEvent, type FeedbackDeps } from "./apply-event.ts";

export type FeedbackHandler = (event: SQSEvent) => Promise<SQSBatchResponse>;

/** Builds the handler from an environment. Throws `ConfigurationError`. */
export function makeFeedbackHandler(env: NodeJS.ProcessEnv, log: Log = logJson): FeedbackHandler {
  const config = readFeedbackConfig(env);
  const deps: FeedbackDeps = { ledger: { client: makeDynamoDb(), table: config.ledgerTable }, now: Date.now, log };
  return async (event) => {
    const failed = await Promise.all(event.Records.map((record) => handleRecord(deps, record)));
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
  deps: FeedbackDeps,
  record: SQSRecord,
): Promise<{ readonly itemIdentifier: string } | undefined> {
  try {
    const event = parseSesEvent(record.body);
    if (event === undefined) throw new Error("the body is not an SES event");
    await applyEvent(deps, event, record.body);
    return undefined;
  } catch (error) {
    deps.log({ event: "feedback-error", sqsMessageId: record.messageId, error: errorText(error) });
    return { itemIdentifier: record.messageId };
  }
}
