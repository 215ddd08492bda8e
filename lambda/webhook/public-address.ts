/**
 * Which addresses a webhook may be sent to: those of the public internet, and none of ours.
 *
 * A tenant chooses where its webhooks go, so the address must not lead to what only the function can reach: the instance
 * metadata, loopback, private networks. What is left out are the special-purpose registries of IANA (RFC 6890 and its
 * updates); addresses that hold an IPv4 address inside are judged by that one.
 */

import { BlockList, isIP } from "node:net";
import { canonicalIp } from "../../lib/core/cidr.ts";

const IPV4: readonly (readonly [string, number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
];
/** Within 2000::/3, which alone is public: Teredo and other protocol assignments, documentation, 6to4. */
const IPV6: readonly (readonly [string, number])[] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
];

const special = new BlockList();
for (const [network, prefix] of IPV4) special.addSubnet(network, prefix, "ipv4");
for (const [network, prefix] of IPV6) special.addSubnet(network, prefix, "ipv6");
const globalUnicast = new BlockList();
globalUnicast.addSubnet("2000::", 3, "ipv6");
/** NAT64 (RFC 6052): the last 32 bits are an IPv4 address. */
const nat64 = new BlockList();
nat64.addSubnet("64:ff9b::", 96, "ipv6");

/** True for an address of the public internet; false for anything else, and for what is no address. */
export function isPublicAddress(address: string): boolean {
  const ip = canonicalIp(address);
  if (ip === undefined) return false;
  if (isIP(ip) === 4) return !special.check(ip, "ipv4");
  if (nat64.check(ip, "ipv6")) return isPublicAddress(embeddedIpv4(ip));
  return globalUnicast.check(ip, "ipv6") && !special.check(ip, "ipv6");
}

/** True for this machine itself. */
export function isLoopbackAddress(address: string): boolean {
  const ip = canonicalIp(address);
  return ip !== undefined && (ip === "::1" || ip.startsWith("127."));
}

function embeddedIpv4(ip: string): string {
  const groups = ip
    .split(":")
    .slice(-2)
    .map((group) => Number.parseInt(group || "0", 16));
  const [high = 0, low = 0] = groups;
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}
