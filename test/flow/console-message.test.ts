/** The page of a message in a deployed environment: the header as it came beside what the rules made of it. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Console, startConsole } from "../../bin/console/start-console.ts";
import type { QueueId } from "../../lib/core/queue-id.ts";
import { Browser, unescaped } from "../support/console.ts";
import { type Pipeline, startPipeline, TEST_SYSTEM_ADDRESS, type TestMessage, testMail } from "../support/pipeline.ts";

let pipeline: Pipeline;
let served: Console;

beforeAll(async () => {
  pipeline = await startPipeline();
  const names = { ...pipeline.names, systemAddress: TEST_SYSTEM_ADDRESS };
  served = await startConsole({ connection: { ...pipeline, names }, environment: "test", port: 0 });
  pipeline.work();
});
afterAll(async () => {
  await served.close();
  await pipeline.close();
});

const open = async (id: QueueId, language = "en"): Promise<string> =>
  (await new Browser(served.port).get(`/messages/${id}?lang=${language}`)).body;

/** The texts in the page's two columns. */
function columns(body: string): string[] {
  const [, side = ""] = /<div class="side">(.*?)<\/div>\n<p><a class="button"/s.exec(body) ?? [];
  return [...side.matchAll(/<pre tabindex="0">([^<]*)<\/pre>/g)].map(([, text = ""]) => unescaped(text));
}

async function sent(message: TestMessage): Promise<{ id: QueueId; left: string }> {
  const id = await pipeline.accept(message);
  const { sesId } = await pipeline.logged((event) => event["id"] === id && event.event === "forwarded");
  const mail = (await pipeline.outbox()).find((one) => one.id === sesId);
  return { id, left: mail?.raw.toString("utf8").split("\r\n\r\n")[0] ?? "nothing" };
}

describe("the header as sent", () => {
  const field = "X-Note: \u3042 <b>&amp;</b>\r\nBcc: secret@example.net\r\nDKIM-Signature: v=1; d=example.com\r\n";
  const foreign = `From: "Jane" <jane@elsewhere.example>\r\nTo: root\r\nSubject: contact\r\n\r\nHello.\r\n`;
  it.each<[string, TestMessage, RegExp]>([
    [
      "fields that SES would refuse or that would give somebody away",
      { bytes: field + testMail("computed-1") },
      /X-Note/,
    ],
    ["another author", { bytes: foreign, envelope: { rewrite: "on-behalf" } }, /From: "?=?.*Jane.*example\.com>/],
    ["the null sender", { from: null, bytes: testMail("computed-3") }, /Auto-Submitted/],
  ])("is computed as it left, for %s", async (_, message, shows) => {
    const { id, left } = await sent(message);
    const [received = "", computed = ""] = columns(await open(id));
    expect(received).toBe(String(message.bytes).split("\r\n\r\n")[0]);
    expect(computed).toBe(left);
    expect(computed).toMatch(shows);
    expect(computed).not.toContain("secret@example.net");
  });

  it("says that it is computed, what the rules changed, and which Message-ID SES gave", async () => {
    const { id } = await sent({ bytes: field + testMail("computed-4") });
    const [record] = await pipeline.recipients(id);
    const body = await open(id);
    expect(body).toContain("Computed now from the source");
    expect(body).toContain("<li><bdi>bcc</bdi>: removed</li>");
    expect(body).toContain(`${record?.sesId}@email.amazonses.com`);
    const japanese = await open(id, "ja");
    expect(japanese).toContain("\u4eca\u9069\u7528\u3057\u305f\u7d50\u679c");
    expect(japanese).toContain("<li><bdi>bcc</bdi>: \u524a\u9664</li>");
    const source = await new Browser(served.port).get(`/messages/${id}/source`);
    expect([source.status, source.body]).toEqual([200, field + testMail("computed-4")]);
  });
});
