/** The books equal a recount of mails and events, whatever comes twice, late, or is counted by two at once. */

import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { makeSweepHandler, type SweepHandler } from "../../lambda/sweep/handler.ts";
import { changeRow, readRow } from "../../lib/aws/directory-dynamo.ts";
import { queueDepth, sendToQueue } from "../../lib/aws/queue-sqs.ts";
import { listDirtySlots, readUsage } from "../../lib/aws/usage-dynamo.ts";
import { tenantKey } from "../../lib/core/directory.ts";
import type { QueueId } from "../../lib/core/queue-id.ts";
import { utcDay } from "../../lib/core/usage.ts";
import { type Pipeline, startPipeline, testMail } from "../support/pipeline.ts";
import { pumpUntil } from "../support/pump-until.ts";
import { type AcceptedMail, countEvents, sumRows, watchEvents } from "../support/usage-check.ts";

const MAILS = 36;
/** Of queue messages and of events, one in so many comes twice. */
const TWICE_EVERY = 5;
const MONTH = "2026-11";
const START = Date.UTC(2026, 10, 24, 23, 58);
const KINDS = ["success", "bounce", "complaint", "reject", "latebounce", "noemail"];

let pipeline: Pipeline;
let sweep: SweepHandler;
const events: string[] = [];
const mails: AcceptedMail[] = [];

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: START });
  pipeline = await startPipeline();
  sweep = makeSweepHandler(pipeline.env, () => undefined);
});
afterAll(async () => {
  await pipeline.close();
  vi.useRealTimers();
});

/** Lets so much time pass, with a sweep every so many minutes. */
async function pass(minutes: number, every: number): Promise<void> {
  for (let i = 0; i < minutes; i += every) {
    vi.setSystemTime(Date.now() + every * 60_000);
    await sweep({}, { getRemainingTimeInMillis: () => 300_000 });
  }
}

/** What becomes of the simulator's addresses; all others are delivered. */
const ENDS: Readonly<Record<string, string>> = {
  bounce: "bounced",
  noemail: "bounced",
  latebounce: "bounced",
  complaint: "complained",
  reject: "rejected",
};

/** Until each recipient of these mails is where it ends. */
async function settle(ids: readonly QueueId[]): Promise<void> {
  const open = new Set(ids);
  await pumpUntil(pipeline, async () => {
    for (const id of open) {
      const records = await pipeline.recipients(id);
      const end = (address: string): string => ENDS[/^[a-z]+/.exec(address)?.[0] ?? ""] ?? "delivered";
      if (records.length === 0 || records.some(({ address, state }) => state !== end(address))) return false;
      open.delete(id);
    }
    return true;
  });
}

/** Until the queue of events is empty: what comes twice has come. */
async function drain(): Promise<void> {
  await pumpUntil(pipeline, async () => {
    const { waiting, inFlight, delayed } = await queueDepth(pipeline.feedbackQueue);
    return waiting + inFlight + delayed === 0;
  });
}

describe("the books", () => {
  it("equal a recount after mails across midnight, some of whose queue messages and events come twice", async () => {
    watchEvents(pipeline.proxy, (body) => events.push(body));
    for (let i = 0; i < MAILS; i++) {
      if (i === MAILS / 2) vi.setSystemTime(Date.UTC(2026, 10, 25, 0, 4));
      const to = Array.from({ length: (i % 3) + 1 }, (_, index) =>
        i % 4 === 0
          ? `${KINDS[(i / 4 + index) % KINDS.length]}+${i}-${index}@simulator.amazonses.com`
          : `u${i}-${index}@example.net`,
      );
      const [from, credential] = [i % 5 === 0 ? "x@example.jp" : "a@example.com", i % 7 === 0 ? "web-2" : "web-1"];
      const bytes = testMail(`usage-${i}`, `${"x".repeat(i)}\r\n`);
      const id = await pipeline.accept({ from, to, bytes, envelope: { credential } });
      mails.push({ id, credential, from, bytes: bytes.length, recipients: to.length });
      if (i % TWICE_EVERY === 0) await redrive(id);
    }
    await settle(mails.map(({ id }) => id));
    for (const [index, body] of events.entries()) {
      if (index % TWICE_EVERY === 0) await sendToQueue(pipeline.feedbackQueue, body);
    }
    await drain();
    await pass(75, 5);
    const rows = await readUsage(pipeline.ledger, "demo", MONTH);
    const expected = countEvents(mails, events);
    expect(expected.get("tenant ")).toMatchObject({ messages: MAILS });
    for (const field of ["delivered", "bounced", "complained", "refused"] as const) {
      expect(expected.get("tenant ")?.[field], field).toBeGreaterThan(0);
    }
    expect(sumRows(rows)).toEqual(expected);
    expect(new Set(rows.map((row) => row.day))).toEqual(new Set(["2026-11-24", "2026-11-25"]));
    expect(await listDirtySlots(pipeline.ledger)).toEqual([]);
  }, 120_000);

  it("take in a bounce that comes a day later, on the day of its mail, and stay the same when it comes again", async () => {
    const index = mails.findIndex((_, i) => i % 4 !== 0);
    const mail = mails[index];
    const [record] = await pipeline.recipients(mail?.id as QueueId);
    const late = JSON.stringify({
      eventType: "Bounce",
      mail: {
        timestamp: new Date().toISOString(),
        messageId: record?.sesId,
        destination: [record?.address],
        tags: { "relayhost-id": [mail?.id], "relayhost-recipient": ["0"] },
      },
      bounce: {
        bounceType: "Permanent",
        bounceSubType: "General",
        bouncedRecipients: [{ emailAddress: record?.address }],
        timestamp: new Date().toISOString(),
      },
    });
    vi.setSystemTime(START + 26 * 3_600_000);
    for (let i = 0; i < 3; i++) {
      await sendToQueue(pipeline.feedbackQueue, late);
      await drain();
      await pass(13 * 60, 65);
      expect(sumRows(await readUsage(pipeline.ledger, "demo", MONTH))).toEqual(countEvents(mails, [...events, late]));
    }
    events.push(late);
    expect(await listDirtySlots(pipeline.ledger)).toEqual([]);
  }, 120_000);

  it("mark a tenant that has reached its month's contract, and take the mark away with a larger one", async () => {
    const marked = async (): Promise<string | undefined> => {
      const row = await readRow(pipeline.directory, tenantKey("demo"));
      return row?.kind === "tenant" ? row.limitReachedMonth : undefined;
    };
    const oneMore = async (name: string): Promise<void> => {
      await settle([await pipeline.accept({ bytes: testMail(name) })]);
      await pass(60, 20);
    };
    await changeRow(pipeline.directory, tenantKey("demo"), { monthlyMessagesMax: MAILS + 2 });
    await oneMore("limit-1");
    expect(await marked()).toBeUndefined();
    await oneMore("limit-2");
    expect(await marked()).toBe(utcDay(Date.now()).slice(0, 7));
    await changeRow(pipeline.directory, tenantKey("demo"), { monthlyMessagesMax: 1000 });
    await oneMore("limit-3");
    expect(await marked()).toBeUndefined();
  }, 60_000);
});

/** The notification of a mail comes a second time. */
async function redrive(id: string): Promise<void> {
  const { bucket } = pipeline.spool;
  const record = {
    eventSource: "aws:s3",
    eventName: "ObjectCreated:Put",
    s3: { bucket: { name: bucket }, object: { key: `spool/${id}.eml`, size: 100 } },
  };
  await sendToQueue(pipeline.forwardQueue, JSON.stringify({ Records: [record] }));
}
