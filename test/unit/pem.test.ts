import { describe, expect, it } from "vitest";
import { parsePemPair } from "../../lib/core/pem.ts";

const block = (label: string, text = "AAAA") => `-----BEGIN ${label}-----\n${text}\n-----END ${label}-----`;
const LEAF = block("CERTIFICATE", "leaf");
const ISSUER = block("CERTIFICATE", "issuer");
const KEY = block("PRIVATE KEY");
const PAIR = { cert: `${LEAF}\n${ISSUER}\n`, key: `${KEY}\n` };

describe("a secret with certificate and key", () => {
  it.each([
    ["key first", `${KEY}\n${LEAF}\n${ISSUER}\n`],
    ["key last, CRLF and words between", `Bag Attributes\r\n${LEAF}\r\n${ISSUER}\r\n\r\n${KEY}`],
    ["JSON", JSON.stringify({ certificate: `${LEAF}\n${ISSUER}\n`, private_key: KEY, note: 1 })],
    ["line ends written as \\n", `${LEAF}\n${ISSUER}\n${KEY}`.replaceAll("\n", "\\n")],
  ])("is read with %s, the chain in its order", (_, text) => {
    expect(parsePemPair(text)).toEqual(PAIR);
  });

  it.each(["EC PRIVATE KEY", "RSA PRIVATE KEY"])("may hold an %s", (label) => {
    expect(parsePemPair(`${LEAF}\n${block(label)}`).key).toBe(`${block(label)}\n`);
  });

  it.each([
    ["", "holds no certificate"],
    [KEY, "holds no certificate"],
    [LEAF, "holds no private key"],
    [`${LEAF}\n${KEY}\n${KEY}`, "more than one private key"],
    [`${LEAF}\n${block("ENCRYPTED PRIVATE KEY")}`, "is encrypted"],
    [`${LEAF}\n${block("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nAAAA")}`, "is encrypted"],
    ["{ certificate", "begins like JSON"],
  ])("of another form is refused in words that quote nothing of it (%#)", (text, words) => {
    expect(() => parsePemPair(text)).toThrow(words);
    expect(() => parsePemPair(text)).not.toThrow("AAAA");
  });
});
