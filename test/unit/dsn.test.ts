import { describe, expect, it } from "vitest";
import { composeDsn } from "../../lib/core/dsn.ts";
import { dsnRecipient } from "../../lib/core/dsn-policy.ts";
import { bounced, dsnInput, ORIGINAL, tellingOutcome } from "../support/dsn-samples.ts";

const RECIPIENT = dsnRecipient(
  0,
  { address: "user@example.org" },
  bounced("Permanent", "NoEmail", { status: "5.1.1", diagnosticCode: "smtp; 550 5.1.1 No such user" }),
);
const RELAYED = dsnRecipient(
  0,
  { address: "user@example.org" },
  tellingOutcome("Delivery", { recipients: ["user@example.org"], smtpResponse: "250 2.6.0 ok" }),
);
const DELAYED = dsnRecipient(
  0,
  { address: "user@example.org" },
  tellingOutcome("DeliveryDelay", {
    delayType: "General",
    delayedRecipients: [{ emailAddress: "user@example.org" }],
    expirationTime: "2026-11-24T17:00:07.000Z",
  }),
);

/** Bytes as text in which every octet is one character. */
function latin1(bytes: Buffer): string {
  return bytes.toString("latin1");
}

/** The top header's fields, unfolded. */
function topFields(mail: Buffer): string[] {
  const header = latin1(mail).split("\r\n\r\n")[0] ?? "";
  return header.replace(/\r\n(?=[ \t])/g, "").split("\r\n");
}

/** The three parts as they stand between the delimiters, header included. */
function parts(mail: Buffer): string[] {
  const boundary = /boundary="([^"]+)"/.exec(latin1(mail))?.[1] ?? "";
  return latin1(mail).split(`\r\n--${boundary}`).slice(1, -1);
}

/** Part 2 with its folds undone. */
function statusOf(mail: Buffer): string {
  return (parts(mail)[1] ?? "").replace(/\r\n(?=[ \t])/g, "");
}

describe("composeDsn: the top header", () => {
  it("names the system, the return path and the English keyword, and says that a program replies", () => {
    const fields = topFields(composeDsn(dsnInput([RECIPIENT])));
    expect(fields).toContain("From: Mail Delivery System <mailer-daemon@relay.example.net>");
    expect(fields).toContain("To: <www@a.example>");
    expect(fields).toContain("Subject: Undelivered Mail Returned to Sender / =?UTF-8?B?6YWN5L+h5LiN6IO9?=");
    expect(fields).toContain("Auto-Submitted: auto-replied");
    expect(fields).toContain("References: <20261124030000.4C2F11C0A5@web1.a.example>");
    expect(fields).toContain("Date: Tue, 24 Nov 2026 16:00:30 +0900");
  });

  it("writes no field twice and no Return-Path, so that SES takes it", () => {
    for (const recipients of [[RECIPIENT], [RELAYED], [DELAYED]]) {
      const names = topFields(composeDsn(dsnInput(recipients))).map((line) => line.split(":")[0]?.toLowerCase());
      expect(new Set(names).size).toBe(names.length);
      expect(names).not.toContain("return-path");
    }
  });

  it("leaves References out when the Message-ID would break the header", () => {
    for (const originalMessageId of [
      "<a b@c>",
      "<x@y>\r\nBcc: evil@example.net",
      "",
      "<é@x>",
      `<${"x".repeat(1000)}@y>`,
    ]) {
      const mail = composeDsn(dsnInput([RECIPIENT], { originalMessageId }));
      expect(topFields(mail).filter((line) => /^(References|Bcc):/i.test(line))).toEqual([]);
    }
  });

  it("keeps an English subject in plain ASCII", () => {
    const subject = (recipients: Parameters<typeof dsnInput>[0]): string | undefined =>
      topFields(composeDsn(dsnInput(recipients, { language: "en" }))).find((line) => line.startsWith("Subject:"));
    expect(subject([RECIPIENT])).toBe("Subject: Undelivered Mail Returned to Sender");
    expect(subject([DELAYED])).toBe("Subject: Delayed Mail (still being retried)");
    expect(subject([RELAYED])).toBe("Subject: Successful Mail Relay Report");
  });
});

describe("composeDsn: message/delivery-status", () => {
  it("writes the message's fields, one blank line, and the recipient's fields", () => {
    const recipient = {
      ...RECIPIENT,
      originalRecipient: { type: "rfc822", value: "User@Example.org" },
      remoteMta: "mx.example.org",
    };
    const mail = composeDsn(dsnInput([recipient], { envid: "QQ1+abc" }));
    expect(statusOf(mail)).toBe(
      [
        "",
        "Content-Description: Delivery report",
        "Content-Type: message/delivery-status",
        "Content-Transfer-Encoding: 7bit",
        "",
        "Reporting-MTA: dns; relay.example.net",
        "Original-Envelope-Id: QQ1+abc",
        "Arrival-Date: Tue, 24 Nov 2026 12:00:05 +0900",
        "X-Relayhost-Queue-Id: 01kqv3m4x0abcdefghjk",
        "",
        "Original-Recipient: rfc822; User@Example.org",
        "Final-Recipient: rfc822; user@example.org",
        "Action: failed",
        "Status: 5.1.1",
        "Remote-MTA: dns; mx.example.org",
        "Diagnostic-Code: smtp; 550 5.1.1 No such user",
        "X-SES-Reporting-MTA: dsn; e234-7.smtp-out.ap-northeast-1.amazonses.com",
        "X-SES-Message-Id: 0106019ab3c4d5e6-1a2b3c4d-5e6f-7a8b-9c0d-1e2f3a4b5c6d-000000",
        "",
      ].join("\r\n"),
    );
  });

  it("leaves out what the client did not give: no Original-Envelope-Id, no Original-Recipient", () => {
    const status = statusOf(composeDsn(dsnInput([RECIPIENT])));
    expect(status).not.toMatch(/^Original-/m);
  });

  it.each([
    ["5.01.001", "5.1.1"],
    ["5.7.1 no thanks", "5.7.1"],
    ["4.4.7", "4.4.7"],
    ["2.0.0", "5.0.0"],
    ["550", "5.0.0"],
    ["", "5.0.0"],
  ])("writes the status %j of a failure as %s", (status, written) => {
    expect(statusOf(composeDsn(dsnInput([{ ...RECIPIENT, status }])))).toContain(`\r\nStatus: ${written}\r\n`);
  });

  it("writes Will-Retry-Until for a delay only", () => {
    const willRetryUntil = "2026-11-24T17:00:07.000Z";
    expect(statusOf(composeDsn(dsnInput([DELAYED])))).toContain("Will-Retry-Until: Wed, 25 Nov 2026 02:00:07 +0900");
    expect(statusOf(composeDsn(dsnInput([{ ...RECIPIENT, willRetryUntil }])))).not.toContain("Will-Retry-Until");
    expect(statusOf(composeDsn(dsnInput([{ ...RELAYED, willRetryUntil }])))).not.toContain("Will-Retry-Until");
  });

  it("names no remote server when the words are ours or those of SES", () => {
    for (const diagnosticCode of ["x-relayhost; suppressed", "x-amazon-ses; suppressed", "on the suppression list"]) {
      const status = statusOf(composeDsn(dsnInput([{ ...RECIPIENT, diagnosticCode, remoteMta: "mx.example.org" }])));
      expect(status).not.toContain("Remote-MTA");
      expect(status).not.toMatch(/Diagnostic-Code: smtp/);
    }
  });

  it("stays 7-bit, folded and in one group whatever a remote server or a client wrote", () => {
    const hostile = `550 5.1.1 存在しません\r\n\r\nAction: delivered\r\n\0${"word ".repeat(400)}${"x".repeat(5000)}`;
    const recipient = {
      ...RECIPIENT,
      diagnosticCode: `smtp; ${hostile}`,
      originalRecipient: { type: "rfc822", value: "a\r\nStatus: 2.0.0\r\n\r\n受付@example.org" },
    };
    const mail = composeDsn(dsnInput([recipient], { envid: "a\r\n\r\nFinal-Recipient: rfc822; x@y" }));
    const raw = parts(mail)[1] ?? "";
    expect(raw).toMatch(/^[\x20-\x7e\r\n]*$/);
    expect(Math.max(...raw.split("\r\n").map((line) => line.length))).toBeLessThanOrEqual(998);
    expect(raw.split("\r\n\r\n")).toHaveLength(3);
    expect(statusOf(mail).match(/^(?:Action|Status|Final-Recipient):/gm)).toEqual([
      "Final-Recipient:",
      "Action:",
      "Status:",
    ]);
    expect(statusOf(mail)).toContain("Original-Envelope-Id: a+0D+0A+0D+0AFinal-Recipient: rfc822; x@y");
    expect(statusOf(mail)).toContain("Original-Recipient: rfc822; a+0D+0AStatus: 2.0.0+0D+0A+0D+0A+E5+8F+97");
  });

  it("escapes an internationalised original recipient as RFC 6533 does", () => {
    const originalRecipient = { type: "utf-8", value: "受@example.jp" };
    const status = statusOf(composeDsn(dsnInput([{ ...RECIPIENT, originalRecipient }])));
    expect(status).toContain("Original-Recipient: utf-8; \\x{53D7}@example.jp");
  });

  it("drops a date that is none instead of failing", () => {
    const mail = composeDsn(dsnInput([{ ...DELAYED, willRetryUntil: "soon" }], { arrival: "?", now: "never" }));
    expect(topFields(mail).join("\n")).not.toMatch(/^Date:/m);
    expect(statusOf(mail)).not.toMatch(/^(?:Arrival-Date|Will-Retry-Until):/m);
    expect(latin1(mail)).not.toMatch(/Invalid|NaN|undefined/);
  });

  it("reports several recipients in one mail and mentions nobody else", () => {
    const other = { ...RECIPIENT, index: 3, finalRecipient: "second@example.org" };
    const mail = composeDsn(dsnInput([RECIPIENT, other], { original: Buffer.from("Subject: x\r\n\r\n") }));
    expect(statusOf(mail).match(/Final-Recipient: \S+ (\S+)/g)).toHaveLength(2);
    const named = new Set(latin1(mail).match(/[\w.]+@[\w.]*example\.org/g));
    expect(named).toEqual(new Set(["user@example.org", "second@example.org"]));
  });
});

describe("composeDsn: the returned original", () => {
  const part3 = (over: Parameters<typeof dsnInput>[1], recipient = RECIPIENT): string =>
    parts(composeDsn(dsnInput([recipient], over)))[2] ?? "";
  const content = (part: string): string => part.slice(part.indexOf("\r\n\r\n") + 4);

  it("returns a small message whole and byte for byte, declared as 8bit", () => {
    const part = part3({});
    expect(part).toContain("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n");
    expect(content(part)).toBe(latin1(ORIGINAL));
  });

  it("returns the header when RET=HDRS was asked, when the message is too large, and for other actions", () => {
    const header = latin1(ORIGINAL).split("\r\n\r\n")[0];
    const large = Buffer.concat([ORIGINAL, Buffer.alloc(200_000, "line of text\r\n")]);
    for (const part of [
      part3({ ret: "HDRS" }),
      part3({ original: large, ret: "FULL" }),
      part3({ originalBytesMax: ORIGINAL.length - 1 }),
      part3({ ret: "FULL" }, RELAYED),
      part3({ ret: "FULL" }, DELAYED),
    ]) {
      expect(part).toContain("Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 7bit");
      expect(content(part)).toBe(`${header}\r\n`);
    }
    expect(part3({ originalBytesMax: ORIGINAL.length })).toContain("message/rfc822");
  });

  it("never returns content that was refused for what it is, so that the report is not refused with it", () => {
    const virus = dsnRecipient(0, { address: "user@example.org" }, tellingOutcome("Reject", { reason: "Bad content" }));
    expect(part3({ ret: "FULL" }, virus)).toContain("text/rfc822-headers");
    const spam = dsnRecipient(0, { address: "user@example.org" }, bounced("Transient", "ContentRejected"));
    expect(part3({ ret: "FULL" }, spam)).toContain("text/rfc822-headers");
  });

  it("says which it is in the human part", () => {
    const text = (over: Parameters<typeof dsnInput>[1]): string =>
      Buffer.from(parts(composeDsn(dsnInput([RECIPIENT], { ...over, language: "en" })))[0] ?? "", "latin1").toString();
    expect(text({})).toContain("Your message is attached.");
    expect(text({ ret: "HDRS" })).toContain("The header of your message is attached.");
  });

  it("declares 8-bit header fields, with their charset when it is UTF-8", () => {
    const original = Buffer.from("Subject: 見積書\r\nTo: a@b.example\r\n\r\nx\r\n");
    expect(part3({ original, ret: "HDRS" })).toContain(
      "text/rfc822-headers; charset=utf-8\r\nContent-Transfer-Encoding: 8bit",
    );
    const sjis = Buffer.from("Subject: \x8c\xa9\x90\xcf\r\n\r\n", "latin1");
    expect(part3({ original: sjis, ret: "HDRS" })).toContain("text/rfc822-headers\r\nContent-Transfer-Encoding: 8bit");
  });

  it("folds lines above 998 octets and removes NUL and bare CR and LF", () => {
    const long = Buffer.from(
      `X-Long: ${"word ".repeat(500)}\r\nX-Token: ${"t".repeat(3000)}\r\n\r\n${"あ".repeat(2000)}\r\nbare\nlf and\rcr and\0nul\r\n`,
    );
    const mail = composeDsn(dsnInput([RECIPIENT], { original: long }));
    const text = latin1(mail);
    expect(Math.max(...text.split("\r\n").map((line) => line.length))).toBeLessThanOrEqual(998);
    expect(text.replaceAll("\r\n", "")).not.toMatch(/[\r\n\0]/);
    const returned = Buffer.from(content(parts(mail)[2] ?? ""), "latin1").toString("utf8");
    expect(returned.replaceAll("\r\n ", "")).toContain("あ".repeat(2000));
    expect(returned.replaceAll("\r\n ", " ")).toContain(`X-Long: ${"word ".repeat(500)}`);
  });

  it("leaves a line of 998 octets alone and folds one of 999", () => {
    const body = (octets: number): string =>
      content(part3({ original: Buffer.from(`S: x\r\n\r\n${"b".repeat(octets)}\r\n`) })).split("\r\n\r\n")[1] ?? "";
    expect(body(998)).toBe(`${"b".repeat(998)}\r\n`);
    expect(body(999)).toBe(`${"b".repeat(998)}\r\n b\r\n`);
  });

  it("cuts a monstrous header after a whole field", () => {
    const field = `X-Field: ${"v".repeat(60)}\r\n\tfolded\r\n`;
    const original = Buffer.from(`${field.repeat(3000)}\r\nbody\r\n`);
    const returned = content(part3({ original }));
    expect(returned.length).toBeLessThanOrEqual(100_000);
    expect(returned.length).toBeGreaterThan(99_000);
    expect(returned.replaceAll(field, "")).toBe("");
  });

  it("survives an original without header or without body", () => {
    for (const original of ["\r\n", "\r\nbody", "Subject: x", "Subject: x\r\n", "Subject: x\n\nbody"]) {
      for (const ret of ["FULL", "HDRS"] as const) {
        const mail = composeDsn(dsnInput([RECIPIENT], { original: Buffer.from(original), ret }));
        expect(parts(mail)).toHaveLength(3);
        expect(latin1(mail).endsWith("--\r\n")).toBe(true);
      }
    }
    expect(content(part3({ original: Buffer.from("\r\nbody"), ret: "HDRS" }))).toBe("");
    expect(content(part3({ original: Buffer.from("Subject: x\n\nbody"), ret: "HDRS" }))).toBe("Subject: x\r\n");
  });

  it("is left out, and not announced, when the original is kept no longer", () => {
    const mail = composeDsn(dsnInput([RECIPIENT], { original: Buffer.alloc(0), language: "en" }));
    expect(parts(mail)).toHaveLength(2);
    expect(latin1(mail)).not.toContain("attached");
    expect(latin1(mail).endsWith("--\r\n")).toBe(true);
  });

  it("gives its Subject to the human part when the caller does not know it", () => {
    const { originalSubject: _, ...input } = dsnInput([RECIPIENT]);
    expect(composeDsn(input).toString("utf8")).toContain("件名: 見積書送付のお知らせ\r\n");
    expect(
      composeDsn({ ...input, original: Buffer.from("To: x\r\n\r\nSubject: y\r\n") }).toString("utf8"),
    ).not.toContain("件名");
  });

  it("takes another boundary when the original contains the one it was given", () => {
    const boundary = dsnInput([RECIPIENT]).boundary;
    const original = Buffer.from(`Subject: x\r\n\r\n--${boundary}\r\n--1${boundary}--\r\n`);
    const mail = composeDsn(dsnInput([RECIPIENT], { original }));
    const used = /boundary="([^"]+)"/.exec(latin1(mail))?.[1] ?? "";
    expect(used.startsWith(boundary)).toBe(false);
    expect(latin1(mail).split(`--${used}`)).toHaveLength(5);
    expect(content(parts(mail)[2] ?? "")).toBe(latin1(original));
  });
});

describe("composeDsn: as a function", () => {
  it("makes the same bytes from the same value", () => {
    expect(composeDsn(dsnInput([RECIPIENT]))).toEqual(composeDsn(dsnInput([RECIPIENT])));
  });

  it("declares 7bit at the top only when nothing inside is 8-bit", () => {
    const ascii = Buffer.from("Subject: x\r\n\r\nplain\r\n");
    const over = { language: "en", original: ascii, originalSubject: Buffer.from("x") } as const;
    const plain = composeDsn(dsnInput([RECIPIENT], over));
    expect(latin1(plain)).toMatch(/^[\x20-\x7e\r\n]*$/);
    expect(topFields(plain)).toContain("Content-Transfer-Encoding: 7bit");
    expect(topFields(composeDsn(dsnInput([RECIPIENT], { ...over, original: ORIGINAL })))).toContain(
      "Content-Transfer-Encoding: 8bit",
    );
  });

  it("refuses what a caller must not ask for", () => {
    expect(() => composeDsn(dsnInput([]))).toThrow(RangeError);
    expect(() => composeDsn(dsnInput([RECIPIENT, RELAYED]))).toThrow(RangeError);
    expect(() => composeDsn(dsnInput([RECIPIENT], { to: "a@b.example>\r\nBcc: <x@y.example" }))).toThrow(RangeError);
    expect(() => composeDsn(dsnInput([RECIPIENT], { from: "nobody" }))).toThrow(RangeError);
    expect(() => composeDsn(dsnInput([RECIPIENT], { boundary: 'a"\r\nX: y' }))).toThrow(RangeError);
  });
});
