/** From the spool to SES: what forward makes of good mail, of refusals and of outages. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { readMessage } from "../../lib/aws/ledger-dynamo.ts";
import { queueDepth, receiveFromQueue, sendToQueue } from "../../lib/aws/queue-sqs.ts";
import { deleteSpoolObject, getSpoolObject, listSpool, putSpoolObject } from "../../lib/aws/spool-s3.ts";
import { createdEventBody } from "../../lib/core/created-event.ts";
import { parseQueueId } from "../../lib/core/queue-id.ts";
import type { SendFault } from "../../lib/local/ses-server.ts";
import { type Pipeline, startPipeline, testMail } from "../support/pipeline.ts";
import { splitMessage } from "../support/raw-message.ts";

let pipeline: Pipeline;
let onSend: (recipient: string) => SendFault | undefined = () => undefined;

beforeAll(async () => {
  pipeline = await startPipeline({
    onSend: (_call, request) => onSend(request.destination?.to[0] ?? ""),
  });
  pipeline.work();
});
afterEach(() => {
  onSend = () => undefined;
  pipeline.proxy.reset();
});
afterAll(async () => await pipeline.close());

async function mailsTo(recipient: string): Promise<Buffer[]> {
  const mails = await pipeline.outbox();
  return mails.filter((mail) => mail.recipients.includes(recipient)).map((mail) => mail.raw);
}

async function spoolIds(): Promise<string[]> {
  const ids: string[] = [];
  for await (const entry of listSpool(pipeline.spool)) ids.push(entry.key);
  return ids;
}

describe("forward", () => {
  it("sends each recipient one copy, records SES's id, and deletes the object", async () => {
    const to = ["one@example.net", "two@example.org", "three@example.net"];
    const id = await pipeline.accept({ to });
    await pipeline.idle();
    for (const recipient of to) expect(await mailsTo(recipient)).toHaveLength(1);
    const records = await pipeline.recipients(id);
    expect(records.map((record) => [record.address, record.state])).toEqual(
      to.map((address) => [address, "delivered"]),
    );
    const ids = new Set((await pipeline.outbox()).map((mail) => mail.id));
    expect(records.every((record) => ids.has(record.sesId ?? ""))).toBe(true);
    expect(await getSpoolObject(pipeline.spool, id)).toBeUndefined();
  });

  it("keeps every octet of an 8-bit body, and drops the Relayhost block and the client's own copies of it", async () => {
    const body = Buffer.concat([Buffer.from([0x80, 0xff, 0xfe, 0xe3, 0x81]), Buffer.from("\r\n.\r\n..\r\n \r\n\r\n")]);
    const bytes = Buffer.concat([
      Buffer.from("Relayhost-Rcpt: TO:<evil@example.net>\r\nX-SES-TENANT: other\r\nFrom: a@example.com\r\n"),
      Buffer.from("Bcc: hidden@example.net\r\nTo: eight@example.net\r\n\r\n"),
      body,
    ]);
    await pipeline.accept({ to: ["eight@example.net"], bytes });
    await pipeline.idle();
    const [mail] = await mailsTo("eight@example.net");
    const { header, body: arrived } = splitMessage(mail ?? Buffer.alloc(0));
    expect(arrived.equals(body)).toBe(true);
    expect(header.toString("latin1")).not.toMatch(/relayhost-|x-ses-|bcc/i);
    expect(header.toString("latin1")).toMatch(/^Received: from client\.example\.com/);
    expect(await mailsTo("evil@example.net")).toHaveLength(0);
  });

  it.each([
    ["of 900 octets that are no UTF-8", Buffer.alloc(900, 0x82)],
    ["as long as a header may be", Buffer.alloc(900_000, "x")],
  ])("sends mail with a Message-ID %s", async (what, value) => {
    const to = `id-${value.length}@example.net`;
    const lines: Buffer[] = [];
    for (let at = 0; at < value.length; at += 900) {
      lines.push(Buffer.from(at === 0 ? "Message-ID: " : "\r\n "), value.subarray(at, at + 900));
    }
    const head = Buffer.from(`From: a@example.com\r\nTo: ${to}\r\nSubject: ${what}\r\n`);
    const id = await pipeline.accept({
      to: [to],
      bytes: Buffer.concat([head, ...lines, Buffer.from("\r\n\r\nHello\r\n")]),
    });
    await pipeline.idle();
    expect(await mailsTo(to)).toHaveLength(1);
    expect(await pipeline.recipients(id)).toMatchObject([{ state: "delivered" }]);
  });

  it("tags each call with queue id, recipient and tenant, and names the configuration set", async () => {
    const id = await pipeline.accept({ to: ["tagged@example.net"] });
    await pipeline.idle();
    const mail = (await pipeline.outbox()).find((candidate) => candidate.recipients.includes("tagged@example.net"));
    expect(JSON.stringify(mail?.request)).toContain(id);
    expect(mail?.request["configurationSetName"]).toBe(pipeline.names.configurationSet);
    expect(mail?.request["fromEmailAddress"]).toBeUndefined();
  });

  it("sends the rest when SES refuses one recipient for good, and tells the sender of that one", async () => {
    onSend = (to) =>
      to === "refused@example.net"
        ? { status: 400, errorType: "MessageRejected", message: "Message contains something SES does not take" }
        : undefined;
    const id = await pipeline.accept({
      from: "sender-of-refused@example.com",
      to: ["fine1@example.net", "refused@example.net", "fine2@example.net"],
    });
    await pipeline.idle();
    expect((await pipeline.recipients(id)).map((record) => record.state)).toEqual(["delivered", "failed", "delivered"]);
    const [report] = await mailsTo("sender-of-refused@example.com");
    expect(report?.toString("latin1")).toContain("Final-Recipient: rfc822; refused@example.net");
    expect(report?.toString("latin1")).not.toContain("fine1@example.net");
  });

  it("never answers the null sender with a report", async () => {
    onSend = (to) =>
      to === "refused-null@example.net" ? { status: 400, errorType: "MessageRejected", message: "no" } : undefined;
    const before = (await pipeline.outbox()).length;
    const id = await pipeline.accept({ from: null, to: ["refused-null@example.net"] });
    await pipeline.logged((event) => event.event === "failed" && event["id"] === id);
    await pipeline.idle();
    expect(await pipeline.outbox()).toHaveLength(before);
  });

  it("waits out SES's throttling without a failure, a report or a second copy", async () => {
    let refusals = 3;
    onSend = (to) =>
      to === "throttled@example.net" && refusals-- > 0
        ? { status: 429, errorType: "TooManyRequestsException", message: "Maximum sending rate exceeded." }
        : undefined;
    const id = await pipeline.accept({ to: ["throttled@example.net"] });
    await pipeline.logged((event) => event.event === "forwarded" && event["id"] === id);
    const [record] = await pipeline.recipients(id);
    expect(record?.attempts).toBe(1);
    expect(record?.history.map((entry) => entry.what)).not.toContain("deferred");
    expect(await mailsTo("throttled@example.net")).toHaveLength(1);
  });

  it("keeps the message while SES is down, and records when the next try is", async () => {
    onSend = () => ({ status: 503, errorType: "ServiceUnavailable", message: "down" });
    const id = await pipeline.accept({ to: ["down@example.net"] });
    await pipeline.logged((event) => event.event === "deferred" && event["id"] === id);
    const [record] = await pipeline.recipients(id);
    expect(record?.state).toBe("waiting");
    expect(record?.nextTryAt).toBeGreaterThan(Date.now());
    expect(await getSpoolObject(pipeline.spool, id)).toBeDefined();
    expect(await mailsTo("down@example.net")).toHaveLength(0);
  });

  it("sends a mail once that the client sent twice because it lost our 250", async () => {
    const bytes = testMail("lost-250");
    const first = await pipeline.accept({ to: ["guarded@example.net"], bytes });
    const second = await pipeline.accept({ to: ["guarded@example.net"], bytes });
    await pipeline.logged((event) => event.event === "duplicate-dropped");
    await pipeline.logged((event) => event.event === "forwarded" && event["recipient"] === "guarded@example.net");
    const states = [(await pipeline.recipients(first))[0]?.state, (await pipeline.recipients(second))[0]?.state];
    expect(states).toContain("duplicate");
    expect(await mailsTo("guarded@example.net")).toHaveLength(1);
  });

  it("puts a body that is no S3 event into the dead-letter queue and goes on with the next", async () => {
    await sendToQueue(pipeline.forwardQueue, "not an event");
    await pipeline.logged((event) => event.event === "dead-letter");
    const [dead] = await receiveFromQueue(pipeline.forwardDlq, 5);
    expect(dead?.body).toBe("not an event");
    await pipeline.accept({ to: ["after-poison@example.net"] });
    await pipeline.logged((event) => event.event === "forwarded" && event["recipient"] === "after-poison@example.net");
  });

  it("sets an object aside that is not a spool object, keeps it, and shows why", async () => {
    const id = parseQueueId("00000000000000000001");
    if (id === undefined) throw new Error("not an id");
    const bytes = Buffer.from("From: x\r\n\r\nnot ours\r\n");
    await putSpoolObject(pipeline.spool, id, bytes);
    await pipeline.logged(
      (event) => event.event === "dead-letter" && String(event["reason"]).includes("Relayhost-Version"),
    );
    expect((await readMessage(pipeline.ledger, id)).notes.unreadable).toContain("Relayhost-Version");
    expect(await spoolIds()).toContain(`spool/${id}.eml`);
    await deleteSpoolObject(pipeline.spool, id);
  });

  it("sends one copy when the queue brings the same message five times at once", async () => {
    const id = await pipeline.accept({ to: ["once@example.net"], bytes: testMail("once") });
    const body = createdEventBody(pipeline.names.spoolBucket, id, 1, new Date().toISOString(), "us-east-1");
    await Promise.all(Array.from({ length: 5 }, () => sendToQueue(pipeline.forwardQueue, body)));
    await pipeline.logged((event) => event.event === "forwarded" && event["id"] === id);
    await pipeline.logged((event) => event.event === "spool-object-gone" || event.event === "feedback");
    expect(await mailsTo("once@example.net")).toHaveLength(1);
  });

  it("does not call SES again when its answer was lost but its event has come", async () => {
    onSend = (to) => (to === "lost-answer@example.net" ? "drop-after" : undefined);
    const id = await pipeline.accept({ to: ["lost-answer@example.net"] });
    await pipeline.logged((event) => event.event === "feedback" && event["id"] === id && event["type"] === "Delivery");
    onSend = () => undefined;
    const [record] = await pipeline.recipients(id);
    expect(record?.state).toBe("delivered");
    expect(await mailsTo("lost-answer@example.net")).toHaveLength(1);
  });

  it("ignores the test event that S3 sends when a notification is set up", async () => {
    const deadBefore = (await queueDepth(pipeline.forwardDlq)).waiting;
    await sendToQueue(pipeline.forwardQueue, JSON.stringify({ Service: "Amazon S3", Event: "s3:TestEvent" }));
    const id = await pipeline.accept({ to: ["after-test-event@example.net"] });
    await pipeline.logged((event) => event.event === "forwarded" && event["id"] === id);
    expect((await queueDepth(pipeline.forwardDlq)).waiting).toBe(deadBefore);
  });
});
