import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type HeaderFacts, type HeaderProblem, HeaderScan } from "../../lib/core/header-scan.ts";

function scan(
  text: string,
  options: { cuts?: readonly number[]; headerBytesMax?: number; fromBytesMax?: number } = {},
): HeaderProblem | HeaderFacts {
  const { cuts = [], headerBytesMax = 10_000, fromBytesMax = 1_000 } = options;
  const bytes = Buffer.from(text, "latin1");
  const header = new HeaderScan({ headerBytesMax, fromBytesMax });
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  let start = 0;
  for (const end of ends) {
    if (header.done) break;
    header.feed(bytes.subarray(start, end));
    start = end;
  }
  header.end();
  return header.problem ?? header.facts;
}

const HEADER = "Received: a\r\nrEceiveD: b\r\n c\r\nFrom: A\r\n <a@x.example>\r\nMessage-ID:  <1@x> \r\nTo: b@y\r\n";

describe("a header that streams by", () => {
  it("gives the unfolded From, the Message-ID and the number of hops", () => {
    expect(scan(`${HEADER}\r\nFrom: body@y.example\r\nReceived: no\r\n`)).toEqual({
      from: " A <a@x.example>",
      messageId: "<1@x>",
      receivedCount: 2,
      isList: false,
    });
  });

  it("gives what tells automatic mail, reports and lists from others", () => {
    const report =
      "Content-Type: multipart/report;\r\n report-type=delivery-status\r\nAuto-Submitted: auto-replied\r\n";
    expect(scan(`${report}Auto-Submitted: no\r\n\r\n`)).toMatchObject({
      contentType: " multipart/report; report-type=delivery-status",
      autoSubmitted: " auto-replied",
      isList: false,
    });
    expect(scan("LIST-ID: <l.x.example>\r\n\r\n")).toMatchObject({ isList: true });
    expect(scan("List-Post: <mailto:l@x.example>\r\n\r\n")).toMatchObject({ isList: true });
    expect(scan("List-Unsubscribe: <https://x.example/u>\r\n\r\nList-Id: no\r\n")).toMatchObject({ isList: false });
  });

  it("gives the same however it is cut", () => {
    const whole = scan(`${HEADER}\r\nbody`);
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 8 }), (cuts) => {
        expect(scan(`${HEADER}\r\nbody`, { cuts })).toEqual(whole);
      }),
    );
  });

  it("ends with the message when there is no empty line", () => {
    expect(scan("From: a@x\r\n")).toMatchObject({ from: " a@x" });
    expect(scan("From: a@x")).toMatchObject({ from: " a@x" });
  });

  it("has no From when there is none, nor in an empty message", () => {
    expect(scan("Subject: a\r\n\r\nFrom: a@x\r\n")).toMatchObject({ from: undefined });
    expect(scan("")).toMatchObject({ from: undefined, receivedCount: 0 });
    expect(scan("\r\nFrom: a@x\r\n")).toMatchObject({ from: undefined });
  });

  it("sees a From with white space before its colon", () => {
    expect(scan("From \t: a@x\r\n\r\n")).toMatchObject({ from: " a@x" });
  });

  it.each([
    ["a line without colon", "From: a@x\r\nthis is text\r\nFrom: b@y\r\n\r\n", 2],
    ["an mbox line", "From a@x Tue Nov 24 04:00:00 2026\r\nFrom: a@x\r\n\r\n", 1],
    ["a folded line at the beginning", " From: a@x\r\n\r\n", 1],
    ["a colon at the beginning", ": a\r\n\r\n", 1],
    ["a space in the name", "From: a@x\r\nFr om: b@y\r\n\r\n", 2],
    ["8-bit text in the name", "From: a@x\r\nFr\xf6m: b@y\r\n\r\n", 2],
    ["a control character in the name", "From: a@x\r\nFrom\x01: b@y\r\n\r\n", 2],
  ])("is refused for %s, by its number", (_, text, line) => {
    expect(scan(text)).toEqual({ kind: "bad-line", line });
  });

  it.each(["From", "Subject", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"])(
    "is refused when %s is there twice with different contents",
    (field) => {
      expect(scan(`${field}: a\r\n${field.toUpperCase()}: b\r\n\r\n`)).toEqual({ kind: "differs", field });
      expect(scan(`${field}: a\r\nX: y\r\n${field}:\r\n a \r\n\r\n`)).toMatchObject({ receivedCount: 0 });
    },
  );

  it("may have other fields twice", () => {
    expect(scan("From: a@x\r\nTo: a\r\nTo: b\r\nComments: c\r\nComments: d\r\n\r\n")).toMatchObject({ from: " a@x" });
  });

  it("is refused beyond its size limit, also in one endless line", () => {
    const problem = { kind: "too-big", limit: 10_000 };
    expect(scan(`${"X: y\r\n".repeat(2_000)}\r\n`)).toEqual(problem);
    expect(scan(`X: ${"y".repeat(10_000)}`)).toEqual(problem);
    expect(scan(`X: ${"y".repeat(10_000)}`, { cuts: [1, 50, 5_000] })).toEqual(problem);
    expect(scan(`X: y\r\n\r\n${"body\r\n".repeat(10_000)}`)).toMatchObject({ receivedCount: 0 });
  });

  it("is refused when one of the kept fields is too long", () => {
    for (const field of ["From", "Subject", "Content-Type"]) {
      expect(scan(`${field}: ${"y".repeat(1_000)}\r\n\r\n`)).toEqual({ kind: "too-big", limit: 1_000 });
      expect(scan(`${field}: y\r\n${" y\r\n".repeat(600)}\r\n`)).toEqual({ kind: "too-big", limit: 1_000 });
    }
  });
});
