/**
 * Asks block lists, each after it has shown that it works.
 *
 * Three results, never two: listed, not listed, could not ask. A resolver that a list refuses gets no answer or one outside
 * the list's own codes, and that is not "not listed".
 */

import type { DnsAnswer, DnsLookup } from "../dns/dns-lookup.ts";
import { type BlockList, codeMeaning } from "./block-list-zones.ts";
import type { Finding, FindingText } from "./finding.ts";

/** How a list stands. */
export type ListResult =
  | { readonly state: "listed"; readonly codes: readonly string[]; readonly texts: readonly string[] }
  | { readonly state: "not-listed" }
  | { readonly state: "could-not-ask"; readonly reason: string };

/** Asks a list about an address (IPv4 or IPv6, canonical) or a domain. */
export async function askBlockList(list: BlockList, subject: string, dns: DnsLookup): Promise<ListResult> {
  const untrusted = await whyNotBelieved(list, dns);
  if (untrusted !== undefined) return { state: "could-not-ask", reason: untrusted };
  const name = `${list.kind === "address" ? reversed(subject) : subject}.${list.zone}`;
  const answer = await dns.a(name);
  const judged = judge(answer);
  if (judged.state !== "listed") return judged;
  const texts = await dns.txt(name);
  return { ...judged, texts: texts.status === "found" ? texts.records : [] };
}

/** RFC 5782 §5: the list must have its test entry, and must not have everything. */
async function whyNotBelieved(list: BlockList, dns: DnsLookup): Promise<string | undefined> {
  const [positive, negative] = await Promise.all([
    dns.a(`${list.listedTest}.${list.zone}`),
    dns.a(`${list.unlistedTest}.${list.zone}`),
  ]);
  const listed = judge(positive);
  if (listed.state === "could-not-ask") return listed.reason;
  if (listed.state === "not-listed") return "its test entry is missing: this resolver is refused";
  const unlisted = judge(negative);
  if (unlisted.state === "could-not-ask") return unlisted.reason;
  return unlisted.state === "listed" ? "it lists everything" : undefined;
}

function judge(answer: DnsAnswer<string>): ListResult {
  if (answer.status === "failed") return { state: "could-not-ask", reason: answer.reason };
  if (answer.status !== "found") return { state: "not-listed" };
  for (const code of answer.records) {
    if (code.startsWith("127.255.255.") || code === "127.0.0.1" || code === "127.0.1.255") {
      return { state: "could-not-ask", reason: `refused (${code})` };
    }
    if (!code.startsWith("127.")) return { state: "could-not-ask", reason: `answers ${code}: no list` };
  }
  return { state: "listed", codes: answer.records, texts: [] };
}

/** The labels under which an address is asked for (RFC 5782 §2.1, §2.4). */
export function reversed(address: string): string {
  if (!address.includes(":")) return address.split(".").toReversed().join(".");
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const end = tail === undefined || tail === "" ? [] : tail.split(":");
  const all =
    tail === undefined ? groups : [...groups, ...Array<string>(8 - groups.length - end.length).fill("0"), ...end];
  return all
    .map((group) => group.padStart(4, "0"))
    .join("")
    .split("")
    .toReversed()
    .join(".");
}

/** The result as a finding, with the page and the letter for a listing. */
export function listFinding(list: BlockList, subject: string, result: ListResult): Finding {
  const check = `list:${list.zone.replace(/^.*?(?=(?:zen|dbl)\.dq\.)/, "")}`;
  if (result.state === "not-listed") {
    return { check, subject, severity: "good", what: both(`${list.name}: not listed`, `${list.name}: 登録なし`) };
  }
  if (result.state === "could-not-ask") {
    const spamhaus = list.name.startsWith("Spamhaus");
    return {
      check,
      subject,
      severity: "unknown",
      what: both(`${list.name}: could not ask (${result.reason})`, `${list.name}: 確認できません (${result.reason})`),
      todo: spamhaus
        ? both(
            "Public and cloud resolvers are refused: use a resolver of your own (--resolver) or a DQS key (RELAYHOST_SPAMHAUS_DQS_KEY), or look at the page.",
            "公開リゾルバーやクラウドからの問い合わせは拒否されます。自前のリゾルバー (--resolver) か DQS キー (RELAYHOST_SPAMHAUS_DQS_KEY) を使うか、Web ページで確認してください。",
          )
        : both(
            "Look at the page, or ask another resolver (--resolver).",
            "Web ページで確認するか、別のリゾルバー (--resolver) を使ってください。",
          ),
      url: list.delisting,
    };
  }
  const meanings = result.codes.map((code) => codeMeaning(list, code));
  const english = [...meanings.map(({ en }) => en), ...result.texts].join("; ");
  const japanese = [...meanings.map(({ ja }) => ja), ...result.texts].join("、");
  return {
    check,
    subject,
    severity: list.severity,
    what: both(`listed in ${list.name}: ${english}`, `${list.name} に登録されています: ${japanese}`),
    todo: list.takesLetters
      ? both(
          "End the cause first, then ask for removal on the page; the letter below may help.",
          "先に原因を取り除き、Web ページから解除を申請してください。下の文面を利用できます。",
        )
      : (list.remark ??
        both(
          "End the cause; the entry goes by itself, or on the page.",
          "原因を取り除いてください。登録は自動的に、または Web ページから解除されます。",
        )),
    url: list.delisting,
    ...(list.takesLetters ? { letter: letterFor(list, subject, result.codes) } : {}),
  };
}

/** What is to be told in square brackets is for the sender to say: nobody here knows it. */
function letterFor(list: BlockList, subject: string, codes: readonly string[]): string {
  const what = list.kind === "address" ? `The IP address ${subject}` : `The domain ${subject}`;
  return `${what} is listed in ${list.name} (${codes.join(", ")}).
We run ${list.kind === "address" ? "the mail server at this address" : "this domain"} and are responsible for it.
Cause: [what sent the mail, for example a hacked web form at www.example.com].
Ended on: [date and time], by: [what was done].
Against a repetition: [what watches for it now].
We ask you to remove the entry. We answer within a day at [address].`;
}

function both(en: string, ja: string): FindingText {
  return { en, ja };
}
