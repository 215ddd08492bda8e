/**
 * Mail addresses as values: an ASCII local part and a lower-case ASCII domain.
 *
 * SES has no SMTPUTF8, so a local part is ASCII or refused, and a domain is kept as A-labels (RFC 5890).
 */

import { domainToASCII } from "node:url";

/** A mailbox of RFC 5321 §4.1.2 in the form SES takes. */
export interface Address {
  /** As given, case kept; quotes of a quoted-string kept. */
  readonly local: string;
  /** Lower case, A-labels. */
  readonly domain: string;
}

/** What is wrong with a text that is no address. */
export type AddressProblem = "empty" | "no-domain" | "non-ascii-local" | "bad-syntax" | "bad-domain" | "too-long";

/** Local parts with leading, trailing or double dots exist in the wild (Japanese carriers), so dots are taken anywhere. */
const LOOSE_ATOM = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+$/;
const QUOTED = /^"([\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*"$/;
/** What may stand beside non-ASCII letters: the conversion would cut `/x` or line ends off and resolve `%2e`. */
const HOST_ASCII = /^[A-Za-z0-9_.-]*$/;
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** Parses `local@domain` (no angle brackets). Returns the address or what is wrong with it; never throws. */
export function parseAddress(text: string): Address | AddressProblem {
  if (text === "") return "empty";
  const at = text.lastIndexOf("@");
  if (at <= 0 || at === text.length - 1) return at === -1 || at === text.length - 1 ? "no-domain" : "bad-syntax";
  const local = text.slice(0, at);
  // oxlint-disable-next-line no-control-regex
  if (/[^\x00-\x7f]/.test(local)) return "non-ascii-local";
  if (!LOOSE_ATOM.test(local) && !QUOTED.test(local)) return "bad-syntax";
  if (local.length > 64) return "too-long";
  const domain = toAsciiDomain(text.slice(at + 1));
  if (domain === undefined) return "bad-domain";
  return { local, domain };
}

/** Lower-case A-label form of a domain name, or undefined when it is not a host name (address literals are not). */
export function toAsciiDomain(name: string): string | undefined {
  const trimmed = name.endsWith(".") ? name.slice(0, -1) : name;
  // oxlint-disable-next-line no-control-regex
  const onlyAscii = trimmed.replace(/[^\x00-\x7f]/g, "");
  if (!HOST_ASCII.test(onlyAscii)) return undefined;
  const ascii = onlyAscii === trimmed ? trimmed.toLowerCase() : domainToASCII(trimmed);
  if (ascii === "" || ascii.length > 253) return undefined;
  return ascii.split(".").every((label) => LABEL.test(label)) ? ascii : undefined;
}

/** True for the value of a successful `parseAddress`. */
export function isAddress(value: Address | AddressProblem): value is Address {
  return typeof value === "object";
}

/** The address as it stands in SMTP between angle brackets, and in a DSN. */
export function formatAddress(address: Address): string {
  return `${address.local}@${address.domain}`;
}

/** The form under which a recipient is looked up and suppressed: all lower case. */
export function addressKey(address: string): string {
  return address.toLowerCase();
}

/** The domain and its parents, most specific first, without the top-level label: `a.b.example` gives itself, `b.example`. */
export function coveringDomains(domain: string): string[] {
  const labels = domain.split(".");
  const result: string[] = [];
  for (let i = 0; i < Math.max(1, labels.length - 1); i++) result.push(labels.slice(i).join("."));
  return result;
}
