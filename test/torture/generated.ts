/**
 * Torture messages that are large, mechanical or broken. The same on every run: nothing here is random.
 *
 * Where the body begins is worked out while building, never with the code under test.
 */

import { SES_ONCE_ONLY_FIELDS } from "../../lib/core/header-rules.ts";
import type { TortureMessage } from "../support/torture.ts";

/** A message before the defaults are filled in. */
type Draft = Pick<TortureMessage, "name" | "bytes" | "bodyStart"> & Partial<TortureMessage>;

const CRLF = "\r\n";
const FROM = "From: Torture <torture@example.com>";
const BASICS = [FROM, "To: a@example.net", "Subject: torture", "Date: Tue, 14 Oct 2026 09:12:33 +0900"];
const ID = "Message-ID: <torture.1@example.com>";

/** All of them. Built on each call: the big ones should not stay in memory. */
export function generatedMessages(): TortureMessage[] {
  return [
    ...longLines(),
    ...oddHeaders(),
    ...headersOfOddSize(),
    ...repeatedFields(),
    ...missingParts(),
    ...brokenHeaders(),
    ...oddBodies(),
    ...unsendable(),
  ].map((draft) => ({ relayed: true, foldedBodyLines: 0, ...draft }));
}

function longLines(): Draft[] {
  const body = (...lengths: number[]): string => lengths.map((length) => "x".repeat(length) + CRLF).join("");
  return [
    message("body-lines-of-998", [...BASICS, ID], body(998, 1, 998, 0, 998)),
    message("body-line-of-999", [...BASICS, ID], body(998, 999, 998), { foldedBodyLines: 1 }),
    message("body-lines-of-1000-1995-1996-1997", [...BASICS, ID], body(1000, 1995, 1996, 1997), { foldedBodyLines: 4 }),
    message("body-line-of-100000", [...BASICS, ID], body(100_000), { foldedBodyLines: 1 }),
    message("body-line-of-3000-octets-of-utf-8", [...BASICS, ID], `a${"あ".repeat(1000)}${CRLF}`, {
      foldedBodyLines: 1,
    }),
    message(
      "html-in-one-line",
      [...BASICS, ID, "Content-Type: text/html"],
      `<html>${"<p>a b</p>".repeat(300)}</html>${CRLF}`,
      {
        foldedBodyLines: 1,
      },
    ),
    message("header-line-of-998", [...BASICS, `X-Long: ${"x".repeat(990)}`], "x\r\n"),
    message("header-line-of-999-without-blank", [...BASICS, `X-Long:${"x".repeat(992)}`], "x\r\n"),
    message("header-line-of-5000-without-blank", [...BASICS, `X-Long: ${"x".repeat(4992)}`], "x\r\n"),
    message("subject-of-5000-with-blanks", [FROM, `Subject: ${"word ".repeat(1000)}end`, ID], "x\r\n"),
    message(
      "subject-of-one-encoded-word-of-900",
      [FROM, `Subject: a ${"b".repeat(200)}=?UTF-8?B?${"QUJD".repeat(220)}?=`],
      "x\r\n",
    ),
    message("header-of-1500-backslashes", [...BASICS, `X-Path: ${"\\".repeat(1501)}`], "x\r\n"),
    message("header-of-2000-octets-of-utf-8", [...BASICS, `X-Name: ${"あ".repeat(700)}`], "x\r\n"),
    message(
      "header-of-3000-blanks",
      [...BASICS, `X-Blank: a${" ".repeat(3000)}b`, `X-End: a${"\t".repeat(1500)}`],
      "x\r\n",
    ),
    message("references-in-one-line-of-3000", [...BASICS, ID, `References: ${ids(60).join(" ")}`], "x\r\n"),
  ];
}

function oddHeaders(): Draft[] {
  return [
    message(
      "blanks-before-the-colon",
      ["From : torture@example.com", "Subject\t: x", "Bcc \t: secret@example.net", "X-SES-Tenant : x"],
      "x\r\n",
    ),
    message("tab-folding", [...BASICS, ID, "X-Tab:\t1\r\n\t2\r\n\t\t3", "Content-Type:\r\n\ttext/plain"], "x\r\n"),
    message("blank-fold-lines", [FROM, "Subject: one\r\n \r\n\t\r\n two", ID, "X-After: 1\r\n "], "x\r\n"),
    message("trailing-blanks", [`${FROM}  `, "Subject: x \t ", ID, "X-None:", "X-Blank:   "], "x \t\r\n  \r\n"),
    message(
      "names-in-all-cases",
      [
        "FROM: torture@example.com",
        "sUBJECT: x",
        "MESSAGE-ID: <case.1@example.com>",
        "mime-version: 1.0",
        "BCC: x@example.net",
        "dkim-SIGNATURE: v=1",
      ],
      "x\r\n",
    ),
    message(
      "odd-but-legal-names",
      [...BASICS, ID, "!#$%&'*+-.^_`|~{}()<>@,;\\\"/[]?=: legal", "X: 1", "1: 2", "-: -"],
      "x\r\n",
    ),
    message(
      "values-of-all-octets",
      [...BASICS, ID, Buffer.concat([Buffer.from("X-All: "), octets([0x0a, 0x0d, 0x00])])],
      "x\r\n",
    ),
    message("colons-everywhere", [FROM, "Subject: : : a:b::", "X-Colons::::", ID], ":\r\na:b\r\n"),
    message("message-id-in-references-already", [...BASICS, ID, "References: <torture.1@example.com>"], "x\r\n"),
    message("two-ids-in-message-id", [...BASICS, "Message-ID: <one@example.com> <two@example.com>"], "x\r\n"),
    message("message-id-of-2000", [...BASICS, `Message-ID: <${"i".repeat(2000)}@example.com>`], "x\r\n"),
    message(
      "references-without-ids",
      [...BASICS, ID, "References: none", "In-Reply-To: <parent@example.com>"],
      "x\r\n",
    ),
  ];
}

function headersOfOddSize(): Draft[] {
  const received = Array.from(
    { length: 100 },
    (_, i) => `Received: from h${i} by h${i + 1}; Tue, 14 Oct 2026 09:12:33 +0900`,
  );
  const many = Array.from({ length: 3000 }, (_, i) => `X-Field-${i}: ${"v".repeat(i % 120)}`);
  const recipients = Array.from({ length: 1000 }, (_, i) => `"Recipient, ${i}" <r${i}@example.net>`);
  return [
    // More hops than the edge lets pass: a loop, it thinks.
    message("100-received-fields", [...received, ...BASICS, ID], "x\r\n", { relayed: false }),
    message("3000-fields", [...BASICS, ID, ...many], "x\r\n"),
    message(
      "field-of-200000-octets",
      [...BASICS, ID, `X-Huge: ${Array(4000).fill("v".repeat(48)).join("\r\n ")}`],
      "x\r\n",
    ),
    message("to-of-1000-recipients-in-one-line", [FROM, `To: ${recipients.join(", ")}`, "Subject: all", ID], "x\r\n"),
    message("references-of-500-ids", [...BASICS, ID, `References: ${ids(500).join("\r\n ")}`], "x\r\n"),
  ];
}

function repeatedFields(): Draft[] {
  const alike = ["subject", "mime-version", "content-type", "content-transfer-encoding"];
  const notRepeated = new Set(["from", ...alike]);
  const identical = SES_ONCE_ONLY_FIELDS.flatMap((name) => {
    const line = name === "from" ? FROM : `${name}: 1.0 (the same)`;
    return [line, line];
  });
  const differing = SES_ONCE_ONLY_FIELDS.filter((name) => !notRepeated.has(name)).flatMap((name) => [
    `${name}: <first@example.com>`,
    `${name.toUpperCase()}: <second@example.com>`,
    `${name} : <third@example.com>`,
  ]);
  return [
    message("every-once-only-field-twice", identical, "x\r\n"),
    message("every-other-once-only-field-three-times", [FROM, ...differing], "x\r\n"),
    message("from-twice-folded-differently", ["From: A <a@example.com>", "From:  A\r\n <a@example.com>"], "x\r\n", {
      relayed: false,
    }),
    message("content-type-twice-alike", [...BASICS, "Content-Type: text/plain", "Content-Type: text/plain"], "x\r\n"),
    ...[
      "From: other@example.com",
      "Subject: other",
      "MIME-Version: 1.1",
      "Content-Type: text/html",
      "Content-Transfer-Encoding: 8bit",
    ].map((other) =>
      message(
        `differing-${other.slice(0, other.indexOf(":")).toLowerCase()}`,
        [...BASICS, "MIME-Version: 1.0", "Content-Type: text/plain", "Content-Transfer-Encoding: 7bit", other],
        "x\r\n",
        {
          relayed: false,
          refusal: "copies-differ",
        },
      ),
    ),
  ];
}

function missingParts(): Draft[] {
  const header = `${[...BASICS, ID].join(CRLF)}${CRLF}`;
  const none = (name: string, text: string, bodyStart: number, relayed = false): Draft => {
    return { name, bytes: Buffer.from(text, "utf8"), bodyStart, relayed };
  };
  return [
    message("empty-body", [...BASICS, ID], ""),
    none("header-without-empty-line", header, header.length, true),
    // SMTP cannot carry it: data ends with CRLF.
    none("header-without-line-end", header.slice(0, -2), header.length - 2),
    none(
      "last-header-line-long-and-without-line-end",
      `${header}X-Long: ${"word ".repeat(300)}end`,
      header.length + 1511,
    ),
    none("nothing", "", 0),
    none("one-empty-line", CRLF, 2),
    none("no-header-but-an-empty-line", `${CRLF}Just text.${CRLF}`, 2),
    none(
      "no-header-and-no-empty-line",
      `Just text without any colon${CRLF}in two lines${CRLF}${CRLF}and a third.${CRLF}`,
      0,
    ),
    none("no-header-and-no-line-end", "Just text", 0),
    none("body-without-line-end", `${header}${CRLF}no line end`, header.length + 2),
    message("only-a-from", [FROM], "x\r\n"),
    message("no-from", ["Subject: no author"], "x\r\n", { relayed: false }),
  ];
}

/** The edge refuses all of these, so that nobody can read the header in another way; the rules still have to cope. */
function brokenHeaders(): Draft[] {
  const broken = (name: string, header: string[], body: string): Draft =>
    message(name, header, body, { relayed: false });
  const endsAt = (name: string, header: string[], body: string): Draft => {
    const head = Buffer.from(header.map((line) => line + CRLF).join(""), "utf8");
    return { name, bytes: Buffer.concat([head, Buffer.from(body, "utf8")]), bodyStart: head.length, relayed: false };
  };
  return [
    broken("mbox-from-line", ["From torture@example.com Tue Oct 14 09:12:33 2026", ...BASICS, ID], "x\r\n"),
    broken(
      "quoted-mbox-from-lines",
      [">From torture@example.com Tue Oct 14 09:12:33 2026", "From x", ...BASICS],
      "x\r\n",
    ),
    broken(
      "empty-field-name",
      [FROM, ": no name", " : none either", "Subject: x", "Content-Type: text/plain"],
      "x\r\n",
    ),
    broken(
      "names-with-blanks-and-8-bit",
      [FROM, "My Header: x", "件名: x", "X-SES-Tenant\u00a0: x", "Subject: x"],
      "x\r\n",
    ),
    broken(
      "wrapped-without-blank",
      [
        FROM,
        "To: a@example.net,",
        "b@example.net",
        "Subject: x",
        "Content-Type: multipart/mixed;",
        'boundary="b"',
        "MIME-Version: 1.0",
      ],
      "--b--\r\n",
    ),
    broken("first-line-is-a-continuation", [" X-SES-Tenant: x", "\tmore", ...BASICS, ID], "x\r\n"),
    broken("field-name-of-1000", [FROM, `${"n".repeat(1000)}: x`, "Subject: x"], "x\r\n"),
    endsAt(
      "empty-line-forgotten",
      [...BASICS, ID],
      "Hello,\r\nthis line has: a colon\r\nSubject: quoted\r\n\r\nBye\r\n",
    ),
    endsAt("empty-line-of-blanks-then-text", [FROM, "Subject: x\r\n  "], "Text at once\r\n\r\nmore\r\n"),
    endsAt(
      "300-lines-of-text-after-the-header",
      [FROM, ID],
      `${"no colon here\r\n".repeat(300)}Subject: too late\r\n\r\nx\r\n`,
    ),
  ];
}

function oddBodies(): Draft[] {
  const type = (value: string): string[] => [...BASICS, ID, "MIME-Version: 1.0", `Content-Type: ${value}`];
  const parts = Array.from({ length: 1000 }, (_, i) => `--p\r\nContent-Type: text/plain\r\n\r\npart ${i}\r\n`).join("");
  const nest = (depth: number): string => {
    let inner = "Content-Type: text/plain\r\n\r\ncore\r\n";
    for (let i = depth; i > 0; i--) {
      inner = `Content-Type: multipart/mixed; boundary="n${i}"\r\n\r\n--n${i}\r\n${inner}\r\n--n${i}--\r\n`;
    }
    return inner;
  };
  const binary = octets([0x0a, 0x0d, 0x00]);
  const lines = Array.from({ length: 40 }, (_, i) => binary.subarray(i) + CRLF).join("");
  return [
    message("1000-mime-parts", type('multipart/mixed; boundary="p"'), `${parts}--p--\r\n`),
    message(
      "100-levels-of-multipart",
      [...BASICS, "MIME-Version: 1.0", 'Content-Type: multipart/mixed; boundary="n0"'],
      `--n0\r\n${nest(100)}--n0--\r\n`,
    ),
    message(
      "all-octets-but-nul-cr-lf",
      type("application/octet-stream"),
      Buffer.concat(Array.from({ length: 20 }, () => Buffer.concat([binary, Buffer.from(CRLF)]))),
    ),
    message(
      "octets-that-are-no-utf-8",
      type("text/plain; charset=utf-8"),
      Buffer.from("c328a0a1e28200ff".replaceAll("00", "01") + "0d0a", "hex"),
    ),
    message("10000-empty-lines", [...BASICS, ID], CRLF.repeat(10_000)),
    message("empty-lines-before-text", [...BASICS, ID], `${CRLF.repeat(3)}text${CRLF}${CRLF}`),
    message("lines-of-one-octet", [...BASICS, ID], "x\r\n".repeat(5000)),
    message("1-mib-of-base64", type("application/octet-stream"), `${"QUJD".repeat(19)}\r\n`.repeat(13_444)),
    message(
      "body-that-is-a-header",
      [...BASICS, ID],
      "X-SES-Tenant: x\r\nBcc: y@example.net\r\n\r\nFrom: z@example.org\r\n",
    ),
    message("form-feeds-and-escapes", [...BASICS, ID], "\f\v\x1b[31mred\x1b[0m\b\x7f\x85\u2028\u2029\x1c\r\n"),
    message("dot-lines-of-998", [...BASICS, ID], `${".".repeat(998)}\r\n.${"x".repeat(997)}\r\n`),
    message("binary-lines", type("text/plain"), Buffer.from(lines, "latin1")),
  ];
}

function unsendable(): Draft[] {
  const bare = (name: string, header: string[], body: string): Draft =>
    message(name, header, body, { relayed: false, refusal: "bare-line-end" });
  return [
    bare("bare-lf-in-body", [...BASICS], "a\nb\r\n"),
    bare("bare-cr-in-body", [...BASICS], "a\rb\r\n"),
    bare("cr-cr-lf", [...BASICS], "a\r\r\n"),
    bare("lf-cr", [...BASICS], "a\n\rb\r\n"),
    bare("smuggled-end-of-data", [...BASICS], "a\n.\r\nMAIL FROM:<x@example.org>\r\n"),
    bare("bare-lf-in-header", [FROM, "Subject: a\nBcc: x@example.org"], "x\r\n"),
    bare("bare-cr-at-the-end", [...BASICS], "x\r"),
    bare("nul-in-body", [...BASICS], "a\0b\r\n"),
    bare("nul-in-header", [FROM, "Subject: a\0b"], "x\r\n"),
  ];
}

/** Header lines (UTF-8), an empty line, and the body. */
function message(
  name: string,
  header: readonly (string | Buffer)[],
  body: string | Buffer,
  more: Partial<TortureMessage> = {},
): Draft {
  const lines = header.flatMap((line) => [
    typeof line === "string" ? Buffer.from(line, "utf8") : line,
    Buffer.from(CRLF),
  ]);
  const head = Buffer.concat([...lines, Buffer.from(CRLF)]);
  const bytes = Buffer.concat([head, typeof body === "string" ? Buffer.from(body, "utf8") : body]);
  return { name, bytes, bodyStart: head.length, ...more };
}

function ids(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `<reference.${i}.${"r".repeat(20)}@example.com>`);
}

/** Each octet once, the given ones left out. */
function octets(without: readonly number[]): Buffer {
  return Buffer.from(Array.from({ length: 256 }, (_, i) => i).filter((octet) => !without.includes(octet)));
}
