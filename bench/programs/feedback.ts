/**
 * Feedback as a process of its own: the real handler, fed from the real queue as Lambda feeds it. AWS is where the
 * environment says. Sends `{}` when it is up and handles as many events as an order says.
 */

import { makeFeedbackHandler } from "../../lambda/feedback/handler.ts";
import { makeSqs } from "../../lib/aws/clients.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { ENV } from "../../lib/core/names.ts";
import { startQueueWorker } from "../../lib/local/queue-worker.ts";
import { answerOrders, measured } from "./usage.ts";

/** What the parent may ask for: handle this many events from the queue. */
export interface FeedbackOrder {
  readonly events: number;
}

let left = 0;
let emptied: () => void = () => undefined;
const handler = makeFeedbackHandler(process.env, (event) => {
  if (event.event === "feedback" && --left === 0) emptied();
  if (event.event !== "feedback") console.error(event);
});
const queue = { client: makeSqs(), url: process.env[ENV.feedbackQueueUrl] ?? "" };

async function handle(events: number): Promise<void> {
  left = events;
  const done = new Promise<void>((resolve) => (emptied = resolve));
  const log = (): void => undefined;
  const { timeoutSeconds } = LIMITS.feedback;
  const worker = startQueueWorker({ name: "feedback", queue, handler, timeoutSeconds, concurrency: 1, log });
  await done;
  await worker.stop();
}

answerOrders(async (sent) => await measured(async () => await handle((sent as FeedbackOrder).events)));
process.send?.({});
