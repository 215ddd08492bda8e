/**
 * Feeds a Lambda handler from a queue as Lambda's SQS event source does.
 *
 * Batches of up to ten; what the handler does not list in `batchItemFailures` is deleted; a handler that throws fails
 * its whole batch. A failed message comes back when its visibility time-out ends.
 */

import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { deleteFromQueue, type Queue, type ReceivedMessage, receiveFromQueue } from "../aws/queue-sqs.ts";
import { errorText, type Log } from "../core/log.ts";

/** Which queue feeds which handler, and how. */
export interface QueueWorkerOptions {
  readonly name: string;
  readonly queue: Queue;
  readonly handler: (
    event: SQSEvent,
    invocation: { awsRequestId: string; getRemainingTimeInMillis: () => number },
  ) => Promise<SQSBatchResponse>;
  readonly timeoutSeconds: number;
  /** Batches at a time. */
  readonly concurrency: number;
  readonly log: Log;
}

export interface QueueWorker {
  /** Takes no new messages and resolves when the invocations under way have ended. */
  stop(): Promise<void>;
}

const WAIT_SECONDS = 20;
const PAUSE_AFTER_ERROR_MS = 1_000;

/** Starts polling at once. */
export function startQueueWorker(options: QueueWorkerOptions): QueueWorker {
  const abort = new AbortController();
  const loops = Array.from({ length: options.concurrency }, () => poll(options, abort.signal));
  return {
    stop: async () => {
      abort.abort();
      await Promise.all(loops);
    },
  };
}

/** Handles at most one batch of what is in the queue now, and returns how many messages that was. */
export async function runOnce(options: QueueWorkerOptions): Promise<number> {
  const messages = await receiveFromQueue(options.queue, 0);
  if (messages.length > 0) await invoke(options, messages);
  return messages.length;
}

async function poll(options: QueueWorkerOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const messages = await receiveFromQueue(options.queue, WAIT_SECONDS, signal);
      if (messages.length > 0) await invoke(options, messages);
    } catch (error) {
      if (signal.aborted) return;
      options.log({ event: "worker-error", worker: options.name, error: errorText(error) });
      await delay(PAUSE_AFTER_ERROR_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function invoke(options: QueueWorkerOptions, messages: readonly ReceivedMessage[]): Promise<void> {
  const endMs = Date.now() + options.timeoutSeconds * 1000;
  const event: SQSEvent = { Records: messages.map(toRecord) };
  const response = await options.handler(event, {
    awsRequestId: randomUUID(),
    getRemainingTimeInMillis: () => endMs - Date.now(),
  });
  const failed = new Set(response.batchItemFailures.map((failure) => failure.itemIdentifier));
  const handled = event.Records.filter((record) => !failed.has(record.messageId));
  await deleteFromQueue(
    options.queue,
    handled.map((record) => record.receiptHandle),
  );
}

function toRecord(message: ReceivedMessage): SQSRecord {
  const attribute = (name: string, otherwise: string): string => message.attributes[name] ?? otherwise;
  return {
    messageId: message.messageId,
    receiptHandle: message.receiptHandle,
    body: message.body,
    md5OfBody: message.md5OfBody,
    attributes: {
      ApproximateReceiveCount: attribute("ApproximateReceiveCount", "1"),
      ApproximateFirstReceiveTimestamp: attribute("ApproximateFirstReceiveTimestamp", "0"),
      SentTimestamp: attribute("SentTimestamp", "0"),
      SenderId: attribute("SenderId", "local"),
    },
    messageAttributes: {},
    eventSource: "aws:sqs",
    eventSourceARN: "arn:aws:sqs:us-east-1:000000000000:local",
    awsRegion: "us-east-1",
  };
}
