/** Replies find their thread although SES gives every mail another Message-ID. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ENV } from "../../lib/core/names.ts";
import type { QueueId } from "../../lib/core/queue-id.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";

let pipeline: Pipeline;

beforeAll(async () => {
  pipeline = await startPipeline();
  pipeline.work();
});
afterAll(async () => await pipeline.close());

function mail(messageId: string, ...fields: readonly string[]): string {
  return [
    "From: A <a@example.com>",
    "To: b@example.net",
    ...fields,
    `Message-ID: <${messageId}>`,
    "",
    "Words.",
    "",
  ].join("\r\n");
}

/** Header of the copy that went to an address, unfolded. */
async function headerOf(id: QueueId, recipient = "b@example.net"): Promise<string> {
  const sent = (await pipeline.outbox()).find(
    ({ request, recipients }) => JSON.stringify(request).includes(id) && recipients.includes(recipient),
  );
  const text = sent?.raw.toString("latin1") ?? "";
  return text.slice(0, text.indexOf("\r\n\r\n")).replace(/\r\n[ \t]+/g, " ");
}

async function send(bytes: string, to = ["b@example.net"], tenant = "demo"): Promise<QueueId> {
  const id = await pipeline.accept({ to, bytes, envelope: { tenant } });
  for (const recipient of to) {
    await pipeline.logged(
      (event) => event.event === "forwarded" && event["id"] === id && event["recipient"] === recipient,
    );
  }
  return id;
}

/** What SES sent a mail under to one of its recipients. */
async function sesIdOf(id: QueueId, index = 0): Promise<string> {
  const [region, sesId] = [pipeline.names.region, (await pipeline.recipients(id))[index]?.sesId];
  return `${sesId}@${region === "us-east-1" ? "email" : region}.amazonses.com`;
}

describe("a reply", () => {
  it("names the id under which SES sent the mail it answers, beside the one that it was written with", async () => {
    const first = await send(mail("first@web1.example.com"));
    const sesId = await sesIdOf(first);
    const reply = await send(
      mail("second@web1.example.com", "In-Reply-To: <first@web1.example.com>", "References: <first@web1.example.com>"),
    );
    const header = await headerOf(reply);
    expect(header).toContain(`In-Reply-To: <first@web1.example.com> <${sesId}>`);
    expect(header).toContain(`References: <first@web1.example.com> <${sesId}> <second@web1.example.com>`);
  });

  it("gets the ids of those copies only whose readers it goes to", async () => {
    const first = await send(mail("to-three@web1.example.com"), ["b@example.net", "c@example.net", "d@example.net"]);
    const reply = await send(mail("to-one@web1.example.com", "In-Reply-To: <to-three@web1.example.com>"), [
      "C@example.net",
    ]);
    const header = await headerOf(reply, "C@example.net");
    expect(header).toContain(`In-Reply-To: <to-three@web1.example.com> <${await sesIdOf(first, 1)}>`);
    for (const other of [0, 2]) expect(header).not.toContain(await sesIdOf(first, other));
  });

  it("gets nothing from another tenant's mail, and nothing for ids that nobody knows", async () => {
    await send(mail("theirs@web1.example.com"), ["b@example.net"], "neighbour");
    const reply = await send(
      mail("ours@web1.example.com", "References: <unknown@elsewhere.example> <theirs@web1.example.com>"),
    );
    const header = await headerOf(reply);
    expect(header).not.toContain("amazonses.com");
    expect(header).toContain(
      "References: <unknown@elsewhere.example> <theirs@web1.example.com> <ours@web1.example.com>",
    );
  });

  it("goes out as it is when the ledger cannot be asked for what it answers", async () => {
    await send(mail("asked@web1.example.com"));
    await pipeline.idle();
    pipeline.proxy.reset();
    // Between reading the message and calling SES nothing else is asked of the ledger.
    pipeline.proxy.onCall = (call) => {
      const has = (operation: string): boolean => pipeline.proxy.calls.some((each) => each.operation === operation);
      const isLookup = call.operation === "Query" && has("GetObject") && !has("SendEmail");
      return isLookup ? { status: 500, type: "InternalServerError" } : undefined;
    };
    const reply = await send(mail("answers@web1.example.com", "In-Reply-To: <asked@web1.example.com>"));
    pipeline.proxy.onCall = () => undefined;
    expect(await headerOf(reply)).toContain("In-Reply-To: <asked@web1.example.com>");
    expect(await headerOf(reply)).not.toContain("amazonses.com");
    expect(pipeline.log.some((event) => event.event === "thread-unknown" && event["id"] === reply)).toBe(true);
  });
});

it("a reply is left as it is when the setting says so", async () => {
  const plain = await startPipeline({}, { [ENV.threadReplies]: "false" });
  try {
    plain.work();
    const answered = await plain.accept({ bytes: mail("answered@web1.example.com") });
    await plain.logged((event) => event.event === "forwarded" && event["id"] === answered);
    const id = await plain.accept({
      bytes: mail("answer@web1.example.com", "In-Reply-To: <answered@web1.example.com>"),
    });
    await plain.logged((event) => event.event === "forwarded" && event["id"] === id);
    const sent = (await plain.outbox()).find(({ request }) => JSON.stringify(request).includes(id));
    expect(sent?.raw.toString("latin1")).toContain("In-Reply-To: <answered@web1.example.com>\r\n");
    expect(sent?.raw.toString("latin1")).not.toContain("amazonses.com");
  } finally {
    await plain.close();
  }
});
