/**
 * SQS: sending, deferring, and receiving for whoever is not fed by Lambda (local mode, CLI).
 */

import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";

/** A queue and a client for it. */
export interface Queue {
  readonly client: SQSClient;
  readonly url: string;
}

/** SQS ends a message's invisibility after twelve hours at most, counted from its receipt. */
export const VISIBILITY_SECONDS_MAX = 43_000;

/** Puts one body into the queue, invisible for `delaySeconds` (at most 900). */
export async function sendToQueue(queue: Queue, body: string, delaySeconds = 0): Promise<void> {
  await queue.client.send(
    new SendMessageCommand({
      QueueUrl: queue.url,
      MessageBody: body,
      ...(delaySeconds > 0 ? { DelaySeconds: Math.min(900, Math.ceil(delaySeconds)) } : {}),
    }),
  );
}

/** Lets a received message come back after this many seconds (0 to 43,000). */
export async function deferMessage(queue: Queue, receiptHandle: string, seconds: number): Promise<void> {
  await queue.client.send(
    new ChangeMessageVisibilityCommand({
      QueueUrl: queue.url,
      ReceiptHandle: receiptHandle,
      VisibilityTimeout: Math.max(0, Math.min(VISIBILITY_SECONDS_MAX, Math.ceil(seconds))),
    }),
  );
}

/** A message as received; attribute values as SQS gives them. */
export interface ReceivedMessage {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly md5OfBody: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Waits up to `waitSeconds` for up to ten messages. */
export async function receiveFromQueue(
  queue: Queue,
  waitSeconds: number,
  signal?: AbortSignal,
): Promise<ReceivedMessage[]> {
  const { Messages } = await queue.client.send(
    new ReceiveMessageCommand({
      QueueUrl: queue.url,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: waitSeconds,
      MessageSystemAttributeNames: ["All"],
    }),
    signal === undefined ? {} : { abortSignal: signal },
  );
  return (Messages ?? []).map((message) => ({
    messageId: message.MessageId ?? "",
    receiptHandle: message.ReceiptHandle ?? "",
    body: message.Body ?? "",
    md5OfBody: message.MD5OfBody ?? "",
    attributes: message.Attributes ?? {},
  }));
}

/** Deletes handled messages. Throws when SQS keeps one: it will come again, which handlers allow for. */
export async function deleteFromQueue(queue: Queue, receiptHandles: readonly string[]): Promise<void> {
  if (receiptHandles.length === 0) return;
  const { Failed } = await queue.client.send(
    new DeleteMessageBatchCommand({
      QueueUrl: queue.url,
      Entries: receiptHandles.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle })),
    }),
  );
  if (Failed !== undefined && Failed.length > 0) throw new Error(`SQS did not delete ${Failed.length} messages`);
}

/** Roughly how many messages wait, are being worked on, and are delayed. */
export async function queueDepth(queue: Queue): Promise<{ waiting: number; inFlight: number; delayed: number }> {
  const { Attributes } = await queue.client.send(
    new GetQueueAttributesCommand({
      QueueUrl: queue.url,
      AttributeNames: [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
      ],
    }),
  );
  return {
    waiting: Number(Attributes?.["ApproximateNumberOfMessages"] ?? 0),
    inFlight: Number(Attributes?.["ApproximateNumberOfMessagesNotVisible"] ?? 0),
    delayed: Number(Attributes?.["ApproximateNumberOfMessagesDelayed"] ?? 0),
  };
}
