import { describe, expect, it } from "vitest";
import { encodeRawJis } from "../../lib/core/header-jis.ts";
import { fieldsOf, prepare } from "../support/header-rules.ts";

/** 山田 and 営業、御中: the octets of the first hold `;`, those of the second `"`. */
const YAMADA = "\x1b$B;3ED\x1b(B";
const SALES = '\x1b$B1D6H!"8fCf\x1b(B';
const word = (raw: string): string => `=?ISO-2022-JP?B?${Buffer.from(raw, "latin1").toString("base64")}?=`;

describe("encodeRawJis", () => {
  it("makes raw text an encoded-word of the same octets, set off by blanks", () => {
    expect(encodeRawJis(` ${YAMADA} <a@x>`)).toBe(` ${word(YAMADA)} <a@x>`);
    expect(encodeRawJis(`${SALES}<a@x>,${YAMADA}(${SALES})<b@x>`)).toBe(
      `${word(SALES)} <a@x>, ${word(YAMADA)} (${word(SALES)})<b@x>`,
    );
  });

  it("takes the quotes away around it, where they hold nothing that needs them", () => {
    expect(encodeRawJis(` "${YAMADA}" <a@x>, "${YAMADA} Ltd" <b@x>`)).toBe(
      ` ${word(YAMADA)} <a@x>, ${word(YAMADA)} Ltd <b@x>`,
    );
    expect(encodeRawJis(`"${YAMADA}, x" <a@x>`)).toBe(`" ${word(YAMADA)} , x" <a@x>`);
  });

  it("keeps the blanks between two names by making them one word", () => {
    expect(encodeRawJis(`${YAMADA} ${SALES}`)).toBe(word(`${YAMADA} ${SALES}`));
  });

  it("keeps encoded-words at 75 characters, cut between characters", () => {
    const name = "\x1b$B" + ";3".repeat(100) + "\x1b(B";
    const words = encodeRawJis(name).split(" ");
    expect(Math.max(...words.map((text) => text.length))).toBeLessThanOrEqual(75);
    const decoded = words.map((text) => Buffer.from(text.slice(16, -2), "base64").toString("latin1"));
    for (const text of decoded) expect(text.slice(3, -3).replaceAll(";3", "")).toBe("");
    expect(decoded.join("").replaceAll("\x1b(B\x1b$B", "")).toBe(name);
  });

  it.each(["\x1b$B;3", `${YAMADA} \x1b[31m`, "\x1b", "\x1b$B;\r\n 3\x1b(B", "\x1b$B\xa4\x1b(B"])(
    "leaves %j alone",
    (value) => {
      expect(encodeRawJis(value)).toBe(value);
    },
  );

  it("is linear in the length of the value", () => {
    for (const unit of ["\x1b$B", YAMADA, `"${YAMADA}`, `${YAMADA} `, '"', "\x1b$B;3"]) {
      const before = process.cpuUsage();
      encodeRawJis(unit.repeat(500_000 / unit.length));
      expect(process.cpuUsage(before).user / 1000).toBeLessThan(2000);
    }
  });
});

describe("raw ISO-2022-JP beside addresses", () => {
  it("leaves for SES as encoded-words in From, Reply-To, To and Cc, and stays raw in Subject", () => {
    const header = [`From: ${YAMADA} <a@example.com>`, `Reply-To: "${SALES}" <b@example.com>`, `Subject: ${SALES}`];
    const prepared = prepare([...header, `To: ${SALES} <root>`, `Cc: ${SALES} <c@x>`, `Cc: d@x`]);
    expect(fieldsOf(prepared)).toEqual([
      `From: ${word(YAMADA)} <a@example.com>`,
      `Reply-To: ${word(SALES)} <b@example.com>`,
      `Subject: ${SALES}`,
      `To: ${word(SALES)} <root@example.com>`,
      `Cc: ${word(SALES)} <c@x>,\r\n d@x`,
    ]);
    expect(prepared.edits.map((edit) => edit.kinds.join())).toEqual([
      "received-added",
      "names-encoded",
      "names-encoded",
      "names-encoded,recipients-repaired",
      "names-encoded,copies-joined",
      "copy-removed",
    ]);
  });
});
