/** An event that comes before the record of its message is applied once there is one. */

import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { makeSweepHandler, type SweepHandler } from "../../lambda/sweep/handler.ts";
import { listDueEvents } from "../../lib/aws/kept-events.ts";
import { sendToQueue } from "../../lib/aws/queue-sqs.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { firstClaim, type RecipientRecord, recordSent } from "../../lib/core/message-record.ts";
import { makeQueueId } from "../../lib/core/queue-id.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { pumpUntil } from "../support/pump-until.ts";
import { noSuchUserJson } from "../support/ses-event-json.ts";

const DAY = 86_400_000;

let pipeline: Pipeline;
let sweep: SweepHandler;

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  pipeline = await startPipeline();
  sweep = makeSweepHandler(pipeline.env, () => undefined);
});
afterAll(async () => {
  await pipeline.close();
  vi.useRealTimers();
});
beforeEach(() => {
  pipeline.proxy.reset();
});

/** A recipient as it will be on record, of a message that nobody has taken up yet. */
function futureRecipient(address: string): RecipientRecord {
  const id = makeQueueId(Date.now(), randomBytes(11));
  const message = { id, expiresAt: 0 } as Parameters<typeof firstClaim>[0];
  const claimed = firstClaim(message, 0, { address }, Date.now(), { claimedBy: "i", claimUntil: 0 });
  return recordSent(claimed, `ses-${id}`, Date.now());
}

async function pass(ms: number): Promise<void> {
  vi.setSystemTime(Date.now() + ms);
  await sweep({}, { getRemainingTimeInMillis: () => 300_000 });
}

async function kept(): Promise<number> {
  return (await listDueEvents(pipeline.ledger, Date.now() + 30 * DAY, 100)).length;
}

/** Feedback has seen an event of this message and does not know it. */
async function unknown(record: RecipientRecord, times: number): Promise<void> {
  await pumpUntil(
    pipeline,
    () =>
      pipeline.log.filter(({ event, sesId }) => event === "feedback-unknown" && sesId === record.sesId).length ===
      times,
  );
}

describe("an event of an unknown message", () => {
  it("is kept, looked at again, and applied when the message is there: report, suppression and all", async () => {
    const record = futureRecipient("early@example.net");
    const body = noSuchUserJson(record);
    await sendToQueue(pipeline.feedbackQueue, body);
    await sendToQueue(pipeline.feedbackQueue, body);
    await unknown(record, 2);
    expect((await listDueEvents(pipeline.ledger, Date.now() + DAY, 9))[0]?.body).toBe(body);
    await pass(10 * 60_000);
    await pass(2 * DAY);
    expect(await kept()).toBeGreaterThan(0);
    await pipeline.accept({ from: "early-sender@example.com", to: [record.address], envelope: { id: record.id } });
    await pumpUntil(pipeline, () => pipeline.log.some(({ event, id }) => event === "forwarded" && id === record.id));
    await pass(7 * 3_600_000);
    await pumpUntil(pipeline, () => pipeline.log.some(({ event, id }) => event === "dsn-written" && id === record.id));
    expect((await pipeline.recipients(record.id))[0]?.state).toBe("bounced");
    expect(pipeline.log.filter(({ event, id }) => event === "suppressed" && id === record.id)).toHaveLength(1);
    expect(await kept()).toBe(0);
  }, 60_000);

  it("is given up after two weeks, and is looked at ever more rarely until then", async () => {
    const record = futureRecipient("never@example.net");
    await sendToQueue(pipeline.feedbackQueue, noSuchUserJson(record));
    await unknown(record, 1);
    let looks = 0;
    pipeline.proxy.onCall = ({ operation }) => {
      if (operation === "DeleteItem") looks += 1;
      return undefined;
    };
    for (let minutes = 0; minutes < 24 * 60; minutes += 60) {
      await pass(60 * 60_000);
    }
    expect(looks).toBeLessThan(12);
    for (let days = 1; days <= LIMITS.ledger.unknownEventDays; days++) await pass(DAY);
    expect(await kept()).toBe(0);
  }, 60_000);
});
