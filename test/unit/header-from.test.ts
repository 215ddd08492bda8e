import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromDomains } from "../../lib/core/header-from.ts";

const utf8 = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
/** 株式会社 in raw ISO-2022-JP. */
const JIS = "\x1b$B3t<02q<R\x1b(B";

describe("the domains of a From field", () => {
  it.each<[string, string, string[]]>([
    ["a bare address", "a@x.example", ["x.example"]],
    ["an address in angle brackets", "<a@x.example>", ["x.example"]],
    ["a display name", "A B <a@X.Example>", ["x.example"]],
    ["a comment behind", "a@x.example (A B)", ["x.example"]],
    ["nested comments", "(a (b) \\) c@y.example) <a@x.example> (d)", ["x.example"]],
    ["comments and space inside", "a (b) @ (c) x . example", ["x.example"]],
    ["a quoted display name with another address", '"c@y.example, d" <a@x.example>', ["x.example"]],
    ["a quoted display name with brackets", '"<c@y.example>" <a@x.example>', ["x.example"]],
    ["a quoted local part", '"c@y.example"@x.example', ["x.example"]],
    ["several authors", "a@x.example, B <b@y.example>", ["x.example", "y.example"]],
    ["semicolons between authors", "a@x.example; b@y.example", ["x.example", "y.example"]],
    ["a group", "Team: a@x.example, B <b@y.example>;", ["x.example", "y.example"]],
    ["a source route", "<@r.example,@s.example:a@x.example>", ["x.example"]],
    ["an encoded display name", "=?utf-8?B?5qCq?= <a@x.example>", ["x.example"]],
    ["an encoded display name with a comma", "=?utf-8?Q?A,_B?= <a@x.example>", ["x.example"]],
    ["an encoded display name with spaces", "=?utf-8?Q?A, B Inc.?= <a@x.example>", ["x.example"]],
    ["an encoded display name with an address", "=?utf-8?Q?c@y.example?= <a@x.example>", ["x.example"]],
    ["raw ISO-2022-JP", `${JIS} <a@x.example>`, ["x.example"]],
    ["raw ISO-2022-JP in quotes", `"${JIS}" <a@x.example>`, ["x.example"]],
    ["raw ISO-2022-JP in a comment", `a@x.example (${JIS})`, ["x.example"]],
    ["raw ISO-2022-JP with a bracket and a quote in it", '\x1b$B3"<(@<>(,\x1b(B <a@x.example>', ["x.example"]],
    ["raw UTF-8", `${utf8("株式会社")} <a@x.example>`, ["x.example"]],
    ["raw Shift_JIS with @ in a character", "\x83@\x83\x8b <a@x.example>", ["x.example"]],
    ["a domain in raw UTF-8", `<a@${utf8("日本語.example")}>`, ["xn--wgv71a119e.example"]],
    ["a domain in A-labels", "a@XN--WGV71A119E.example", ["xn--wgv71a119e.example"]],
    ["an address literal", "a@[192.0.2.1]", ["[192.0.2.1]"]],
    ["one label", "root@localhost", ["localhost"]],
    ["a dot at the end", "a@x.example.", ["x.example"]],
    ["odd dots before the @", "a..b.@x.example", ["x.example"]],
    ["empty places in the list", ", a@x.example,,", ["x.example"]],
  ])("finds them in %s", (_, field, domains) => {
    expect(fromDomains(field)).toEqual(domains);
  });

  it.each<[string, string]>([
    ["before the brackets", "c@y.example <a@x.example>"],
    ["before the brackets, with space around the @", "c @ y.example <a@x.example>"],
    ["before the brackets, in raw UTF-8", `c@${utf8("銀行.example")} <a@x.example>`],
    ["with a name of its own", "Chief c@y.example <a@x.example>"],
    ["in brackets inside raw ISO-2022-JP", "\x1b$B<c@y.example>\x1b(B <a@x.example>"],
    ["between commas inside an encoded word", "=?utf-8?Q?b,c@y.example,d?= <a@x.example>"],
    ["between spaces inside an encoded word", "=?utf-8?Q?b c@y.example d?= <a@x.example>"],
    ["as a member of a group", "c@y.example, Team: a@x.example;"],
  ])("finds an address that some readers would show: %s", (_, field) => {
    const domains = fromDomains(field);
    expect(domains).toHaveLength(2);
    expect(domains).toContain("x.example");
  });

  it.each<[string, string]>([
    ["nothing", ""],
    ["no domain", "root"],
    ["an empty address", "<>"],
    ["an empty group", "undisclosed:;"],
    ["a name beside the address", "Name a@x.example"],
    ["two addresses side by side", "a@x.example b@y.example"],
    ["two pairs of brackets", "<a@x.example> <b@y.example>"],
    ["text behind the brackets", "<a@x.example> b"],
    ["brackets in brackets", "<<a@x.example>>"],
    ["two @", "a@x.example@y.example"],
    ["no end of a quoted string", '"a <a@x.example>'],
    ["no end of a comment", "(a <a@x.example>"],
    ["no end of the brackets", "A <a@x.example"],
    ["no end of ISO-2022-JP", "\x1b$B3t <a@x.example>"],
    ["a group name that is an address", "c@y.example: a@x.example;"],
    ["a non-ASCII local part", `${utf8("社長")}@x.example`],
    ["invalid UTF-8 in the domain", "a@\xff.example"],
    ["an encoded word as local part", "<=?utf-8?Q?a?=@x.example>"],
    ["a control character", "a@x.example\x01"],
    ["too many authors", Array.from({ length: 60 }, (_, i) => `a@x${i}.example`).join(",")],
  ])("does not guess when there is %s", (_, field) => {
    expect(fromDomains(field)).toBeUndefined();
  });

  it("finds every address of a well-formed list, whatever stands around them", () => {
    const label = fc.stringMatching(/^[a-z0-9]{1,8}$/);
    const address = fc.tuple(fc.stringMatching(/^[a-z0-9.+_-]{1,10}$/), label).map(([local, name]) => ({
      text: `${local}@${name}.example`,
      domain: `${name}.example`,
    }));
    const mailbox = fc.tuple(
      address,
      fc.constantFrom("", "Name ", '"A, \\"B\\" <c@d.example>" ', "=?utf-8?Q?a=2Cb?= ", `${JIS} `, "(c) "),
      fc.boolean(),
    );
    const list = fc.array(mailbox, { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(list, fc.constantFrom(",", ", ", " ,\t", ";"), (mailboxes, comma) => {
        const field = mailboxes.map(([{ text }, name, brackets]) => (brackets ? `${name}<${text}>` : text)).join(comma);
        expect(new Set(fromDomains(field))).toEqual(new Set(mailboxes.map(([{ domain }]) => domain)));
      }),
      { numRuns: 500 },
    );
  });

  it("never throws and never takes long, whatever the bytes", () => {
    const piece = fc.constantFrom(
      ...'<>@,;:()"\\ \t=?\x1b$B[].'.split(""),
      "=?x?q?",
      "\x1b$B",
      "a@b.example",
      "\xff",
      "\x85",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        fromDomains(pieces.join(""));
      }),
      { numRuns: 5_000 },
    );
    const before = process.cpuUsage();
    for (const part of ["@", ":", "<", "(", "\x1b$B", "=?x?q?", "a@b:", "a@b,", "\\", "=?"]) {
      fromDomains(part.repeat(65_536 / part.length));
      fromDomains(`"${part.repeat(65_536 / part.length)}`);
    }
    // Processor time: the machine may be busy. Were the effort quadratic, this would be half a minute.
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(4_000);
  });
});
