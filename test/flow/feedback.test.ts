/** SES events to the record of the recipient, and to the sender. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sendToQueue } from "../../lib/aws/queue-sqs.ts";
import { getSpoolObject } from "../../lib/aws/spool-s3.ts";
import { type Pipeline, startPipeline, testMail } from "../support/pipeline.ts";
import { waitFor } from "../support/wait-for.ts";

let pipeline: Pipeline;

beforeAll(async () => {
  pipeline = await startPipeline();
  pipeline.work();
});
afterAll(async () => await pipeline.close());

async function stateAfter(recipient: string, type: string): Promise<string | undefined> {
  const id = await pipeline.accept({ to: [recipient] });
  await pipeline.logged((event) => event.event === "feedback" && event["id"] === id && event["type"] === type);
  return (await pipeline.recipients(id))[0]?.state;
}

describe("feedback", () => {
  it.each([
    ["success@simulator.amazonses.com", "Delivery", "delivered"],
    ["bounce@simulator.amazonses.com", "Bounce", "bounced"],
    ["complaint@simulator.amazonses.com", "Complaint", "complained"],
    ["reject@simulator.amazonses.com", "Reject", "rejected"],
    ["suppressionlist@simulator.amazonses.com", "Bounce", "failed"],
    ["complaintsuppressed@simulator.amazonses.com", "Complaint", "failed"],
  ])("brings what SES says of %s to the record", async (recipient, type, state) => {
    expect(await stateAfter(recipient, type)).toBe(state);
  });

  it("keeps a delay on the record while the mail is still on its way", async () => {
    const id = await pipeline.accept({ to: ["delay@simulator.amazonses.com"] });
    await pipeline.logged((event) => event["id"] === id && event["type"] === "DeliveryDelay");
    await pipeline.logged((event) => event["id"] === id && event["type"] === "Delivery");
    const [record] = await pipeline.recipients(id);
    expect(record?.history.map((entry) => entry.what)).toContain("DeliveryDelay");
    expect(record?.state).toBe("delivered");
  });

  it("tells the sender of a bounce once, although the event comes three times", async () => {
    const from = "told-once@example.com";
    const id = await pipeline.accept({ from, to: ["bounce@simulator.amazonses.com"] });
    await pipeline.logged((event) => event.event === "dsn-written" && event["id"] === id);
    const [record] = await pipeline.recipients(id);
    const body = JSON.stringify(bounceEvent(String(record?.sesId), id));
    await sendToQueue(pipeline.feedbackQueue, body);
    await sendToQueue(pipeline.feedbackQueue, body);
    await pipeline.logged((event) => event.event === "feedback" && event["recipient"] === from);
    const reports = pipeline.log.filter((event) => event.event === "dsn-written" && event["id"] === id);
    expect(reports).toHaveLength(1);
    const told = (await pipeline.outbox()).filter((mail) => mail.recipients.includes(from));
    expect(told).toHaveLength(1);
    expect(told[0]?.raw.toString("latin1")).toContain("Action: failed");
  });

  it("does not take a body that is no SES event for handled, and goes on with the next", async () => {
    await sendToQueue(pipeline.feedbackQueue, "{}");
    await pipeline.logged((event) => event.event === "feedback-error");
    expect(await stateAfter("success+after@simulator.amazonses.com", "Delivery")).toBe("delivered");
  });

  it("returns the original with the report of a bounce that comes after the message has left the spool", async () => {
    const [from, to] = ["gets-it-back@example.com", "success+late@simulator.amazonses.com"];
    const id = await pipeline.accept({ from, to: [to], bytes: testMail("gets-it-back", "Every word of it.\r\n") });
    await pipeline.logged((event) => event["id"] === id && event["type"] === "Delivery");
    await waitFor(async () => ((await getSpoolObject(pipeline.spool, id)) === undefined ? true : undefined), {
      deadlineMs: 20_000,
      otherwise: () => "the message is still in the spool",
    });
    const [record] = await pipeline.recipients(id);
    await sendToQueue(pipeline.feedbackQueue, JSON.stringify(bounceEvent(String(record?.sesId), id, to)));
    await pipeline.logged((event) => event.event === "forwarded" && event["recipient"] === from);
    const report = (await pipeline.outbox()).find((mail) => mail.recipients.includes(from));
    const raw = String(report?.raw.toString("latin1"));
    const original = raw.split(`--${/boundary="([^"]+)"/.exec(raw)?.[1]}`)[3];
    expect(original).toContain("\r\nContent-Type: message/rfc822\r\n");
    expect(original).toContain("\r\nSubject: gets-it-back\r\n");
    expect(original).toContain("\r\n\r\nEvery word of it.\r\n");
  });
});

function bounceEvent(sesId: string, id: string | undefined, to = "bounce@simulator.amazonses.com"): object {
  return {
    eventType: "Bounce",
    mail: {
      timestamp: "2026-11-24T00:00:00.000Z",
      messageId: sesId,
      destination: [to],
      tags: id === undefined ? {} : { "relayhost-id": [id], "relayhost-recipient": ["0"] },
    },
    bounce: {
      bounceType: "Permanent",
      bounceSubType: "General",
      bouncedRecipients: [{ emailAddress: to, status: "5.1.1", action: "failed" }],
      timestamp: "2026-11-24T00:00:01.000Z",
      feedbackId: "f-1",
      somethingNew: { nested: true },
    },
  };
}
