/**
 * Under which address of the tenant mail of a foreign author goes out.
 *
 * Promise:  candidates in order of preference, a fixed number at most; which of their domains are the tenant's is for
 *           the caller to look up. A whole address is taken only from what the tenant's own server says (ORCPT, its
 *           return path, its list); what the message says names a domain and no more, or anybody outside could choose
 *           whose name his mail comes under.
 * See RFC 3461 §4.2 (ORCPT), RFC 2369 §3.4 (List-Post), RFC 5321 §4.4 (the `for` clause of Received).
 */

import { type Address, formatAddress, isAddress, parseAddress, toAsciiDomain } from "./address.ts";
import { fieldValue, readHeader } from "./header-fields.ts";
import { isSrs, type RewriteClass } from "./sender-class.ts";
import type { Envelope } from "./spool-object.ts";

/** The local part where only a domain is known. */
export const FIXED_LOCAL_PART = "forwarded";

/** Domains that are looked up for one message. */
const CANDIDATES_MAX = 20;

/** Octets of a field in which addresses are looked for. */
const VALUE_OCTETS_MAX = 4096;

/** Fields in which servers and writers say whom the mail was for, and at last where it was written. */
const FIELDS = ["x-original-to", "delivered-to", "envelope-to", "to", "cc", "message-id"];

/** Classes that go out under the relay's own system address: what they say comes from no person. */
const SERVERS_OWN: ReadonlySet<RewriteClass> = new Set<RewriteClass>(["bounce", "auto-reply", "system"]);

/** Does this class go out under the relay's system address, and not under one of the tenant's? */
export function usesSystemAddress(rewrite: RewriteClass): boolean {
  return SERVERS_OWN.has(rewrite);
}

/**
 * The addresses that the mail could go out under, the best first, each domain in it once or twice.
 *
 * 1. The forwarding address: what the recipient was at first, by ORCPT. With several recipients, of the first that has
 *    one, since all get the same message.
 * 2. For a list its posting address, as list managers write it that replace From themselves.
 * 3. The return path, if it is the tenant's and meant to be read; of SRS and list return paths the domain.
 * 4. The domain in which the tenant's server took the mail, by its own Received field; then those of the fields above.
 */
export function addressCandidates(
  rewrite: RewriteClass,
  envelope: Pick<Envelope, "returnPath" | "foreignReturnPath" | "recipients">,
  message: Buffer,
): Address[] {
  const candidates = new Map<string, Address>();
  const add = (address: Address): void => {
    if (candidates.size < CANDIDATES_MAX) candidates.set(formatAddress(address), address);
  };
  for (const { address, orcpt } of envelope.recipients) {
    const original = orcpt?.type.toLowerCase() === "rfc822" ? parseAddress(orcpt.value) : "empty";
    if (isAddress(original) && formatAddress(original).toLowerCase() !== address.toLowerCase()) add(original);
  }
  const values = headerValues(message);
  const sender = envelope.foreignReturnPath === true ? undefined : parsed(envelope.returnPath);
  if (sender !== undefined) {
    if (rewrite === "list") for (const post of addressesIn(values("list-post"))) add(post);
    const isForReading = rewrite !== "list" && !isSrs(formatAddress(sender));
    add(isForReading ? sender : fixedAddress(sender.domain));
  }
  const domains = [receivedFor(values("received")), ...FIELDS.map(values)]
    .flatMap(addressesIn)
    .map(({ domain }) => domain);
  for (const domain of domains) add(fixedAddress(domain));
  return [...candidates.values()];
}

/** The fixed local part in a domain. */
export function fixedAddress(domain: string): Address {
  return { local: FIXED_LOCAL_PART, domain };
}

function parsed(text: string | null): Address | undefined {
  const address = parseAddress(text ?? "");
  return isAddress(address) ? address : undefined;
}

/** The value of the topmost field of a name, or nothing. */
function headerValues(message: Buffer): (name: string) => string {
  const { fields } = readHeader(message);
  return (name) => {
    const field = fields.find((candidate) => candidate.name === name);
    return field === undefined ? "" : fieldValue(message, field).slice(0, VALUE_OCTETS_MAX);
  };
}

/** Postfix and Exim write for whom they took the mail, Exim without the brackets. */
function receivedFor(received: string): string {
  return /\sfor\s+(<[^<>\s]+>|[^<>\s;]+)/i.exec(received)?.[1] ?? "";
}

/** What looks like an address, in any text. */
function addressesIn(text: string): Address[] {
  return [...text.matchAll(/([!#-'*+./0-9=?A-Z^-~-]{1,64})@([A-Za-z0-9.-]{1,253})/g)].flatMap(
    ([, local = "", name = ""]) => {
      const domain = toAsciiDomain(name);
      const address = domain === undefined ? undefined : parsed(`${local.replace(/^.*:/, "")}@${domain}`);
      return address === undefined ? [] : [address];
    },
  );
}
