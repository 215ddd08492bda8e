/**
 * Takes dead letters away whose message is no longer in the spool: it was handled, dropped or ended since. The others
 * stay, and with them the alarm.
 */

import { deleteFromQueue, type Queue, receiveFromQueue } from "../../lib/aws/queue-sqs.ts";
import { headSpoolObject, type Spool } from "../../lib/aws/spool-s3.ts";
import { parseCreatedEvent } from "../../lib/core/created-event.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import type { Log } from "../../lib/core/log.ts";

/** Throws what SQS or S3 throw. */
export async function clearDeadLetters(deps: {
  readonly spool: Spool;
  readonly deadLetterQueue: Queue;
  readonly log: Log;
}): Promise<void> {
  let seen = 0;
  let cleared = 0;
  while (seen < LIMITS.sweep.deadLettersMax) {
    const letters = await receiveFromQueue(deps.deadLetterQueue, 0);
    if (letters.length === 0) break;
    seen += letters.length;
    const done: string[] = [];
    for (const letter of letters) {
      if (await isOver(deps.spool, letter.body)) done.push(letter.receiptHandle);
    }
    await deleteFromQueue(deps.deadLetterQueue, done);
    cleared += done.length;
  }
  if (seen > 0) deps.log({ event: "dead-letters", left: seen - cleared, cleared });
}

async function isOver(spool: Spool, body: string): Promise<boolean> {
  const objects = parseCreatedEvent(body);
  if (objects === undefined || objects.length === 0) return false;
  for (const { bucket, id } of objects) {
    if (bucket !== spool.bucket || id === undefined) return false;
    if ((await headSpoolObject(spool, id)) !== undefined) return false;
  }
  return true;
}
