/** What the local SES takes and stores, for whom, up to which limits, and the faults that tests ask of it. */

import {
  BadRequestException,
  GetAccountCommand,
  MessageRejected,
  PutAccountSendingAttributesCommand,
  SESv2Client,
  SESv2ServiceException,
  SendEmailCommand,
  SendingPausedException,
  TooManyRequestsException,
} from "@aws-sdk/client-sesv2";
import { afterEach, describe, expect, it, vi } from "vitest";

import type { SendFault } from "../../lib/local/ses-server.ts";
import { LocalSes, type LocalSesOptions } from "../support/local-ses.ts";

let ses: LocalSes;
const start = async (options?: LocalSesOptions): Promise<LocalSes> => {
  ses = await LocalSes.start(options);
  return ses;
};
const MAIL = "From: a@example.com\r\nTo: b@example.net\r\nSubject: hello\r\n\r\nbody\r\n";

afterEach(async () => ses.stop());

describe("what the local SES takes", () => {
  it("stores the given bytes unchanged: 8-bit, bare CR and LF in the body, long lines, no line end, an empty body", async () => {
    await start();
    const head = Buffer.from("From: a@example.com\r\nSubject: \xe9\xff\r\n\r\n", "latin1");
    const bodies = [
      Buffer.from("caf\xe9 \x80\xff\x00 end\r\n", "latin1"),
      Buffer.from("bare\rcr and bare\nlf\n\n\r\r"),
      Buffer.concat([Buffer.alloc(3000, "x"), Buffer.from("\r\n日本語")]),
      Buffer.alloc(0),
    ];
    for (const body of bodies) {
      const raw = Buffer.concat([head, body]);
      const id = await ses.send(raw, "b@example.net");
      expect((await ses.outboxMessage(id)).equals(raw)).toBe(true);
    }
  });

  it("stores 28 MiB unchanged", async () => {
    await start();
    const raw = Buffer.concat([Buffer.from(MAIL), Buffer.alloc(28 * 1024 * 1024, "0123456789abcdef\r\n")]);
    const id = await ses.send(raw, "b@example.net");
    expect((await ses.outboxMessage(id)).equals(raw)).toBe(true);
  });

  it("answers an id in the shape of SES and writes the request beside the message", async () => {
    await start({ now: () => new Date("2026-11-05T01:02:03.004Z") });
    const id = await ses.send(MAIL, "Name <b@example.net>", {
      Destination: { ToAddresses: ["Name <b@example.net>"], CcAddresses: ["c@example.net"], BccAddresses: [] },
      EmailTags: [{ Name: "relayhost-id", Value: "x_1" }],
    });
    expect(id).toMatch(/^010001a1[0-9a-f]{8}-[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}-000000$/);
    expect(await ses.outboxNames()).toEqual([`${id}.eml`, `${id}.json`]);
    expect(await ses.outboxRequest(id)).toEqual({
      messageId: id,
      time: "2026-11-05T01:02:03.004Z",
      size: MAIL.length,
      source: "a@example.com",
      recipients: ["b@example.net", "c@example.net"],
      destination: { to: ["Name <b@example.net>"], cc: ["c@example.net"], bcc: [] },
      tags: { "relayhost-id": "x_1" },
    });
  });

  it("takes the recipients from To, Cc and Bcc when the request names none", async () => {
    await start();
    const raw =
      "From: a@example.com\r\nTo: b@example.net, X <c@example.net>\r\nCc: d@example.net\r\nBcc: e@example.net\r\n\r\n";
    const { MessageId: id = "" } = await ses.client.send(
      new SendEmailCommand({ Content: { Raw: { Data: Buffer.from(raw) } } }),
    );
    expect((await ses.outboxRequest(id))["recipients"]).toEqual([
      "b@example.net",
      "c@example.net",
      "d@example.net",
      "e@example.net",
    ]);
  });

  it("keeps two messages apart that are sent at once", async () => {
    await start();
    const ids = await Promise.all(Array.from({ length: 40 }, (_, i) => ses.send(`${MAIL}${i}`, `b${i}@example.net`)));
    expect(new Set(ids).size).toBe(40);
    for (const [i, id] of ids.entries()) {
      expect((await ses.outboxMessage(id)).toString()).toBe(`${MAIL}${i}`);
      expect((await ses.outboxRequest(id))["recipients"]).toEqual([`b${i}@example.net`]);
    }
  });

  it("takes FromEmailAddress in place of a From that is not verified, and records it", async () => {
    await start();
    const id = await ses.send(MAIL.replace("a@example.com", "a@example.org"), "b@example.net", {
      FromEmailAddress: "Relay <relay@example.com>",
      ReplyToAddresses: ["r@example.org"],
    });
    expect(await ses.outboxRequest(id)).toMatchObject({
      source: "relay@example.com",
      fromEmailAddress: "Relay <relay@example.com>",
      replyToAddresses: ["r@example.org"],
    });
  });
});

describe("how the local SES is reached", () => {
  it("serves an SDK client that knows it only from AWS_ENDPOINT_URL_SESV2", async () => {
    await start({ region: "ap-northeast-1" });
    vi.stubEnv("AWS_ENDPOINT_URL_SESV2", ses.url);
    vi.stubEnv("AWS_REGION", "ap-northeast-1");
    vi.stubEnv("AWS_ACCESS_KEY_ID", "local");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "local");
    const client = new SESv2Client({ maxAttempts: 1 });
    try {
      const Destination = { ToAddresses: ["b@example.net"] };
      const Content = { Raw: { Data: Buffer.from(MAIL) } };
      const { MessageId } = await client.send(new SendEmailCommand({ Content, Destination }));
      expect(MessageId).toMatch(/^0106/);
    } finally {
      client.destroy();
      vi.unstubAllEnvs();
    }
  });
});

describe("who may send through the local SES", () => {
  it("refuses senders that are not verified with MessageRejected, naming From, Sender and Return-Path", async () => {
    await start();
    const raw =
      "From: a@evil.test\r\nSender: s@other.test\r\nReturn-Path: <r@example.com>\r\nReply-To: x@any.test\r\n\r\n";
    const refusal = await ses.send(raw, "b@example.net").catch((cause: unknown) => cause);
    expect(refusal).toBeInstanceOf(MessageRejected);
    expect(refusal).toMatchObject({
      message:
        "Email address is not verified. The following identities failed the check in region US-EAST-1: a@evil.test, s@other.test",
      $metadata: { httpStatusCode: 400 },
    });
    expect(await ses.outboxNames()).toEqual([]);
  });

  it("takes mail from addresses and subdomains of a verified domain, and from a verified address alone", async () => {
    await start({ identities: ["example.com", "only@example.org"] });
    for (const from of ["a@EXAMPLE.com", "a@mail.example.com", "only@example.org"]) {
      await ses.send(MAIL.replace("a@example.com", from), "b@example.net");
    }
    for (const from of ["other@example.org", "a@notexample.com", "a@com"]) {
      await expect(ses.send(MAIL.replace("a@example.com", from), "b@example.net")).rejects.toThrow(MessageRejected);
    }
  });

  it("refuses a paused account with SendingPausedException, and takes mail again when it is resumed", async () => {
    await start();
    await ses.client.send(new PutAccountSendingAttributesCommand({ SendingEnabled: false }));
    await expect(ses.send(MAIL, "b@example.net")).rejects.toThrow(SendingPausedException);
    await ses.client.send(new PutAccountSendingAttributesCommand({ SendingEnabled: true }));
    await ses.send(MAIL, "b@example.net");
  });

  it("answers 403 to a request without credentials or with those for another service", async () => {
    await start();
    const post = async (headers: Record<string, string>): Promise<[number, string | null]> => {
      const answer = await fetch(`${ses.url}/v2/email/outbound-emails`, { method: "POST", headers, body: "{}" });
      return [answer.status, answer.headers.get("x-amzn-errortype")];
    };
    expect(await post({})).toEqual([403, "MissingAuthenticationTokenException"]);
    const wrong = "AWS4-HMAC-SHA256 Credential=k/20261105/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
    expect(await post({ authorization: wrong })).toEqual([403, "InvalidSignatureException"]);
  });
});

describe("the limits of the local SES", () => {
  it("counts the rate in recipients and answers 429 above it", async () => {
    let now = Date.parse("2026-11-05T00:00:00Z");
    await start({ sendRatePerSecond: 10, now: () => new Date(now) });
    const eight = Array.from({ length: 8 }, (_, i) => `b${i}@example.net`);
    await ses.send(MAIL, eight);
    const refusal = await ses.send(MAIL, eight).catch((cause: unknown) => cause);
    expect(refusal).toBeInstanceOf(TooManyRequestsException);
    expect(refusal).toMatchObject({ message: "Maximum sending rate exceeded.", $metadata: { httpStatusCode: 429 } });
    now += 700;
    await ses.send(MAIL, eight);
  });

  it("counts the day in recipients without the simulator, and answers ThrottlingException above it", async () => {
    let now = Date.parse("2026-11-05T00:00:00Z");
    await start({ max24HourSend: 2, now: () => new Date(now) });
    await ses.send(MAIL, ["b@example.net", "c@example.net"]);
    await ses.send(MAIL, "success@simulator.amazonses.com");
    await expect(ses.send(MAIL, "d@example.net")).rejects.toMatchObject({
      name: "ThrottlingException",
      message: "Daily message quota exceeded.",
    });
    const account = await ses.client.send(new GetAccountCommand({}));
    expect(account.SendQuota).toEqual({ Max24HourSend: 2, MaxSendRate: 1000, SentLast24Hours: 2 });
    expect(account.SendingEnabled).toBe(true);
    now += 24 * 3_600_000;
    await ses.send(MAIL, "d@example.net");
  });

  it("refuses a message over 40 MB after base64 and stays alive", async () => {
    await start();
    const raw = Buffer.concat([Buffer.from(MAIL), Buffer.alloc(30_000_000)]);
    const refusal = await ses.send(raw, "b@example.net").catch((cause: unknown) => cause);
    expect(refusal).toBeInstanceOf(BadRequestException);
    expect(String(refusal)).toContain("Message length is more than 40000000 bytes long");
    await ses.send(MAIL, "b@example.net");
  });

  it("answers 413 to a request that no message can need, and stays alive", async () => {
    await start();
    const raw = Buffer.alloc(60 * 1024 * 1024, "x");
    await expect(ses.send(raw, "b@example.net")).rejects.toMatchObject({ name: "RequestEntityTooLargeException" });
    await ses.send(MAIL, "b@example.net");
  });
});

describe("requests that the local SES does not serve", () => {
  it("refuses simple and templated content with BadRequestException", async () => {
    await start();
    const simple = { Subject: { Data: "s" }, Body: { Text: { Data: "t" } } };
    for (const Content of [{ Simple: simple }, { Template: { TemplateName: "t" } }]) {
      await expect(
        ses.client.send(new SendEmailCommand({ Content, FromEmailAddress: "a@example.com" })),
      ).rejects.toThrow(BadRequestException);
    }
  });

  it("answers 400 to bodies that are not JSON, not an object, or of wrong types, and 404 to an unknown path", async () => {
    await start();
    const authorization = "AWS4-HMAC-SHA256 Credential=k/20261105/us-east-1/ses/aws4_request, Signature=0";
    const ask = async (path: string, body: string): Promise<number> =>
      (await fetch(ses.url + path, { method: "POST", headers: { authorization }, body })).status;
    for (const body of ["{", "[]", '"x"', "{}", '{"Content":1}', '{"Content":{"Raw":{"Data":"%%%"}}}']) {
      expect(await ask("/v2/email/outbound-emails", body), body).toBe(400);
    }
    expect(await ask("/v2/email/nothing", "{}")).toBe(404);
    expect(await ask("/v2/email/identities/%E0%A4%A", "{}")).toBe(404);
  });

  it("answers 503 before it was started", async () => {
    await start();
    const { createSesServer } = await import("../../lib/local/ses-server.ts");
    const { createServer } = await import("node:http");
    const early = createSesServer({ dataDir: ses.dataDir, publish: () => Promise.resolve() });
    const http = createServer((req, res) => early.handle(req, res));
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const address = http.address();
    const port = typeof address === "object" ? address?.port : undefined;
    expect((await fetch(`http://127.0.0.1:${port}/v2/email/account`)).status).toBe(503);
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });
});

describe("faults that a test asks for", () => {
  it("answers the n-th call with any error, late if wished, and takes the others", async () => {
    const faults: (SendFault | undefined)[] = [
      { status: 503, errorType: "ServiceUnavailable", message: "try later", delayMs: 20 },
      undefined,
      { status: 400, errorType: "AccountSuspendedException", message: "suspended" },
    ];
    const seen: string[] = [];
    await start({
      onSend: (call, request) => {
        seen.push(`${call} ${request.destination.to.join()}`);
        return faults[call - 1];
      },
    });
    const begun = performance.now();
    await expect(ses.send(MAIL, "b@example.net")).rejects.toMatchObject({ name: "ServiceUnavailable" });
    expect(performance.now() - begun).toBeGreaterThan(18);
    const id = await ses.send(MAIL, "c@example.net");
    await expect(ses.send(MAIL, "d@example.net")).rejects.toMatchObject({ name: "AccountSuspendedException" });
    expect(seen).toEqual(["1 b@example.net", "2 c@example.net", "3 d@example.net"]);
    expect(await ses.outboxNames()).toEqual([`${id}.eml`, `${id}.json`]);
  });

  it("cuts the connection before taking the message, or after it", async () => {
    await start({ onSend: (call) => (["drop-before", "drop-after"] as const)[call - 1] });
    const before = await ses.send(MAIL, "b@example.net").catch((cause: unknown) => cause);
    expect(before).toBeInstanceOf(Error);
    expect(before).not.toBeInstanceOf(SESv2ServiceException);
    expect(await ses.outboxNames()).toEqual([]);
    await expect(ses.send(MAIL, "b@example.net")).rejects.not.toBeInstanceOf(SESv2ServiceException);
    expect((await ses.outboxNames()).length).toBe(2);
    await ses.send(MAIL, "b@example.net");
  });
});
