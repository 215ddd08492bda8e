/**
 * What a real Postfix has to send, in all its kinds, goes through the whole of local mode and leaves with the same bytes.
 * Mistakes in its set-up and refusals are in postfix.test.ts.
 */

import { randomBytes } from "node:crypto";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { OutboxMail } from "../support/outbox.ts";
import { headerFields, splitMessage } from "../support/raw-message.ts";
import { DEMO_LOGIN, type RelayProcess, startRelay } from "../support/relay-process.ts";
import { certificateOf } from "./support/customer.ts";
import { carries, expectSameMail, firstDifference, type MarkedMail, markedMail } from "./support/mail.ts";
import { type Postfix, requirePostfix, startPostfix } from "./support/postfix.ts";
import { HOST_NAME } from "./support/postfix-configuration.ts";

/** A domain that this server hosts and that nobody registered with the relay. */
const UNREGISTERED_DOMAIN = "forgotten.test";

const SENDER = "user@example.com";
const RECIPIENT = "someone@recipient.test";

let relay: RelayProcess;

beforeAll(async () => {
  relay = await startRelay();
});
afterAll(async () => {
  await relay?.remove();
});

it("has a real Postfix to test with", async () => {
  await requirePostfix();
});

/** The outbox mails that carry the marker, once there are `count` of them. */
async function sentCopies(mail: MarkedMail, count = 1): Promise<OutboxMail[]> {
  const mails = await relay.waitForOutbox((all) => all.filter(carries(mail)).length >= count);
  return mails.filter(carries(mail));
}

/** Sends through Postfix and waits for the one copy in the outbox. */
async function relayed(postfix: Postfix, mail: MarkedMail, mailParameters?: string): Promise<OutboxMail> {
  const queueId = await postfix.submit({
    from: SENDER,
    to: [RECIPIENT],
    data: mail.bytes,
    ...(mailParameters === undefined ? {} : { mailParameters }),
  });
  await postfix.waitForLog(new RegExp(`${queueId}: to=<${RECIPIENT}>, relay=127\\.0\\.0\\.1.*status=sent`));
  const copies = await sentCopies(mail);
  expect(copies).toHaveLength(1);
  const [copy] = copies;
  if (copy === undefined) throw new Error("no copy");
  expect(copy.recipients).toEqual([RECIPIENT]);
  return copy;
}

/** Every octet that may stand in a line of an 8BITMIME body (RFC 6152): all but NUL, CR and LF. */
const EVERY_OCTET = Buffer.from(
  Array.from({ length: 255 }, (_, index) => index + 1).filter((o) => o !== 10 && o !== 13),
);

const ISO_2022_JP = Buffer.from('\u001b$B$3$s$K$A$O!"@$3&!#\u001b(B\r\nkono meeru ha ISO-2022-JP desu.\r\n', "latin1");

describe("Postfix with STARTTLS and AUTH", () => {
  let postfix: Postfix;

  beforeAll(async () => {
    postfix = await startPostfix({
      relay: { port: relay.smtpPort, login: DEMO_LOGIN },
      certificate: await certificateOf(relay),
      mailboxDomain: UNREGISTERED_DOMAIN,
    });
  });
  afterAll(async () => {
    await postfix?.remove();
  });

  it("logs in over TLS, and a plain mail leaves with the same bytes", async () => {
    const mail = markedMail("Hello,\r\n\r\nthis is a test.\r\n");
    const sent = await relayed(postfix, mail);
    expectSameMail(sent, mail);
    expect(headerFields(splitMessage(sent.raw).header)[0]?.raw).toContain("with ESMTPSA");
    const log = (await postfix.log()).join("\n");
    expect(log).toMatch(/Verified TLS connection established to 127\.0\.0\.1/);
  });

  const bodies: [string, Buffer | string, string[]][] = [
    ["UTF-8 text as 8bit", "こんにちは、世界。\r\nGrüße aus Köln – 100 €\r\n", utf8Fields("8bit")],
    ["ISO-2022-JP text with its escape sequences", ISO_2022_JP, jisFields()],
    ["every octet except NUL, CR and LF", Buffer.concat([EVERY_OCTET, Buffer.from("\r\n")]), utf8Fields("8bit")],
    ["lines of 997 and 998 octets", `${"x".repeat(997)}\r\n${"é".repeat(499)}\r\nend\r\n`, utf8Fields("8bit")],
    ["lines that begin with dots", ".\r\n..\r\n.dot\r\n...\r\n. \r\nend\r\n.\r\n", []],
    ["an empty body", "", []],
    ["only empty lines", "\r\n\r\n\r\n", []],
    ["trailing spaces and tabs", "text \r\n\t\r\n  \r\n", []],
    ["a body that looks like a header block", "Relayhost-Id: forged\r\nBcc: x@y.test\r\n\r\nBcc: z@y.test\r\n", []],
  ];
  it.each(bodies)("relays %s unchanged", async (_name, body, fields) => {
    const mail = markedMail(body, fields);
    expectSameMail(await relayed(postfix, mail, "BODY=8BITMIME"), mail);
  });

  it("relays an attachment of 20 MB unchanged", async () => {
    const encoded = randomBytes(15_000_000).toString("base64").replace(/.{76}/g, "$&\r\n");
    const part = "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    const mail = markedMail(`--b1\r\n${part}${encoded}\r\n--b1--\r\n`, [
      "MIME-Version: 1.0",
      'Content-Type: multipart/mixed; boundary="b1"',
    ]);
    expect(mail.bytes.length).toBeGreaterThan(20_000_000);
    expectSameMail(await relayed(postfix, mail), mail);
  });

  it("relays to 60 recipients on mixed domains, in two transactions, as 60 mails with one recipient each", async () => {
    const recipients = Array.from({ length: 60 }, (_, index) => `r${index}@domain${index % 7}.test`);
    const mail = markedMail("To all of you.\r\n");
    const queueId = await postfix.submit({ from: SENDER, to: recipients, data: mail.bytes });
    const copies = await sentCopies(mail, recipients.length);
    await postfix.waitForEmptyQueue();

    expect(copies.map((copy) => copy.recipients)).toHaveLength(recipients.length);
    expect(copies.map((copy) => copy.recipients.join(" ")).sort()).toEqual([...recipients].sort());
    for (const copy of copies) expectSameMail(copy, mail);
    const replies = (await postfix.log()).flatMap((line) =>
      line.includes(`${queueId}: to=`) ? [/status=sent \((.*)\)/.exec(line)?.[1]] : [],
    );
    expect(replies).toHaveLength(recipients.length);
    expect(new Set(replies).size).toBe(2);
  });

  it("removes the fields that must not leave, and only those", async () => {
    const mail = markedMail("text\r\n", [
      "References: <first@example.com>\r\n <second@example.com>",
      "In-Reply-To: <second@example.com>",
      "Return-Path: <other@example.com>",
      "Bcc: hidden@recipient.test,\r\n other@recipient.test",
      "DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=k;\r\n\tbh=AAAA; b=BBBB",
      "Relayhost-Id: forged",
      "X-SES-CONFIGURATION-SET: forged",
      "X-Folded: one\r\n two\r\n\tthree",
      "Reply-To: =?UTF-8?B?44OG44K544OI?= <reply@example.com>",
      "List-Unsubscribe: <mailto:off@example.com>",
      "Auto-Submitted: auto-generated",
    ]);
    const sent = await relayed(postfix, mail);
    expectSameMail(sent, mail);
    const header = splitMessage(sent.raw).header.toString("latin1");
    expect(header).not.toMatch(/forged|hidden@recipient\.test|BBBB|^relayhost-/im);
    expect(header).toContain("X-Folded: one\r\n two\r\n\tthree\r\n");
  });

  it("relays what cron and PHP hand to sendmail, with CRLF for each LF", async () => {
    const mail = markedMail("8-bit: ü こ\n.\nend\n");
    await postfix.sendmail(SENDER, [RECIPIENT], mail.bytes.toString("utf8").replaceAll("\r\n", "\n"));
    const copies = await sentCopies(mail);
    expect(copies).toHaveLength(1);
    const body = copies[0] === undefined ? Buffer.alloc(0) : splitMessage(copies[0].raw).body;
    expect(firstDifference(body, Buffer.from("8-bit: ü こ\r\n.\r\nend\r\n", "utf8"))).toBeUndefined();
  });

  it("relays Postfix's own bounce, which has the null sender, to the author of the failed mail", async () => {
    const mail = markedMail("Nobody lives there: ü\r\n");
    const missing = `nobody-by-this-name@${HOST_NAME}`;
    await postfix.submit({ from: SENDER, to: [missing], data: mail.bytes });
    const sent = await relay.waitForOutbox((all) => all.some(bounceOf(mail)));
    await postfix.waitForEmptyQueue();

    const bounces = sent.filter(bounceOf(mail));
    expect(bounces).toHaveLength(1);
    expect(sent.filter(carries(mail))).toHaveLength(0);
    const [bounce] = bounces;
    if (bounce === undefined) throw new Error("no bounce");
    expect(bounce.recipients).toEqual([SENDER]);
    const { header, body } = splitMessage(bounce.raw);
    const fields = headerFields(header).map((field) => field.raw);
    expect(fields).toContainEqual(expect.stringMatching(/^From: .*MAILER-DAEMON@plesk1\.example\.com/i));
    expect(fields).toContainEqual(
      expect.stringMatching(/^Content-Type: multipart\/report; report-type=delivery-status/),
    );
    expect(body.toString("latin1")).toContain(`Final-Recipient: rfc822; ${missing}`);
    expect(body.includes(splitMessage(mail.bytes).body)).toBe(true);
    const log = (await postfix.log()).join("\n");
    expect(log).toMatch(/from=<>, .*\n(?:.*\n)*.*to=<user@example\.com>, relay=127\.0\.0\.1.*status=sent/);
  });

  it("refuses a sender domain of nobody's: Postfix tells the author why, and nothing leaves", async () => {
    const author = `author@${UNREGISTERED_DOMAIN}`;
    const mail = markedMail("text\r\n", [], author);
    const queueId = await postfix.submit({ from: author, to: [RECIPIENT], data: mail.bytes });
    await postfix.waitForLog(new RegExp(`${queueId}: to=<${RECIPIENT}>, .*dsn=5\\.7\\.1, status=bounced`));
    await postfix.waitForEmptyQueue();

    const [bounce, ...more] = (await postfix.localMails()).filter((bytes) => bytes.includes(mail.marker));
    expect(more).toEqual([]);
    expect(bounce?.toString("latin1")).toMatch(/Diagnostic-Code: smtp; 550 5\.7\.1 /);
    expect(bounce?.toString("latin1")).toContain(UNREGISTERED_DOMAIN);
    const leaked = (await relay.outbox()).filter((sent) => sent.raw.includes(mail.marker));
    expect(leaked).toEqual([]);
  });
});

/** True for a mail that reports on the marked one: quotes its marker without being a copy of it. */
function bounceOf(mail: MarkedMail): (candidate: OutboxMail) => boolean {
  const isCopy = carries(mail);
  return (candidate) => candidate.raw.includes(mail.marker) && !isCopy(candidate);
}

function utf8Fields(encoding: string): string[] {
  return ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", `Content-Transfer-Encoding: ${encoding}`];
}

function jisFields(): string[] {
  return ["MIME-Version: 1.0", "Content-Type: text/plain; charset=ISO-2022-JP", "Content-Transfer-Encoding: 7bit"];
}
