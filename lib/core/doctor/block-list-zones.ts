/**
 * Block lists that are asked, with the entries by which each is proved to work (RFC 5782 §5), and those that are never
 * asked, since they are closed and answer anything.
 *
 * Sources: docs.spamhaus.com (codes, test entries), the lists' own pages. A list that does not pass its test is not believed,
 * so that a wrong entry here can only lead to "could not ask".
 */

import { type FindingText, plain, type Severity } from "./finding.ts";

/** A list. */
export interface BlockList {
  readonly zone: string;
  readonly name: string;
  readonly kind: "address" | "domain";
  /** What must be listed, and what must not: for addresses 127.0.0.2 and 127.0.0.1. */
  readonly listedTest: string;
  readonly unlistedTest: string;
  /** How much a listing matters. */
  readonly severity: Severity;
  readonly delisting: string;
  /** False: nobody removes an entry by request; it goes when the cause has. */
  readonly takesLetters: boolean;
  readonly remark?: FindingText;
}

const ADDRESS = { kind: "address", listedTest: "2.0.0.127", unlistedTest: "1.0.0.127" } as const;
const SPAMHAUS = "https://check.spamhaus.org/";
const NO_EFFECT: FindingText = {
  en: "It lists whole networks; large receivers pay no attention to it.",
  ja: "ネットワーク全体を登録するリストで、大手の受信側では使われていません。",
};

/** The lists. `dqsKey`: of a Spamhaus Data Query Service account, which is asked by name of the key instead. */
export function blockLists(dqsKey?: string): BlockList[] {
  const spamhaus = (list: string): string =>
    dqsKey === undefined ? `${list}.spamhaus.org` : `${dqsKey}.${list}.dq.spamhaus.net`;
  return [
    {
      ...ADDRESS,
      zone: spamhaus("zen"),
      name: "Spamhaus ZEN",
      severity: "must",
      delisting: SPAMHAUS,
      takesLetters: true,
    },
    {
      ...ADDRESS,
      zone: "bl.spamcop.net",
      name: "SpamCop",
      severity: "should",
      delisting: "https://www.spamcop.net/bl.shtml",
      takesLetters: false,
    },
    {
      ...ADDRESS,
      zone: "b.barracudacentral.org",
      name: "Barracuda",
      severity: "should",
      delisting: "https://www.barracudacentral.org/rbl/removal-request",
      takesLetters: true,
    },
    {
      ...ADDRESS,
      zone: "psbl.surriel.com",
      name: "PSBL",
      severity: "should",
      delisting: "https://psbl.org/remove",
      takesLetters: false,
    },
    {
      ...ADDRESS,
      zone: "bl.mailspike.net",
      name: "Mailspike",
      severity: "should",
      delisting: "https://mailspike.org/iplookup.html",
      takesLetters: false,
    },
    {
      ...ADDRESS,
      zone: "dnsbl-1.uceprotect.net",
      name: "UCEPROTECT 1",
      severity: "note",
      delisting: "https://www.uceprotect.net/en/rblcheck.php",
      takesLetters: false,
    },
    {
      ...ADDRESS,
      zone: "dnsbl-2.uceprotect.net",
      name: "UCEPROTECT 2",
      severity: "note",
      delisting: "https://www.uceprotect.net/en/rblcheck.php",
      takesLetters: false,
      remark: NO_EFFECT,
    },
    {
      ...ADDRESS,
      zone: "dnsbl-3.uceprotect.net",
      name: "UCEPROTECT 3",
      severity: "note",
      delisting: "https://www.uceprotect.net/en/rblcheck.php",
      takesLetters: false,
      remark: NO_EFFECT,
    },
    {
      kind: "domain",
      listedTest: "dbltest.com",
      unlistedTest: "invalid",
      zone: spamhaus("dbl"),
      name: "Spamhaus DBL",
      severity: "must",
      delisting: SPAMHAUS,
      takesLetters: true,
    },
    {
      kind: "domain",
      listedTest: "test.surbl.org",
      unlistedTest: "invalid",
      zone: "multi.surbl.org",
      name: "SURBL",
      severity: "should",
      delisting: "https://www.surbl.org/surbl-analysis",
      takesLetters: true,
    },
    {
      kind: "domain",
      listedTest: "test.uribl.com",
      unlistedTest: "invalid",
      zone: "multi.uribl.com",
      name: "URIBL",
      severity: "should",
      delisting: "https://lookup.uribl.com/",
      takesLetters: true,
    },
  ];
}

/** Closed lists: a name server that still answers for them means nothing. */
export const DEAD_LISTS: readonly string[] = [
  "dnsbl.sorbs.net",
  "ix.dnsbl.manitu.net",
  "db.wpbl.info",
  "virbl.bit.nl",
  "dnsbl.cyberlogic.net",
  "wormrbl.imp.ch",
  "dnsbl.madavi.de",
  "bl.spamcannibal.org",
  "dnsbl.ahbl.org",
  "list.dsbl.org",
  "bl.emailbasura.org",
  "cbl.abuseat.org",
];

/** What a Spamhaus code says, and how the entry goes away. */
const CODES: Readonly<Record<string, FindingText>> = {
  "127.0.0.2": { en: "SBL: spam or its support was seen", ja: "SBL: 迷惑メールまたはその支援が確認されています" },
  "127.0.0.3": {
    en: "CSS: sends like a spammer; goes by itself days after that ends",
    ja: "CSS: 迷惑メールと同様の送信。停止後、数日で自動的に解除されます",
  },
  "127.0.0.4": {
    en: "XBL: a hacked machine or open proxy; find and clean it first",
    ja: "XBL: 不正侵入またはオープンプロキシ。先に原因を取り除いてください",
  },
  "127.0.0.9": {
    en: "DROP: the network is regarded as the spammers' own",
    ja: "DROP: ネットワーク全体が迷惑メール業者のものと見なされています",
  },
  "127.0.0.10": {
    en: "PBL: the provider says that this address sends no mail directly",
    ja: "PBL: プロバイダーが直接送信しないアドレスとして登録しています",
  },
  "127.0.0.11": {
    en: "PBL: an address for end users; may be removed by its owner",
    ja: "PBL: 一般利用者向けのアドレス。所有者が解除できます",
  },
  "127.0.0.20": { en: "AuthBL: tries stolen passwords", ja: "AuthBL: 盗まれたパスワードによる認証の試行" },
  "127.0.0.30": { en: "BCL: controls a botnet", ja: "BCL: ボットネットの制御" },
  "127.0.1.2": { en: "low reputation", ja: "評判が低いドメイン" },
  "127.0.1.4": { en: "phishing", ja: "フィッシング" },
  "127.0.1.5": { en: "malware", ja: "マルウェア" },
  "127.0.1.6": { en: "botnet", ja: "ボットネット" },
  "127.0.1.102": {
    en: "legitimate, but abused: look for a hacked page",
    ja: "正規のドメインの悪用。改ざんされたページを探してください",
  },
  "127.0.1.103": { en: "an abused redirector", ja: "悪用されたリダイレクト" },
  "127.0.1.104": { en: "legitimate, but abused for phishing", ja: "正規のドメインがフィッシングに悪用されています" },
  "127.0.1.105": { en: "legitimate, but abused for malware", ja: "正規のドメインがマルウェアに悪用されています" },
  "127.0.1.106": { en: "legitimate, but abused by a botnet", ja: "正規のドメインがボットネットに悪用されています" },
};

/** What an answer of a list means; the code itself where nothing is known of it. */
export function codeMeaning(list: BlockList, code: string): FindingText {
  return (list.name.startsWith("Spamhaus") ? CODES[code] : undefined) ?? plain(code);
}
