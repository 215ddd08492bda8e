/**
 * Forward as one of several Lambda instances: the real handler on the real queue, one batch at a time, in a process of its
 * own. Its settings are those of the environment. Passes on what it logs, over IPC, and ends with its parent.
 */

import { makeForwardHandler } from "../../lambda/forward/handler.ts";
import { makeSqs } from "../../lib/aws/clients.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import type { LogEvent } from "../../lib/core/log.ts";
import { ENV } from "../../lib/core/names.ts";
import { startQueueWorker } from "../../lib/local/queue-worker.ts";

process.on("disconnect", () => process.exit(1)); // the test is gone
const log = (event: LogEvent): void => void process.send?.(event);
startQueueWorker({
  name: "forward",
  queue: { client: makeSqs(), url: process.env[ENV.forwardQueueUrl] ?? "" },
  handler: makeForwardHandler(process.env, log),
  timeoutSeconds: LIMITS.forward.timeoutSeconds,
  concurrency: 1,
  log,
});
