import { describe, expect, it } from "vitest";
import { domainOfMailbox, joinRecipients, repairRecipients } from "../../lib/core/header-recipients.ts";

const repair = (value: string, domain: string | undefined = "d.example") =>
  repairRecipients(Buffer.from(value, "utf8").toString("latin1"), domain);

describe("repairRecipients", () => {
  it.each([
    " a@example.net",
    ' A B <a@example.net>, "C, D; E" <c@example.net> (comment, with; marks)',
    "\r\n a@example.net,\r\n\tb@example.net",
    " undisclosed-recipients:;",
    " Friends: a@example.net, B <b@example.net>;, c@example.net",
    " =?UTF-8?Q?a=2C_b?= <a@example.net>",
    " foo..bar.@docomo.ne.jp, .x@ezweb.ne.jp",
    ' "quoted local, too"@example.net',
    " a@[192.0.2.1]",
    " <@one.example,@two.example:a@example.net>",
    " a@example.net,, b@example.net,",
    " 山田 太郎 <a@example.net>",
    ' "[List] name" <a@example.net>',
  ])("leaves %j alone", (value) => {
    expect(repair(value)).toEqual({ kind: "good" });
  });

  it.each([
    [" root", " root@d.example"],
    [" root (the admin)", " root@d.example (the admin)"],
    [" (x) root", " (x) root@d.example"],
    [' "Root" <root>', ' "Root" <root@d.example>'],
    ["\r\n root,\r\n a@example.net", "\r\n root@d.example,\r\n a@example.net"],
    [" a@example.net; b@example.net", " a@example.net, b@example.net"],
    [" a@example.net; b@example.net;", " a@example.net, b@example.net"],
    [" John Smith, a@example.net", " a@example.net"],
    [" a@example.net, <>", " a@example.net"],
    [" a b@example.net, c@example.net", " c@example.net"],
    [" undisclosed-recipients, a@example.net", " a@example.net"],
    [" a@example.net., b@example.net", " b@example.net"],
    [" undisclosed-recipients:", " undisclosed-recipients:;"],
    [" Friends: a@example.net, b@example.net", " Friends: a@example.net, b@example.net;"],
    [" :;, a@example.net", " a@example.net"],
  ])("makes %j into %j", (value, repaired) => {
    expect(repair(value)).toEqual({ kind: "repaired", value: repaired });
  });

  it("leaves bare names out when there is no default domain", () => {
    expect(repairRecipients(" root, a@example.net", undefined)).toEqual({ kind: "repaired", value: " a@example.net" });
    expect(repairRecipients(" root", undefined)).toEqual({ kind: "unusable" });
  });

  it.each(["", " ", "\r\n \t", " ,", " , ,\r\n ,", " (nobody)"])("finds nothing in %j", (value) => {
    expect(repair(value)).toEqual({ kind: "empty" });
  });

  it.each([
    ' "never closed <a@example.net>',
    " a@example.net (never closed",
    " <a@example.net",
    " a@example.net>",
    " a <b@example.net> <c@example.net>",
    " John Smith",
    " <>",
    " Undisclosed recipients",
    " a: b: c@example.net;",
    " 用户@example.net",
    " a@例え.jp, b@example.net",
    ` ${"a".repeat(1000)}@example.net`,
  ])("can do nothing with %j", (value) => {
    expect(repair(value)).toEqual({ kind: "unusable" });
  });

  it("does not mend a field with raw 8-bit names in parts", () => {
    expect(repair(" 山田, root <root>")).toEqual({ kind: "unusable" });
  });
});

describe("joinRecipients", () => {
  it("makes one list of all, each copy once, and gives a lone value back as it is", () => {
    expect(joinRecipients([" a@x ", " a@x", "\r\n a@x"])).toBe(" a@x ");
    expect(joinRecipients([" a@x,\r\n b@x, ", " c@x", "a@x,  b@x,", "b@x"])).toBe(" a@x,\r\n b@x,\r\n c@x,\r\n b@x");
  });

  it("joins tens of thousands of copies in good time", () => {
    const values = Array.from({ length: 50_000 }, (_, i) => ` r${i}@example.net`);
    const before = process.cpuUsage();
    expect(joinRecipients(values).split(",").length).toBe(50_000);
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(3000);
  });
});

describe("domainOfMailbox", () => {
  it.each([
    ["a@Example.COM", "example.com"],
    ['"x, <y@z>" <a@example.com>', "example.com"],
    ["(c) a@example.com (d)", "example.com"],
    ['"a@b"@example.com', "example.com"],
    [Buffer.from("a@例え.jp").toString("latin1"), "xn--r8jz45g.jp"],
    ["", undefined],
    ["nobody", undefined],
    ["<>", undefined],
    ["a@", undefined],
    ["a@b@", undefined],
    ["a@[192.0.2.1]", undefined],
  ])("finds in %j the domain %j", (value, domain) => {
    expect(domainOfMailbox(value)).toBe(domain);
  });
});
