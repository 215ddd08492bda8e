/** What commands print: tables for people, JSON for scripts, ages and sizes in words. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ageText, plainText, printJson, printTable, sizeText } from "../../bin/commands/output.ts";

let out = "";
const { isTTY, columns } = process.stdout;

beforeEach(() => {
  out = "";
  const take = (text: unknown): boolean => {
    out += String(text);
    return true;
  };
  vi.spyOn(process.stdout, "write").mockImplementation(take);
  vi.spyOn(console, "log").mockImplementation((text) => void take(`${String(text)}\n`));
});

afterEach(() => {
  vi.restoreAllMocks();
  terminal(isTTY, columns);
});

function terminal(is: boolean, width: number): void {
  Object.assign(process.stdout, { isTTY: is, columns: width });
}

describe("printTable", () => {
  it("lines the columns up under their heads", () => {
    terminal(false, 0);
    printTable(
      ["ID", "STATE", "REASON"],
      [
        ["1", "waiting", "SES is slow"],
        ["22", "x", ""],
      ],
    );
    expect(out).toBe("ID  STATE    REASON\n1   waiting  SES is slow\n22  x\n");
  });

  it("prints the heads alone when there is nothing to show", () => {
    printTable(["ID", "STATE"], []);
    expect(out).toBe("ID  STATE\n");
  });

  it("cuts the last column to the terminal, and not at all for a pipe", () => {
    const rows = [["1", "a reason that is longer than the terminal is wide"]];
    terminal(true, 24);
    printTable(["ID", "REASON"], rows);
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBe(24);
    expect(out).toContain("a reason that is lo\u2026");
    out = "";
    terminal(false, 24);
    printTable(["ID", "REASON"], rows);
    expect(out).toContain("than the terminal is wide\n");
  });

  it("leaves a cell whole that just fits, and cuts one that is a character longer", () => {
    terminal(true, 24);
    printTable(
      ["ID", "REASON"],
      [
        ["1", "x".repeat(20)],
        ["2", "x".repeat(21)],
      ],
    );
    expect(out).toBe(`ID  REASON\n1   ${"x".repeat(20)}\n2   ${"x".repeat(19)}\u2026\n`);
  });

  it("lets no cell start a line or steer the terminal", () => {
    printTable(["FROM", "REASON"], [["a\u001b[31m@x.jp", "550 no\r\n250 yes\u009b2J"]]);
    expect(out.split("\n")).toHaveLength(3);
    expect(out.replaceAll("\n", "")).toMatch(/^[ -~]*$/);
  });

  it("prints two hundred thousand rows", () => {
    printTable(
      ["ID"],
      Array.from({ length: 200_000 }, () => ["x"]),
    );
    expect(out.length).toBe("ID\n".length + 200_000 * 2);
  });
});

describe("printJson", () => {
  it("prints one JSON value with a line end", () => {
    printJson([{ a: "日", b: undefined }]);
    expect(out.endsWith("\n")).toBe(true);
    expect(JSON.parse(out)).toEqual([{ a: "日" }]);
  });
});

describe("plainText", () => {
  it("keeps letters of any language and loses controls", () => {
    expect(plainText("宛先\t\u001b]0;x\u0007")).toBe("宛先  ]0;x ");
  });
});

describe("ageText", () => {
  it.each([
    [-5, "0s"],
    [0, "0s"],
    [59.9, "59s"],
    [60, "1m"],
    [3_599, "59m"],
    [3_600, "1h"],
    [86_399, "23h"],
    [86_400, "1d"],
    [1_000_000, "11d"],
  ])("says %s seconds as %s", (seconds, text) => {
    expect(ageText(seconds)).toBe(text);
  });
});

describe("sizeText", () => {
  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KB"],
    [1_048_576, "1.0 MB"],
    [29_360_128, "28.0 MB"],
  ])("says %s octets as %s", (bytes, text) => {
    expect(sizeText(bytes)).toBe(text);
  });
});
