/** Addresses: what SES can take, in one form; whatever is read differently by two programs is refused. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addressKey,
  coveringDomains,
  formatAddress,
  isAddress,
  parseAddress,
  toAsciiDomain,
} from "../../lib/core/address.ts";

describe("parseAddress", () => {
  it.each([
    ["a plain address", "yamada@example.jp", "yamada", "example.jp"],
    ["case of the local part kept, of the domain lowered", "Yamada@EXAMPLE.Jp", "Yamada", "example.jp"],
    ["a plus and what else an atom may hold", "a+b!#$%&'*/=?^_`{|}~-@x.jp", "a+b!#$%&'*/=?^_`{|}~-", "x.jp"],
    ["dots where old Japanese carriers allowed them", ".a..b.@docomo.example", ".a..b.", "docomo.example"],
    ["a quoted local part with space, at sign and angle bracket", '"a @>b"@x.jp', '"a @>b"', "x.jp"],
    ["a quoted local part with escapes", '"a\\"\\\\"@x.jp', '"a\\"\\\\"', "x.jp"],
    ["an empty quoted local part", '""@x.jp', '""', "x.jp"],
    ["a dot at the end of the domain dropped", "a@example.jp.", "a", "example.jp"],
    ["an international domain as A-labels", "a@例え.jp", "a", "xn--r8jz45g.jp"],
    ["an ideographic full stop as a dot", "a@例え。jp", "a", "xn--r8jz45g.jp"],
    ["a domain of one label", "root@localhost", "root", "localhost"],
    ["an underscore in a host name", "a@my_host.example.jp", "a", "my_host.example.jp"],
    ["a local part of 64 characters", `${"a".repeat(64)}@x.jp`, "a".repeat(64), "x.jp"],
  ])("takes %s", (_, text, local, domain) => {
    expect(parseAddress(text)).toEqual({ local, domain });
  });

  it.each([
    ["nothing", "", "empty"],
    ["a bare name", "root", "no-domain"],
    ["nothing behind the at sign", "root@", "no-domain"],
    ["an at sign alone", "@", "no-domain"],
    ["nothing before the at sign", "@example.jp", "bad-syntax"],
    ["a space outside quotes", "a b@x.jp", "bad-syntax"],
    ["an at sign outside quotes", "a@b@x.jp", "bad-syntax"],
    ["angle brackets", "<a@x.jp>", "bad-syntax"],
    ["a quote that is not closed", '"a@x.jp', "bad-syntax"],
    ["a quote in the middle", 'a"b"@x.jp', "bad-syntax"],
    ["an escape at the end of the quotes", '"a\\"@x.jp', "bad-syntax"],
    ["a line end in the local part", "a\r\nb@x.jp", "bad-syntax"],
    ["a line end in quotes", '"a\r\nRCPT TO:<b@x.jp>"@x.jp', "bad-syntax"],
    ["a line end at the end", "a@x.jp\r\n", "bad-domain"],
    ["NUL", "a\0@x.jp", "bad-syntax"],
    ["a non-ASCII local part", "山田@x.jp", "non-ascii-local"],
    ["a non-ASCII local part in quotes", '"é"@x.jp', "non-ascii-local"],
    ["a local part of 65 characters", `${"a".repeat(65)}@x.jp`, "too-long"],
    ["an address literal", "a@[192.0.2.1]", "bad-domain"],
    ["an empty label", "a@x..jp", "bad-domain"],
    ["a label of 64 characters", `a@${"x".repeat(64)}.jp`, "bad-domain"],
    ["a domain of 254 characters", `a@${"x.".repeat(126)}jp`, "bad-domain"],
    ["a hyphen at the end of a label", "a@x-.jp", "bad-domain"],
    ["a port behind the domain", "a@x.jp:25", "bad-domain"],
  ])("refuses %s", (_, text, problem) => {
    expect(parseAddress(text)).toBe(problem);
  });

  it("answers any text without throwing, and what it takes it takes again in its own form", () => {
    const part = fc.oneof(
      fc.string(),
      fc.string({ unit: "binary" }),
      fc.constantFrom('"', "\\", ">", "@", ".", "\r\n", "例"),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const address = parseAddress(parts.join(""));
        if (!isAddress(address)) return;
        expect(formatAddress(address)).toMatch(/^[ -~]+$/);
        expect(parseAddress(formatAddress(address))).toEqual(address);
      }),
      { numRuns: 500 },
    );
  });
});

describe("toAsciiDomain", () => {
  it.each([
    ["a path", "例え.jp/evil.example"],
    ["a query", "例え.jp?x"],
    ["a fragment", "例え.jp#x"],
    ["a backslash", "例え.jp\\x"],
    ["a port", "例え.jp:25"],
    ["a percent escape", "例え%2ejp"],
    ["a line end in the middle", "例\r\nえ.jp"],
    ["a tab at the end", "例え.jp\t"],
    ["a space", "例え .jp"],
    ["a full-width slash", "例え.jp\uff0fx"],
    ["a label that disappears", "\u00ad.jp"],
    ["a broken A-label", "xn--a.例え.jp"],
    ["a lone surrogate", "\ud800.jp"],
  ])("refuses a non-ASCII name with %s, where the conversion alone would make a name of it", (_, name) => {
    expect(toAsciiDomain(name)).toBeUndefined();
  });

  it("gives lower-case host names only, for any text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.domain(), fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" })), (name) => {
        const ascii = toAsciiDomain(name);
        if (ascii === undefined) return;
        expect(ascii).toMatch(/^(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/);
        expect(toAsciiDomain(ascii)).toBe(ascii);
      }),
    );
  });

  it("takes every ordinary domain as it is, lower case", () => {
    fc.assert(
      fc.property(fc.domain(), (name) => {
        expect(toAsciiDomain(name)).toBe(name.toLowerCase());
      }),
    );
  });
});

describe("coveringDomains", () => {
  it.each([
    ["a.b.example.jp", ["a.b.example.jp", "b.example.jp", "example.jp"]],
    ["example.jp", ["example.jp"]],
    ["localhost", ["localhost"]],
  ])("of %s is the domain and its parents without the top-level label", (domain, covering) => {
    expect(coveringDomains(domain)).toEqual(covering);
  });
});

describe("addressKey", () => {
  it("is the same for an address in any case", () => {
    expect(addressKey("Yamada@Example.JP")).toBe(addressKey("yamada@example.jp"));
  });
});
