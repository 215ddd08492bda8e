/**
 * A function as a process of its own: the real handler, fed as Lambda feeds it, its settings those of the environment,
 * its log on standard output. Argument: `forward`, `feedback`, `webhook` or `sweep`. Sends `{}` when it works.
 */

import { setTimeout as pause } from "node:timers/promises";
import { makeFeedbackHandler } from "../../../lambda/feedback/handler.ts";
import { makeForwardHandler } from "../../../lambda/forward/handler.ts";
import { makeSweepHandler } from "../../../lambda/sweep/handler.ts";
import { makeWebhookHandler } from "../../../lambda/webhook/handler.ts";
import { makeSqs } from "../../../lib/aws/clients.ts";
import { LIMITS } from "../../../lib/core/limits.ts";
import { errorText, logJson } from "../../../lib/core/log.ts";
import { ENV } from "../../../lib/core/names.ts";
import { startQueueWorker } from "../../../lib/local/queue-worker.ts";

/** By the machine's clock; the relay's runs ahead of it in jumps. */
const SWEEP_EVERY_MS = 3_000;

/** As Lambda's schedule does, one at a time; a run that fails is followed by the next. */
async function sweepForEver(): Promise<never> {
  const sweep = makeSweepHandler(process.env);
  for (;;) {
    const endMs = Date.now() + LIMITS.sweep.timeoutSeconds * 1000;
    await sweep({}, { getRemainingTimeInMillis: () => endMs - Date.now() }).catch((error: unknown) => {
      logJson({ event: "sweep-error", error: errorText(error) });
    });
    await pause(SWEEP_EVERY_MS);
  }
}

const name = process.argv[2];
const common = { concurrency: 1, log: logJson };
if (name === "forward") {
  startQueueWorker({
    ...common,
    name,
    queue: { client: makeSqs(), url: process.env[ENV.forwardQueueUrl] ?? "" },
    handler: makeForwardHandler(process.env),
    timeoutSeconds: LIMITS.forward.timeoutSeconds,
  });
} else if (name === "feedback") {
  startQueueWorker({
    ...common,
    name,
    queue: { client: makeSqs(), url: process.env[ENV.feedbackQueueUrl] ?? "" },
    handler: makeFeedbackHandler(process.env),
    timeoutSeconds: LIMITS.feedback.timeoutSeconds,
  });
} else if (name === "webhook") {
  startQueueWorker({
    ...common,
    name,
    queue: { client: makeSqs(), url: process.env[ENV.webhookQueueUrl] ?? "" },
    handler: makeWebhookHandler(process.env),
    timeoutSeconds: LIMITS.webhook.timeoutSeconds,
  });
} else if (name === "sweep") void sweepForEver();
else throw new Error(`there is no function ${name}`);
process.send?.({});
