/** A service that is away for a moment while mail or events wait: they are handled soon after, not a time-out later. */

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { makeFeedbackHandler } from "../../lambda/feedback/handler.ts";
import { makeForwardHandler } from "../../lambda/forward/handler.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { type QueueWorkerOptions, runOnce } from "../../lib/local/queue-worker.ts";
import type { AwsCall } from "../support/aws-proxy.ts";
import { type Pipeline, startPipeline, testMail } from "../support/pipeline.ts";

const { retryFirstMs } = LIMITS.forward;
const MAILS = 3;

let pipeline: Pipeline;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  pipeline = await startPipeline();
});
afterEach(async () => {
  await pipeline.close();
  vi.useRealTimers();
});

/** Handles what is there, and returns how much that was. */
async function runAll(worker: QueueWorkerOptions): Promise<number> {
  let count = 0;
  for (;;) {
    const came = await runOnce(worker);
    if (came === 0) return count;
    count += came;
  }
}

it.for(["s3", "dynamodb"] as const)("sends half a minute after %s was away what it failed over", async (service) => {
  const handler = makeForwardHandler(pipeline.env, () => undefined);
  const queue = pipeline.forwardQueue;
  const worker = { name: "forward", queue, handler, timeoutSeconds: 60, concurrency: 1, log: () => undefined };
  const pump = async (): Promise<number> => await runAll(worker);
  for (let number = 0; number < MAILS; number += 1) await pipeline.accept({ bytes: testMail(`${service}-${number}`) });

  pipeline.proxy.onCall = (call: AwsCall) =>
    call.service === service ? { status: 400, type: "AccessDenied" } : undefined;
  // S3 has also said that it will tell.
  expect(await pump()).toBe(MAILS + 1);
  expect(await pipeline.outbox()).toEqual([]);

  pipeline.proxy.onCall = () => undefined;
  // Two minutes for what was claimed when it failed.
  for (const waitMs of [retryFirstMs * 1.2 + 1_000, 2 * 60_000]) {
    vi.setSystemTime(Date.now() + waitMs);
    await pump();
  }
  expect(await pipeline.outbox()).toHaveLength(MAILS);
});

it("records half a minute after the ledger was away what SES said meanwhile", async () => {
  const common = { timeoutSeconds: 60, concurrency: 1, log: () => undefined };
  const forward = makeForwardHandler(pipeline.env, () => undefined);
  const handler = makeFeedbackHandler(pipeline.env, () => undefined);
  const feedback = { ...common, name: "feedback", queue: pipeline.feedbackQueue, handler };
  const id = await pipeline.accept({ to: ["bounce@simulator.amazonses.com"] });
  await runAll({ ...common, name: "forward", queue: pipeline.forwardQueue, handler: forward });
  await pipeline.published();

  pipeline.proxy.onCall = (call: AwsCall) =>
    call.service === "dynamodb" ? { status: 400, type: "AccessDenied" } : undefined;
  expect(await runAll(feedback)).toBeGreaterThan(0);
  expect(await pipeline.recipients(id)).toMatchObject([{ state: "sent" }]);

  pipeline.proxy.onCall = () => undefined;
  vi.setSystemTime(Date.now() + retryFirstMs * 1.2 + 1_000);
  await runAll(feedback);
  expect(await pipeline.recipients(id)).toMatchObject([{ state: "bounced" }]);
});
