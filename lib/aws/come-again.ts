/**
 * What a worker failed over comes again soon: a service that is away for seconds fails whatever is in the queue, and must
 * not keep all of it waiting for the whole visibility time-out.
 */

import { errorText, type Log } from "../core/log.ts";
import { retryDelayMs } from "../core/retry.ts";
import { deferMessage, type Queue } from "./queue-sqs.ts";

/** The queue it came from, and how long that hides it if nothing else is said. */
export interface ComeAgainDeps {
  readonly queue: Queue;
  readonly visibilityTimeoutSeconds: number;
  readonly random: () => number;
  readonly log: Log;
}

/** A message of the queue as the worker was given it. */
export interface FailedRecord {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly attributes: { readonly ApproximateReceiveCount: string };
}

/**
 * Logs the error as `event`, and has the message come again after a wait that doubles with each receipt up to the
 * visibility time-out. Never rejects: where the queue does not take that, the time-out holds. The caller still has to
 * report the message as failed.
 */
export async function comeAgain(
  deps: ComeAgainDeps,
  record: FailedRecord,
  event: string,
  error: unknown,
): Promise<void> {
  const log = (text: string): void => deps.log({ event, sqsMessageId: record.messageId, error: text });
  log(errorText(error));
  const waitSeconds = retryDelayMs(Number(record.attributes.ApproximateReceiveCount), deps.random) / 1000;
  try {
    await deferMessage(deps.queue, record.receiptHandle, Math.min(deps.visibilityTimeoutSeconds, waitSeconds));
  } catch (second) {
    log(errorText(second));
  }
}
