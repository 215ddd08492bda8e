/** An address from which mail is sent: its name, the way back, the name in HELO, block lists. */

import type { DnsLookup } from "../dns/dns-lookup.ts";
import { recordsOf } from "../dns/dns-lookup.ts";
import { askBlockList, listFinding } from "./ask-block-lists.ts";
import type { BlockList } from "./block-list-zones.ts";
import type { Finding } from "./finding.ts";

/** What to examine. `address` is canonical. */
export interface AddressExamination {
  readonly address: string;
  /** The name that the server gives in EHLO, if it is known. */
  readonly helo?: string;
  readonly lists: readonly BlockList[];
}

/** Findings, unsorted. */
export async function examineAddress({ address, helo, lists }: AddressExamination, dns: DnsLookup): Promise<Finding[]> {
  const names = await nameFindings(address, helo, dns);
  const listed = await Promise.all(
    lists
      .filter(({ kind }) => kind === "address")
      .map(async (list) => listFinding(list, address, await askBlockList(list, address, dns))),
  );
  return [...names, ...listed];
}

async function nameFindings(address: string, helo: string | undefined, dns: DnsLookup): Promise<Finding[]> {
  const subject = address;
  const answer = await dns.ptr(address);
  if (answer.status === "failed") {
    return [
      {
        check: "ptr",
        subject,
        severity: "unknown",
        what: { en: `PTR could not be asked (${answer.reason})`, ja: `PTR を確認できません (${answer.reason})` },
      },
    ];
  }
  const names = recordsOf(answer);
  const findings: Finding[] = [];
  if (names.length === 0) {
    findings.push({
      check: "ptr",
      subject,
      severity: "must",
      what: {
        en: "has no name (PTR); Gmail and Yahoo refuse direct mail for that",
        ja: "逆引き (PTR) がありません。Gmail と Yahoo は直接送信を拒否します",
      },
      todo: {
        en: "Ask the provider of the address for a PTR record with the server's name.",
        ja: "IP アドレスの提供元に、サーバー名の PTR レコードの設定を依頼してください。",
      },
    });
  }
  const addressesOf = async (name: string): Promise<readonly string[]> =>
    recordsOf(address.includes(":") ? await dns.aaaa(name) : await dns.a(name));
  const matching: string[] = [];
  for (const name of names.slice(0, 10)) if ((await addressesOf(name)).includes(address)) matching.push(name);
  if (names.length > 0 && matching.length === 0) {
    findings.push({
      check: "ptr",
      subject,
      severity: "must",
      what: {
        en: `PTR ${names.join(", ")} does not lead back to the address`,
        ja: `PTR ${names.join(", ")} の正引きがこのアドレスになりません`,
      },
      todo: {
        en: "Publish an A (or AAAA) record of that name with this address.",
        ja: "その名前の A (または AAAA) レコードをこのアドレスにしてください。",
      },
    });
  } else if (matching.length > 0) {
    const [name = ""] = matching;
    const isGeneric = /(?:\d{1,3}[.-]){3}\d{1,3}|\b(?:dynamic|dhcp|ppp|pool|static)\b/i.test(name);
    findings.push(
      isGeneric
        ? {
            check: "ptr",
            subject,
            severity: "should",
            what: {
              en: `PTR ${name} looks like a provider's default`,
              ja: `PTR ${name} はプロバイダーの初期値のようです`,
            },
            todo: {
              en: "Ask the provider for a name of your own; some receivers refuse default names.",
              ja: "独自のホスト名に変更するよう依頼してください。初期値の名前を拒否する受信側があります。",
            },
          }
        : {
            check: "ptr",
            subject,
            severity: "good",
            what: { en: `PTR ${name}, and back`, ja: `PTR ${name} (正引きも一致)` },
          },
    );
  }
  if (helo !== undefined) {
    const leads = (await addressesOf(helo)).includes(address);
    findings.push(
      leads
        ? {
            check: "helo",
            subject,
            severity: "good",
            what: { en: `HELO ${helo} leads to the address`, ja: `HELO ${helo} の正引きが一致します` },
          }
        : {
            check: "helo",
            subject,
            severity: "should",
            what: {
              en: `HELO ${helo} does not lead to the address`,
              ja: `HELO ${helo} の正引きがこのアドレスになりません`,
            },
            todo: {
              en: "Let the server greet with the PTR's name (Postfix: myhostname).",
              ja: "サーバーの名乗りを PTR の名前に合わせてください (Postfix では myhostname)。",
            },
          },
    );
  }
  return findings;
}
