/** What bounced or complained once gets nothing more from that tenant, and its senders are told. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sendToQueue } from "../../lib/aws/queue-sqs.ts";
import { readSendingPermit } from "../../lib/aws/sending-permit.ts";
import { addSuppression, listSuppressions, removeSuppression } from "../../lib/aws/suppression-dynamo.ts";
import type { QueueId } from "../../lib/core/queue-id.ts";
import type { Suppression } from "../../lib/core/suppression.ts";
import { type Pipeline, startPipeline, testMail } from "../support/pipeline.ts";
import { complaintJson, noSuchUserJson } from "../support/ses-event-json.ts";

let pipeline: Pipeline;
let mails = 0;

beforeAll(async () => {
  pipeline = await startPipeline();
  pipeline.work();
});
afterAll(async () => await pipeline.close());

async function send(to: readonly string[], tenant = "demo", from = "a@example.com"): Promise<QueueId> {
  mails += 1;
  return await pipeline.accept({ from, to, bytes: testMail(`suppression-${mails}`), envelope: { tenant } });
}

async function ended(id: QueueId, what = "Delivery"): Promise<void> {
  await pipeline.logged((event) => event["id"] === id && (event["type"] === what || event.event === what));
}

/** Sends a mail whose recipient then bounces, or whatever the event says. */
async function bounced(address: string, json = noSuchUserJson): Promise<QueueId> {
  const id = await send([address]);
  await ended(id);
  const [record] = await pipeline.recipients(id);
  if (record === undefined) throw new Error("no record");
  await sendToQueue(pipeline.feedbackQueue, json(record));
  await pipeline.logged((event) => event.event === "suppressed" && event["recipient"] === record.address);
  return id;
}

async function listed(tenant = "demo"): Promise<Map<string, Suppression>> {
  const entries = new Map<string, Suppression>();
  for await (const entry of listSuppressions(pipeline.ledger, tenant)) entries.set(entry.address, entry);
  return entries;
}

async function copiesTo(address: string): Promise<number> {
  return (await pipeline.outbox()).filter(({ recipients }) => recipients.includes(address)).length;
}

describe("a hard bounce", () => {
  it("ends the next mail to the address without SES, with a report that says how to lift it", async () => {
    const id = await bounced("Gone@example.net");
    expect((await listed()).get("gone@example.net")).toMatchObject({ reason: "bounce", messageId: id });
    const from = "told-of-suppression@example.com";
    const next = await send(["gone@EXAMPLE.net", "there@example.net"], "demo", from);
    await pipeline.logged((event) => event.event === "forwarded" && event["recipient"] === from);
    expect((await pipeline.recipients(next)).map(({ state, sesId }) => [state, sesId === undefined])).toEqual([
      ["failed", true],
      [expect.stringMatching(/sent|delivered/), false],
    ]);
    expect(await copiesTo("gone@EXAMPLE.net")).toBe(0);
    const report = (await pipeline.outbox()).find(({ recipients }) => recipients.includes(from));
    const text = String(report?.raw.toString("latin1")).replace(/\r\n\s+/g, " ");
    expect(text).toContain("Status: 5.7.1");
    expect(text).toContain("relayhost suppression remove --tenant demo gone@example.net");
    expect(text).not.toContain("Remote-MTA");
  });

  it("does so for the tenant whose mail it was, and for no other", async () => {
    await bounced("shared@example.net");
    const id = await send(["shared@example.net"], "other");
    await ended(id);
    expect(await copiesTo("shared@example.net")).toBe(2);
    expect(await listed("other")).toEqual(new Map());
  });

  it("does not put an address back that was lifted since, when its event comes again", async () => {
    const id = await bounced("lifted@example.net");
    expect(await removeSuppression(pipeline.ledger, "demo", "LIFTED@example.net")).toBe(true);
    const [record] = await pipeline.recipients(id);
    if (record === undefined) throw new Error("no record");
    await sendToQueue(pipeline.feedbackQueue, noSuchUserJson(record));
    const next = await send(["lifted@example.net"]);
    await ended(next);
    await pipeline.idle();
    expect((await listed()).has("lifted@example.net")).toBe(false);
    expect(await copiesTo("lifted@example.net")).toBe(2);
  });
});

describe("a complaint", () => {
  it("puts the address on the list, and counts for more than a bounce", async () => {
    await bounced("angry@example.net", complaintJson);
    expect((await listed()).get("angry@example.net")).toMatchObject({ reason: "complaint", detail: "abuse" });
    const base = { tenant: "demo", since: "2026-11-24T00:00:00.000Z", address: "both@example.net" };
    expect(await addSuppression(pipeline.ledger, { ...base, reason: "bounce" })).toBe(true);
    expect(await addSuppression(pipeline.ledger, { ...base, reason: "manual" })).toBe(false);
    expect(await addSuppression(pipeline.ledger, { ...base, reason: "complaint" })).toBe(true);
    expect(await addSuppression(pipeline.ledger, { ...base, reason: "bounce" })).toBe(false);
    expect((await listed()).get("both@example.net")?.reason).toBe("complaint");
  });
});

describe("the permit of a mail", () => {
  it("is asked for a hundred and fifty recipients, some of them twice", async () => {
    const since = "2026-11-24T00:00:00.000Z";
    await addSuppression(pipeline.ledger, { tenant: "demo", address: "u149@example.net", reason: "manual", since });
    const recipients = Array.from({ length: 151 }, (_, index) => `U${index % 150}@example.net`);
    const permit = await readSendingPermit(pipeline, { tenant: "demo", returnPath: "a@example.com", recipients });
    expect([...permit.suppressed.keys()]).toEqual(["u149@example.net"]);
    expect(permit.pause).toBeUndefined();
  });
});
