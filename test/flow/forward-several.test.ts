/** One call to SES for several recipients of a message, where the setting allows it. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { sendToQueue } from "../../lib/aws/queue-sqs.ts";
import { ENV } from "../../lib/core/names.ts";
import type { QueueId } from "../../lib/core/queue-id.ts";
import type { SendFault } from "../../lib/local/ses-server.ts";
import type { OutboxMail } from "../support/outbox.ts";
import { type Pipeline, startPipeline, testMail } from "../support/pipeline.ts";

let pipeline: Pipeline;
let onSend: (recipients: readonly string[]) => SendFault | undefined = () => undefined;

beforeAll(async () => {
  pipeline = await startPipeline(
    { onSend: (_call, request) => onSend(request.destination?.to ?? []) },
    { [ENV.recipientsPerCall]: "5" },
  );
  pipeline.work();
});
afterEach(() => {
  onSend = () => undefined;
});
afterAll(async () => await pipeline.close());

async function mailsOf(id: QueueId): Promise<OutboxMail[]> {
  return (await pipeline.outbox()).filter(({ request }) => JSON.stringify(request).includes(id));
}

const addresses = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${name}-${i}@example.net`);

describe("a message to several recipients", () => {
  it("goes to as many as the setting says in one call and to the rest in another, and each has its own delivery on record", async () => {
    const to = addresses("many", 7);
    const id = await pipeline.accept({ to, bytes: testMail("many") });
    await pipeline.idle();
    const mails = await mailsOf(id);
    expect(mails.map((mail) => mail.recipients.length).toSorted((a, b) => a - b)).toEqual([2, 5]);
    expect(mails.flatMap((mail) => mail.recipients).toSorted()).toEqual(to.toSorted());
    const records = await pipeline.recipients(id);
    expect(records.map(({ address }) => address)).toEqual(to);
    expect(new Set(records.map(({ state }) => state))).toEqual(new Set(["delivered"]));
    const idOf = new Map(mails.flatMap((mail) => mail.recipients.map((address) => [address, mail.id])));
    expect(records.every((record) => record.sesId === idOf.get(record.address))).toBe(true);
  });

  it("is reported as failed for the one that bounces, and for nobody else", async () => {
    const from = "told-of-one@example.com";
    const to = ["fine-a@example.net", "bounce+one@simulator.amazonses.com", "fine-b@example.net"];
    const id = await pipeline.accept({ from, to, bytes: testMail("one-bounces") });
    await pipeline.logged((event) => event.event === "forwarded" && event["recipient"] === from);
    await pipeline.idle();
    expect(await mailsOf(id)).toHaveLength(1);
    expect((await pipeline.recipients(id)).map(({ state }) => state)).toEqual(["delivered", "bounced", "delivered"]);
    const reports = (await pipeline.outbox()).filter((mail) => mail.recipients.includes(from));
    expect(reports).toHaveLength(1);
    expect(reports[0]?.raw.toString("latin1")).toContain("Final-Recipient: rfc822; bounce+one@simulator");
    expect(reports[0]?.raw.toString("latin1")).not.toContain("fine-a@");
  });

  it("is tried for each alone when SES refuses the call, so that only the one it means fails", async () => {
    const bad = "bad@example.net";
    onSend = (recipients) =>
      recipients.includes(bad)
        ? { status: 400, errorType: "BadRequestException", message: "Illegal address" }
        : undefined;
    const to = ["good-a@example.net", bad, "good-b@example.net"];
    const id = await pipeline.accept({ from: "told-of-bad@example.com", to, bytes: testMail("one-refused") });
    await pipeline.logged((event) => event.event === "forwarded" && event["recipient"] === "told-of-bad@example.com");
    await pipeline.idle();
    expect((await pipeline.recipients(id)).map(({ state }) => state)).toEqual(["delivered", "failed", "delivered"]);
    expect((await mailsOf(id)).map((mail) => mail.recipients)).toEqual(
      expect.arrayContaining([["good-a@example.net"], ["good-b@example.net"]]),
    );
    expect(await mailsOf(id)).toHaveLength(2);
    expect(pipeline.log.filter((event) => event.event === "call-refused")).toHaveLength(1);
    expect(pipeline.log.filter((event) => event.event === "possible-duplicate")).toEqual([]);
  });

  it("sends an address that is named twice in a call for each time", async () => {
    const to = ["twice@example.net", "Twice@example.net"];
    const id = await pipeline.accept({ to, bytes: testMail("twice", "To one of two, whatever the case.\r\n") });
    await pipeline.idle();
    expect((await mailsOf(id)).map((mail) => mail.recipients)).toEqual(
      expect.arrayContaining([["twice@example.net"], ["Twice@example.net"]]),
    );
    expect((await pipeline.recipients(id)).map(({ state }) => state)).toEqual(["delivered", "delivered"]);
  });

  it("has a bounce that SES reports for two recipients at once on both records, in one report", async () => {
    const from = "told-of-two@example.com";
    const to = [
      "success+p@simulator.amazonses.com",
      "success+q@simulator.amazonses.com",
      "success+r@simulator.amazonses.com",
    ];
    const id = await pipeline.accept({ from, to, bytes: testMail("two-bounce-later") });
    await pipeline.idle();
    const [mail] = await mailsOf(id);
    const bounced = [to[2], to[0]].map((emailAddress) => ({ emailAddress, action: "failed", status: "5.1.1" }));
    const event = {
      eventType: "Bounce",
      mail: {
        timestamp: new Date().toISOString(),
        messageId: mail?.id,
        destination: to,
        tags: { "relayhost-id": [id], "relayhost-recipient": ["0_1_2"], "relayhost-tenant": ["demo"] },
      },
      bounce: {
        bounceType: "Permanent",
        bounceSubType: "NoEmail",
        bouncedRecipients: bounced,
        timestamp: new Date().toISOString(),
      },
    };
    await sendToQueue(pipeline.feedbackQueue, JSON.stringify(event));
    await pipeline.logged((logged) => logged.event === "forwarded" && logged["recipient"] === from);
    await pipeline.idle();
    expect((await pipeline.recipients(id)).map(({ state }) => state)).toEqual(["bounced", "delivered", "bounced"]);
    const reports = (await pipeline.outbox()).filter((each) => each.recipients.includes(from));
    expect(reports).toHaveLength(1);
    const text = reports[0]?.raw.toString("latin1") ?? "";
    expect(text.match(/^Final-Recipient: .*$/gm)).toHaveLength(2);
    expect(text).not.toContain("success+q@");
  });

  it("is settled by its events when the answer to the call was lost", async () => {
    const to = addresses("lost", 5);
    onSend = (recipients) => (recipients.includes(to[0] ?? "") ? "drop-after" : undefined);
    const id = await pipeline.accept({ to, bytes: testMail("lost-for-five") });
    for (const recipient of to) {
      await pipeline.logged((event) => event["recipient"] === recipient && event["type"] === "Delivery");
    }
    onSend = () => undefined;
    expect((await pipeline.recipients(id)).map(({ state }) => state)).toEqual(to.map(() => "delivered"));
    expect(await mailsOf(id)).toHaveLength(1);
  });
});
