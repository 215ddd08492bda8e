/** A service that is away for a moment while mail waits: the mail goes out soon after, not a visibility time-out later. */

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { makeForwardHandler } from "../../lambda/forward/handler.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { runOnce } from "../../lib/local/queue-worker.ts";
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

it.for(["s3", "dynamodb"] as const)("sends half a minute after %s was away what it failed over", async (service) => {
  const handler = makeForwardHandler(pipeline.env, () => undefined);
  const queue = pipeline.forwardQueue;
  const worker = { name: "forward", queue, handler, timeoutSeconds: 60, concurrency: 1, log: () => undefined };
  /** Handles what is there, and returns how much that was. */
  const pump = async (): Promise<number> => {
    let count = 0;
    for (;;) {
      const came = await runOnce(worker);
      if (came === 0) return count;
      count += came;
    }
  };
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
