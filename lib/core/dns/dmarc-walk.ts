/**
 * The DMARC record that counts for a domain: its own, or one further up, found by the tree walk of RFC 9989.
 *
 * RFC 9989 has done away with the Public Suffix List: receivers go up label by label, at most eight queries.
 */

import type { DnsLookup } from "./dns-lookup.ts";

/** Longer names are cut to their last seven labels after the first query. */
const QUERIES_MAX = 8;

/** What is wrong with a record. Tags and their values in lower case. */
export type DmarcProblem =
  | { readonly code: "none" | "several" }
  | { readonly code: "syntax" | "bad-policy" | "bad-report-address" | "removed-tag"; readonly term: string }
  | { readonly code: "no-policy" }
  | { readonly code: "could-not-ask"; readonly term: string };

/** A domain's record. */
export interface DmarcWalk {
  /** Where it stands: the domain's own name or one further up; absent when there is none. */
  readonly at?: string;
  readonly record?: string;
  readonly tags: Readonly<Record<string, string>>;
  /** What receivers do with a mail of this very domain that fails. */
  readonly policy: "none" | "quarantine" | "reject" | undefined;
  readonly problems: readonly DmarcProblem[];
}

/** Walks up from a domain. */
export async function walkDmarc(domain: string, dns: DnsLookup): Promise<DmarcWalk> {
  for (const name of namesOf(domain)) {
    const answer = await dns.txt(`_dmarc.${name}`);
    if (answer.status === "failed") {
      return { tags: {}, policy: undefined, problems: [{ code: "could-not-ask", term: `_dmarc.${name}` }] };
    }
    const texts = answer.status === "found" ? answer.records : [];
    const records = texts.filter((text) => /^\s*v\s*=\s*DMARC1\s*(?:;|$)/i.test(text));
    const almost = texts.find((text) => /dmarc/i.test(text));
    if (records.length > 1) return { at: name, tags: {}, policy: undefined, problems: [{ code: "several" }] };
    const [record] = records;
    if (record !== undefined) return judged(domain, name, record);
    if (almost !== undefined && name === domain) {
      return { at: name, record: almost, tags: {}, policy: undefined, problems: [{ code: "syntax", term: almost }] };
    }
  }
  return { tags: {}, policy: undefined, problems: [{ code: "none" }] };
}

function namesOf(domain: string): string[] {
  const labels = domain.split(".");
  const names = [domain];
  const rest = labels.length > QUERIES_MAX ? labels.slice(-(QUERIES_MAX - 1)) : labels.slice(1);
  for (let start = 0; start < rest.length; start++) names.push(rest.slice(start).join("."));
  return names.slice(0, QUERIES_MAX);
}

const POLICIES = ["none", "quarantine", "reject"] as const;

function judged(domain: string, at: string, record: string): DmarcWalk {
  const problems: DmarcProblem[] = [];
  const tags: Record<string, string> = {};
  for (const part of record.split(";")) {
    if (part.trim() === "") continue;
    const match = /^\s*([a-z]+)\s*=\s*(.*?)\s*$/i.exec(part);
    if (match === null) problems.push({ code: "syntax", term: part.trim() });
    else tags[match[1]?.toLowerCase() ?? ""] = match[2] ?? "";
  }
  for (const tag of ["p", "sp", "np"]) {
    const value = tags[tag]?.toLowerCase();
    if (value !== undefined && !POLICIES.some((policy) => policy === value))
      problems.push({ code: "bad-policy", term: `${tag}=${tags[tag]}` });
  }
  if (tags["p"] === undefined) problems.push({ code: "no-policy" });
  for (const tag of ["rua", "ruf"]) {
    for (const uri of tags[tag]?.split(",") ?? []) {
      if (!/^\s*mailto:[^\s@]+@[^\s@!]+(?:![0-9]+[kmgt]?)?\s*$/i.test(uri))
        problems.push({ code: "bad-report-address", term: `${tag}=${uri.trim()}` });
    }
  }
  for (const tag of ["pct", "rf", "ri"]) {
    if (tags[tag] !== undefined) problems.push({ code: "removed-tag", term: tag });
  }
  const own = at === domain ? tags["p"] : (tags["sp"] ?? tags["p"]);
  const policy = POLICIES.find((candidate) => candidate === own?.toLowerCase()) ?? "none";
  return { at, record, tags, policy, problems };
}
