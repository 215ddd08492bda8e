/** The spool object: what goes in comes out, nothing of the client's breaks into the envelope, no bytes crash it. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatAddress, isAddress, parseAddress } from "../../lib/core/address.ts";
import { makeQueueId, type QueueId } from "../../lib/core/queue-id.ts";
import { REWRITE_CLASSES } from "../../lib/core/sender-class.ts";
import {
  decodeSpoolObject,
  decodeXtext,
  type Envelope,
  type EnvelopeRecipient,
  encodeSpoolHeader,
  encodeXtext,
  NotASpoolObject,
  type Notify,
} from "../../lib/core/spool-object.ts";

const RECEIVED = "Received: from mx (mx [192.0.2.1])\r\n by relay.example.net; Tue, 24 Nov 2026 00:00:00 +0000\r\n";
const MESSAGE = Buffer.from("From: a@example.com\r\nSubject: x\r\n\r\nhello\r\n");
const ID: QueueId = makeQueueId(1_790_000_000_000, new Uint8Array(11));

function envelopeWith(change: Partial<Envelope> = {}): Envelope {
  return {
    id: ID,
    tenant: "demo",
    credential: "web-1",
    returnPath: "a@example.com",
    recipients: [{ address: "b@example.org" }],
    time: "2026-11-24T01:02:03.004Z",
    client: { address: "192.0.2.1", port: 40_000, helo: "mx.example.com" },
    ...change,
  };
}

function roundTrip(envelope: Envelope, received = RECEIVED, message = MESSAGE) {
  return decodeSpoolObject(Buffer.concat([encodeSpoolHeader(envelope, received), message]));
}

/** The object of `envelopeWith()` with its head changed as text. */
function tampered(change: (head: string) => string, message = MESSAGE): Buffer {
  const head = change(encodeSpoolHeader(envelopeWith(), RECEIVED).toString("latin1"));
  return Buffer.concat([Buffer.from(head, "latin1"), message]);
}

const anyText = fc.oneof(
  fc.string({ maxLength: 60 }),
  fc.string({ unit: "grapheme", maxLength: 20 }),
  fc.constantFrom("\r\nRelayhost-Rcpt: TO:<x@evil.example>", "a\u010d\u010ab", " +3D=;,", "\0", "日本語"),
);
const quotedLocal = fc
  .array(fc.constantFrom("a", "Z", "0", " ", ">", "<", "+", "=", "@", ";", " A=b", "> NOTIFY=NEVER", '\\"', "\\\\"), {
    maxLength: 6,
  })
  .map((parts) => `"${parts.join("")}"`);
const plainLocal = fc.string({
  unit: fc.constantFrom(..."abyzABYZ09+=.!#$%&'*/?^_`{|}~-".split("")),
  minLength: 1,
  maxLength: 64,
});
const address = fc
  .tuple(fc.oneof(plainLocal, quotedLocal), fc.domain())
  .map(([local, domain]) => parseAddress(`${local}@${domain}`))
  .filter(isAddress)
  .map(formatAddress);
const notify = fc.subarray<Notify>(["SUCCESS", "FAILURE", "DELAY"], { minLength: 1 });
const recipient: fc.Arbitrary<EnvelopeRecipient> = fc.record(
  {
    address,
    notify: fc.oneof(notify, fc.constant<Notify[]>(["NEVER"])),
    orcpt: fc.record({ type: fc.constantFrom("rfc822", "utf-8", "x.400"), value: anyText }),
  },
  { requiredKeys: ["address"] },
);
const anyId = fc.uint8Array({ minLength: 11, maxLength: 11 }).map((bytes) => makeQueueId(1_790_000_000_000, bytes));
const envelope: fc.Arbitrary<Envelope> = fc.record(
  {
    id: anyId,
    tenant: anyText,
    credential: anyText,
    returnPath: fc.option(address),
    recipients: fc.array(recipient, { minLength: 1, maxLength: 5 }),
    ret: fc.constantFrom("FULL", "HDRS"),
    envid: anyText,
    body: fc.constantFrom("7BIT", "8BITMIME"),
    time: fc
      .date({ min: new Date(0), max: new Date("2999-12-31"), noInvalidDate: true })
      .map((date) => date.toISOString()),
    client: fc.record(
      { address: anyText, port: fc.nat(65_535), helo: anyText, tls: anyText },
      { requiredKeys: ["address", "port", "helo"] },
    ),
    dsnFor: anyText,
    resendOf: anyId,
    rewrite: fc.constantFrom(...REWRITE_CLASSES),
    foreignReturnPath: fc.constant<true>(true),
  },
  { requiredKeys: ["id", "tenant", "credential", "returnPath", "recipients", "time", "client"] },
);
const messageBytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom("", " folded\r\n", "\tx", "\r\n", "Relayhost-Id: x\r\n", "Received: x\r\n")
    .map((text) => Buffer.from(text)),
);

describe("a spool object", () => {
  it("gives back any envelope and any bytes", () => {
    fc.assert(
      fc.property(envelope, messageBytes, (given, message) => {
        const object = roundTrip(given, RECEIVED, message);
        expect(object.envelope).toEqual(given);
        expect(object.message.equals(message)).toBe(true);
        expect(object.received.toString("latin1")).toBe(RECEIVED);
      }),
      { numRuns: 200 },
    );
  });

  it("holds a thousand recipients in their order, each with its own parameters", () => {
    const recipients = Array.from({ length: 1000 }, (_, index) => ({
      address: `"user ${index} > + x"@${index}.example.org`,
      ...(index % 2 === 0 ? { notify: ["FAILURE", "DELAY"] as const } : {}),
      ...(index % 3 === 0 ? { orcpt: { type: "rfc822", value: `user+${index}=@例え.jp` } } : {}),
    }));
    expect(roundTrip(envelopeWith({ recipients })).envelope.recipients).toEqual(recipients);
  });

  it("holds the null sender", () => {
    const head = encodeSpoolHeader(envelopeWith({ returnPath: null }), RECEIVED).toString("latin1");
    expect(head).toContain("Relayhost-Mail: FROM:<>\r\n");
    expect(roundTrip(envelopeWith({ returnPath: null })).envelope.returnPath).toBeNull();
  });

  it("keeps a quoted local part that looks like the end of a path and a parameter", () => {
    const returnPath = '"a> BODY=7BIT"@example.com';
    const recipients = [{ address: '"b> NOTIFY=NEVER"@example.org' }];
    const { envelope } = roundTrip(envelopeWith({ returnPath, recipients, envid: "x> RET=FULL" }));
    expect(envelope).toEqual(envelopeWith({ returnPath, recipients, envid: "x> RET=FULL" }));
  });

  it("reads as a mail: fields in front, the client's own header after them", () => {
    const text = Buffer.concat([encodeSpoolHeader(envelopeWith(), RECEIVED), MESSAGE]).toString("latin1");
    const header = text.slice(0, text.indexOf("\r\n\r\n")).split(/\r\n(?![ \t])/);
    expect(header.every((field) => /^[A-Za-z-]+: /.test(field))).toBe(true);
    expect(header.slice(-2)).toEqual(["From: a@example.com", "Subject: x"]);
  });

  it("copies no message bytes when it is read", () => {
    const bytes = Buffer.concat([encodeSpoolHeader(envelopeWith(), RECEIVED), MESSAGE]);
    expect(decodeSpoolObject(bytes).message.buffer).toBe(bytes.buffer);
  });
});

describe("the client's own bytes", () => {
  it("never add to the envelope, whatever Relayhost fields they begin with", () => {
    const forged = Buffer.from(
      `Relayhost-Rcpt: TO:<victim@example.org>\r\nRelayhost-Id: ${"z".repeat(20)}\r\nRelayhost-Tenant: other\r\n` +
        "Relayhost-Mail: FROM:<x@example.org>\r\nReceived: from nowhere\r\n\r\nbody",
    );
    const object = roundTrip(envelopeWith(), RECEIVED, forged);
    expect(object.envelope).toEqual(envelopeWith());
    expect(object.message.equals(forged)).toBe(true);
  });

  it("are not taken for the end of our Received field when they begin with a blank", () => {
    const message = Buffer.from(" by evil.example; Tue, 24 Nov 2026 00:00:00 +0000\r\nFrom: a@example.com\r\n\r\n");
    const object = roundTrip(envelopeWith(), RECEIVED, message);
    expect(object.received.toString()).toBe(RECEIVED);
    expect(object.message.equals(message)).toBe(true);
  });
});

describe("encodeSpoolHeader", () => {
  it("lets no text out of its line: as many lines as there are fields, whatever HELO, login, tenant and ORCPT hold", () => {
    fc.assert(
      fc.property(envelope, (given) => {
        const lines = encodeSpoolHeader(given, RECEIVED).toString("latin1").slice(0, -RECEIVED.length).split("\r\n");
        const optional = [given.dsnFor, given.resendOf, given.rewrite, given.foreignReturnPath].filter(
          (value) => value !== undefined,
        );
        const fields = 8 + given.recipients.length + optional.length;
        expect(lines.pop()).toBe("");
        expect(lines).toHaveLength(fields);
        for (const line of lines) expect(line).toMatch(/^Relayhost-[A-Za-z-]+: [ -~]*$/);
      }),
    );
  });

  const evil = "\r\nRelayhost-Rcpt: TO:<x@evil.example>\r\nX:";
  /** U+010D and U+010A are CR and LF once only their low octet is written. */
  const wide = evil.replaceAll("\r", "\u010d").replaceAll("\n", "\u010a");
  const notTyped = (value: string) => value as never;
  it.each([
    ["a line end in the return path", { returnPath: `a${evil}@example.com` }],
    ["a line end in two octets in the return path", { returnPath: `a${wide}@example.com` }],
    ["a path that ends early", { returnPath: "a@example.com> RET=FULL" }],
    ["a space outside quotes in the return path", { returnPath: "a b@example.com" }],
    ["a line end in a recipient", { recipients: [{ address: `b${evil}@example.org` }] }],
    ["a line end in two octets in a recipient", { recipients: [{ address: `"${wide}"@example.org` }] }],
    ["a recipient without a domain", { recipients: [{ address: "root" }] }],
    ["a recipient whose domain is no A-label", { recipients: [{ address: "b@例え.jp" }] }],
    ["a line end in the type of an ORCPT", { recipients: [{ address: "b@x.jp", orcpt: { type: evil, value: "" } }] }],
    [
      "a parameter in the type of an ORCPT",
      { recipients: [{ address: "b@x.jp", orcpt: { type: "x NOTIFY=NEVER", value: "" } }] },
    ],
    ["a semicolon in the type of an ORCPT", { recipients: [{ address: "b@x.jp", orcpt: { type: "a;b", value: "" } }] }],
    ["a NOTIFY that is no word", { recipients: [{ address: "b@x.jp", notify: [notTyped(evil)] }] }],
    ["a BODY that is no word", { body: notTyped(evil) }],
    ["a line end in the time", { time: `2026-11-24T01:02:03.004Z${evil}` }],
    ["a time in words", { time: "yesterday" }],
    ["a line end in the id", { id: notTyped(`${ID}${evil}`) }],
    ["a port that is none", { client: { address: "192.0.2.1", port: Number.NaN, helo: "x" } }],
    ["no recipient", { recipients: [] }],
  ] satisfies [string, Partial<Envelope>][])("throws for %s", (_, change) => {
    expect(() => encodeSpoolHeader(envelopeWith(change), RECEIVED)).toThrow(RangeError);
  });

  it.each([
    ["two fields", `${RECEIVED}X: y\r\n`],
    ["no line end", "Received: from x"],
    ["an empty line in it", "Received: from x\r\n\r\n by y\r\n"],
    ["a bare line feed", "Received: from x\n by y\r\n"],
    ["a bare carriage return", "Received: from x\rby y\r\n"],
    ["a line end in two octets", "Received: from x\u010d\u010aX: y\r\n"],
    ["another field", "X-Received: from x\r\n"],
  ])("throws for a Received field with %s", (_, received) => {
    expect(() => encodeSpoolHeader(envelopeWith(), received)).toThrow(RangeError);
  });
});

describe("decodeSpoolObject", () => {
  const drop = (name: string) => (head: string) => head.replace(new RegExp(`^Relayhost-${name}: .*\r\n`, "m"), "");
  const twice = (name: string) => (head: string) => head.replace(new RegExp(`^Relayhost-${name}: .*\r\n`, "m"), "$&$&");
  const set = (name: string, value: string) => (head: string) =>
    head.replace(new RegExp(`^Relayhost-${name}: .*$`, "m"), `Relayhost-${name}: ${value}`);
  const mandatory = ["Version", "Id", "Tenant", "Credential", "Time", "Client", "Received-Size", "Mail"];
  it.each<[string, (head: string) => string]>([
    ...mandatory.map((name): [string, (head: string) => string] => [`no ${name}`, drop(name)]),
    ...mandatory.map((name): [string, (head: string) => string] => [`two ${name}`, twice(name)]),
    ["no Rcpt", drop("Rcpt")],
    ["a version of the future", set("Version", "2")],
    ["a version that is none", set("Version", "one")],
    ["an id that is none", set("Id", "hello")],
    ["a time that is none", set("Time", "2026")],
    ["a day that does not exist", set("Time", "2026-99-24T00:00:00Z")],
    ["a client without a port", set("Client", "ADDR=192.0.2.1 HELO=x")],
    ["a MAIL that is none", set("Mail", "<a@example.com>")],
    ["a MAIL with a trailer", set("Mail", "FROM:<a@example.com> nonsense")],
    ["a RCPT that is none", set("Rcpt", "b@example.org")],
    ["a RCPT without a domain", set("Rcpt", "TO:<root>")],
    ["a RCPT to nobody", set("Rcpt", "TO:<>")],
    ["eight bits in an address", set("Rcpt", "TO:<\xe9@example.org>")],
    ["a Received field that is shorter than it says", set("Received-Size", "4000")],
    ["a Received field that is longer than it says", set("Received-Size", "20")],
    ["a Received size that is none", set("Received-Size", "-1")],
    ["a kind of mail that is not known here", (head) => `Relayhost-Rewrite: own\r\n${head}`],
    ["two kinds of mail", (head) => `Relayhost-Rewrite: list\r\nRelayhost-Rewrite: list\r\n${head}`],
    ["an owner of the return path that is not known here", (head) => `Relayhost-Return-Path: x\r\n${head}`],
    ["no Received field", (head: string) => head.slice(0, -RECEIVED.length)],
    ["a client's field before the Received field", (head: string) => head.replace("Received:", "X: y\r\nReceived:")],
    ["bare line feeds", (head: string) => head.replaceAll("\r\n", "\n")],
  ])("refuses an object with %s", (_, change) => {
    expect(() => decodeSpoolObject(tampered(change))).toThrow(NotASpoolObject);
  });

  it("refuses an object that was cut inside its Received field", () => {
    const cut = tampered(set("Received-Size", String(RECEIVED.length + 10)), Buffer.alloc(0));
    expect(() => decodeSpoolObject(cut)).toThrow(NotASpoolObject);
  });

  it("reads the untouched object that these cases change", () => {
    expect(decodeSpoolObject(tampered((head) => head)).envelope).toEqual(envelopeWith());
  });

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["a mail without our block", MESSAGE],
    ["one line without end", Buffer.alloc(40_000_000, "a")],
    ["a field name without end", Buffer.from(`Relayhost-${"a".repeat(4_000_000)}\r\n`)],
    ["a field value without end", Buffer.from(`Relayhost-Mail: FROM:<${'"a" '.repeat(1_000_000)}>\r\n`)],
    ["paths that never end", tampered(set("Rcpt", `TO:<${"> A=x".repeat(20_000)}`))],
    ["a path without end", tampered(set("Mail", `FROM:<${"a".repeat(20_000_000)}`))],
    ["quotes that never end", tampered(set("Rcpt", `TO:<${'""'.repeat(60_000)}"`))],
    ["parameters that never end", tampered(set("Mail", `FROM:<a@b.jp>${" A=x".repeat(30_000)}\x80`))],
  ])("refuses %s, and soon", { timeout: 2_000 }, (_, bytes) => {
    expect(() => decodeSpoolObject(bytes)).toThrow(NotASpoolObject);
  });

  it("returns an object or throws NotASpoolObject, for any bytes and any damage to a good one", () => {
    const good = Buffer.concat([encodeSpoolHeader(envelopeWith(), RECEIVED), MESSAGE]);
    const damaged = fc
      .array(fc.tuple(fc.nat(good.length), fc.nat(12), fc.uint8Array({ maxLength: 12 })), {
        minLength: 1,
        maxLength: 4,
      })
      .map((cuts) =>
        cuts.reduce(
          (bytes, [at, length, put]) => Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + length)]),
          good,
        ),
      );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 500 }).map((bytes) => Buffer.from(bytes)),
          damaged,
        ),
        (bytes) => {
          try {
            const { envelope, received, message } = decodeSpoolObject(bytes);
            expect(envelope.recipients.length).toBeGreaterThan(0);
            expect(bytes.indexOf(received) + received.length + message.length).toBe(bytes.length);
          } catch (error) {
            if (!(error instanceof NotASpoolObject)) throw error;
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe("xtext", () => {
  it("gives back any text, and is printable without space, plus only as an escape, and equals sign", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(encodeXtext(text)).toMatch(/^(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$/);
        expect(decodeXtext(encodeXtext(text))).toBe(text);
      }),
    );
  });

  it.each([
    ["a+b=c d", "a+2Bb+3Dc+20d"],
    ["日", "+E6+97+A5"],
    ["\r\n", "+0D+0A"],
  ])("writes %j as %s (RFC 3461 section 4)", (text, encoded) => {
    expect(encodeXtext(text)).toBe(encoded);
  });

  it.each([
    ["+4", "+4"],
    ["+", "+"],
    ["+zz", "+zz"],
    ["+2b+2B", "++"],
    ["+FF", "\ufffd"],
  ])("reads %s without failing", (encoded, text) => {
    expect(decodeXtext(encoded)).toBe(text);
  });
});
