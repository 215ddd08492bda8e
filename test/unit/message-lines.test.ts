import { describe, expect, it } from "vitest";
import { foldLongLines, LINE_OCTETS_MAX, scanLines } from "../../lib/core/message-lines.ts";

const scan = (text: string, longFrom = 0) => scanLines(Buffer.from(text, "latin1"), longFrom);
const fold = (bytes: Buffer): string => {
  const { longLines } = scanLines(bytes, 0);
  return Buffer.concat(foldLongLines(bytes, 0, longLines)).toString("latin1");
};

describe("scanLines", () => {
  it.each([
    ["bare LF", "a\r\nb\nc\r\n", 4],
    ["bare CR", "a\r\nb\rc\r\n", 4],
    ["CR before CRLF", "a\r\r\n", 1],
    ["LF at the start", "\na\r\n", 0],
    ["LF CR", "a\n\rb\r\n", 1],
    ["CR at the end", "a\r\nb\r", 4],
    ["LF at the end", "a\r\nb\n", 4],
    ["NUL", "a\r\n\0b\r\n", 3],
    ["NUL before a bare LF", "\0a\n", 0],
    ["bare LF before a NUL", "\na\0", 0],
  ])("finds the %s", (_, text, at) => {
    expect(scan(text).badOctetAt).toBe(at);
  });

  it.each(["", "a", "\r\n", "a\r\nb\r\n", "\r\n\r\na"])("finds nothing bad in %j", (text) => {
    expect(scan(text)).toEqual({ badOctetAt: undefined, longLines: [] });
  });

  it("counts 998 octets as a line and 999 as a long one, with or without CRLF at the end", () => {
    const good = "x".repeat(LINE_OCTETS_MAX);
    expect(scan(`${good}\r\n${good}`).longLines).toEqual([]);
    expect(scan(`${good}x\r\n${good}x`).longLines).toEqual([
      { start: 0, end: 999 },
      { start: 1001, end: 2000 },
    ]);
  });

  it("leaves long lines out that begin before the body", () => {
    const long = "x".repeat(1500);
    expect(scan(`${long}\r\n${long}\r\n`, 1502).longLines).toEqual([{ start: 1502, end: 3002 }]);
  });

  it("stays linear on bytes full of CR, LF or neither", () => {
    for (const unit of ["\r", "\n", "\r\n", "x", "\n\r", "\r\nx"]) {
      const before = process.cpuUsage();
      scan(unit.repeat(2_000_000));
      const { user, system } = process.cpuUsage(before);
      expect((user + system) / 1000).toBeLessThan(2000);
    }
  });
});

describe("foldLongLines", () => {
  it("puts CRLF and a space after 998 octets, and again after 997 more, as Postfix does", () => {
    const line = "x".repeat(998 + 997 + 5);
    expect(fold(Buffer.from(`a\r\n${line}\r\nb`))).toBe(
      `a\r\n${"x".repeat(998)}\r\n ${"x".repeat(997)}\r\n ${"x".repeat(5)}\r\nb`,
    );
  });

  it("does not cut a UTF-8 character in two", () => {
    for (const character of ["é", "あ", "🍣"]) {
      for (const shift of ["", "a", "ab", "abc"]) {
        const text = shift + character.repeat(2000);
        const lines = Buffer.from(fold(Buffer.from(text)), "latin1")
          .toString("utf8")
          .split("\r\n");
        expect(lines.join("").replaceAll(" ", "")).toBe(text);
        for (const line of lines) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(998);
      }
    }
  });

  it("cuts after 998 octets in text that is no UTF-8", () => {
    expect(fold(Buffer.alloc(1000, 0x81))).toBe(`${"\x81".repeat(998)}\r\n ${"\x81".repeat(2)}`);
  });
});
