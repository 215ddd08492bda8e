/**
 * An SPF record with everything that it includes: what is wrong with it, and how many look-ups it costs (RFC 7208).
 *
 * The walk visits every mechanism, as an evaluation does that matches nothing, so its count is the worst case.
 */

import type { DnsAnswer, DnsLookup } from "./dns-lookup.ts";

/** RFC 7208 §4.6.4. */
export const SPF_LOOKUPS_MAX = 10;
const SPF_VOID_LOOKUPS_MAX = 2;
const MX_NAMES_MAX = 10;

/** What makes a record useless (RFC 7208: permerror) or weak. */
export type SpfProblem =
  | { readonly code: "none" | "several" | "too-many-lookups" | "too-many-void-lookups" | "passes-all" }
  | { readonly code: "syntax" | "include-without-record" | "loop" | "not-spf"; readonly term: string }
  /** Nobody answered: what is counted so far may be too little. */
  | { readonly code: "could-not-ask"; readonly term: string };

/** A walked record. */
export interface SpfWalk {
  /** All records at the name that claim to be SPF. */
  readonly records: readonly string[];
  readonly lookups: number;
  readonly voidLookups: number;
  /** Names that the record includes, directly or further down. */
  readonly includes: readonly string[];
  /** The qualifier of `all`, or none. */
  readonly all: "+" | "-" | "~" | "?" | undefined;
  readonly problems: readonly SpfProblem[];
}

interface State {
  lookups: number;
  voidLookups: number;
  readonly includes: string[];
  readonly problems: SpfProblem[];
}

const MECHANISM = /^([+?~-]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?:([:/])(.*))?$/i;
const MODIFIER = /^([a-z][a-z0-9_.-]*)=(.*)$/i;
/** Enough to end any chain; more look-ups than this are counted as this many. */
const GIVE_UP_AFTER = 40;

/** Texts that begin like SPF. */
export function spfRecords(texts: readonly string[]): string[] {
  return texts.filter((text) => /^v=spf1(?: |$)/i.test(text));
}

/** Walks the record of a domain. */
export async function walkSpf(domain: string, dns: DnsLookup): Promise<SpfWalk> {
  const state: State = { lookups: 0, voidLookups: 0, includes: [], problems: [] };
  const answer = await dns.txt(domain);
  if (answer.status === "failed") {
    return { records: [], ...state, all: undefined, problems: [{ code: "could-not-ask", term: domain }] };
  }
  const texts = answer.status === "found" ? answer.records : [];
  const records = spfRecords(texts);
  const [record] = records;
  let all: SpfWalk["all"];
  if (record === undefined) {
    const almost = texts.find((text) => /^["'\s]*v\s*=\s*spf|^spf1\b|^v=spf1\S/i.test(text));
    state.problems.push(almost === undefined ? { code: "none" } : { code: "not-spf", term: almost });
  } else if (records.length > 1) state.problems.push({ code: "several" });
  else all = await walk(domain, record, dns, state, [domain]);
  if (all === "+") state.problems.push({ code: "passes-all" });
  if (state.lookups > SPF_LOOKUPS_MAX) state.problems.push({ code: "too-many-lookups" });
  if (state.voidLookups > SPF_VOID_LOOKUPS_MAX) state.problems.push({ code: "too-many-void-lookups" });
  return { records, all, ...state };
}

/** Returns the qualifier of `all`. */
async function walk(
  domain: string,
  record: string,
  dns: DnsLookup,
  state: State,
  path: readonly string[],
): Promise<SpfWalk["all"]> {
  let all: SpfWalk["all"];
  let redirect: string | undefined;
  for (const term of record.split(/ +/).slice(1)) {
    if (term === "") continue;
    if (state.lookups >= GIVE_UP_AFTER) return all;
    const modifier = MODIFIER.exec(term);
    if (modifier !== null && MECHANISM.exec(term) === null) {
      if (modifier[1]?.toLowerCase() === "redirect") redirect = modifier[2];
      continue;
    }
    const mechanism = MECHANISM.exec(term);
    const name = mechanism?.[2]?.toLowerCase() ?? "";
    const problem = mechanism === null ? true : !isWellFormed(name, mechanism[3], mechanism[4] ?? "");
    if (problem) {
      state.problems.push({ code: "syntax", term });
      continue;
    }
    if (name === "all") all = (mechanism?.[1] === "" ? "+" : mechanism?.[1]) as SpfWalk["all"];
    else await lookUp(name, mechanism?.[3] === ":" ? (mechanism[4] ?? "") : "", domain, dns, state, path);
  }
  if (redirect !== undefined && all === undefined) {
    state.lookups += 1;
    all = await include(redirect.toLowerCase(), dns, state, path);
  }
  return all;
}

function isWellFormed(name: string, separator: string | undefined, value: string): boolean {
  switch (name) {
    case "all":
      return separator === undefined;
    case "include":
    case "exists":
      return separator === ":" && isName(value);
    case "ip4":
      return (
        separator === ":" &&
        /^\d{1,3}(\.\d{1,3}){3}(\/\d{1,2})?$/.test(value) &&
        value
          .split("/")[0]
          ?.split(".")
          .every((part) => Number(part) < 256) === true &&
        Number(value.split("/")[1] ?? 32) <= 32
      );
    case "ip6":
      return separator === ":" && /^[0-9a-f:.]+(\/\d{1,3})?$/i.test(value) && Number(value.split("/")[1] ?? 128) <= 128;
    default:
      return separator !== ":" || isName(value.replace(/\/.*$/, ""));
  }
}

/** A domain-spec: a name, or one with macros. */
function isName(text: string): boolean {
  return (
    text.includes("%{") || /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i.test(text)
  );
}

async function lookUp(
  name: string,
  value: string,
  domain: string,
  dns: DnsLookup,
  state: State,
  path: readonly string[],
): Promise<void> {
  if (name === "ip4" || name === "ip6") return;
  state.lookups += 1;
  const target = value.replace(/\/.*$/, "").replace(/\.$/, "").toLowerCase() || domain;
  // What a macro becomes depends on the mail.
  if (target.includes("%{") || name === "ptr" || name === "exists") return;
  if (name === "include") {
    await include(target, dns, state, path);
    return;
  }
  if (name === "mx") {
    const answer = await dns.mx(target);
    note(answer, target, state);
    if (answer.status === "found" && answer.records.length > MX_NAMES_MAX)
      state.problems.push({ code: "too-many-lookups" });
    return;
  }
  const answer = await dns.a(target);
  // An address of either kind is enough.
  note(answer.status === "no-data" ? await dns.aaaa(target) : answer, target, state);
}

function note(answer: DnsAnswer<unknown>, term: string, state: State): void {
  if (answer.status === "failed") state.problems.push({ code: "could-not-ask", term });
  else if (answer.status !== "found") state.voidLookups += 1;
}

async function include(target: string, dns: DnsLookup, state: State, path: readonly string[]): Promise<SpfWalk["all"]> {
  if (path.includes(target)) {
    state.problems.push({ code: "loop", term: target });
    return undefined;
  }
  state.includes.push(target);
  const answer = await dns.txt(target);
  note(answer, target, state);
  if (answer.status === "failed") return undefined;
  const records = answer.status === "found" ? spfRecords(answer.records) : [];
  if (records.length !== 1) {
    state.problems.push({ code: "include-without-record", term: target });
    return undefined;
  }
  return await walk(target, records[0] ?? "", dns, state, [...path, target]);
}
