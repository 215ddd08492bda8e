/** Webhooks: where they may go, how they are signed and when they are tried again; and the checks that we document. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { postWebhook } from "../../lambda/webhook/post-webhook.ts";
import { isPublicAddress } from "../../lambda/webhook/public-address.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { parseQueuedWebhook, webhookHeaders, webhookSignature, webhookWaitMs } from "../../lib/core/webhook.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

describe("a signature", () => {
  it("is that of the example in the Standard Webhooks specification's libraries", () => {
    const id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    expect(webhookSignature(SECRET, id, 1614265330, '{"test": 2432232314}')).toBe(
      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    );
  });
});

describe("the documented check", () => {
  const body = JSON.stringify({ type: "message.bounced", data: { reply: "550 nein, \u00e4\u65e5" } });
  const headers = webhookHeaders(SECRET, "msg_1", Math.floor(Date.now() / 1000), body);
  const page = readFileSync(join(import.meta.dirname, "../../docs/webhooks.md"), "utf8");
  const code = (language: string): string =>
    new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1] ?? `no ${language} in the page`;

  it("for Node.js takes what is genuine, and neither another body, secret, id nor an old one", async () => {
    const dir = mkdtempSync(join(tmpdir(), "relayhost-webhook-"));
    try {
      const file = join(dir, "check.mjs");
      writeFileSync(file, code("js"));
      const { isGenuine } = (await import(pathToFileURL(file).href)) as {
        isGenuine: (headers: Record<string, string>, body: string, secret: string) => boolean;
      };
      expect(isGenuine(headers, body, SECRET)).toBe(true);
      expect(
        isGenuine({ ...headers, "webhook-signature": `v1,old ${headers["webhook-signature"]}` }, body, SECRET),
      ).toBe(true);
      expect(isGenuine(headers, `${body} `, SECRET)).toBe(false);
      expect(isGenuine(headers, body, "whsec_AAAA")).toBe(false);
      expect(isGenuine({ ...headers, "webhook-id": "msg_2" }, body, SECRET)).toBe(false);
      const old = webhookHeaders(SECRET, "msg_1", Math.floor(Date.now() / 1000) - 600, body);
      expect(isGenuine(old, body, SECRET)).toBe(false);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it("for Python takes what is genuine, and nothing else", () => {
    const program = `${code("python")}
import json, sys
given = json.load(sys.stdin)
body = given["body"].encode()
print(is_genuine(given["headers"], body, given["secret"]), is_genuine(given["headers"], body + b" ", given["secret"]))
`;
    const input = JSON.stringify({ headers, body, secret: SECRET });
    expect(execFileSync("python3", ["-c", program], { input, encoding: "utf8" })).toBe("True False\n");
  });
});

describe("an address", () => {
  it.each([
    ["8.8.8.8", true],
    ["2606:4700::1111", true],
    ["127.0.0.1", false],
    ["10.1.2.3", false],
    ["100.64.0.1", false],
    ["169.254.169.254", false],
    ["172.31.255.255", false],
    ["172.32.0.1", true],
    ["192.168.0.1", false],
    ["198.18.0.1", false],
    ["224.0.0.1", false],
    ["255.255.255.255", false],
    ["0.0.0.0", false],
    ["::1", false],
    ["::", false],
    ["::ffff:10.0.0.1", false],
    ["::ffff:8.8.8.8", true],
    ["fe80::1", false],
    ["fd00:ec2::254", false],
    ["2002:7f00:1::1", false],
    ["2001:db8::1", false],
    ["64:ff9b::a9fe:a9fe", false],
    ["64:ff9b::808:808", true],
    ["nonsense", false],
  ])("%s is public: %s", (address, expected) => {
    expect(isPublicAddress(address)).toBe(expected);
  });
});

describe("a post", () => {
  const post = (url: string): { url: string; headers: Record<string, string>; body: string } => ({
    url,
    headers: {},
    body: "{}",
  });
  const PUBLIC = { loopback: false, timeoutMs: 1_000 };
  const LOCAL = { loopback: true, timeoutMs: 500 };

  it.each([
    ["http://hooks.example/", "not HTTPS"],
    ["https://127.0.0.1/", "not a public address"],
    ["https://[::1]/", "not a public address"],
    ["https://[::ffff:169.254.169.254]/", "not a public address"],
    ["https://2130706433/", "not a public address"],
    ["https://0x7f.1/", "not a public address"],
    ["https://localhost/", "not public"],
    ["https://user:secret@hooks.example/", "login"],
    ["https://hooks.example:25/", "port 25"],
    ["file:///etc/passwd", "not HTTPS"],
    ["nonsense", "no address"],
  ])("to %s is not made: %s", async (url, why) => {
    expect(await postWebhook(post(url), PUBLIC)).toMatchObject({
      kind: "forbidden",
      why: expect.stringContaining(why),
    });
  });

  it("follows no redirect, reads no long answer, and gives up on a server that does not answer", async () => {
    let requests = 0;
    const server = createServer((request, response) => {
      requests += 1;
      if (request.url === "/redirect") response.writeHead(302, { location: "/elsewhere" }).end();
      else if (request.url === "/busy") response.writeHead(503, { "retry-after": "120" }).end();
      else if (request.url === "/endless") {
        response.writeHead(200);
        const more = (): boolean => response.write("x".repeat(65_536));
        response.on("drain", more);
        more();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      expect(await postWebhook(post(`${base}/redirect`), LOCAL)).toEqual({ kind: "answered", status: 302 });
      expect(requests).toBe(1);
      expect(await postWebhook(post(`${base}/busy`), LOCAL)).toEqual({
        kind: "answered",
        status: 503,
        retryAfterSeconds: 120,
      });
      expect(await postWebhook(post(`${base}/endless`), LOCAL)).toEqual({ kind: "answered", status: 200 });
      expect(await postWebhook(post(`${base}/silent`), LOCAL)).toEqual({
        kind: "failed",
        why: "no answer within 0.5 s",
      });
      expect(await postWebhook(post(`${base}/`), PUBLIC)).toMatchObject({ kind: "forbidden" });
    } finally {
      server.closeAllConnections();
      server.close();
    }
    expect(await postWebhook(post(base), LOCAL)).toMatchObject({
      kind: "failed",
      why: expect.stringContaining("ECONNREFUSED"),
    });
  });
});

describe("waits", () => {
  it("double from five seconds to six hours, and end after three days", () => {
    const waits: number[] = [];
    let ageMs = 0;
    for (let wait = webhookWaitMs(0, LIMITS.webhook); wait !== undefined; wait = webhookWaitMs(ageMs, LIMITS.webhook)) {
      waits.push(wait / 1000);
      ageMs += wait;
    }
    expect(waits.slice(0, 5)).toEqual([5, 5, 10, 20, 40]);
    expect(Math.max(...waits)).toBe(6 * 3600);
    expect(waits.length).toBeLessThan(LIMITS.webhook.maxReceiveCount / 10);
  });
});

describe("the queue's text", () => {
  it.each(["", "{", "null", "[]", '{"tenant":"a"}', '{"tenant":1,"id":"x","body":"y"}'])("%j is no event", (text) => {
    expect(parseQueuedWebhook(text)).toBeUndefined();
  });
});
