import { BlockList, isIP } from "node:net";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalCidr, canonicalIp, coveringPrefixes } from "../../lib/core/cidr.ts";

describe("a network", () => {
  it.each([
    ["192.0.2.1", "192.0.2.1/32"],
    ["192.0.2.77/24", "192.0.2.0/24"],
    ["10.1.2.3/8", "10.0.0.0/8"],
    ["2001:DB8::1", "2001:db8::1/128"],
    ["2001:db8:ffff::/32", "2001:db8::/32"],
    ["2001:db8:0:0:1:0:0:1/128", "2001:db8::1:0:0:1/128"],
    ["::ffff:192.0.2.1", "192.0.2.1/32"],
  ])("%s is %s in canonical form", (text, canonical) => {
    expect(canonicalCidr(text)).toBe(canonical);
  });

  it.each(["", "192.0.2", "192.0.2.256", "192.0.2.01", "192.0.2.1/33", "10.0.0.0/7", "0.0.0.0/0", "::/0", "2001::/28"])(
    "%j is none, or too wide to be registered",
    (text) => {
      expect(canonicalCidr(text)).toBeUndefined();
    },
  );

  it.each([
    "2001:db8::/129",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    "12345::",
    "::1.2.3",
    "fe80::1%eth0",
    "a/8",
  ])("%j is none", (text) => {
    expect(canonicalCidr(text)).toBeUndefined();
  });
});

describe("the prefixes that cover an address", () => {
  it("begin with the address itself and fit one BatchGetItem of 100 keys", () => {
    const four = coveringPrefixes("192.0.2.77");
    expect([four.length, four[0], four[8], four.at(-1)]).toEqual([25, "192.0.2.77/32", "192.0.2.0/24", "192.0.0.0/8"]);
    const six = coveringPrefixes("2001:db8::1");
    expect([six.length, six[0], six.at(-4)]).toEqual([100, "2001:db8::1/128", "2001:db8::/32"]);
  });

  it("are those of IPv4 for a mapped address, and none for what is no address", () => {
    expect(coveringPrefixes("::ffff:192.0.2.77")).toEqual(coveringPrefixes("192.0.2.77"));
    expect(coveringPrefixes("nonsense")).toEqual([]);
  });

  it("agree with Node's own idea of networks", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        const family = isIP(address) === 4 || canonicalIp(address)?.includes(":") === false ? "ipv4" : "ipv6";
        const plain = canonicalIp(address) ?? "";
        for (const prefix of coveringPrefixes(address)) {
          const [network, length] = prefix.split("/");
          const list = new BlockList();
          list.addSubnet(network ?? "", Number(length), family);
          expect(list.check(plain, family)).toBe(true);
          expect(canonicalCidr(prefix)).toBe(prefix);
        }
      }),
      { numRuns: 50 },
    );
  });
});
