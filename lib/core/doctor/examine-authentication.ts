/** What a domain publishes for authentication: SPF, DKIM keys, DMARC, and what receivers make of it. */

import { createPublicKey } from "node:crypto";
import { walkDmarc } from "../dns/dmarc-walk.ts";
import { type DnsLookup, recordsOf } from "../dns/dns-lookup.ts";
import { SPF_LOOKUPS_MAX, type SpfProblem, walkSpf } from "../dns/spf-walk.ts";
import { type Finding, makeFinding as finding, type Severity } from "./finding.ts";

/** What SPF says of mail from an address: `pass`, `fail`, `softfail`, `neutral`, `none`, `permerror`, `temperror`. */
export type SpfEvaluation = (
  domain: string,
  address: string,
) => Promise<{ readonly result: string; readonly comment: string }>;

/** Selectors that are tried when none is named: Plesk's, Google's, Microsoft's and usual ones. */
const USUAL_SELECTORS = ["default", "google", "selector1", "selector2", "s1", "s2", "dkim", "mail"];

/** SPF: the record, and what it says of each address. */
export async function spfFindings(
  domain: string,
  addresses: readonly string[],
  evaluateSpf: SpfEvaluation,
  dns: DnsLookup,
): Promise<Finding[]> {
  const walk = await walkSpf(domain, dns);
  const findings = walk.problems.map((problem) => spfProblem(domain, problem, walk.lookups));
  if (walk.problems.length === 0) {
    findings.push(
      finding("spf", domain, "good", [
        `SPF is valid, ${walk.lookups} of ${SPF_LOOKUPS_MAX} look-ups`,
        `SPF は有効です (参照 ${walk.lookups} / ${SPF_LOOKUPS_MAX} 回)`,
      ]),
    );
  }
  if (walk.all === "-" && walk.records.some((record) => /^v=spf1 -all$/i.test(record))) {
    findings.push(
      finding(
        "spf",
        domain,
        "should",
        ["SPF says that the domain sends no mail at all", "SPF が「このドメインはメールを送らない」となっています"],
        [
          "Name what sends: v=spf1 include:amazonses.com ~all",
          "送信元を書いてください: v=spf1 include:amazonses.com ~all",
        ],
      ),
    );
  }
  for (const address of addresses) {
    const { result, comment } = await evaluateSpf(domain, address);
    const isFine = result === "pass";
    findings.push(
      finding(
        "spf",
        domain,
        isFine ? "good" : result === "temperror" ? "unknown" : "should",
        [`SPF for ${address}: ${result}${comment === "" ? "" : ` (${comment})`}`, `${address} からの SPF: ${result}`],
        isFine
          ? undefined
          : [
              "Add the address, if mail still leaves from it; relayed mail is not touched by this.",
              "このアドレスから直接送信を続ける場合は SPF に加えてください。リレー経由のメールには影響しません。",
            ],
      ),
    );
  }
  return findings;
}

function spfProblem(domain: string, problem: SpfProblem, lookups: number): Finding {
  const term = "term" in problem ? problem.term : "";
  const all: Record<SpfProblem["code"], readonly [Severity, readonly [string, string], readonly [string, string]]> = {
    none: [
      "should",
      ["no SPF record", "SPF レコードがありません"],
      ["Publish v=spf1 include:amazonses.com ~all", "v=spf1 include:amazonses.com ~all を登録してください"],
    ],
    several: [
      "must",
      ["more than one SPF record: receivers take that as an error", "SPF レコードが複数あり、受信側でエラーになります"],
      ["Make one of them.", "1 つにまとめてください。"],
    ],
    "too-many-lookups": [
      "must",
      [
        `SPF needs ${lookups} look-ups, ${SPF_LOOKUPS_MAX} are allowed: receivers take it as an error`,
        `SPF の参照が ${lookups} 回あり、上限 ${SPF_LOOKUPS_MAX} 回を超えてエラーになります`,
      ],
      ["Take out includes that are not needed, mx and ptr first.", "不要な include や mx、ptr を削除してください。"],
    ],
    "too-many-void-lookups": [
      "must",
      ["SPF names more than two things that do not exist", "SPF に存在しない名前への参照が 3 回以上あります"],
      ["Take out what is gone.", "存在しない名前を削除してください。"],
    ],
    "passes-all": [
      "must",
      ["SPF lets anybody send (+all)", "SPF が全送信元を許可しています (+all)"],
      ["End the record in ~all or -all.", "末尾を ~all か -all にしてください。"],
    ],
    syntax: [
      "must",
      [`SPF cannot be read at: ${term}`, `SPF の書式の誤り: ${term}`],
      ["Mend that term.", "該当箇所を直してください。"],
    ],
    "include-without-record": [
      "must",
      [`SPF includes ${term}, which has no single record`, `SPF の include 先 ${term} に有効なレコードがありません`],
      ["Take that include out.", "その include を削除してください。"],
    ],
    loop: [
      "must",
      [`SPF leads back to ${term}`, `SPF が ${term} に循環しています`],
      ["Take that include out.", "その include を削除してください。"],
    ],
    "not-spf": [
      "must",
      [`almost an SPF record: ${term}`, `SPF レコードの書き誤り: ${term}`],
      ["It has to begin with v=spf1 and a blank.", "v=spf1 と空白で始めてください。"],
    ],
    "could-not-ask": [
      "unknown",
      [`SPF: ${term} could not be asked`, `SPF: ${term} を確認できません`],
      ["Check again later.", "時間をおいて再確認してください。"],
    ],
  };
  const [severity, what, todo] = all[problem.code];
  return finding("spf", domain, severity, what, todo);
}

/** DKIM: the keys of the selectors that are named, or of usual ones. */
export async function dkimFindings(domain: string, selectors: readonly string[], dns: DnsLookup): Promise<Finding[]> {
  const isNamed = selectors.length > 0;
  const findings: Finding[] = [];
  for (const selector of isNamed ? selectors : USUAL_SELECTORS) {
    const answer = await dns.txt(`${selector}._domainkey.${domain}`);
    const check = `dkim:${selector}`;
    if (answer.status === "failed") {
      if (isNamed)
        findings.push(
          finding(check, domain, "unknown", [
            `DKIM ${selector} could not be asked (${answer.reason})`,
            `DKIM ${selector} を確認できません (${answer.reason})`,
          ]),
        );
      continue;
    }
    const [record] = recordsOf(answer).filter((text) => /(?:^|;)\s*p\s*=/i.test(text));
    if (record !== undefined) findings.push(keyFinding(check, domain, selector, record));
    else if (isNamed) {
      findings.push(
        finding(
          check,
          domain,
          "must",
          [`DKIM ${selector}: no key`, `DKIM ${selector}: 公開鍵がありません`],
          ["Publish the key, or sign with another selector.", "公開鍵を登録するか、別のセレクターで署名してください。"],
        ),
      );
    }
  }
  if (findings.length > 0) return findings;
  return [
    finding(
      "dkim",
      domain,
      "unknown",
      [
        "no DKIM key under a usual selector; which one is used cannot be seen from DNS",
        "一般的なセレクターに DKIM 鍵がありません (使用中のセレクターは DNS からは分かりません)",
      ],
      [
        "Name it: --dkim-selector (s= in the DKIM-Signature of a mail). For SES: relayhost domain check.",
        "--dkim-selector で指定してください (メールの DKIM-Signature の s=)。SES の鍵は relayhost domain check で確認できます。",
      ],
    ),
  ];
}

function keyFinding(check: string, domain: string, selector: string, record: string): Finding {
  const tags = new Map(
    record
      .split(";")
      .map((part) => [part.split("=")[0]?.trim().toLowerCase() ?? "", part.slice(part.indexOf("=") + 1).trim()]),
  );
  const key = (tags.get("p") ?? "").replace(/\s/g, "");
  if (key === "")
    return finding(
      check,
      domain,
      "must",
      [`DKIM ${selector}: the key is revoked`, `DKIM ${selector}: 鍵が失効しています`],
      ["Publish a new key.", "新しい鍵を登録してください。"],
    );
  const bits = rsaBits(key, tags.get("k") ?? "rsa");
  if (bits === undefined)
    return finding(
      check,
      domain,
      "must",
      [`DKIM ${selector}: the key cannot be read`, `DKIM ${selector}: 鍵を読み取れません`],
      ["Publish it again, whole and without line ends.", "改行を入れずに鍵全体を登録し直してください。"],
    );
  if (bits < 1024)
    return finding(
      check,
      domain,
      "must",
      [
        `DKIM ${selector}: ${bits} bits; Gmail takes 1024 or more`,
        `DKIM ${selector}: ${bits} ビット (Gmail は 1024 以上が必要)`,
      ],
      ["Make a key of 2048 bits.", "2048 ビットの鍵にしてください。"],
    );
  if (bits < 2048)
    return finding(
      check,
      domain,
      "note",
      [`DKIM ${selector}: ${bits} bits; 2048 are advised`, `DKIM ${selector}: ${bits} ビット (2048 を推奨)`],
      ["Make a key of 2048 bits when you next change it.", "次の更新時に 2048 ビットの鍵にしてください。"],
    );
  if (/(?:^|:)y(?:$|:)/.test(tags.get("t") ?? ""))
    return finding(
      check,
      domain,
      "note",
      [`DKIM ${selector}: marked as a test (t=y)`, `DKIM ${selector}: テスト用 (t=y) になっています`],
      ["Take t=y out.", "t=y を削除してください。"],
    );
  return finding(check, domain, "good", [
    `DKIM ${selector}: good, ${bits} bits`,
    `DKIM ${selector}: 正常 (${bits} ビット)`,
  ]);
}

/** Ed25519 keys count as long ones. Undefined: no key. */
function rsaBits(base64: string, type: string): number | undefined {
  const der = Buffer.from(base64, "base64");
  if (type.toLowerCase() === "ed25519") return der.length === 32 ? 2048 : undefined;
  try {
    return createPublicKey({ key: der, format: "der", type: "spki" }).asymmetricKeyDetails?.modulusLength;
  } catch {
    return undefined;
  }
}

/** DMARC: the record that holds for the domain, and alignment. */
export async function dmarcFindings(domain: string, dns: DnsLookup): Promise<Finding[]> {
  const { at, tags, policy, problems } = await walkDmarc(domain, dns);
  const findings: Finding[] = [];
  for (const problem of problems) {
    const term = "term" in problem ? problem.term : "";
    const all: Record<typeof problem.code, readonly [Severity, readonly [string, string], readonly [string, string]]> =
      {
        none: [
          "should",
          ["no DMARC record", "DMARC レコードがありません"],
          [
            `Publish _dmarc.${domain} TXT v=DMARC1; p=none; rua=mailto:...`,
            `_dmarc.${domain} に TXT v=DMARC1; p=none; rua=mailto:… を登録してください`,
          ],
        ],
        several: [
          "must",
          ["more than one DMARC record: none of them counts", "DMARC レコードが複数あり、どれも使われません"],
          ["Leave one.", "1 つだけ残してください。"],
        ],
        syntax: [
          "must",
          [`DMARC cannot be read at: ${term}`, `DMARC の書式の誤り: ${term}`],
          ["Mend that part.", "該当箇所を直してください。"],
        ],
        "bad-policy": [
          "must",
          [`DMARC: ${term} is no policy`, `DMARC: ${term} は無効なポリシーです`],
          ["none, quarantine or reject.", "none、quarantine、reject のいずれかにしてください。"],
        ],
        "bad-report-address": [
          "should",
          [`DMARC: reports cannot go to ${term}`, `DMARC: レポートの宛先が不正です: ${term}`],
          ["Write mailto: and an address.", "mailto: とメールアドレスを書いてください。"],
        ],
        "removed-tag": [
          "note",
          [`DMARC: ${term} is gone since RFC 9989`, `DMARC: ${term} は RFC 9989 で廃止されました`],
          ["Take it out; nobody reads it.", "削除してください (無視されます)。"],
        ],
        "no-policy": [
          "note",
          ["DMARC without p counts as p=none", "DMARC の p がなく、p=none と見なされます"],
          ["Write p=none, or a stricter policy.", "p=none またはより厳しいポリシーを書いてください。"],
        ],
        "could-not-ask": [
          "unknown",
          [`DMARC: ${term} could not be asked`, `DMARC: ${term} を確認できません`],
          ["Check again later.", "時間をおいて再確認してください。"],
        ],
      };
    const [severity, what, todo] = all[problem.code];
    findings.push(finding("dmarc", domain, severity, what, todo));
  }
  if (policy !== undefined && !findings.some(({ severity }) => severity === "must" || severity === "unknown")) {
    findings.push(
      finding("dmarc", domain, "good", [
        `DMARC ${policy}${at === domain ? "" : `, by the record of ${at}`}`,
        `DMARC ${policy}${at === domain ? "" : ` (${at} のレコード)`}`,
      ]),
    );
    if (at !== undefined && at !== domain && tags["psd"] !== "y") {
      findings.push(
        finding("dmarc", domain, "note", [
          `mail of ${domain} is aligned with keys of ${at} and the other way round`,
          `${domain} と ${at} は同じ組織ドメインとして扱われます`,
        ]),
      );
    }
  }
  if (tags["aspf"]?.toLowerCase() === "s") {
    findings.push(
      finding(
        "alignment",
        domain,
        "note",
        [
          "aspf=s: SPF of the MAIL FROM subdomain does not count, only DKIM does",
          "aspf=s のため MAIL FROM サブドメインの SPF は整合せず、DKIM だけが有効です",
        ],
        ["Leave aspf out, so that two ways lead to a pass.", "aspf を外すと、SPF と DKIM のどちらでも合格できます。"],
      ),
    );
  }
  return findings;
}
