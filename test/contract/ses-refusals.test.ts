/** What the local SES refuses of a message and its destination. Texts are SES's own where senders have reported them. */

import { BadRequestException, SendEmailCommand } from "@aws-sdk/client-sesv2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { LocalSes } from "../support/local-ses.ts";

let ses: LocalSes;
beforeAll(async () => {
  ses = await LocalSes.start();
});
afterAll(async () => ses.stop());

const FROM = "From: a@example.com\r\n";
const BODY = "\r\n\r\nbody\r\n";

const refusalOf = async (raw: string | Buffer, to: string | string[] = "b@example.net"): Promise<unknown> =>
  ses.send(raw, to).then(
    () => "taken",
    (cause: unknown) => cause,
  );

const expectRefusal = (refusal: unknown, text: string): void => {
  expect(refusal).toBeInstanceOf(BadRequestException);
  expect(refusal).toMatchObject({ message: text, $metadata: { httpStatusCode: 400 } });
};

describe("fields that SES takes once only", () => {
  const names = `Accept-Language acceptLanguage Archived-At Auto-Submitted Bounces-to Comments Content-Alternative
    Content-Base Content-Class Content-Description Content-Disposition Content-Duration Content-ID Content-Language
    Content-Length Content-Location Content-MD5 Content-Transfer-Encoding Content-Type Date Delivered-To
    Disposition-Notification-Options Disposition-Notification-To DKIM-Signature DomainKey-Signature Errors-To From
    Importance In-Reply-To Keywords List-Archive List-Help List-Id List-Owner List-Post List-Subscribe List-Unsubscribe
    List-Unsubscribe-Post Message-Context Message-ID MIME-Version Organization Original-From Original-Message-ID
    Original-Recipient Original-Subject Precedence Priority References Reply-To Return-Path Return-Receipt-To Sender
    Solicitation Sensitivity Subject Thread-Index Thread-Topic User-Agent VBR-Info`.split(/\s+/);

  it.each(names)("%s is taken once and refused twice, in any case", async (name) => {
    const value = "a@example.com";
    const once = name === "From" ? "" : FROM;
    await ses.send(`${once}${name}: ${value}${BODY}`, "b@example.net");
    const twice = `${once}${name}: ${value}\r\n${name.toUpperCase()}: ${value}${BODY}`;
    expectRefusal(await refusalOf(twice), `Duplicate header '${name.toUpperCase()}'.`);
  });

  it.each(["Received", "X-Mailer", "To", "ARC-Seal", "Resent-From"])("%s may stand twice", async (name) => {
    await ses.send(`${FROM}${name}: x@example.net\r\n${name}: y@example.net${BODY}`, "b@example.net");
  });
});

describe("headers that SES refuses", () => {
  it.each([
    ["no From at all", `Subject: x${BODY}`, "Missing required header 'From'."],
    ["an empty From", `From: ${BODY}`, "Missing required header 'From'."],
    ["a From without a domain", `From: root${BODY}`, "Missing final '@domain'"],
    ["an empty To", `${FROM}To: ${BODY}`, "Empty required header 'To'."],
    ["To: root", `${FROM}To: root${BODY}`, "Missing final '@domain'"],
    ["a Cc without a domain in a list", `${FROM}Cc: <b@example.net>, "x, y" <root>${BODY}`, "Missing final '@domain'"],
    ["a field without a name", `${FROM}: x${BODY}`, "Empty header names are illegal."],
    ["a line that is no field", `${FROM}nonsense${BODY}`, "Malformed header line: 'nonsense'."],
    ["a name with a space in it", `${FROM}X Y: z${BODY}`, "Malformed header line: 'X Y: z'."],
    ["a bare LF", `${FROM}Subject: x\nX-Y: z${BODY}`, "Bare LF in the header section."],
    ["a bare CR", `${FROM}Subject: x\rX-Y: z${BODY}`, "Bare CR in the header section."],
    ["LF line ends all through", "From: a@example.com\nSubject: x\n\nbody\n", "Bare LF in the header section."],
    [
      "a continuation line in front",
      ` x\r\n${FROM}${BODY}`,
      "Malformed header: the message begins with a continuation line.",
    ],
  ])("refuses %s", async (_, raw, text) => {
    expectRefusal(await refusalOf(raw), text);
  });

  it.each([
    ["no To", `${FROM}Subject: x${BODY}`],
    ["a group without members", `${FROM}To: undisclosed-recipients:;${BODY}`],
    ["a comment and a quoted comma", `From: "a, b" (c@d) <a@example.com>\r\nTo: b@example.net (no, comma)${BODY}`],
    ["8-bit in a display name", `${FROM}To: 日本 <b@example.net>${BODY}`],
    ["folded fields", `From:\r\n a@example.com\r\nTo: b@example.net,\r\n\tc@example.net${BODY}`],
    ["a space before the colon", `From : a@example.com${BODY}`],
    ["a header without an end", "From: a@example.com\r\nSubject: x"],
    ["double dots in a local part", `${FROM}To: a..b.@docomo.example${BODY}`],
  ])("takes %s", async (_, raw) => {
    await ses.send(raw, "b@example.net");
  });

  it("refuses lines over 1000 characters only when told to", async () => {
    const long = `${FROM}Subject: x\r\n\r\n${"x".repeat(999)}\r\n`;
    const fits = `${FROM}Subject: x\r\n\r\n${"x".repeat(998)}\r\n${"y".repeat(998)}`;
    await ses.send(long, "b@example.net");
    const strict = await LocalSes.start({ refuseLongLines: true });
    try {
      await expect(strict.send(long, "b@example.net")).rejects.toThrow("longer than 1000 characters");
      await strict.send(fits, "b@example.net");
    } finally {
      await strict.stop();
    }
  });
});

describe("recipients that SES refuses", () => {
  it.each([
    ["an empty address", "", "Invalid email address ."],
    ["no domain", "root", "Missing final '@domain'"],
    ["an empty domain", "root@", "Missing domain"],
    ["a local part outside ASCII", "日本@example.net", "Local address contains control or whitespace"],
    ["a space in the local part", "a b@example.net", "Local address contains control or whitespace"],
    ["a domain outside ASCII", "a@例え.jp", "Domain contains control or whitespace"],
    ["two @", "a@b@example.net", "Domain contains illegal character"],
    ["a domain that ends with a dot", "a@example.net.", "Domain ends with dot"],
    ["two dots in the domain", "a@example..net", "Domain contains dot-dot"],
  ])("refuses %s", async (_, address, text) => {
    expectRefusal(await refusalOf(`${FROM}${BODY}`, address), text);
  });

  it("refuses the whole call for one bad recipient of many", async () => {
    const before = await ses.outboxNames();
    expectRefusal(await refusalOf(`${FROM}${BODY}`, ["b@example.net", "root"]), "Missing final '@domain'");
    expect(await ses.outboxNames()).toEqual(before);
  });

  it("takes 50 recipients over To, Cc and Bcc and refuses 51", async () => {
    const many = (n: number): string[] => Array.from({ length: n }, (_, i) => `b${i}@example.net`);
    const send = (n: number): Promise<unknown> =>
      ses.client.send(
        new SendEmailCommand({
          Content: { Raw: { Data: Buffer.from(`${FROM}${BODY}`) } },
          Destination: { ToAddresses: many(20), CcAddresses: many(20), BccAddresses: many(n - 40) },
        }),
      );
    await send(50);
    await expect(send(51)).rejects.toThrow("Recipient count exceeds 50.");
  });

  it("refuses a message for nobody", async () => {
    const nobody = new SendEmailCommand({ Content: { Raw: { Data: Buffer.from(`${FROM}${BODY}`) } } });
    await expect(ses.client.send(nobody)).rejects.toThrow("Missing required header 'To'.");
  });
});

describe("tags that SES refuses", () => {
  it.each([
    ["a.b", "x"],
    ["a", "x@y"],
    ["a", ""],
    ["a", "x".repeat(257)],
    ["日", "x"],
  ])("refuses the tag %j with the value %j", async (Name, Value) => {
    await expect(ses.send(`${FROM}${BODY}`, "b@example.net", { EmailTags: [{ Name, Value }] })).rejects.toThrow(
      /Invalid tag (name|value)/,
    );
  });

  it("takes tags of A-Z a-z 0-9 _ - up to 256 characters", async () => {
    const id = await ses.send(`${FROM}${BODY}`, "b@example.net", {
      EmailTags: [
        { Name: "A-z_0", Value: "y".repeat(256) },
        { Name: "__proto__", Value: "p" },
      ],
    });
    expect(JSON.stringify((await ses.outboxRequest(id))["tags"])).toBe(
      `{"A-z_0":"${"y".repeat(256)}","__proto__":"p"}`,
    );
  });
});
