import { describe, expect, it } from "vitest";
import { describeEdit } from "../../lib/core/header-edits.ts";
import { readHeader } from "../../lib/core/header-fields.ts";
import { differingField, HEADER_RULES, ruleOf, SES_ONCE_ONLY_FIELDS } from "../../lib/core/header-rules.ts";
import { ONCE_ONLY_FIELDS } from "../../lib/local/ses-message-checks.ts";
import { fieldsOf, messageOf, prepare, RECEIVED } from "../support/header-rules.ts";

const FROM = "From: a@example.com";
const left = (header: string[], options: Parameters<typeof prepare>[1] = {}): string[] =>
  fieldsOf(prepare([FROM, ...header], options)).slice(1);

describe("the table of header rules", () => {
  it("says for every rule why, and names every once-only field of SES", () => {
    for (const rule of HEADER_RULES) expect(rule.because.length).toBeGreaterThan(10);
    expect(new Set(SES_ONCE_ONLY_FIELDS)).toEqual(ONCE_ONLY_FIELDS);
    for (const name of SES_ONCE_ONLY_FIELDS) expect(ruleOf(name)).toBeDefined();
  });

  it("lets the first rule that names a field hold", () => {
    expect(ruleOf("x-ses-tenant")?.action).toBe("remove");
    expect(ruleOf("dkim-signature")?.action).toBe("remove-signature");
    expect(ruleOf("from")?.action).toBe("refuse-if-copies-differ");
    expect(ruleOf("list-id")?.action).toBe("keep-topmost");
    expect(ruleOf("received")).toBeUndefined();
    expect(ruleOf("x-session")).toBeUndefined();
    expect(ruleOf("constructor")).toBeUndefined();
  });
});

describe("prepareForSes", () => {
  it("puts our Received on top and leaves every other octet as it came", () => {
    const message = messageOf([
      "Received: from b by c;\r\n\tMon, 1 Jan 2026 00:00:00 +0000",
      'fRoM :\t"A\\"B" <a@example.com> ',
      "X-Odd:\r\n \r\n  value \xe9\xff",
      "received: again",
      "Resent-To: root",
      "ARC-Seal: i=1",
      "X-Empty:",
    ]);
    const prepared = prepare(message);
    expect(prepared.bytes.equals(Buffer.concat([RECEIVED, message]))).toBe(true);
    expect(prepared.edits.map(describeEdit)).toEqual([`received: received-added (0 to ${RECEIVED.length} octets)`]);
    expect(prepared.foldedBodyLines).toBe(0);
    expect(prepared.refusal).toBeUndefined();
  });

  it.each([
    "Relayhost-Id: x",
    "relayhost-rcpt: TO:<x@y>",
    "X-SES-CONFIGURATION-SET: theirs",
    "x-ses-message-tags: a=b",
    "X-Ses-Tenant\t : x",
    "Bcc: secret@example.net,\r\n other@example.net",
    "RESENT-BCC: secret@example.net",
    "Return-Path: <x@example.org>",
    "DKIM-Signature: v=1;\r\n b=x",
    "DomainKey-Signature: a=rsa-sha1",
  ])("takes out %j and all its copies", (field) => {
    expect(left([field, "Subject: s", field.toUpperCase()])).toEqual(["Subject: s"]);
  });

  it("keeps the topmost DKIM-Signature when told to", () => {
    expect(left(["DKIM-Signature: 1", "DKIM-Signature: 2"], { keepDkim: true })).toEqual(["DKIM-Signature: 1"]);
  });

  it.each([
    ["Sender: x@example.com", true],
    ['Sender: "X" <x@Example.JP>', true],
    ["Sender: x@example.org", false],
    ["Sender: x@sub.example.org", false],
    ["Sender: nobody", false],
    ["Sender:", false],
  ])("judges %j by its domain: stays %j", (sender, stays) => {
    expect(left([sender])).toEqual(stays ? [sender] : []);
  });

  it("keeps only the topmost Sender, and none when that one is foreign", () => {
    expect(left(["Sender: a@example.com", "Sender: b@example.com"])).toEqual(["Sender: a@example.com"]);
    expect(left(["Sender: a@example.org", "Sender: b@example.com"])).toEqual([]);
  });

  it("keeps the topmost of the other once-only fields, whatever the copies hold", () => {
    const header = ["List-Id: <a>", "Date: d1", "LIST-ID: <b>", "Date : d2", "Delivered-To: x", "Delivered-To: y"];
    expect(left(header)).toEqual(["List-Id: <a>", "Date: d1", "Delivered-To: x"]);
  });

  it("makes one of equal copies of From, Subject and the MIME fields", () => {
    const header = [
      "FROM:  a@example.com",
      "Subject: a\r\n b",
      "Subject: a b ",
      "MIME-Version: 1.0",
      "Mime-Version: 1.0",
    ];
    expect(left(header)).toEqual(["Subject: a\r\n b", "MIME-Version: 1.0"]);
  });

  it.each([
    "From: b@example.com",
    "Subject: t",
    "MIME-Version: 1.1",
    "Content-Type: text/html",
    "Content-Transfer-Encoding: 8bit",
  ])("refuses a message with a second, different field %j with 5.6.0, and names the field", (second) => {
    const first = [
      FROM,
      "Subject: s",
      "MIME-Version: 1.0",
      "Content-Type: text/plain",
      "Content-Transfer-Encoding: 7bit",
    ];
    const prepared = prepare([...first, "Message-ID: <m@x>", "Date: d", second]);
    expect(prepared.refusal).toMatchObject({ reason: "copies-differ", status: "5.6.0" });
    expect(prepared.refusal?.text).toContain(second.slice(0, second.indexOf(":")).toLowerCase());
    expect(prepared).toMatchObject({ edits: [], originalMessageId: "m@x", originalDate: "d" });
    expect(prepared.bytes.length).toBe(0);
  });

  it.each([
    ["a bare LF in the body", messageOf([FROM], "a\nb\r\n")],
    ["a bare CR in the header", messageOf([FROM, "Subject: a\rb"])],
    ["a NUL", messageOf([FROM], "\0\r\n")],
  ])("refuses %s with 5.6.11", (_, message) => {
    expect(prepare(message).refusal).toMatchObject({ reason: "bare-line-end", status: "5.6.11" });
    expect(prepare(message).bytes.length).toBe(0);
  });

  it("adds a domain to bare recipients, joins copies, and takes out an empty To or Cc", () => {
    expect(left(["To: root", "Cc:", "to: a@example.net", "Cc: (none)"])).toEqual([
      "To: root@example.com,\r\n a@example.net",
    ]);
    expect(left(["TO: root,\r\n a@example.net"])).toEqual(["TO: root@example.com,\r\n a@example.net"]);
  });

  it("renames a To that SES would refuse, so that it can still be read", () => {
    expect(left(['To: "unclosed'])).toEqual(['X-Malformed-To: "unclosed']);
    expect(left(["Cc: John Smith"])).toEqual(["X-Malformed-Cc: John Smith"]);
  });

  it("renames lines that are no field, and drops the From line of a mailbox file", () => {
    const header = ["From a@b Mon Jan 1 10:00:00 2026", FROM, ": none", "My Field: x", "Subject: s"];
    expect(fieldsOf(prepare(header))).toEqual([FROM, "X-Malformed: : none", "X-Malformed: My Field: x", "Subject: s"]);
  });

  it("puts in the empty line that a client forgot", () => {
    const text = (message: string): string => prepare(Buffer.from(message)).bytes.toString().slice(RECEIVED.length);
    expect(text("From: a@example.com\r\nHello\r\n")).toBe("From: a@example.com\r\n\r\nHello\r\n");
    expect(text("From: a@example.com\r\n")).toBe("From: a@example.com\r\n\r\n");
    expect(text("From: a@example.com")).toBe("From: a@example.com\r\n\r\n");
    expect(text("Hello")).toBe("\r\nHello");
    expect(text("\r\nHello")).toBe("\r\nHello");
    expect(text("")).toBe("\r\n");
  });

  it("tells the original Message-ID and Date, those of the topmost fields", () => {
    const prepared = prepare([FROM, "Date : d1 ", "Message-Id:\r\n <m1@x>", "Date: d2", "Message-ID: <m2@x>"]);
    expect(prepared).toMatchObject({ originalMessageId: "m1@x", originalDate: "d1" });
    expect(prepare([FROM])).not.toHaveProperty("originalMessageId");
  });

  it("folds, passes or refuses body lines over 998 octets, and counts those folded", () => {
    const message = messageOf([FROM], `${"x".repeat(2000)}\r\n${"y".repeat(999)}\r\nz\r\n`);
    const folded = prepare(message);
    expect(folded.foldedBodyLines).toBe(2);
    expect(folded.bytes.toString().endsWith(`y\r\n y\r\nz\r\n`)).toBe(true);
    const passed = prepare(message, { longBodyLines: "pass" });
    expect(passed.bytes.equals(Buffer.concat([RECEIVED, message]))).toBe(true);
    expect(passed.foldedBodyLines).toBe(0);
    expect(prepare(message, { longBodyLines: "refuse" }).refusal).toMatchObject({
      reason: "long-line",
      status: "5.6.0",
    });
    expect(prepare(messageOf([FROM], "short\r\n"), { longBodyLines: "refuse" }).refusal).toBeUndefined();
  });

  it("folds long header lines also under the policies pass and refuse", () => {
    const message = messageOf([FROM, `X: ${"word ".repeat(300)}end`]);
    expect(prepare(message, { longBodyLines: "refuse" }).edits.at(-1)?.kinds).toEqual(["lines-folded"]);
  });

  it("sets the fields that a policy gives, in place or at the end, and drops their copies", () => {
    const set = (text: string): Buffer => Buffer.from(`${text}\r\n`);
    const setFields = new Map([
      ["from", set("From: Shown <system@example.com>")],
      ["reply-to", set("Reply-To:\r\n other@example.org")],
      ["auto-submitted", set("Auto-Submitted: auto-replied")],
    ]);
    const message = [FROM, "Reply-To: 1", "Subject: s", "Reply-To: 2"];
    const expected = ["From: Shown <system@example.com>", "Reply-To:\r\n other@example.org", "Subject: s"];
    expect(fieldsOf(prepare(message, { setFields }))).toEqual([...expected, "Auto-Submitted: auto-replied"]);
    const unended = Buffer.from("Subject: s");
    expect(prepare(unended, { setFields }).bytes.toString().slice(RECEIVED.length)).toMatch(
      /^Subject: s\r\nFrom: .*\r\nReply-To:\r\n .*\r\nAuto-Submitted: auto-replied\r\n\r\n$/,
    );
  });

  it.each(["X: no line end", "X: a\nb\r\n", "X: a\r\rb\r\n", "X: a\r\nBcc: b\r\n", " X: a\r\n", ""])(
    "throws on a Received field %j, which is a mistake of ours",
    (field) => {
      expect(() => prepare([FROM], { receivedField: Buffer.from(field) })).toThrow(/whole lines/);
    },
  );

  it("does not change the bytes it was given", () => {
    const message = messageOf([FROM, "Bcc: x", "To: root", "Message-ID: <m@x>"], `${"x".repeat(1500)}\r\n`);
    const before = Buffer.from(message);
    prepare(message);
    expect(message.equals(before)).toBe(true);
  });
});

describe("differingField", () => {
  it("is undefined as long as copies agree in all but blanks and folding", () => {
    const of = (header: string[]): string | undefined => {
      const message = messageOf(header);
      return differingField(message, readHeader(message));
    };
    expect(of([FROM, "From:a@example.com", "To: a", "To: b"])).toBeUndefined();
    expect(of([FROM, "from: A@example.com"])).toBe("from");
  });
});
