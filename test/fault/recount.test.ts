/**
 * The books equal a recount of what SES published, after many mails of whose queue messages one in twenty comes again.
 *
 * A message comes again as SQS has it: handled, not deleted, and received once more. Sweeps count meanwhile, as they do in
 * an environment. FAULT_RECOUNT_MESSAGES: how many mails (default 1,000, about a minute). FAULT_SEED repeats a run.
 */

import { randomInt } from "node:crypto";
import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { makeFeedbackHandler } from "../../lambda/feedback/handler.ts";
import { makeForwardHandler } from "../../lambda/forward/handler.ts";
import { makeSweepHandler } from "../../lambda/sweep/handler.ts";
import { changeRow } from "../../lib/aws/directory-dynamo.ts";
import { deferMessage, type Queue, queueDepth } from "../../lib/aws/queue-sqs.ts";
import { listDirtySlots, readUsage } from "../../lib/aws/usage-dynamo.ts";
import { tenantKey } from "../../lib/core/directory.ts";
import type { LogEvent } from "../../lib/core/log.ts";
import type { UsageRow } from "../../lib/core/usage.ts";
import { runOnce } from "../../lib/local/queue-worker.ts";
import { type Pipeline, startPipeline, testMail } from "../support/pipeline.ts";
import { type AcceptedMail, countEvents, sumRows, watchEvents } from "../support/usage-check.ts";
import { seededRandom } from "./seeded-random.ts";

const MESSAGES = Number(process.env["FAULT_RECOUNT_MESSAGES"] ?? 1_000);
const SEED = Number(process.env["FAULT_SEED"] ?? randomInt(2 ** 31 - 1));
const AGAIN = 0.05;
/** Accepted before the queues are worked off; five minutes lie between two such groups. */
const GROUP = 250;
/** Half of the mails belong to the one month, half to the next. */
const START = Date.UTC(2026, 11, 1) - Math.ceil(MESSAGES / GROUP / 2) * 5 * 60_000;
/** The simulator's addresses, and what SES says of each; of all others it says Delivery. */
const KINDS = {
  success: ["Delivery"],
  bounce: ["Bounce"],
  complaint: ["Delivery", "Complaint"],
  reject: ["Reject"],
  latebounce: ["Delivery", "Bounce"],
  noemail: ["Bounce"],
} as const;
const NAMES = Object.keys(KINDS) as (keyof typeof KINDS)[];

type Handler = Parameters<typeof runOnce>[0]["handler"];

let pipeline: Pipeline;
const events: string[] = [];
/** What SES is still to say, as id, recipient and type. */
const awaited = new Set<string>();
const mails: AcceptedMail[] = [];
const log: LogEvent[] = [];
const random = seededRandom(SEED);
const again = { forward: 0, feedback: 0 };

beforeAll(async () => {
  // The clock goes on: a pace that waits for time must not wait for ever.
  vi.useFakeTimers({ toFake: ["Date"], now: START, shouldAdvanceTime: true });
  pipeline = await startPipeline({ max24HourSend: -1, sendRatePerSecond: 10_000 });
  // One in eight bounces here.
  await changeRow(pipeline.directory, tenantKey("demo"), { breaker: { pauses: false } });
  watchEvents(pipeline.proxy, (body) => {
    events.push(body);
    const { eventType, mail } = JSON.parse(body) as { eventType: string; mail: { tags: Record<string, string[]> } };
    awaited.delete(`${mail.tags["relayhost-id"]?.[0]}/${mail.tags["relayhost-recipient"]?.[0]}/${eventType}`);
  });
});
afterAll(async () => {
  await pipeline.close();
  vi.useRealTimers();
});

/** Leaves one in twenty of what it has handled to be received again, each once. */
function leavingSome(name: keyof typeof again, queue: Queue, handler: Handler): Handler {
  return async (event: SQSEvent, invocation): Promise<SQSBatchResponse> => {
    const { batchItemFailures } = await handler(event, invocation);
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    const left = event.Records.filter(
      ({ messageId, attributes }) =>
        attributes.ApproximateReceiveCount === "1" && !failed.has(messageId) && random.chance(AGAIN),
    );
    for (const { receiptHandle } of left) await deferMessage(queue, receiptHandle, 0);
    again[name] += left.length;
    return {
      batchItemFailures: [...batchItemFailures, ...left.map(({ messageId }) => ({ itemIdentifier: messageId }))],
    };
  };
}

async function accept(index: number): Promise<void> {
  const kinds = Array.from({ length: index % 8 === 0 ? 3 : 1 }, (_, at) =>
    index % 4 === 0 ? NAMES[(index / 4 + at) % NAMES.length] : undefined,
  );
  const to = kinds.map((kind, at) => ({
    address: kind === undefined ? `u${index}-${at}@example.net` : `${kind}+${index}-${at}@simulator.amazonses.com`,
    // Reports are mails of their own: a few of them are enough.
    ...(index % 40 === 0 ? {} : { notify: ["NEVER"] as const }),
  }));
  const from = index % 5 === 0 ? "x@example.jp" : "a@example.com";
  const credential = `web-${index % 3}`;
  const bytes = testMail(`recount-${index}`, `${"x".repeat(index % 50)}\r\n`);
  const id = await pipeline.accept({ from, to, bytes, envelope: { credential } });
  mails.push({ id, credential, from, bytes: bytes.length, recipients: to.length });
  for (const [at, kind] of kinds.entries()) {
    for (const type of KINDS[kind ?? "success"]) awaited.add(`${id}/${at}/${type}`);
  }
}

describe("the books", () => {
  it(
    `equal a recount from the events of ${MESSAGES} mails, one in twenty of which comes twice (seed ${SEED})`,
    async () => {
      const record = (event: LogEvent): void => void log.push(event);
      const { forwardQueue, feedbackQueue } = pipeline;
      const common = { timeoutSeconds: 60, concurrency: 1, log: record };
      const forward = {
        ...common,
        name: "forward",
        queue: forwardQueue,
        handler: leavingSome("forward", forwardQueue, makeForwardHandler(pipeline.env, record)),
      };
      const feedback = {
        ...common,
        name: "feedback",
        queue: feedbackQueue,
        handler: leavingSome("feedback", feedbackQueue, makeFeedbackHandler(pipeline.env, record)),
      };
      const sweep = makeSweepHandler(pipeline.env, () => undefined);
      const pass = async (minutes: number): Promise<void> => {
        vi.setSystemTime(Date.now() + minutes * 60_000);
        await sweep({}, { getRemainingTimeInMillis: () => 300_000 });
      };
      const workOff = async (): Promise<void> => {
        const depth = async (queue: Queue): Promise<number> => {
          const { waiting, inFlight, delayed } = await queueDepth(queue);
          return waiting + inFlight + delayed;
        };
        do {
          const received = await Promise.all([forward, feedback, feedback].map(runOnce));
          // What failed once, on a machine that has too much to do, is hidden until its time is over.
          if (awaited.size === 0 && received.every((count) => count === 0)) vi.setSystemTime(Date.now() + 60_000);
        } while ((await depth(forwardQueue)) + (await depth(feedbackQueue)) > 0 || awaited.size > 0);
      };
      const startedMs = performance.now();
      for (let index = 0; index < MESSAGES; index += GROUP) {
        for (let one = index; one < Math.min(MESSAGES, index + GROUP); one++) await accept(one);
        await workOff();
        await pass(5);
      }
      for (let minutes = 0; minutes < 75; minutes += 5) {
        await pass(5);
        await workOff();
      }
      const seconds = (performance.now() - startedMs) / 1000;
      const rows: UsageRow[] = [];
      for (const month of ["2026-11", "2026-12"]) rows.push(...(await readUsage(pipeline.ledger, "demo", month)));
      const expected = countEvents(mails, events);
      const counted = sumRows(rows);
      const total = counted.get("tenant ");
      console.log(
        `${MESSAGES} mails, ${total?.recipients} recipients, ${events.length} events in ${seconds.toFixed(0)} s; came again: ` +
          `${again.forward} mails, ${again.feedback} events; books: ${JSON.stringify(total)}`,
      );
      expect(counted).toEqual(expected);
      expect(total).toMatchObject({ messages: MESSAGES });
      for (const count of Object.values(again)) expect(count).toBeGreaterThan(MESSAGES * AGAIN * 0.5);
      expect(await listDirtySlots(pipeline.ledger)).toEqual([]);
    },
    120_000 + MESSAGES * 200,
  );
});
