import { describe, expect, it } from "vitest";
import { foldHeaderField } from "../../lib/core/header-fold.ts";

const fold = (text: string): string => {
  const bytes = Buffer.from(text, "latin1");
  return foldHeaderField(bytes, bytes.indexOf(":")).toString("latin1");
};
const unfold = (text: string): string => text.slice(0, -2).replaceAll("\r\n", "");
const lengths = (text: string): number[] =>
  text
    .slice(0, -2)
    .split("\r\n")
    .map((line) => line.length);

describe("foldHeaderField", () => {
  it("gives a field without long lines back as the very same Buffer", () => {
    const field = Buffer.from(`X: ${"x".repeat(995)}\r\n ${"y".repeat(997)}\r\n`);
    expect(foldHeaderField(field, 1)).toBe(field);
  });

  it("folds at blanks, so that unfolding gives the same value again", () => {
    const field = `Subject: ${"some words\tand more ".repeat(200)}end\r\n`;
    expect(unfold(fold(field))).toBe(unfold(field));
    expect(Math.max(...lengths(fold(field)))).toBeLessThanOrEqual(998);
    expect(lengths(fold(field)).length).toBe(5);
  });

  it("folds only the lines that are long", () => {
    const field = `X: a b\r\n ${"c d ".repeat(400)}e\r\n f g\r\n`;
    expect(fold(field).startsWith("X: a b\r\n c d ")).toBe(true);
    expect(fold(field).endsWith("e\r\n f g\r\n")).toBe(true);
    expect(unfold(fold(field))).toBe(unfold(field));
  });

  it("adds a space only where there is no blank", () => {
    const field = `X:${"a".repeat(2500)}\r\n`;
    expect(lengths(fold(field))).toEqual([998, 998, 508]);
    expect(unfold(fold(field)).replaceAll(" ", "")).toBe(unfold(field));
  });

  it("prefers to cut behind a comma, a semicolon or a bracket", () => {
    const field = `To:${"a".repeat(900)},${"b".repeat(900)}\r\n`;
    expect(fold(field)).toBe(`To:${"a".repeat(900)},\r\n ${"b".repeat(900)}\r\n`);
  });

  it("moves an encoded-word to the next line instead of cutting it", () => {
    const word = `=?UTF-8?B?${"QUJD".repeat(100)}?=`;
    expect(fold(`Subject:${"a".repeat(900)}${word}\r\n`)).toBe(`Subject:${"a".repeat(900)}\r\n ${word}\r\n`);
  });

  it("does not cut an encoded-word at a comma inside it", () => {
    const word = `=?utf-8?q?${"a,b,".repeat(30)}?=`;
    expect(fold(`Subject:${"a".repeat(900)}${word}\r\n`)).toBe(`Subject:${"a".repeat(900)}\r\n ${word}\r\n`);
  });

  it("cuts an encoded-word that is longer than a line, since it must", () => {
    const field = `Subject: =?UTF-8?B?${"QUJD".repeat(500)}?=\r\n`;
    expect(Math.max(...lengths(fold(field)))).toBe(998);
    expect(fold(field).replace(/[\r\n ]/g, "")).toBe(field.replace(/[\r\n ]/g, ""));
  });

  it("does not part a backslash from what it quotes", () => {
    for (const shift of ["", "a"]) {
      const lines = fold(`X:${shift}${"\\a".repeat(1000)}\r\n`).split("\r\n");
      for (const line of lines.slice(0, -2)) expect(line).toMatch(/\\a$/);
    }
    const blanks = fold(`X: a${"\\ ".repeat(1000)}\r\n`).split("\r\n");
    for (const line of blanks.slice(1, -2)) expect(line).not.toMatch(/[^\\](\\\\)*\\$/);
  });

  it("does not cut a UTF-8 character in two", () => {
    for (const shift of ["", "a", "ab"]) {
      const name = `X:${shift}${Buffer.from("あ".repeat(700)).toString("latin1")}\r\n`;
      expect(Buffer.from(fold(name), "latin1").toString("utf8")).not.toContain("\ufffd");
    }
  });

  it("never makes an empty line or a line of blanks, even from thousands of blanks", () => {
    for (const field of [
      `X: a${" ".repeat(3000)}b\r\n`,
      `X: a${"\t".repeat(3000)}\r\n`,
      `X:${" ".repeat(3000)}b\r\n`,
      `X: a\r\n${" ".repeat(1500)}b\r\n`,
      `X: ${"a".repeat(996)}${" ".repeat(10)}b\r\n`,
      `X: ${"a".repeat(990)}  ${"b".repeat(2000)}  \r\n`,
    ]) {
      const folded = fold(field);
      expect(Math.max(...lengths(folded))).toBeLessThanOrEqual(998);
      for (const line of folded.slice(0, -2).split("\r\n")) expect(line).toMatch(/[^ \t]/);
      expect(folded.replace(/[\r\n \t]/g, "")).toBe(field.replace(/[\r\n \t]/g, ""));
    }
  });

  it("keeps a line of nothing but too many blanks a line of blanks", () => {
    expect(fold(`X: a\r\n${" ".repeat(2000)}\r\n b\r\n`)).toBe(`X: a\r\n${" ".repeat(998)}\r\n b\r\n`);
  });

  it("never folds before the colon", () => {
    expect(fold(`Subject${" ".repeat(900)}:${"x".repeat(500)}\r\n`)).toMatch(/^Subject {900}:x{90}\r\n x{410}\r\n$/);
  });
});
