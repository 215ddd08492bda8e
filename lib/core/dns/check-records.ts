/**
 * Compares the records that a domain needs with what the DNS says, and names the mistake when they differ.
 *
 * Promise:  each record is good, missing, wrong with the exact mistake, or could not be asked for. Nothing is guessed: a
 *           mistake is named only when the DNS shows it.
 */

import { coveringDomains } from "../address.ts";
import type { WantedRecord } from "../domain-records.ts";
import { walkDmarc } from "./dmarc-walk.ts";
import { type DnsAnswer, type DnsLookup, recordsOf } from "./dns-lookup.ts";
import { walkSpf } from "./spf-walk.ts";

/** What is the matter. */
export type RecordFinding =
  | "good"
  /** Of DMARC: a record further up holds for this domain. */
  | "inherited"
  | "missing"
  | "could-not-ask"
  /** The record stands at NAME.ZONE: the panel has added the zone once more. */
  | "doubled-zone-name"
  /** The target ends in the zone: the last dot was missing. */
  | "doubled-target"
  | "wrong-target"
  /** The provider answers with what the target holds, or with addresses of its proxy. */
  | "cname-flattened"
  | "txt-instead-of-cname"
  | "underscore-lost"
  | "domainkey-lost"
  /** The CNAME is right, but a question for TXT is not answered through it. */
  | "cname-not-followed"
  | "key-revoked"
  | "several-mx"
  | "cname-in-the-way"
  | "two-spf-records"
  | "spf-without-ses"
  | "spf-syntax"
  | "too-many-lookups"
  | "too-many-void-lookups"
  | "include-broken"
  | "two-dmarc-records"
  | "dmarc-syntax";

/** One record's verdict. */
export interface RecordVerdict {
  readonly record: WantedRecord;
  readonly status: "good" | "missing" | "wrong" | "unknown";
  readonly finding: RecordFinding;
  /** What the DNS says instead, or where the record stands. */
  readonly found: readonly string[];
}

type Finding = readonly [RecordFinding, ...string[]];

/** Verdicts in the order of the records. Asks about ten domains' worth of questions at once at most. */
export async function checkDomainRecords(wanted: readonly WantedRecord[], dns: DnsLookup): Promise<RecordVerdict[]> {
  const verdicts: RecordVerdict[] = [];
  for (let start = 0; start < wanted.length; start += AT_ONCE) {
    const part = wanted.slice(start, start + AT_ONCE);
    verdicts.push(...(await Promise.all(part.map(async (record) => verdictOf(record, await findingOf(record, dns))))));
  }
  return verdicts;
}

const AT_ONCE = 16;

function verdictOf(record: WantedRecord, [finding, ...found]: Finding): RecordVerdict {
  const status =
    finding === "good" || finding === "inherited"
      ? "good"
      : finding === "missing"
        ? "missing"
        : finding === "could-not-ask"
          ? "unknown"
          : "wrong";
  return { record, status, finding, found };
}

function findingOf(record: WantedRecord, dns: DnsLookup): Promise<Finding> {
  switch (record.purpose) {
    case "dkim":
      return dkimFinding(record, dns);
    case "mail-from-mx":
      return mxFinding(record, dns);
    case "mail-from-spf":
      return spfFinding(record, dns);
    case "dmarc":
      return dmarcFinding(record, dns);
    default:
      return Promise.resolve(["could-not-ask"]);
  }
}

async function dkimFinding(record: WantedRecord, dns: DnsLookup): Promise<Finding> {
  const { name, value } = record;
  const answer = await dns.cname(name);
  if (answer.status === "failed") return ["could-not-ask", answer.reason];
  if (answer.status === "found") {
    const [target = ""] = answer.records;
    if (target !== value.toLowerCase()) return wrongTarget(target, record);
    const key = await dns.txt(name);
    if (key.status === "failed") return ["cname-not-followed", key.reason];
    // SES publishes the key a while after it has given the token, so that none yet is no mistake of the customer's.
    return recordsOf(key).some((text) => /(?:^|;)\s*p=\s*(?:;|$)/i.test(text)) ? ["key-revoked"] : ["good", target];
  }
  const texts = recordsOf(await dns.txt(name));
  if (texts.some((text) => /(?:^|;)\s*p=/i.test(text))) return ["cname-flattened", ...texts];
  if (texts.length > 0) return ["txt-instead-of-cname", ...texts];
  const addresses = [...recordsOf(await dns.a(name)), ...recordsOf(await dns.aaaa(name))];
  if (addresses.length > 0) return ["cname-flattened", ...addresses];
  const elsewhere = async (other: string): Promise<boolean> => (await dns.cname(other)).status === "found";
  const doubled = await firstThat(doubledNames(record), elsewhere);
  if (doubled !== undefined) return ["doubled-zone-name", doubled];
  const bare = name.replace("._domainkey.", ".domainkey.");
  if (await elsewhere(bare)) return ["underscore-lost", bare];
  const lost = name.replace("._domainkey.", ".");
  return (await elsewhere(lost)) ? ["domainkey-lost", lost] : ["missing"];
}

async function mxFinding(record: WantedRecord, dns: DnsLookup): Promise<Finding> {
  const { name, value } = record;
  const alias = await dns.cname(name);
  if (alias.status === "found") return ["cname-in-the-way", ...alias.records];
  const answer = await dns.mx(name);
  if (answer.status === "failed") return ["could-not-ask", answer.reason];
  if (answer.status === "found") {
    const shown = answer.records.map(({ preference, exchange }) => `${preference} ${exchange}`);
    if (answer.records.length > 1) return ["several-mx", ...shown];
    const exchange = answer.records[0]?.exchange ?? "";
    return exchange === value.toLowerCase() ? ["good", ...shown] : wrongTarget(exchange, record);
  }
  const doubled = await firstThat(doubledNames(record), async (other) => (await dns.mx(other)).status === "found");
  return doubled === undefined ? ["missing"] : ["doubled-zone-name", doubled];
}

async function spfFinding(record: WantedRecord, dns: DnsLookup): Promise<Finding> {
  const alias = await dns.cname(record.name);
  if (alias.status === "found") return ["cname-in-the-way", ...alias.records];
  const { records, problems, includes, lookups, voidLookups } = await walkSpf(record.name, dns);
  const codes = new Map(problems.map((problem) => [problem.code, "term" in problem ? problem.term : ""]));
  const isSpf = async (other: string): Promise<boolean> => hasText(await dns.txt(other), /^v=spf1\b/i);
  if (codes.has("none")) {
    const doubled = await firstThat(doubledNames(record), isSpf);
    return doubled === undefined ? ["missing"] : ["doubled-zone-name", doubled];
  }
  if (codes.has("several")) return ["two-spf-records", ...records];
  if (codes.has("not-spf")) return ["spf-syntax", codes.get("not-spf") ?? ""];
  if (codes.has("syntax")) return ["spf-syntax", codes.get("syntax") ?? ""];
  if (codes.has("too-many-lookups")) return ["too-many-lookups", String(lookups), ...records];
  if (codes.has("too-many-void-lookups")) return ["too-many-void-lookups", String(voidLookups), ...records];
  const wants = /include:(\S+)/i.exec(record.value)?.[1]?.toLowerCase() ?? "";
  if (!includes.includes(wants)) {
    return codes.has("could-not-ask")
      ? ["could-not-ask", codes.get("could-not-ask") ?? ""]
      : ["spf-without-ses", ...records];
  }
  const broken = codes.get("include-without-record") ?? codes.get("loop");
  if (broken !== undefined) return ["include-broken", broken];
  return codes.has("could-not-ask") ? ["could-not-ask", codes.get("could-not-ask") ?? ""] : ["good", ...records];
}

async function dmarcFinding(record: WantedRecord, dns: DnsLookup): Promise<Finding> {
  const { at, record: text = "", problems } = await walkDmarc(record.domain, dns);
  for (const problem of problems) {
    switch (problem.code) {
      case "could-not-ask":
        return ["could-not-ask", problem.term];
      case "several":
        return ["two-dmarc-records", at ?? ""];
      case "syntax":
      case "bad-policy":
      case "bad-report-address":
        return ["dmarc-syntax", problem.term];
      case "none": {
        const isDmarc = async (other: string): Promise<boolean> => hasText(await dns.txt(other), /^v=DMARC1/i);
        const doubled = await firstThat(doubledNames(record), isDmarc);
        if (doubled !== undefined) return ["doubled-zone-name", doubled];
        const bare = record.name.replace(/^_/, "");
        return (await isDmarc(bare)) ? ["underscore-lost", bare] : ["missing"];
      }
      case "no-policy":
      case "removed-tag":
        // A record is good without them (RFC 9989): no policy is p=none, and removed tags are passed over.
        break;
      default:
    }
  }
  return at === record.domain ? ["good", text] : ["inherited", at ?? "", text];
}

function wrongTarget(target: string, record: WantedRecord): Finding {
  const value = record.value.toLowerCase();
  const doubled = coveringDomains(record.domain).some((zone) => target === `${value}.${zone}`);
  return [doubled ? "doubled-target" : "wrong-target", target];
}

/** Where a record stands when a panel has added its zone, which may be any of the domain's parents. */
function doubledNames(record: WantedRecord): string[] {
  return coveringDomains(record.domain).map((zone) => `${record.name}.${zone}`);
}

async function firstThat(
  names: readonly string[],
  is: (name: string) => Promise<boolean>,
): Promise<string | undefined> {
  for (const name of names) if (await is(name)) return name;
  return undefined;
}

function hasText(answer: DnsAnswer<string>, pattern: RegExp): boolean {
  return recordsOf(answer).some((text) => pattern.test(text));
}
