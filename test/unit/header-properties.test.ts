import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type MessageHeader, readHeader } from "../../lib/core/header-fields.ts";
import { foldHeaderField } from "../../lib/core/header-fold.ts";
import { type PreparedMessage, ruleOf, SES_ONCE_ONLY_FIELDS } from "../../lib/core/header-rules.ts";
import { prepare, RECEIVED } from "../support/header-rules.ts";

const RUNS = { numRuns: 1000 };

/** Fragments that parsers trip over, and lengths around the limits. */
const fragment = fc.oneof(
  fc.constantFrom("a@example.com", "<b@example.net>", "root", "<m.1@x>", '"', "(", ")", ",", ";", ":", "<", ">", "\\"),
  fc.constantFrom(
    " ",
    "\t",
    "\r\n ",
    "\r\n\t",
    "\r\n \r\n ",
    "=?UTF-8?B?5bGx?=",
    "\x1b$B;3ED\x1b(B",
    "\x1b",
    "\xe5\xb1\xb1",
  ),
  fc.constantFrom("group:;", "undisclosed-recipients:;", "1.0", "text/plain", "\xff", "\x7f", "@", ".", "[", "]"),
  fc.constantFrom(
    "x".repeat(320),
    "y".repeat(998),
    "z".repeat(2100),
    " ".repeat(1100),
    "w ".repeat(600),
    "\\".repeat(999),
  ),
  fc.string({ unit: "binary-ascii", maxLength: 12 }),
);
const value = fc.array(fragment, { maxLength: 8 }).map((parts) => parts.join(""));
const name = fc.oneof(
  fc.constantFrom(...SES_ONCE_ONLY_FIELDS, "to", "cc", "bcc", "resent-bcc", "x-ses-tenant", "relayhost-id", "received"),
  fc.constantFrom(
    "From",
    "To",
    "Subject",
    "Message-ID",
    "References",
    "In-Reply-To",
    "Sender",
    "Reply-To",
    "X-Any",
    "X-B",
  ),
  fc.constantFrom("To ", "SUBJECT\t", "", "My Field", "\xe9", "From x", "n".repeat(999)),
);
const line = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(name, value).map(([left, right]) => `${left}:${right}`) },
  { weight: 1, arbitrary: value },
  { weight: 1, arbitrary: fc.constantFrom("From a@b Mon Jan 1 10:00:00 2026", "junk", " leading", "") },
);
const body = fc.array(fc.oneof(value, fc.constantFrom("", ".", "From: x", "é".repeat(700))), { maxLength: 6 });
const structured = fc
  .tuple(fc.array(line, { maxLength: 12 }), fc.option(body, { nil: undefined }), fc.boolean())
  .map(([header, lines, ended]) => {
    const text = [...header, ...(lines === undefined ? [] : ["", ...lines])].join("\r\n");
    return Buffer.from(ended ? `${text}\r\n` : text, "latin1");
  });
const random = fc.uint8Array({ maxLength: 400 }).map((octets) => Buffer.from(octets));
const crlfSoup = fc
  .array(fc.constantFrom("\r", "\n", "\r\n", " ", ":", "a", "From", "\0", "To: "), { maxLength: 60 })
  .map((parts) => Buffer.from(parts.join(""), "latin1"));
const anyMessage = fc.oneof({ weight: 6, arbitrary: structured }, random, crlfSoup);

describe("prepareForSes, on any bytes", () => {
  it("never throws, and refuses or answers with bytes that keep SES's rules", () => {
    const outcomes = { sent: 0, refused: 0 };
    fc.assert(
      fc.property(anyMessage, (message) => {
        const prepared = prepare(message);
        if (prepared.refusal !== undefined) {
          outcomes.refused++;
          expect(prepared.bytes.length).toBe(0);
          return;
        }
        outcomes.sent++;
        const text = prepared.bytes.toString("latin1");
        expect(text).not.toMatch(/(^|[^\r])\n|\r([^\n]|$)|\0/);
        expect(text.startsWith(RECEIVED.toString("latin1"))).toBe(true);
        const lines = text.slice(0, text.indexOf("\r\n\r\n")).split("\r\n");
        const names: string[] = [];
        for (const each of lines) {
          expect(each.length).toBeLessThanOrEqual(998);
          if (/^[ \t]/.test(each)) continue;
          expect(each).toMatch(/^[!-9;-~]+[ \t]*:/);
          names.push((each.split(":")[0] ?? "").trimEnd().toLowerCase());
        }
        for (const once of [...SES_ONCE_ONLY_FIELDS, "to", "cc"]) {
          expect(names.filter((each) => each === once).length).toBeLessThan(2);
        }
        for (const each of names) expect(each).not.toMatch(/^(x-ses-|relayhost-|(resent-)?bcc$|return-path$|dkim-sig)/);
      }),
      RUNS,
    );
    expect(outcomes.sent).toBeGreaterThan(RUNS.numRuns / 5);
    expect(outcomes.refused).toBeGreaterThan(RUNS.numRuns / 20);
  });

  it("prepared again, only gets another Received", () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const once = sentOf(message);
        const twice = prepare(once.bytes);
        expect(twice.edits.map((edit) => edit.kinds)).toEqual([["received-added"]]);
        expect(twice.bytes.equals(Buffer.concat([RECEIVED, once.bytes]))).toBe(true);
      }),
      RUNS,
    );
  });

  it("keeps the body octet for octet unless a line is over 998 octets, and then only inserts folds", () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const once = sentOf(message);
        const original = message.subarray(readHeader(message).bodyStart).toString("latin1");
        const sent = once.bytes.subarray(once.bytes.indexOf("\r\n\r\n") + 4).toString("latin1");
        const hasLongLine = original.split("\r\n").some((each) => each.length > 998);
        expect(once.foldedBodyLines > 0).toBe(hasLongLine);
        if (!hasLongLine) expect(sent).toBe(original);
        else expect(withoutBlanks(sent)).toBe(withoutBlanks(original));
        for (const each of sent.split("\r\n")) expect(each.length).toBeLessThanOrEqual(998);
      }),
      RUNS,
    );
  });

  it("leaves fields that no rule names untouched, in their order, unless a line is too long", () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const header = readHeader(message);
        const once = sentOf(message);
        let from = 0;
        for (const field of header.fields) {
          const isFree = ruleOf(field.name) === undefined && field.name !== "reply-to" && !field.hasLongLine;
          if (!isFree || field.end === message.length) continue;
          const at = once.bytes.indexOf(message.subarray(field.start, field.end), from);
          expect(at).toBeGreaterThanOrEqual(from);
          from = at + field.end - field.start;
        }
      }),
      RUNS,
    );
  });

  it("lists edits that, made one by one, give the header that is sent", () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const once = sentOf(message);
        const { bodyStart } = readHeader(message);
        let text = message.toString("latin1", 0, bodyStart);
        for (const { start, end, bytes } of once.edits.toReversed()) {
          text = text.slice(0, start) + bytes.toString("latin1") + text.slice(end);
        }
        expect(once.bytes.subarray(0, once.bytes.indexOf("\r\n\r\n") + 4).toString("latin1")).toBe(text);
      }),
      RUNS,
    );
  });
});

describe("readHeader, on any bytes", () => {
  it("covers the header with fields and stray lines, without gap or overlap", () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const header = readHeader(message);
        let offset = header.mboxEnd;
        for (const { start, end } of linesOf(header)) {
          expect(start).toBe(offset);
          expect(end).toBeGreaterThan(start);
          offset = end;
        }
        expect(offset).toBe(header.end);
        expect(header.bodyStart).toBe(header.hasSeparator ? header.end + 2 : header.end);
        expect(header.bodyStart).toBeLessThanOrEqual(message.length);
      }),
      RUNS,
    );
  });
});

describe("foldHeaderField, on any field", () => {
  it("makes every line short and none blank, and changes nothing but blanks and line ends", () => {
    fc.assert(
      fc.property(value, (text) => {
        const field = Buffer.from(`X:${text.replace(/[\r\n]+[^ \t]|[\r\n]+$|[\r\n]+(?=[^ \t])/g, "")}\r\n`, "latin1");
        const folded = foldHeaderField(field, 1);
        expect(withoutBlanks(folded.toString("latin1"))).toBe(withoutBlanks(field.toString("latin1")));
        const before = field
          .toString("latin1")
          .split("\r\n")
          .filter((each) => /^[ \t]*$/.test(each)).length;
        const after = folded
          .toString("latin1")
          .split("\r\n")
          .filter((each) => /^[ \t]*$/.test(each)).length;
        expect(after).toBe(before);
        for (const each of folded.toString("latin1").split("\r\n")) expect(each.length).toBeLessThanOrEqual(998);
      }),
      RUNS,
    );
  });
});

/** Skips messages that are refused. */
function sentOf(message: Buffer): PreparedMessage {
  const prepared = prepare(message);
  fc.pre(prepared.refusal === undefined);
  return prepared;
}

function linesOf(header: MessageHeader): { start: number; end: number }[] {
  return [...header.fields, ...header.strays].sort((a, b) => a.start - b.start);
}

function withoutBlanks(text: string): string {
  return text.replace(/[ \t\r\n]/g, "");
}
