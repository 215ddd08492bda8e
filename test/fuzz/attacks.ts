/** What a fuzzed session sends once it stops behaving. */

import type { SeededRandom } from "../fault/seeded-random.ts";
import { mutated, pick, randomOctets } from "./random-bytes.ts";
import type { State, Tampering } from "./session-plan.ts";

/** Bytes to send, and what they are in words. */
export type Attack = { readonly name: string; readonly bytes: Buffer };

/** A command in order for a state: what a mutation starts from. `valid` holds one for each. */
export type ValidLines = Readonly<Record<"hello" | "auth" | "authStep" | "mail" | "rcpt" | "header" | "body", string>>;

/** Commands of other servers and other times, and ours in odd forms. */
const ODD_LINES = [
  "XCLIENT ADDR=203.0.113.9 LOGIN=srv1 NAME=trusted.example.com",
  "XFORWARD ADDR=203.0.113.9 NAME=trusted.example.com PROTO=ESMTP",
  "PROXY TCP4 203.0.113.9 127.0.0.1 45000 25",
  "PROXY UNKNOWN",
  "BDAT 20 LAST\r\nFrom: user@example.c",
  "BDAT 99999999999999999999",
  "BDAT -1 LAST",
  "BURL imap://example.com LAST",
  "ETRN example.com",
  "TURN",
  "ATRN",
  "EXPN staff",
  "VRFY user@example.com",
  "VRFY",
  "HELP MAIL",
  "NOOP",
  `NOOP ${"x".repeat(1_000)}`,
  "RSET",
  "RSET now",
  "QUIT please",
  "DATA",
  "DATA now",
  "SEND FROM:<user@example.com>",
  "SAML FROM:<user@example.com>",
  "WIZ",
  "DEBUG",
  "KILL",
  "SHELL",
  "AUTH",
  "AUTH PLAIN",
  "AUTH PLAIN =",
  "AUTH PLAIN *",
  "AUTH PLAIN ====",
  "AUTH PLAIN AA==",
  "AUTH PLAIN AAAA",
  "AUTH LOGIN",
  "AUTH LOGIN *",
  "AUTH CRAM-MD5",
  "AUTH XOAUTH2 dXNlcj1hAWF1dGg9QmVhcmVyIGIBAQ==",
  "AUTH EXTERNAL =",
  "STARTTLS",
  "STARTTLS now",
  "HELO",
  "HELO x y z",
  "EHLO [127.0.0.1]",
  "EHLO [IPv6:::1]",
  "EHLO xn--wgv71a119e.example",
  "EHLO a..b",
  `EHLO ${"a.".repeat(4_000)}`,
  "MAIL FROM:<>",
  "MAIL FROM:<> SIZE=0 BODY=8BITMIME",
  "MAIL FROM:<user@example.com> SIZE=99999999999999999999",
  "MAIL FROM:<user@example.com> SIZE=-1",
  "MAIL FROM:<user@example.com> BODY=BINARYMIME",
  "MAIL FROM:<user@example.com> SMTPUTF8",
  "MAIL FROM:<user@example.com> REQUIRETLS",
  "MAIL FROM:<user@example.com> RET=FULL RET=HDRS ENVID=a+0Ab",
  "MAIL FROM:<user@example.com> AUTH=<>",
  "MAIL FROM:<user@example.com> MT-PRIORITY=9",
  "MAIL FROM:<someone@other.example>",
  "MAIL FROM:<@a.example,@b.example:user@example.com>",
  'MAIL FROM:<"a b\\"c@d"@example.com>',
  "MAIL FROM: <user@example.com>",
  "MAIL FROM:user@example.com",
  "MAIL FROM:<user@[127.0.0.1]>",
  `MAIL FROM:<${"a".repeat(500)}@example.com>`,
  "MAIL FROM:<\xfcser@example.com>",
  "RCPT TO:<>",
  "RCPT TO:<postmaster>",
  "RCPT TO:<r@elsewhere.example> NOTIFY=NEVER,SUCCESS",
  "RCPT TO:<r@elsewhere.example> NOTIFY=SUCCESS ORCPT=rfc822;r+0D+0ARelayhost-Rcpt:+20x",
  "RCPT TO:<r@elsewhere.example> ORCPT=;",
  "RCPT TO:<r@elsewhere.example> FOO=BAR",
  "RCPT TO:<r%elsewhere.example@example.com>",
  "RCPT TO:<elsewhere.example!r>",
  "RCPT TO:<r@\xe4\xb8\xad.example>",
  `RCPT TO:<${"b".repeat(300)}@${"c".repeat(300)}.example>`,
  "GET / HTTP/1.1\r\nHost: relay.example.net\r\n",
  "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
  "",
  " ",
  "\0",
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
  "\r\n\r\n\0\r\nQUIT\n!\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01\xaf\xc8\0\x19",
  "SSH-2.0-OpenSSH_9.2",
  ".",
] as const;

/** Ends of data for another server, that are none for us. What follows them would be smuggled. */
const LOOK_ALIKES = [
  "\n.\n",
  "\n.\r\n",
  "\r.\r",
  "\r.\r\n",
  "\r\n.\n",
  "\r\n.\r",
  "\r\n\0.\r\n",
  "\r\n.\0\r\n",
  "\r\n.\r\0\n",
  "\n..\r\n",
  "\n\n..\n",
  "\r\n. \r\n",
  "\r\n..\r\n",
  "\r\n.\r\r\n",
  "\r\r\n.\r\n.",
] as const;

/** What stands behind a look-alike. */
const SMUGGLED =
  "MAIL FROM:<user@example.com>\r\nRCPT TO:<smuggled@elsewhere.example>\r\nDATA\r\nFrom: user@example.com\r\n\r\nsmuggled";

/** Header lines on which readers differ, or that are ours alone. */
const ODD_FIELDS = [
  "Relayhost-Id: 00000000000000000000000000",
  "Relayhost-Rcpt: TO:<evil@elsewhere.example>",
  "X-SES-CONFIGURATION-SET: evil",
  "From: other@other.example",
  "From : user@example.com",
  "From:",
  "From: a@example.com, b@other.example",
  "Subject: \xff\xfe\x80",
  "Subject: one\r\nSubject: two",
  "no field at all",
  ": no name",
  " folded first",
  `X-Long: ${"y".repeat(9_000)}`,
  `X-Many: z\r\n${"Received: from a by b; Tue, 24 Nov 2026 08:00:00 +0000\r\n".repeat(35)}X-End: z`,
  'Content-Type: multipart/mixed; boundary="\r\n b"',
] as const;

const START_OF_LINE: Partial<Record<State, keyof ValidLines>> = {
  greeting: "hello",
  hello: "auth",
  "clear-text": "auth",
  starttls: "hello",
  tls: "auth",
  "auth-step": "authStep",
  mail: "mail",
  rcpt: "rcpt",
  "data-command": "rcpt",
  "data-header": "header",
  "data-body": "body",
};

/** Any line of the list, with its end. */
export function oddLine(random: SeededRandom): Buffer {
  return Buffer.from(`${pick(random, ODD_LINES)}\r\n`, "latin1");
}

/** An attack that fits the state. */
export function attackFor(random: SeededRandom, state: State, valid: ValidLines): Attack {
  const inData = state === "data-header" || state === "data-body";
  const kind = random.between(0, inData ? 8 : 5);
  switch (kind) {
    case 0:
      return {
        name: "random octets",
        bytes: randomOctets(random, random.between(1, random.chance(0.1) ? 30_000 : 300)),
      };
    case 1:
    case 2: {
      const line = valid[START_OF_LINE[state] ?? pick(random, ["hello", "auth", "mail", "rcpt"])];
      return { name: "a mutated line", bytes: mutated(random, Buffer.from(line, "latin1")) };
    }
    case 3:
      return {
        name: "odd commands",
        bytes: Buffer.concat(Array.from({ length: random.between(1, 5) }, () => oddLine(random))),
      };
    case 4: {
      const filler = Buffer.alloc(
        random.between(12_000, 60_000),
        pick(random, ["a", " ", "\0", "\xff", "."]),
        "latin1",
      );
      const end = random.chance(0.5) ? "\r\n" : "";
      return { name: "a huge line", bytes: Buffer.concat([filler, Buffer.from(end)]) };
    }
    case 5:
      return { name: "a burst of commands", bytes: burst(random) };
    case 6: {
      const whole = `${state === "data-header" ? `${valid.header}\r\n` : ""}${valid.body}`;
      return {
        name: "data cut off",
        bytes: Buffer.from(whole.slice(0, random.between(1, whole.length - 1)), "latin1"),
      };
    }
    case 7:
      return { name: "an end of data for others", bytes: lookAlike(random, valid, state) };
    default:
      return state === "data-header"
        ? {
            name: "odd header fields",
            bytes: Buffer.from(`${pick(random, ODD_FIELDS)}\r\n${valid.header}\r\ntext\r\n.\r\n`, "latin1"),
          }
        : { name: "floods of data", bytes: flood(random) };
  }
}

/** Far more commands in one write than anybody has replies for. */
function burst(random: SeededRandom): Buffer {
  const line = pick(random, [
    "NOOP\r\n",
    "RSET\r\n",
    "RCPT TO:<r@elsewhere.example>\r\n",
    "VRFY x\r\n",
    "\r\n",
    "EHLO a\r\n",
    "MAIL FROM:<>\r\n",
  ]);
  return Buffer.from(line.repeat(random.between(20, 1_500)), "latin1");
}

function lookAlike(random: SeededRandom, valid: ValidLines, state: State): Buffer {
  const header = state === "data-header" ? `${valid.header}\r\n` : "";
  return Buffer.from(`${header}text${pick(random, LOOK_ALIKES)}${SMUGGLED}\r\n.\r\n`, "latin1");
}

/** Stuffed dots, which cost the parser most; and more octets than are taken. */
function flood(random: SeededRandom): Buffer {
  const line = pick(random, [
    "..\r\n",
    ".. \r\n",
    "...x\r\n",
    "x".repeat(900) + "\r\n",
    "\r\n",
    `${"\xe3\x81\x82".repeat(20)}\r\n`,
  ]);
  return Buffer.concat([Buffer.alloc(random.between(1_000, 900_000), line, "latin1"), Buffer.from("\r\n.\r\n")]);
}

/** Something wrong with TLS itself. */
export function tampering(random: SeededRandom): Tampering {
  const how = pick(random, ["flip", "cut", "double", "head", "insert"] as const);
  const heads = [
    "\x15\x03\x03\x00\x02\x02\x28",
    "\x16\x03\x01",
    "\x17\x03\x03\xff\xff",
    "\x14\x03\x03\x00\x01\x01",
    "\x00",
    "\x80\x2e\x01\x03\x01",
  ];
  const bytes =
    how === "head" ? Buffer.from(pick(random, heads), "latin1") : randomOctets(random, random.between(1, 40));
  return { how, at: how === "head" ? 0 : random.between(0, 1_000) / 1_000, bytes };
}

/** Bytes where a ClientHello should be. */
export function notTls(random: SeededRandom): Buffer {
  const hello = Buffer.from("\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03", "latin1");
  switch (random.between(0, 4)) {
    case 0:
      return randomOctets(random, random.between(1, 400));
    case 1:
      return Buffer.concat([hello, randomOctets(random, random.between(1, 300))]);
    case 2:
      return mutated(random, hello);
    case 3:
      return oddLine(random);
    default:
      return Buffer.from("\x15\x03\x03\x00\x02\x01\x00", "latin1");
  }
}
