/** A lost notification is not a lost mail. */

import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { makeSweepHandler } from "../../lambda/sweep/handler.ts";
import { SWEEP_GRACE, type SweepReport, sweepSpool } from "../../lambda/sweep/sweep-spool.ts";
import { noteMessage } from "../../lib/aws/ledger-dynamo.ts";
import { deleteFromQueue, queueDepth, receiveFromQueue, sendToQueue } from "../../lib/aws/queue-sqs.ts";
import { deleteSpoolObject, getSpoolObject } from "../../lib/aws/spool-s3.ts";
import { UsageMarker } from "../../lib/aws/usage-dynamo.ts";
import { WebhookOutbox } from "../../lib/aws/webhook-outbox.ts";
import { createdEventBody, parseCreatedEvent } from "../../lib/core/created-event.ts";
import type { LogEvent } from "../../lib/core/log.ts";
import { ENV } from "../../lib/core/names.ts";
import { type Pipeline, startPipeline, TEST_HOST_NAME, TEST_SYSTEM_ADDRESS } from "../support/pipeline.ts";

let pipeline: Pipeline;

beforeAll(async () => {
  pipeline = await startPipeline();
});
afterAll(async () => await pipeline.close());
beforeEach(async () => {
  await loseNotifications();
});

/** Takes everything out of the forward queue, as if it had never come. */
async function loseNotifications(): Promise<number> {
  let lost = 0;
  for (;;) {
    const messages = await receiveFromQueue(pipeline.forwardQueue, 0);
    if (messages.length === 0) return lost;
    lost += messages.length;
    await deleteFromQueue(
      pipeline.forwardQueue,
      messages.map((message) => message.receiptHandle),
    );
  }
}

async function sweepAt(nowMs: number, log: LogEvent[] = []): Promise<SweepReport> {
  return await sweepSpool(
    {
      spool: pipeline.spool,
      ledger: pipeline.ledger,
      directory: pipeline.directory,
      queue: pipeline.forwardQueue,
      hostName: TEST_HOST_NAME,
      systemAddress: TEST_SYSTEM_ADDRESS,
      giveUpAfterHours: 48,
      recordDays: 90,
      keepSubjects: false,
      usage: new UsageMarker(pipeline.ledger),
      webhooks: new WebhookOutbox({ directory: pipeline.directory, queue: undefined, now: Date.now }),
      region: "us-east-1",
      now: () => nowMs,
      log: (event) => log.push(event),
      grace: SWEEP_GRACE,
    },
    Number.POSITIVE_INFINITY,
  );
}

describe("sweep", () => {
  it("puts a message back whose notification was lost, once it is old enough, and not again within the hour", async () => {
    const id = await pipeline.accept({ to: ["swept@example.net"] });
    expect(await loseNotifications()).toBe(1);
    expect((await sweepAt(Date.now())).redriven).toBe(0);
    const laterMs = Date.now() + SWEEP_GRACE.forgottenAfterMs + 1000;
    expect((await sweepAt(laterMs)).redriven).toBe(1);
    expect((await sweepAt(laterMs + 60_000)).redriven).toBe(0);
    const messages = await receiveFromQueue(pipeline.forwardQueue, 5);
    expect(messages.flatMap((message) => parseCreatedEvent(message.body) ?? []).map((object) => object.id)).toEqual([
      id,
    ]);
    expect((await sweepAt(laterMs + SWEEP_GRACE.redriveAgainAfterMs + 1000)).redriven).toBe(1);
    pipeline.work();
    await pipeline.logged((event) => event.event === "forwarded" && event["id"] === id);
    await pipeline.rest();
  });

  it("leaves alone what waits for its next try", async () => {
    pipeline.proxy.onCall = (call) =>
      call.operation === "SendEmail" ? { status: 503, type: "ServiceUnavailable" } : undefined;
    pipeline.work();
    const id = await pipeline.accept({ to: ["waiting@example.net"] });
    await pipeline.logged((event) => event.event === "deferred" && event["id"] === id);
    await pipeline.rest();
    pipeline.proxy.reset();
    const log: LogEvent[] = [];
    await sweepAt(Date.now() + 1000, log);
    expect(log.filter((event) => event.event === "sweep-redrive" && event["id"] === id)).toEqual([]);
    await sweepAt(Date.now() + SWEEP_GRACE.overdueAfterMs + 120_000, log);
    expect(log.filter((event) => event.event === "sweep-redrive" && event["id"] === id)).toHaveLength(1);
  });

  it("ends a message that is left over long after it should have been given up, and tells the sender", async () => {
    const from = "left-over@example.com";
    const id = await pipeline.accept({ from, to: ["never@example.net"] });
    expect(await loseNotifications()).toBeGreaterThan(0);
    await noteMessage(pipeline.ledger, id, { unreadable: "the handler died over it" }, Date.now());
    const report = await sweepAt(Date.now() + 52 * 3_600_000);
    expect(report.ended).toBeGreaterThanOrEqual(1);
    const [record] = await pipeline.recipients(id);
    expect(record).toMatchObject({ state: "failed" });
    expect(await getSpoolObject(pipeline.spool, id)).toBeUndefined();
    pipeline.work();
    await pipeline.logged((event) => event.event === "forwarded" && event["recipient"] === from);
    await pipeline.rest();
    const [mail] = (await pipeline.outbox()).filter((candidate) => candidate.recipients.includes(from));
    expect(mail?.raw.toString("latin1")).toContain("Final-Recipient: rfc822; never@example.net");
  });

  it("takes a dead letter away once its message is gone, and leaves the others", async () => {
    const id = await pipeline.accept();
    const body = createdEventBody(pipeline.names.spoolBucket, id, 1, new Date().toISOString(), "us-east-1");
    await sendToQueue(pipeline.forwardDlq, body);
    await sendToQueue(pipeline.forwardDlq, "something else");
    await deleteSpoolObject(pipeline.spool, id);
    await makeSweepHandler(pipeline.env, () => undefined)({}, { getRemainingTimeInMillis: () => 300_000 });
    const { waiting, inFlight } = await queueDepth(pipeline.forwardDlq);
    expect(waiting + inFlight).toBe(1);
  });

  it("counts an object that is not ours and leaves it", async () => {
    const { PutObjectCommand, DeleteObjectCommand } = await import("@aws-sdk/client-s3");
    const Key = "spool/notes.txt";
    await pipeline.spool.client.send(new PutObjectCommand({ Bucket: pipeline.spool.bucket, Key, Body: "x" }));
    expect((await sweepAt(Date.now() + 86_400_000)).foreign).toBe(1);
    await pipeline.spool.client.send(new DeleteObjectCommand({ Bucket: pipeline.spool.bucket, Key }));
  });

  it("does its other work when the dead letters cannot be asked, and fails as a whole", async () => {
    const id = await pipeline.accept({ from: "books@example.com", to: ["counted@example.net"] });
    await pipeline.pump();
    const log: LogEvent[] = [];
    // Later than any other test here has looked.
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 100 * 3_600_000 });
    const sweep = makeSweepHandler(
      { ...pipeline.env, [ENV.forwardDlqUrl]: `${pipeline.forwardDlq.url}-gone` },
      (event) => log.push(event),
      SWEEP_GRACE,
    );
    try {
      await expect(sweep({}, { getRemainingTimeInMillis: () => 300_000 })).rejects.toThrow(/does not exist/i);
    } finally {
      vi.useRealTimers();
    }
    expect((await pipeline.recipients(id)).map(({ address }) => address)).toEqual(["counted@example.net"]);
    expect(log.map(({ event }) => event)).toEqual(expect.arrayContaining(["sweep", "usage-counted"]));
  });

  it("runs from its Lambda entry with nothing but the environment", async () => {
    const report = await makeSweepHandler(pipeline.env, () => undefined)(
      {},
      { getRemainingTimeInMillis: () => 300_000 },
    );
    expect(report.objects).toBeGreaterThanOrEqual(0);
  });
});
