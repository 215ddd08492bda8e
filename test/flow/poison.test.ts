/**
 * A message that kills the process that handles it: it ends in the dead-letter queue, alone, and those that were in a
 * batch with it go out. Time is moved by setting the clock, which the local services share.
 *
 * The death is played: from the moment at which the mail is prepared no call to AWS gets through any more, and the worker
 * sees the invocation fail as a whole, as Lambda sees one that ran out of memory.
 */

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type ForwardHandler, makeForwardHandler } from "../../lambda/forward/handler.ts";
import { readMessage } from "../../lib/aws/ledger-dynamo.ts";
import { queueDepth, receiveFromQueue } from "../../lib/aws/queue-sqs.ts";
import { parseCreatedEvent } from "../../lib/core/created-event.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import type { LogEvent } from "../../lib/core/log.ts";
import { runOnce } from "../../lib/local/queue-worker.ts";
import { type Pipeline, startPipeline, testMail } from "../support/pipeline.ts";

const NEIGHBOURS = 9;
const { startsMax, suspectFromStart, suspectWaitSeconds, visibilityTimeoutSeconds } = LIMITS.forward;

let pipeline: Pipeline;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  pipeline = await startPipeline();
});
afterEach(async () => {
  await pipeline.close();
  vi.useRealTimers();
});

it("puts a message aside that kills every invocation, alone, and sends those that came with it", async () => {
  let deaths = 0;
  let dying = false;
  const log: LogEvent[] = [];
  const forward = makeForwardHandler(pipeline.env, (event) => {
    log.push(event);
    if (event.event !== "message-edited" || !JSON.stringify(event).includes("x-ses-poison")) return;
    dying = true;
    pipeline.proxy.onCall = () => "refuse";
  });
  const handler: ForwardHandler = async (event, invocation) => {
    const response = await forward(event, invocation);
    if (!dying) return response;
    dying = false;
    deaths += 1;
    pipeline.proxy.onCall = () => undefined;
    throw new Error("the process died");
  };
  const queue = pipeline.forwardQueue;
  const worker = { name: "forward", queue, handler, timeoutSeconds: 60, concurrency: 1, log: () => undefined };
  /** Handles what is there; resolves when nothing more comes without waiting. */
  const pump = async (): Promise<void> => {
    for (;;) {
      const came = await runOnce(worker).catch(() => 1);
      if (came === 0) return;
    }
  };
  const poison = await pipeline.accept({ bytes: `X-SES-Poison: yes\r\n${testMail("poison")}` });
  const neighbours = [];
  for (let i = 0; i < NEIGHBOURS; i++) {
    neighbours.push(await pipeline.accept({ to: [`n${i}@example.net`], bytes: testMail(`neighbour-${i}`) }));
  }

  // The invocations that die before it is known what kills them take their batch with them.
  for (let died = 0; died < suspectFromStart; died++) {
    await pump();
    expect(deaths).toBe(died + 1);
    vi.setSystemTime(Date.now() + (visibilityTimeoutSeconds + 1) * 1000);
  }
  // After that it dies alone, wherever it stands in the batch: its neighbours go out within seconds.
  for (let i = 0; i <= NEIGHBOURS * 2; i++) {
    await pump();
    vi.setSystemTime(Date.now() + (suspectWaitSeconds + 1) * 1000);
  }
  for (const id of neighbours) expect((await pipeline.recipients(id))[0]?.state).toMatch(/^(?:sent|delivered)$/);
  expect(deaths).toBe(suspectFromStart + 1);

  for (let died = suspectFromStart + 1; died <= startsMax; died++) {
    vi.setSystemTime(Date.now() + (visibilityTimeoutSeconds + 1) * 1000);
    await pump();
    expect(deaths).toBe(died + 1);
  }
  vi.setSystemTime(Date.now() + (visibilityTimeoutSeconds + 1) * 1000);
  await pump();
  expect(deaths).toBe(startsMax + 1);
  expect(await queueDepth(queue)).toMatchObject({ waiting: 0, inFlight: 0, delayed: 0 });
  const dead = await receiveFromQueue(pipeline.forwardDlq, 1);
  expect(dead.map(({ body }) => parseCreatedEvent(body)?.[0]?.id)).toEqual([poison]);
  expect((await readMessage(pipeline.ledger, poison)).notes.unreadable).toContain("died over it");
  const copies = (await pipeline.outbox()).map(({ recipients }) => recipients[0] ?? "").toSorted();
  expect(copies).toEqual(neighbours.map((_, i) => `n${i}@example.net`).toSorted());
}, 120_000);
