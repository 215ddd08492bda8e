/** Domains out of the lists that operators have. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  domainsFromWords,
  guessListFormat,
  LIST_FORMATS,
  parseDomainList,
  zoneOfMasterFile,
} from "../../lib/core/domain-list.ts";

function read(text: string): readonly string[] {
  return parseDomainList(text, guessListFormat(text)).domains;
}

describe("parseDomainList", () => {
  it.each([
    ["one per line, as plesk bin domain --list prints them", "a.example\nb.example\n", ["a.example", "b.example"]],
    [
      "comments, blank lines, capitals and a last dot",
      "# ours\n\nA.Example. ; main\nb.example # old\n",
      ["a.example", "b.example"],
    ],
    ["CRLF and a byte order mark", "\ufeffa.example\r\nb.example\r\n", ["a.example", "b.example"]],
    ["a name in Japanese, as A-label", "\u65e5\u672c\u8a9e.example\n", ["xn--wgv71a119e.example"]],
    ["the same domain three times, once", "a.example\nA.EXAMPLE\ninfo@a.example\n", ["a.example"]],
    [
      "a Postfix virtual table: domains and addresses",
      "a.example anything\ninfo@a.example someone\ninfo@b.example\tsomeone\n",
      ["a.example", "b.example"],
    ],
    ["a Postfix table with tabs", "a.example\tanything\nb.example\tanything\n", ["a.example", "b.example"]],
    [
      "CSV with a column called domain",
      'id,domain,owner\r\n1,a.example,"Example, Inc."\r\n2,b.example,x\r\n',
      ["a.example", "b.example"],
    ],
    [
      "CSV with semicolons and a Japanese head",
      "\u9867\u5ba2;\u30c9\u30e1\u30a4\u30f3\nx;a.example\ny;b.example\n",
      ["a.example", "b.example"],
    ],
    ["CSV without a head", "a.example,2024\nb.example,2025\n", ["a.example", "b.example"]],
    [
      "what postconf prints",
      "virtual_alias_domains = a.example, b.example c.example\n",
      ["a.example", "b.example", "c.example"],
    ],
    [
      "main.cf, of which only the domain lists count",
      "myhostname = mx.host.example\n# old: x.example\nvirtual_alias_domains = a.example\n    b.example,\n    c.example\nrelayhost = y.example\n",
      ["a.example", "b.example", "c.example"],
    ],
    [
      "named.conf",
      'zone "." { type hint; file "root"; };\n// zone "old.example" { type master; };\nzone "a.example" IN { type master; file "a"; };\nzone "2.0.192.in-addr.arpa" { type master; };\nzone "b.example" { type slave; masters { 192.0.2.1; }; };\n',
      ["a.example", "b.example"],
    ],
  ])("reads %s", (_, text, domains) => {
    expect(read(text)).toEqual(domains);
  });

  it("names what it leaves out, with line and reason", () => {
    expect(
      parseDomainList("a.example\nlocalhost\nnot a domain!\n*.b.example\n2.0.192.in-addr.arpa\nsrv.lan\n", "lines")
        .leftOut,
    ).toEqual(
      [
        { line: 2, text: "localhost", because: "a name of one label" },
        { line: 4, text: "*.b.example", because: "not a domain name" },
        { line: 5, text: "2.0.192.in-addr.arpa", because: "a reverse zone" },
        { line: 6, text: "srv.lan", because: "no name of the public DNS" },
      ].toSpliced(1, 0, { line: 3, text: "not", because: "a name of one label" }),
    );
    expect(
      parseDomainList("virtual_alias_domains = $mydestination hash:/etc/postfix/virtual /etc/x\n", "postfix"),
    ).toMatchObject({
      domains: [],
      leftOut: [
        { text: "$mydestination", because: expect.stringContaining("postconf") as string },
        { text: "hash:/etc/postfix/virtual", because: expect.stringContaining("table") as string },
        { text: "/etc/x" },
      ],
    });
    expect(parseDomainList("name of customer,phone\nx,1\n", "csv").leftOut).toEqual([
      { line: 0, text: "", because: "no column holds domains" },
    ]);
  });

  it("never throws, and gives only names of two labels or more in lower case, each once", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), fc.constantFrom(...LIST_FORMATS), (text, format) => {
        const { domains } = parseDomainList(text, format);
        expect(new Set(domains).size).toBe(domains.length);
        for (const domain of domains) expect(domain).toMatch(/^[a-z0-9]([a-z0-9_-]*\.)+[a-z0-9-]+$/);
      }),
    );
  });
});

describe("domainsFromWords", () => {
  it("counts the words", () => {
    expect(domainsFromWords(["a.example", "b"])).toMatchObject({
      domains: ["a.example"],
      leftOut: [{ line: 2, text: "b" }],
    });
  });
});

describe("zoneOfMasterFile", () => {
  const soa = "ns.host.example. root.host.example. ( 1 2 3 4 5 )\n";
  it.each([
    ["its $ORIGIN", "x", `$TTL 1h\n$ORIGIN a.example.\n@ IN SOA ${soa}`, "a.example"],
    ["the SOA's own name", "x", `a.example. 3600 IN SOA ${soa}`, "a.example"],
    ["the name of the file, ending with .zone", "a.example.zone", `$TTL 86400\n@\tIN\tSOA\t${soa}`, "a.example"],
    ["the name of the file, beginning with db.", "db.a.example", `@ IN SOA ${soa}`, "a.example"],
    ["the bare name of the file", "a.example", `@ 1d IN SOA ${soa}`, "a.example"],
  ])("takes %s", (_, file, text, zone) => {
    expect(zoneOfMasterFile(file, text)).toBe(zone);
  });

  it("gives nothing for a file without SOA", () => {
    expect(zoneOfMasterFile("readme.txt", "These are our zones.\n; @ IN SOA x\n")).toBeUndefined();
  });
});
