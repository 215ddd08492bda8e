import { describe, expect, it } from "vitest";
import { fieldValue, type MessageHeader, readHeader } from "../../lib/core/header-fields.ts";

const read = (text: string): MessageHeader => readHeader(Buffer.from(text, "latin1"));
const names = (header: MessageHeader): string[] => header.fields.map((field) => field.name);
const slices = (text: string): string[] => read(text).fields.map((field) => text.slice(field.start, field.end));

describe("readHeader", () => {
  it("gives each field with its continuation lines as one range, and the body after the empty line", () => {
    const text = "From: a\r\nSubject: one\r\n two\r\n\tthree\r\nX:\r\n\r\nbody";
    expect(slices(text)).toEqual(["From: a\r\n", "Subject: one\r\n two\r\n\tthree\r\n", "X:\r\n"]);
    const header = read(text);
    expect([header.end, header.bodyStart, header.hasSeparator]).toEqual([text.length - 6, text.length - 4, true]);
  });

  it("takes names without case and with blanks before the colon", () => {
    expect(names(read("SUBJECT : x\r\nbCc\t:y\r\n\r\n"))).toEqual(["subject", "bcc"]);
  });

  it("takes a line of blanks as the rest of its field", () => {
    expect(slices("Subject: a\r\n \r\n b\r\n\r\n")).toEqual(["Subject: a\r\n \r\n b\r\n"]);
  });

  it("keeps a bare CR or LF inside the line where it stands", () => {
    expect(slices("X: a\nBcc: b\rc\r\n\r\n")).toEqual(["X: a\nBcc: b\rc\r\n"]);
  });

  it.each([
    ["nothing", "", 0, 0, false],
    ["an empty line", "\r\n", 0, 2, true],
    ["an empty line and a body", "\r\nbody", 0, 2, true],
    ["fields and no empty line", "A: b\r\n", 6, 6, false],
    ["a field without line end", "A: b", 4, 4, false],
    ["text", "some text\r\nmore\r\n", 0, 0, false],
  ])("copes with %s", (_, text, end, bodyStart, hasSeparator) => {
    expect(read(text)).toMatchObject({ end, bodyStart, hasSeparator });
  });

  it("ends the header where text begins without an empty line", () => {
    const text = "From: a\r\nSubject: b\r\nHello,\r\nNote: x\r\nSubject: quoted\r\n\r\nmore";
    expect(names(read(text))).toEqual(["from", "subject"]);
    expect(read(text).bodyStart).toBe(text.indexOf("Hello"));
  });

  it("goes on after a line that is no field when a field such as Content-Type follows for the first time", () => {
    const text = "From: a\r\n: no name\r\n and more\r\nMy Field: b\r\nContent-Type: text/html\r\n\r\n";
    const header = read(text);
    expect(names(header)).toEqual(["from", "content-type"]);
    expect(header.strays.map(({ start, end }) => text.slice(start, end))).toEqual([
      ": no name\r\n and more\r\n",
      "My Field: b\r\n",
    ]);
  });

  it("takes many lines without colon as text, whatever follows", () => {
    const text = `From: a\r\n${"junk\r\n".repeat(17)}Subject: late\r\n\r\n`;
    expect(names(read(text))).toEqual(["from"]);
  });

  it("skips mbox From lines at the top, but not a From field with a blank before its colon", () => {
    expect(read("From a@b Mon Jan 1 10:00:00 2026\r\n>From x\r\nFrom: a\r\n\r\n").mboxEnd).toBe(43);
    expect(names(read("From : a\r\n\r\n"))).toEqual(["from"]);
    expect(read("From : a\r\n\r\n").mboxEnd).toBe(0);
  });

  it("marks fields with a line over 998 octets", () => {
    const header = read(`A: ${"x".repeat(995)}\r\nB: ${"x".repeat(996)}\r\nC: x\r\n ${"y".repeat(998)}\r\n\r\n`);
    expect(header.fields.map((field) => field.hasLongLine)).toEqual([false, true, true]);
  });

  it("takes a name that fills its line without a colon as no field", () => {
    expect(names(read(`From: a\r\n${"n".repeat(998)}: x\r\nTo: b\r\n\r\n`))).toEqual(["from", "to"]);
    expect(names(read(`${"n".repeat(997)}: x\r\n\r\n`))).toEqual(["n".repeat(997)]);
  });

  it("reads a header of a million octets in well under a second, whatever is in it", () => {
    const nasty = ["a:b\r\n", "junk\r\n", "junk\r\nX: y\r\n", " \r\n", "\r", "\n", ":", "From \r\n", "x"];
    for (const unit of nasty) {
      const bytes = Buffer.from(unit.repeat(1_000_000 / unit.length), "latin1");
      const before = process.cpuUsage();
      readHeader(bytes);
      const { user, system } = process.cpuUsage(before);
      expect((user + system) / 1000).toBeLessThan(2000);
    }
  });
});

describe("fieldValue", () => {
  it("unfolds and takes the blanks off both ends, and no other octet", () => {
    const bytes = Buffer.from("X : \t\xa0a\r\n  b\xe9\r\n\t\r\n", "latin1");
    const [field] = readHeader(bytes).fields;
    expect(field && fieldValue(bytes, field)).toBe("\xa0a  b\xe9");
  });
});
