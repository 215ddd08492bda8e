/** A verdict on a record in words: what is the matter, and what to do. English and Japanese. */

import type { Language } from "../directory.ts";
import type { RecordFinding, RecordVerdict } from "./check-records.ts";

/** `{found}` is what the DNS says, `{name}` and `{value}` what is wanted, `{domain}` the domain. */
type Words = Readonly<Record<Language, readonly [what: string, remedy: string]>>;

const WORDS: Readonly<Record<RecordFinding, Words>> = {
  good: { en: ["good", ""], ja: ["正常", ""] },
  inherited: {
    en: ["good: the record of {found} holds", ""],
    ja: ["正常: {found} のレコードが適用されます", ""],
  },
  missing: {
    en: ["not published", "Publish {name} {type} {value}"],
    ja: ["登録されていません", "{name} {type} {value} を登録してください"],
  },
  "could-not-ask": {
    en: ["could not be asked ({found})", "Look whether the zone's name servers answer; then check again."],
    ja: ["確認できません ({found})", "ゾーンのネームサーバーが応答するか調べてから、もう一度確認してください。"],
  },
  "doubled-zone-name": {
    en: [
      "stands at {found}: the zone's name is in it twice",
      "The panel adds the zone itself: enter the name without .{domain} at its end.",
    ],
    ja: [
      "{found} に登録されています (ゾーン名が重複)",
      "管理画面がゾーン名を自動で付けます。名前の末尾の .{domain} を除いて登録し直してください。",
    ],
  },
  "doubled-target": {
    en: ["points to {found}: the zone's name was added to the target", "Put a dot at the end of the target: {value}."],
    ja: ["{found} を指しています (値の末尾にゾーン名が付いています)", "値の末尾にドットを付けてください: {value}."],
  },
  "wrong-target": {
    en: ["points to {found}", "Change it to {value}"],
    ja: ["{found} を指しています", "{value} に変更してください"],
  },
  "cname-flattened": {
    en: [
      "is no CNAME but answers {found}",
      "The provider flattens or proxies the name: switch that off for it (Cloudflare: DNS only), and publish the CNAME.",
    ],
    ja: [
      "CNAME ではなく {found} と応答します",
      "CNAME のフラット化またはプロキシを、この名前では無効にしてください (Cloudflare では「DNS のみ」)。",
    ],
  },
  "txt-instead-of-cname": {
    en: ["is a TXT record: {found}", "Delete the TXT record and publish a CNAME to {value}"],
    ja: ["TXT レコードになっています: {found}", "TXT レコードを削除し、{value} への CNAME を登録してください"],
  },
  "underscore-lost": {
    en: [
      "stands at {found}: the underscore is missing",
      "Publish it at {name}; if the panel refuses underscores, move the zone to one that takes them.",
    ],
    ja: [
      "{found} に登録されています (アンダースコアがありません)",
      "{name} に登録してください。管理画面がアンダースコアを受け付けない場合は、対応する DNS サービスに移してください。",
    ],
  },
  "domainkey-lost": {
    en: ["stands at {found}: ._domainkey is missing", "Publish it at {name}"],
    ja: ["{found} に登録されています (._domainkey がありません)", "{name} に登録してください"],
  },
  "cname-not-followed": {
    en: [
      "the CNAME is right, but a question for TXT is not answered ({found})",
      "The name server must answer TXT questions with the CNAME: ask its operator.",
    ],
    ja: [
      "CNAME は正しいものの、TXT の問い合わせに応答しません ({found})",
      "ネームサーバーが TXT の問い合わせにも CNAME を返すよう、DNS の管理者に依頼してください。",
    ],
  },
  "key-revoked": {
    en: ["the key behind the CNAME is revoked", "Take the current records: relayhost domain records"],
    ja: ["CNAME の先の鍵が失効しています", "最新のレコードを確認してください: relayhost domain records"],
  },
  "several-mx": {
    en: ["has several MX: {found}", "SES takes exactly one: delete all but 10 {value}"],
    ja: ["MX が複数あります: {found}", "SES では 1 つだけにする必要があります。10 {value} 以外を削除してください"],
  },
  "cname-in-the-way": {
    en: [
      "is a CNAME to {found}, beside which nothing else can stand",
      "Delete the CNAME (it may come from a wildcard), then publish {type} {value}",
    ],
    ja: [
      "{found} への CNAME があり、ほかのレコードと共存できません",
      "CNAME (ワイルドカードの場合もあります) を削除し、{type} {value} を登録してください",
    ],
  },
  "two-spf-records": {
    en: ["has more than one SPF record: {found}", "Receivers take that as an error (RFC 7208): make one of them"],
    ja: ["SPF レコードが複数あります: {found}", "受信側でエラーになります (RFC 7208)。1 つにまとめてください"],
  },
  "spf-without-ses": {
    en: ["does not name SES: {found}", "Change it to {value}"],
    ja: ["SES が含まれていません: {found}", "{value} に変更してください"],
  },
  "spf-syntax": {
    en: ["cannot be read at: {found}", "Change the record to {value}"],
    ja: ["書式の誤りがあります: {found}", "{value} に変更してください"],
  },
  "too-many-lookups": {
    en: [
      "needs too many DNS look-ups (10 are allowed): {found}",
      "Take out includes that are not needed; for this name {value} is enough",
    ],
    ja: [
      "DNS の参照回数が上限 (10 回) を超えています: {found}",
      "不要な include を削除してください。この名前では {value} だけで十分です",
    ],
  },
  "too-many-void-lookups": {
    en: [
      "names more than two things that do not exist: {found}",
      "Take out what is gone; for this name {value} is enough",
    ],
    ja: [
      "存在しない名前への参照が 3 回以上あります: {found}",
      "存在しない名前を削除してください。この名前では {value} だけで十分です",
    ],
  },
  "include-broken": {
    en: ["includes {found}, which has no single SPF record or leads back", "Take that include out"],
    ja: ["include 先の {found} に有効な SPF レコードがないか、循環しています", "その include を削除してください"],
  },
  "two-dmarc-records": {
    en: ["{found} has more than one DMARC record", "Receivers then take none of them: leave one"],
    ja: ["{found} に DMARC レコードが複数あります", "受信側ではどれも使われません。1 つだけ残してください"],
  },
  "dmarc-syntax": {
    en: ["cannot be read at: {found}", "Mend that part, or change the record to {value}"],
    ja: ["書式の誤りがあります: {found}", "該当箇所を直すか、{value} に変更してください"],
  },
};

/** What is the matter, and what to do about it (empty when all is well). */
export function recordWords(
  verdict: RecordVerdict,
  language: Language,
): { readonly what: string; readonly remedy: string } {
  const { record, finding, found } = verdict;
  const [what, remedy] = WORDS[finding][language];
  const shown = finding === "inherited" ? (found[0] ?? "") : found.join(", ");
  const fill = (text: string): string =>
    text.replace(/\{(found|name|value|type|domain)\}/g, (_, key: string) => {
      if (key === "found") return shown;
      if (key === "value" && record.preference !== undefined && finding === "missing")
        return `${record.preference} ${record.value}`;
      return record[key as "name" | "value" | "type" | "domain"];
    });
  return { what: fill(what), remedy: fill(remedy) };
}
