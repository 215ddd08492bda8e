import * as fc from "fast-check";
import { simpleParser } from "mailparser";
import { describe, expect, it } from "vitest";
import { fromDomains } from "../../lib/core/header-from.ts";
import { prepareForSes } from "../../lib/core/header-rules.ts";
import { automaticFields, rewriteFrom } from "../../lib/core/rewrite-from.ts";
import { REWRITE_CLASSES, type RewriteClass } from "../../lib/core/sender-class.ts";
import { checkMessage } from "../../lib/local/ses-message-checks.ts";
import { messageOf, PREPARE_OPTIONS } from "../support/header-rules.ts";
import { readWithPython } from "../support/python-email.ts";

const ADDRESS = "info@example.com";
const utf8 = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
const base64 = (text: string): string => Buffer.from(text, "latin1").toString("base64");
/** "Yamada" in raw ISO-2022-JP. */
const JIS = "\x1b$B;3ED\x1b(B";

function fieldsSet(header: readonly string[], rewrite: RewriteClass = "forward"): Record<string, string> {
  const set = rewriteFrom(messageOf(header), { rewrite, address: ADDRESS });
  return Object.fromEntries([...set].map(([name, field]) => [name, field.toString("latin1")]));
}

describe("another From", () => {
  it.each<[string, string, string]>([
    ["a name", "Jane Example <jane@example.org>", '"Jane Example (jane@example.org)" <info@example.com>'],
    ["no name", "jane@example.org", '"jane@example.org" <info@example.com>'],
    ["a comment for a name", "jane@example.org (Jane)", '"Jane (jane@example.org)" <info@example.com>'],
    ["the address for a name", '"jane@example.org" <Jane@example.org>', '"Jane@example.org" <info@example.com>'],
    ["quotes in the name", '"J \\"X\\" E\\\\" <j@x.example>', '"J \\"X\\" E\\\\ (j@x.example)" <info@example.com>'],
    ["a quoted local part", '"j e"@x.example', '"\\"j e\\"@x.example" <info@example.com>'],
    ["a bare name", "root (Cron Daemon)", '"Cron Daemon (root)" <info@example.com>'],
    ["two authors", "A <a@x.example>, b@y.example", '"A (a@x.example), b@y.example" <info@example.com>'],
    ["a group", "Team: A <a@x.example>, b@y.example;", '"A (a@x.example), b@y.example" <info@example.com>'],
    ["a source route", "<@r.example:a@x.example>", '"a@x.example" <info@example.com>'],
    ["nobody", "undisclosed-recipients:;", "info@example.com"],
    ["an empty address", "<>", "info@example.com"],
    ["no end of a quote", '"Jane <jane@example.org>', '"jane@example.org" <info@example.com>'],
    ["an IDN", `<a@${utf8("\u65e5\u672c\u8a9e.example")}>`, '"a@xn--wgv71a119e.example" <info@example.com>'],
  ])("shows %s", (_, from, value) => {
    expect(fieldsSet([`From: ${from}`])["from"]).toBe(`From: ${value}\r\n`);
  });

  it.each<[string, string]>([
    ["in base64", `=?UTF-8?B?${base64(utf8("\u5c71\u7530"))}?= <a@x.example>`],
    ["in quoted-printable", "=?utf-8?q?=E5=B1=B1=E7=94=B0?= <a@x.example>"],
    ["in ISO-2022-JP", `=?iso-2022-jp?B?${base64(JIS)}?= <a@x.example>`],
    [
      "in two words of ISO-2022-JP",
      `=?iso-2022-jp?B?${base64("\x1b$B;3\x1b(B")}?= =?iso-2022-jp?B?${base64("\x1b$BED\x1b(B")}?= <a@x.example>`,
    ],
    ["cut inside a character", "=?utf-8?q?=E5=B1?= =?utf-8?q?=B1=E7=94=B0?= <a@x.example>"],
    ["in quotes, where it should not be", `"=?UTF-8?B?${base64(utf8("\u5c71\u7530"))}?=" <a@x.example>`],
    ["in a comment", `a@x.example (=?UTF-8?B?${base64(utf8("\u5c71\u7530"))}?=)`],
    ["as raw ISO-2022-JP", `${JIS} <a@x.example>`],
    ["as raw ISO-2022-JP in quotes", `"${JIS}" <a@x.example>`],
    ["as raw UTF-8", `${utf8("\u5c71\u7530")} <a@x.example>`],
  ])("shows a Japanese name that came %s", (_, from) => {
    const word = base64(utf8("\u5c71\u7530 (a@x.example)"));
    expect(fieldsSet([`From: ${from}`])["from"]).toBe(`From: =?UTF-8?B?${word}?= <info@example.com>\r\n`);
  });

  it("encodes ASCII that a reader would decode", () => {
    const from = fieldsSet(["From: =?utf-8?q?=3D=3Futf-8=3Fq=3Fboss=3F=3D?= <a@x.example>"])["from"] ?? "";
    expect(from).not.toContain("boss");
    expect(from).toContain(base64("=?utf-8?q?boss?= (a@x.example)"));
  });

  it("shows three authors of many, and counts the others", () => {
    const many = Array.from({ length: 9 }, (_, i) => `a${i}@x.example`);
    const fields = fieldsSet([`From: ${many.join(", ")}`]);
    expect(fields["from"]).toBe('From: "a0@x.example, a1@x.example, a2@x.example, +6" <info@example.com>\r\n');
    expect(fields["reply-to"]?.match(/@/g)).toHaveLength(9);
  });

  it("cuts a name without end", () => {
    const from = fieldsSet([`From: ${"n".repeat(5_000)} <a@x.example>`])["from"] ?? "";
    expect(from).toBe(`From: "${"n".repeat(100)}...\r\n (a@x.example)" <info@example.com>\r\n`);
  });

  it("lets nothing of a name out of its field", () => {
    const encoded = base64("x\r\nBcc: evil@example.net\r\n\r\nbody\0");
    const fields = fieldsSet([`From: =?utf-8?B?${encoded}?= <a@x.example>`]);
    expect(Object.keys(fields)).toEqual(["from", "reply-to", "x-original-from"]);
    expect(fields["from"]).toBe('From: "x Bcc: evil@example.net body (a@x.example)" <info@example.com>\r\n');
  });
});

describe("Reply-To", () => {
  it("names the authors, if the message has none", () => {
    expect(fieldsSet(["From: Jane <jane@x.example>, b@y.example"])["reply-to"]).toBe(
      'Reply-To: "Jane" <jane@x.example>, b@y.example\r\n',
    );
    expect(fieldsSet(["From: jane@x.example", "Reply-To: "])["reply-to"]).toBe("Reply-To: jane@x.example\r\n");
  });

  it("stays as it is, if the message has one", () => {
    expect(fieldsSet(["From: jane@x.example", "Reply-To: desk@x.example"])["reply-to"]).toBeUndefined();
  });

  it.each<[RewriteClass, string, boolean]>([
    ["forward", "no-reply@x.example", true],
    ["system", "root@plesk1.x.example", true],
    ["system", "no-reply@plesk1.x.example", false],
    ["system", "root@localhost.localdomain", false],
    ["system", "root", false],
    ["auto-reply", "jane@x.example", true],
    ["bounce", "postmaster@x.example", false],
    ["bounce", "MAILER-DAEMON@x.example", false],
  ])("of %s mail by %s: %s", (rewrite, author, is) => {
    expect(fieldsSet([`From: ${author}`], rewrite)["reply-to"] !== undefined).toBe(is);
  });
});

describe("Auto-Submitted", () => {
  it.each<[RewriteClass, string | undefined]>([
    ["forward", undefined],
    ["srs", undefined],
    ["list", undefined],
    ["on-behalf", undefined],
    ["bounce", "auto-replied"],
    ["auto-reply", "auto-replied"],
    ["system", "auto-generated"],
  ])("is added to %s mail: %s", (rewrite, value) => {
    const field = value === undefined ? undefined : `Auto-Submitted: ${value}\r\n`;
    expect(fieldsSet(["From: a@x.example"], rewrite)["auto-submitted"]).toBe(field);
    const marked = ["From: a@x.example", "Auto-Submitted: auto-generated (failure)"];
    expect(fieldsSet(marked, rewrite)["auto-submitted"]).toBeUndefined();
  });

  it("is added to mail from the null sender that does not say it", () => {
    expect([...automaticFields(messageOf(["From: a@example.com"])).keys()]).toEqual(["auto-submitted"]);
    expect([...automaticFields(messageOf(["Auto-Submitted: auto-replied (vacation)"])).keys()]).toEqual([]);
  });
});

describe("X-Original-From", () => {
  it("holds the field octet for octet", () => {
    expect(fieldsSet([`FROM : ${JIS}`, `\t<a@x.example> (${utf8("\u5c71")})`])["x-original-from"]).toBe(
      `X-Original-From: ${JIS}\r\n\t<a@x.example> (${utf8("\u5c71")})\r\n`,
    );
  });

  it("is not written over, and not made of lines that are not whole", () => {
    expect(fieldsSet(["From: a@x.example", "X-Original-From: b@y.example"])["x-original-from"]).toBeUndefined();
    expect(fieldsSet(["From: a@x.example\nBcc: x@y.example"])["x-original-from"]).toBeUndefined();
    expect(fieldsSet(["From: a@x.example\rBcc: x@y.example"])["x-original-from"]).toBeUndefined();
  });
});

const anyOctets = fc.uint8Array({ maxLength: 300 }).map((octets) => Buffer.from(octets).toString("latin1"));
const SYNTAX = [
  "<",
  ">",
  "@",
  ",",
  ";",
  ":",
  "(",
  ")",
  '"',
  "\\",
  " ",
  "\t",
  "\r\n ",
  "\r\n",
  "\n",
  "\r",
  "\0",
  "=?",
  "?=",
];
const SNARES = [
  "=?utf-8?q?=0D=0AX:_y?=",
  "=?x?b?AA==?=",
  JIS,
  "\x1b$B",
  "a@b.example",
  "<c@d.example>",
  "root",
  "\xff",
  "\xe3\x81",
  "x".repeat(1_200),
  "y ".repeat(700),
  `${"l".repeat(200)}@${"d".repeat(60)}.example`,
];
const piece = fc.oneof(fc.constantFrom(...SYNTAX), fc.constantFrom(...SNARES), anyOctets);
const anyFrom = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));
const anyMessage = fc.oneof(
  anyFrom.map((from) => messageOf([`From: ${from}`, "To: b@example.net", "Subject: x"])),
  anyFrom.map((from) => messageOf([`Reply-To: ${from}`, `From:${from}`])),
  anyOctets.map((octets) => Buffer.from(octets, "latin1")),
);
const anyClass = fc.constantFrom(...REWRITE_CLASSES);

describe("whatever the bytes, rewriteFrom", () => {
  it("gives whole short fields, and one From address, the intended one", () => {
    fc.assert(
      fc.property(anyMessage, anyClass, (message, rewrite) => {
        const set = rewriteFrom(message, { rewrite, address: ADDRESS });
        for (const [name, field] of set) {
          const text = field.toString("latin1");
          expect(text.slice(0, text.indexOf(":")).toLowerCase()).toBe(name);
          expect(text).toMatch(/^[!-9;-~]+:(?:[^\r\n\0]|\r\n[ \t])*\r\n$/);
          if (name === "x-original-from") continue;
          expect(text).toMatch(/^[\r\n -~]*$/);
          expect(text).not.toMatch(/\r\n[ \t]*\r\n/);
          for (const line of text.split("\r\n")) expect(line.length).toBeLessThanOrEqual(998);
        }
        const from = (set.get("from") ?? Buffer.alloc(0)).toString("latin1");
        expect(fromDomains(from.slice("From:".length).replaceAll("\r\n", ""))).toEqual(["example.com"]);
      }),
      { numRuns: 3_000 },
    );
  });

  it("makes a message that SES takes, if nothing else is wrong with it", () => {
    let checked = 0;
    fc.assert(
      fc.property(anyFrom, anyClass, (from, rewrite) => {
        const message = messageOf([`From: ${from}`, "To: b@example.net", "Subject: x"]);
        const setFields = rewriteFrom(message, { rewrite, address: ADDRESS });
        const { bytes, refusal } = prepareForSes(message, { ...PREPARE_OPTIONS, setFields });
        if (refusal !== undefined) return;
        checked++;
        const text = bytes.toString("latin1");
        expect(text.match(/^From:/gim)).toHaveLength(1);
        expect(checkMessage(sesRequest(bytes), { refuseLongLines: true }).senders).toEqual([ADDRESS]);
      }),
      { numRuns: 2_000 },
    );
    expect(checked).toBeGreaterThan(300);
  });

  it("is done in linear time", () => {
    const before = process.cpuUsage();
    for (const part of [
      "<",
      "@",
      ",",
      "(",
      '"',
      "\\",
      "=?x?q?",
      "=?utf-8?b?AA==?= ",
      JIS,
      "\x1b$B",
      "a@b.c,",
      "a",
      "\xff",
    ]) {
      rewriteFrom(messageOf([`From: ${part.repeat(65_536 / part.length)}`]), { rewrite: "forward", address: ADDRESS });
    }
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(4_000);
  });
});

/** Names as people have them, and addresses, in the forms in which programs write the two. */
const person = fc.record({
  name: fc
    .array(
      fc.constantFrom(
        "Jane",
        "O'Brien,",
        '"Q"',
        "\\o/",
        "(sales)",
        "<b>",
        "\u5c71\u7530",
        "\u592a\u90ce",
        "\u00fc",
        "=?",
        "a@b.example",
      ),
      {
        maxLength: 6,
      },
    )
    .map((words) => words.join(" ")),
  address: fc
    .tuple(
      fc.stringMatching(/^[a-z0-9][a-z0-9._+=-]{0,20}$/),
      fc.constantFrom("example.org", "x.example", "sub.y.example"),
    )
    .map(([local, domain]) => `${local}@${domain}`),
  form: fc.constantFrom("words", "quoted", "raw"),
});

function written({ name, address, form }: { name: string; address: string; form: string }): string {
  if (name === "") return `<${address}>`;
  if (form === "words") return `=?UTF-8?B?${Buffer.from(name, "utf8").toString("base64")}?= <${address}>`;
  const isPlain = form === "raw" && !/[(),<>"\\@]|=\?/.test(name);
  return utf8(isPlain ? `${name} <${address}>` : `"${name.replace(/["\\]/g, "\\$&")}" <${address}>`);
}

describe("the author of a well-formed From", () => {
  it("can be read by another parser from the new one and from Reply-To", { timeout: 60_000 }, async () => {
    for (const authors of fc.sample(fc.array(person, { minLength: 1, maxLength: 3 }), 500)) {
      const from = `From: ${authors.map(written).join(", ")}`;
      const set = rewriteFrom(messageOf([from]), { rewrite: "forward", address: ADDRESS });
      const parsed = await simpleParser(Buffer.concat([...set.values(), Buffer.from("\r\n")]));
      const expected = authors.map(({ name, address }) =>
        name === "" || name === address ? address : `${name} (${address})`,
      );
      expect(parsed.from?.value, from).toEqual([{ address: ADDRESS, name: expected.join(", ") }]);
      expect(parsed.replyTo?.value, from).toEqual(authors.map(({ name, address }) => ({ name, address })));
    }
  });

  it("stands in a From in which Python finds no defect", { timeout: 60_000 }, () => {
    const mails = fc.sample(person, 200).map((author) => {
      const set = rewriteFrom(messageOf([`From: ${written(author)}`]), { rewrite: "forward", address: ADDRESS });
      return Buffer.concat([set.get("from") ?? Buffer.alloc(0), Buffer.from("\r\n")]);
    });
    for (const { defects } of readWithPython(mails)) expect(defects).toEqual([]);
  });
});

function sesRequest(data: Buffer): Parameters<typeof checkMessage>[0] {
  return {
    data,
    base64Length: Math.ceil(data.length / 3) * 4,
    destination: { to: ["b@example.net"], cc: [], bcc: [] },
    replyToAddresses: [],
    tags: {},
  };
}
