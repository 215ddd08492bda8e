/**
 * Reports as others read them: python3's `email` package and mailparser. Also shapes nobody would write by hand.
 */

import * as fc from "fast-check";
import { simpleParser } from "mailparser";
import { describe, expect, it } from "vitest";
import { composeDsn, type DsnInput } from "../../lib/core/dsn.ts";
import { isContentTheCause } from "../../lib/core/dsn-reasons.ts";
import { dsnInput, dsnSamples } from "../support/dsn-samples.ts";
import { fieldOf, readWithPython } from "../support/python-email.ts";

const SAMPLES = dsnSamples();

/** Body of an original, as it must come back. */
function bodyOf(original: Buffer): Buffer {
  return original.subarray(original.indexOf("\r\n\r\n") + 4);
}

describe("python3's email package", () => {
  it("reads every sample as a delivery report without a defect, with the fields that were put in", () => {
    const mails = readWithPython(SAMPLES.map((sample) => sample.bytes));
    expect(mails).toHaveLength(SAMPLES.length);
    for (const [i, mail] of mails.entries()) {
      const sample = SAMPLES[i];
      if (sample === undefined) throw new Error("more mails than samples");
      const { input } = sample;
      expect(mail.type, sample.file).toBe("multipart/report");
      expect(mail.reportType).toBe("delivery-status");
      expect(mail.defects, sample.file).toEqual([]);
      expect(fieldOf(mail.fields, "To")).toBe("www@a.example");
      expect(fieldOf(mail.fields, "Subject")).toMatch(
        input.language === "ja" ? / \/ \p{Script=Han}/u : /^[\x20-\x7e]+$/u,
      );
      expect(mail.parts.map((part) => part.type).slice(0, 2)).toEqual(["text/plain", "message/delivery-status"]);

      const [text, status, original] = mail.parts;
      const first = input.recipients[0];
      expect(text?.text).toContain(first?.finalRecipient);
      expect(status?.groups).toHaveLength(1 + input.recipients.length);
      const [message, ...groups] = status?.groups ?? [];
      expect(fieldOf(message ?? [], "Reporting-MTA")).toBe("dns; relay.example.net");
      expect(fieldOf(message ?? [], "Original-Envelope-Id")).toBe("QQ1+abc");
      for (const [n, group] of groups.entries()) {
        const recipient = input.recipients[n];
        expect(fieldOf(group, "Final-Recipient")).toBe(`rfc822; ${recipient?.finalRecipient}`);
        expect(fieldOf(group, "Action")).toBe(recipient?.action);
        expect(fieldOf(group, "Status")).toBe(recipient?.status);
        expect(fieldOf(group, "Diagnostic-Code")).toBe(recipient?.diagnosticCode);
        expect(fieldOf(group, "Original-Recipient")).toBe(
          recipient?.originalRecipient && `rfc822; ${recipient.originalRecipient.value}`,
        );
      }
      const whole = first?.action === "failed" && !isContentTheCause(first.reason);
      expect(original?.type, sample.file).toBe(whole ? "message/rfc822" : "text/rfc822-headers");
      if (whole) {
        expect(Buffer.from(original?.inner?.body ?? "", "base64")).toEqual(bodyOf(input.original));
        expect(fieldOf(original?.inner?.fields ?? [], "Message-ID")).toBe(input.originalMessageId);
      } else {
        expect(original?.text).toContain(`Message-ID: ${input.originalMessageId}`);
        expect(original?.text).not.toContain("見積書をお送りします");
      }
    }
  });

  it("reads reports on hostile input the same way: its parts, one group per recipient, no defect", () => {
    const inputs = fc.sample(hostileInput(), { numRuns: 100, seed: 20261124 });
    const bytes = inputs.map((input) => composeDsn(input));
    for (const mail of bytes) expect(wireProblems(mail)).toEqual([]);
    for (const [i, mail] of readWithPython(bytes).entries()) {
      const input = inputs[i];
      expect(mail.defects, JSON.stringify(input)).toEqual([]);
      expect(mail.parts).toHaveLength(input?.original.length === 0 ? 2 : 3);
      expect(mail.parts[1]?.groups).toHaveLength(1 + (input?.recipients.length ?? 0));
      for (const group of mail.parts[1]?.groups?.slice(1) ?? []) {
        const names = group.map(([name]) => name.toLowerCase());
        expect(new Set(names).size).toBe(names.length);
        expect(fieldOf(group, "Status")).toMatch(/^[245]\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/);
        expect(fieldOf(group, "Action")).toBe(input?.recipients[0]?.action);
      }
    }
  }, 120_000);
});

describe("mailparser", () => {
  it("shows the human part of every sample as the text and the rest as attachments", async () => {
    for (const sample of SAMPLES) {
      const mail = await simpleParser(sample.bytes, { keepDeliveryStatus: true });
      const first = sample.input.recipients[0];
      expect(mail.from?.value[0]).toMatchObject({
        name: "Mail Delivery System",
        address: "mailer-daemon@relay.example.net",
      });
      expect(mail.references).toBe(sample.input.originalMessageId);
      expect(mail.text?.split("\n")[0], sample.file).toContain(first?.finalRecipient);
      if (sample.input.language === "ja") expect(mail.text).toContain("このメールは自動送信です。");
      const types = mail.attachments.map((attachment) => attachment.contentType);
      expect(types[0]).toBe("message/delivery-status");
      expect(types).toHaveLength(2);
    }
  });
});

/** What would make SES or a server on the way refuse or damage the mail. */
function wireProblems(mail: Buffer): string[] {
  const text = mail.toString("latin1");
  const problems: string[] = [];
  const lines = text.split("\r\n");
  const long = lines.find((line) => line.length > 998);
  if (long !== undefined) problems.push(`a line of ${long.length} octets: ${JSON.stringify(long.slice(0, 80))}`);
  const bare = lines.find((line) => /[\r\n\0]/.test(line));
  if (bare !== undefined) problems.push(`a bare CR or LF, or NUL: ${JSON.stringify(bare.slice(0, 80))}`);
  const header = text.slice(0, text.indexOf("\r\n\r\n")).replace(/\r\n[ \t]/g, " ");
  const names = header.split("\r\n").map((line) => line.slice(0, line.indexOf(":")).toLowerCase());
  if (new Set(names).size !== names.length) problems.push("a field twice");
  if (/[^\x20-\x7e\r\n]/.test(header)) problems.push("8-bit header");
  const eightBit = /[\x80-\xff]/.test(text);
  if (eightBit !== header.includes("\r\nContent-Transfer-Encoding: 8bit")) {
    problems.push("8-bit content is not declared");
  }
  return problems;
}

/** Values as a hostile client and a hostile remote server would fill them. */
function hostileInput(): fc.Arbitrary<DsnInput> {
  const nasty = fc.oneof(
    fc.string({ unit: "binary", maxLength: 60 }),
    fc.constantFrom(
      "\r\n\r\nAction: delivered",
      "\r\nBcc: evil@example.net",
      "--=_dsn_01kqv3m4x0abcdefghjk--",
      "=?UTF-8?B?",
      "x".repeat(1200),
      "word ".repeat(300),
      "存在しません".repeat(90),
      "\0\u0001\u2028\ud83d",
      ";;;",
    ),
  );
  const text = fc.array(nasty, { maxLength: 3 }).map((pieces) => pieces.join(""));
  const recipient = fc.record(
    {
      index: fc.nat(99),
      finalRecipient: fc.constantFrom(
        "user@example.org",
        '"odd \\" name"@example.org',
        `${"l".repeat(64)}@${"d".repeat(60)}.example`,
      ),
      originalRecipient: fc.record({ type: fc.constantFrom("rfc822", "utf-8", "x400", "bad type"), value: text }),
      status: fc.oneof(text, fc.constantFrom("5.1.1", "05.001.1", "4.2.2", "2.0.0")),
      diagnosticCode: fc.oneof(
        text,
        text.map((words) => `smtp; 550 ${words}`),
      ),
      remoteText: text,
      remoteMta: text,
      willRetryUntil: fc.oneof(text, fc.constant("2026-11-24T17:00:00.000Z")),
      lastAttempt: text,
      sesReportingMta: text,
      sesMessageId: text,
      reason: fc.constantFrom("no-such-user", "general", "virus", "delayed", "relayed", "blocked-ip"),
    },
    { requiredKeys: ["index", "finalRecipient", "status", "reason"] },
  );
  const original = fc.oneof(
    text.map((words) => Buffer.from(words)),
    fc.uint8Array({ maxLength: 3000 }).map((octets) => Buffer.from(octets)),
    text.map((words) => Buffer.from(`Subject: ${words}\r\nX: y\r\n\r\n${words}\r\n`)),
  );
  return fc
    .record({
      action: fc.constantFrom("failed", "delayed", "relayed"),
      language: fc.constantFrom("en", "ja"),
      ret: fc.constantFrom("FULL", "HDRS"),
      envid: text,
      originalMessageId: text,
      subject: text,
      arrival: fc.oneof(text, fc.constant("2026-11-24T03:00:00Z")),
      original,
      recipients: fc.array(recipient, { minLength: 1, maxLength: 4 }),
    })
    .map(({ action, recipients, subject, ...over }) =>
      dsnInput(
        recipients.map((each) => ({ ...each, action })),
        { ...(over as Partial<DsnInput>), originalSubject: Buffer.from(subject) },
      ),
    );
}
