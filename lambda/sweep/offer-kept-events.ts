/**
 * Looks whether the ledger has come to know what kept events speak of, and puts those back into feedback's queue.
 *
 * An event goes back before it is forgotten: dying in between has it applied twice, which changes nothing.
 */

import { concernedRecipients } from "../../lib/aws/concerned-recipients.ts";
import { forgetEvent, listDueEvents, putOffEvent } from "../../lib/aws/kept-events.ts";
import type { Ledger } from "../../lib/aws/ledger-dynamo.ts";
import { type Queue, sendToQueue } from "../../lib/aws/queue-sqs.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import type { Log } from "../../lib/core/log.ts";
import { parseSesEvent } from "../../lib/core/ses-event.ts";

/** What it needs. */
export interface OfferDeps {
  readonly ledger: Ledger;
  readonly feedbackQueue: Queue;
  readonly now: () => number;
  readonly log: Log;
}

/** Throws what DynamoDB or SQS throw; the next run goes on. */
export async function offerKeptEvents(deps: OfferDeps, stopAtMs: number): Promise<void> {
  let offered = 0;
  let putOff = 0;
  for (const kept of await listDueEvents(deps.ledger, deps.now(), LIMITS.sweep.keptEventsMax)) {
    if (deps.now() >= stopAtMs) break;
    const event = parseSesEvent(kept.body);
    if (event !== undefined && (await concernedRecipients(deps.ledger, event)) !== undefined) {
      await sendToQueue(deps.feedbackQueue, kept.body);
      await forgetEvent(deps.ledger, kept);
      offered += 1;
    } else {
      await putOffEvent(deps.ledger, kept, deps.now());
      putOff += 1;
    }
  }
  if (offered + putOff > 0) deps.log({ event: "kept-events", offered, putOff });
}
