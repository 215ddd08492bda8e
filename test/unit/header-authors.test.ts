import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Author, authorAddress, readAuthors, replyableAddress } from "../../lib/core/header-authors.ts";

const utf8 = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
const author = (name: string, local: string, domain: string | undefined): Author => ({ name, local, domain });

describe("the authors of a From field", () => {
  it.each<[string, Author[]]>([
    ["a@X.Example", [author("", "a", "x.example")]],
    ["A B <a@x.example>", [author("A B", "a", "x.example")]],
    ['"A, \\"B\\"" <a@x.example>', [author('A, "B"', "a", "x.example")]],
    ["a@x.example (A (B) \\) C)", [author("A (B) ) C", "a", "x.example")]],
    ["(A) <a@x.example> (B)", [author("A B", "a", "x.example")]],
    ["A (not this) <a@x.example>", [author("A", "a", "x.example")]],
    [
      "a@x.example, B <b@y.example>; c@z.example",
      [author("", "a", "x.example"), author("B", "b", "y.example"), author("", "c", "z.example")],
    ],
    ["Team: a@x.example, B <b@y.example>;", [author("", "a", "x.example"), author("B", "b", "y.example")]],
    ["undisclosed-recipients:;", []],
    ["", []],
    ["root", [author("", "root", undefined)]],
    ["Cron Daemon <root>", [author("Cron Daemon", "root", undefined)]],
    ['"a b"@x.example', [author("", '"a b"', "x.example")]],
    ["a@[192.0.2.1]", [author("", "a", "[192.0.2.1]")]],
    [`a@${utf8("\u65e5\u672c\u8a9e.example")}`, [author("", "a", "xn--wgv71a119e.example")]],
    ["<@r.example,@s.example:a@x.example>", [author("", "a", "x.example")]],
    ["A <a@x.example", [author("A", "a", "x.example")]],
    ["Name Only", [author("Name Only", "", undefined)]],
    ["<>", [author("", "", undefined)]],
    ['"no end <a@x.example>, b@y.example', [author("", "a", "x.example"), author("", "b", "y.example")]],
    ["(no end at all", [author("(no end at all", "", undefined)]],
    // A backslash that is half a character in ISO-2022-JP takes nothing away.
    ['"\x1b$B0\\\x1b(B \\"x\\"" <a@x.example>', [author('\u79fb "x"', "a", "x.example")]],
    // What ends one word of ISO-2022-JP and what begins the next are no characters.
    [
      "=?ISO-2022-JP?B?GyRCO1ZFRBsoQg==?= =?ISO-2022-JP?B?GyRCMlY7UhsoQg==?= <a@x.example>",
      [author("\u5fd7\u7530\u82b1\u5b50", "a", "x.example")],
    ],
  ])("%j", (field, authors) => {
    expect(readAuthors(field)).toEqual(authors);
  });

  it("are at most fifty", () => {
    expect(readAuthors("a@x.example,".repeat(200))).toHaveLength(50);
  });

  it("hold no control characters, whatever the octets", () => {
    const octets = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
    const pieces = fc.array(
      fc.constantFrom("=?utf-8?q?=0D=0A=00?=", "<", ">", "@", '"', "(", ")", ",", "a", "\r\n", "\x1b$B", "\x00"),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          octets,
          pieces.map((list) => list.join("")),
        ),
        (field) => {
          for (const found of readAuthors(field)) {
            expect(`${found.name}${authorAddress(found)}`).not.toMatch(/\p{Cc}/u);
            const address = replyableAddress(found);
            if (address !== undefined) expect(address).toMatch(/^[ -~]+@[a-z0-9._-]+$/);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("can be written to where they have an address of the world", () => {
    expect(replyableAddress(author("A", "a", "x.example"))).toBe("a@x.example");
    expect(replyableAddress(author("", '"a b"', "x.example"))).toBe('"a b"@x.example');
    for (const not of [
      author("", "root", undefined),
      author("", "a", "[192.0.2.1]"),
      author("", "\u5c71", "x.example"),
    ]) {
      expect(replyableAddress(not)).toBeUndefined();
    }
  });
});
