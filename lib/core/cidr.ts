/**
 * Networks as text: canonical CIDR, and the prefixes that cover an address.
 *
 * The directory finds the network of a client by asking for all prefixes that cover it, in one BatchGetItem; the
 * bounds below keep that within DynamoDB's 100 keys.
 */

/** The widest network that can be registered. */
export const IPV4_PREFIX_MIN = 8;
/** 29 to 128 are 100 keys. Networks of customers are /32 (a provider's) and smaller. */
export const IPV6_PREFIX_MIN = 29;

/** An address as a number of 32 or 128 bits. */
interface IpNumber {
  readonly value: bigint;
  readonly bits: 32 | 128;
}

/**
 * Canonical form of a network: `192.0.2.0/24`, `2001:db8::/32`; an address alone is a /32 or /128. Host bits are
 * cleared. Undefined: not a network, or wider than the bounds.
 */
export function canonicalCidr(text: string): string | undefined {
  const match = /^([0-9A-Fa-f:.]+)(?:\/(\d{1,3}))?$/.exec(text);
  const ip = match?.[1] === undefined ? undefined : parseIp(match[1]);
  if (ip === undefined) return undefined;
  const length = match?.[2] === undefined ? ip.bits : Number(match[2]);
  if (length > ip.bits || length < (ip.bits === 32 ? IPV4_PREFIX_MIN : IPV6_PREFIX_MIN)) return undefined;
  return `${formatIp(masked(ip, length))}/${length}`;
}

/** All prefixes that cover an address in canonical form, most specific first; empty when it is no IP address. */
export function coveringPrefixes(address: string): string[] {
  const ip = parseIp(address);
  if (ip === undefined) return [];
  const min = ip.bits === 32 ? IPV4_PREFIX_MIN : IPV6_PREFIX_MIN;
  const prefixes: string[] = [];
  for (let length: number = ip.bits; length >= min; length--)
    prefixes.push(`${formatIp(masked(ip, length))}/${length}`);
  return prefixes;
}

/** How two networks in canonical form lie to each other: a part of it, the same, around it, or apart. */
export function cidrRelation(cidr: string, other: string): "inside" | "same" | "around" | "apart" {
  if (cidr === other) return "same";
  if (contains(other, cidr)) return "inside";
  return contains(cidr, other) ? "around" : "apart";
}

function contains(outer: string, inner: string): boolean {
  const [address = "", length = ""] = inner.split("/");
  const bits = Number(outer.split("/")[1]);
  return bits <= Number(length) && canonicalCidr(`${address}/${bits}`) === outer;
}

/** Canonical form of an address; IPv4 mapped into IPv6 (RFC 4291 §2.5.5.2) becomes IPv4. Undefined: not an address. */
export function canonicalIp(text: string): string | undefined {
  const ip = parseIp(text);
  return ip === undefined ? undefined : formatIp(ip);
}

function masked(ip: IpNumber, length: number): IpNumber {
  const rest = BigInt(ip.bits - length);
  return { value: (ip.value >> rest) << rest, bits: ip.bits };
}

function parseIp(text: string): IpNumber | undefined {
  if (!text.includes(":")) return parseIpv4(text);
  const groups = parseIpv6Groups(text);
  if (groups === undefined) return undefined;
  let value = 0n;
  for (const group of groups) value = (value << 16n) | BigInt(group);
  if (value >> 32n === 0xffffn) return { value: value & 0xffff_ffffn, bits: 32 };
  return { value, bits: 128 };
}

function parseIpv4(text: string): IpNumber | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    // No leading zeros: some read them as octal.
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return { value, bits: 32 };
}

function parseIpv6Groups(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const lists: number[][] = [];
  for (const [index, half] of halves.entries()) {
    const list: number[] = [];
    const parts = half === "" ? [] : half.split(":");
    for (const [position, part] of parts.entries()) {
      if (part.includes(".")) {
        const last = index === halves.length - 1 && position === parts.length - 1;
        const ip = last ? parseIpv4(part) : undefined;
        if (ip === undefined) return undefined;
        list.push(Number(ip.value >> 16n), Number(ip.value & 0xffffn));
      } else if (/^[0-9A-Fa-f]{1,4}$/.test(part)) list.push(Number.parseInt(part, 16));
      else return undefined;
    }
    lists.push(list);
  }
  const [head = [], tail] = lists;
  if (tail === undefined) return head.length === 8 ? head : undefined;
  const missing = 8 - head.length - tail.length;
  return missing < 1 ? undefined : [...head, ...Array<number>(missing).fill(0), ...tail];
}

function formatIp(ip: IpNumber): string {
  if (ip.bits === 32) return [24n, 16n, 8n, 0n].map((shift) => (ip.value >> shift) & 0xffn).join(".");
  const groups: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number((ip.value >> shift) & 0xffffn));
  return formatIpv6(groups);
}

/** RFC 5952 §4: lower case, no leading zeros, the longest run of two or more zero groups shortened, the first of equals. */
function formatIpv6(groups: readonly number[]): string {
  let best = { start: -1, length: 1 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.start === -1) return hex.join(":");
  return `${hex.slice(0, best.start).join(":")}::${hex.slice(best.start + best.length).join(":")}`;
}
