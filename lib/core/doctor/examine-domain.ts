/**
 * A domain that sends mail: whether its zone answers, where its mail goes, what it publishes for authentication, and the
 * block lists of domains.
 *
 * `evaluateSpf` and `probeTls` are given by the caller: they speak to libraries and mail servers.
 */

import { coveringDomains } from "../address.ts";
import { type DnsLookup, type MxRecord, recordsOf } from "../dns/dns-lookup.ts";
import { askBlockList, listFinding } from "./ask-block-lists.ts";
import type { BlockList } from "./block-list-zones.ts";
import { dkimFindings, dmarcFindings, type SpfEvaluation, spfFindings } from "./examine-authentication.ts";
import { type Finding, makeFinding as finding } from "./finding.ts";

/** What a mail server showed of its TLS. */
export type TlsProbe =
  | { readonly state: "good"; readonly protocol: string; readonly endsAtMs: number }
  | { readonly state: "no-starttls" }
  /** TLS works, but the certificate is not one for this name. */
  | { readonly state: "certificate"; readonly reason: string; readonly endsAtMs: number }
  | { readonly state: "could-not-ask"; readonly reason: string };

/** What to examine. */
export interface DomainExamination {
  readonly domain: string;
  readonly selectors: readonly string[];
  /** The addresses from which it sends directly, for the evaluation of SPF. */
  readonly addresses: readonly string[];
  readonly lists: readonly BlockList[];
  readonly evaluateSpf: SpfEvaluation;
  readonly probeTls: (host: string) => Promise<TlsProbe>;
}

/** Findings, unsorted. */
export async function examineDomain(examination: DomainExamination, dns: DnsLookup): Promise<Finding[]> {
  const { domain, lists } = examination;
  const parts = await Promise.all([
    zoneFindings(domain, dns),
    mxFindings(examination, dns),
    spfFindings(examination.domain, examination.addresses, examination.evaluateSpf, dns),
    dkimFindings(domain, examination.selectors, dns),
    dmarcFindings(domain, dns),
    Promise.all(
      lists
        .filter(({ kind }) => kind === "domain")
        .map(async (list) => listFinding(list, domain, await askBlockList(list, domain, dns))),
    ),
  ]);
  return parts.flat();
}

/** Yahoo asks for the SOA of the sender's domain. */
async function zoneFindings(domain: string, dns: DnsLookup): Promise<Finding[]> {
  for (const name of coveringDomains(domain)) {
    const answer = await dns.soa(name);
    if (answer.status === "found")
      return [finding("zone", domain, "good", [`zone ${name} is served`, `ゾーン ${name} は応答しています`])];
    if (answer.status === "failed") {
      return [
        finding(
          "zone",
          domain,
          "unknown",
          [`the zone could not be asked (${answer.reason})`, `ゾーンを確認できません (${answer.reason})`],
          [
            "Look whether its name servers answer: receivers refuse senders whose zone is dead.",
            "ネームサーバーの応答を確認してください。ゾーンが応答しない差出人は拒否されます。",
          ],
        ),
      ];
    }
  }
  return [
    finding(
      "zone",
      domain,
      "must",
      ["the domain does not exist", "ドメインが存在しません"],
      [
        "Register or renew it: mail from a domain that does not exist is refused.",
        "ドメインを登録または更新してください。存在しないドメインからのメールは拒否されます。",
      ],
    ),
  ];
}

async function mxFindings({ domain, probeTls }: DomainExamination, dns: DnsLookup): Promise<Finding[]> {
  const answer = await dns.mx(domain);
  if (answer.status === "failed")
    return [
      finding("mx", domain, "unknown", [
        `MX could not be asked (${answer.reason})`,
        `MX を確認できません (${answer.reason})`,
      ]),
    ];
  const records = recordsOf(answer).toSorted((a, b) => a.preference - b.preference);
  if (records.length === 0) {
    const hasAddress = recordsOf(await dns.a(domain)).length + recordsOf(await dns.aaaa(domain)).length > 0;
    return [
      finding(
        "mx",
        domain,
        hasAddress ? "note" : "should",
        hasAddress
          ? ["no MX: its address record takes the mail", "MX がありません (A レコードに配送されます)"]
          : [
              "no MX and no address: replies and bounces cannot arrive",
              "MX も A レコードもなく、返信や不達通知が届きません",
            ],
        [
          "Publish an MX, or a null MX (0 .) if nothing is to arrive.",
          "MX を登録してください。受信しない場合は null MX (0 .) にします。",
        ],
      ),
    ];
  }
  if (records.some(({ exchange }) => exchange === "")) {
    return [
      finding(
        "mx",
        domain,
        "should",
        ["null MX: the domain takes no mail", "null MX: このドメインはメールを受信しません"],
        [
          "Some receivers refuse mail from a domain that takes none (RFC 7505 §4.2): send from another one, or give it an MX.",
          "受信しないドメインからのメールを拒否する受信側があります (RFC 7505 §4.2)。別のドメインから送るか MX を登録してください。",
        ],
      ),
    ];
  }
  const findings = await Promise.all(
    records.slice(0, 5).map((record) => exchangerFindings(domain, record, probeTls, dns)),
  );
  return findings.flat();
}

async function exchangerFindings(
  domain: string,
  { exchange }: MxRecord,
  probeTls: DomainExamination["probeTls"],
  dns: DnsLookup,
): Promise<Finding[]> {
  const check = `mx:${exchange}`;
  const findings: Finding[] = [];
  if ((await dns.cname(exchange)).status === "found") {
    findings.push(
      finding(
        check,
        domain,
        "should",
        [`MX ${exchange} is a CNAME (RFC 2181 §10.3)`, `MX ${exchange} が CNAME です (RFC 2181 §10.3)`],
        ["Name the host itself in the MX.", "MX には実際のホスト名を書いてください。"],
      ),
    );
  }
  const [a, aaaa] = [await dns.a(exchange), await dns.aaaa(exchange)];
  if (recordsOf(a).length + recordsOf(aaaa).length === 0) {
    const failed = a.status === "failed" || aaaa.status === "failed";
    return [
      ...findings,
      failed
        ? finding(check, domain, "unknown", [
            `the address of MX ${exchange} could not be asked`,
            `MX ${exchange} のアドレスを確認できません`,
          ])
        : finding(
            check,
            domain,
            "should",
            [`MX ${exchange} has no address`, `MX ${exchange} にアドレスがありません`],
            ["Publish its A record, or take the MX out.", "A レコードを登録するか、MX を削除してください。"],
          ),
    ];
  }
  const tls = await probeTls(exchange);
  const words: Record<TlsProbe["state"], () => Finding> = {
    good: () =>
      finding(`tls:${exchange}`, domain, "good", [
        `MX ${exchange} speaks TLS with a valid certificate`,
        `MX ${exchange} は有効な証明書で TLS に対応しています`,
      ]),
    "no-starttls": () =>
      finding(
        `tls:${exchange}`,
        domain,
        "should",
        [`MX ${exchange} offers no STARTTLS`, `MX ${exchange} は STARTTLS に対応していません`],
        ["Turn TLS on there.", "TLS を有効にしてください。"],
      ),
    certificate: () =>
      finding(
        `tls:${exchange}`,
        domain,
        "note",
        [
          `MX ${exchange}: certificate: ${"reason" in tls ? tls.reason : ""}`,
          `MX ${exchange}: 証明書: ${"reason" in tls ? tls.reason : ""}`,
        ],
        [
          "Most senders take any certificate; those with MTA-STS do not.",
          "多くの送信側は証明書を検証しませんが、MTA-STS を使う場合は拒否されます。",
        ],
      ),
    "could-not-ask": () =>
      finding(
        `tls:${exchange}`,
        domain,
        "unknown",
        [
          `MX ${exchange} could not be reached (${"reason" in tls ? tls.reason : ""})`,
          `MX ${exchange} に接続できません (${"reason" in tls ? tls.reason : ""})`,
        ],
        [
          "Port 25 is often closed on the way out of clouds and hosters: try from elsewhere.",
          "クラウドやホスティングでは外向きの 25 番が塞がれていることがあります。別の場所から確認してください。",
        ],
      ),
  };
  return [...findings, words[tls.state]()];
}
