/**
 * The part of a report that people read.
 *
 * The first three lines say what happened to which address, why, and what the reader must do. The remote server's
 * own words follow as they came, and where they are known, what they mean to the administrator whom the sender is told
 * to show the notice to. `ja` writes Japanese first and English below a rule, so that both the sender and
 * a foreign correspondent can use it; `en` writes English only.
 */

import { japaneseDate, mailDate, UTC_OFFSET_MINUTES } from "./dsn-date.ts";
import { type DsnReason, delayCause, reasonText } from "./dsn-reasons.ts";
import { type DsnAction, diagnosticWords, isOwnDiagnostic, typedDiagnostic } from "./dsn-status.ts";
import { printable, shownSubject } from "./dsn-subject.ts";
import { explainRefusal, type Refusal } from "./explain-refusal.ts";
import { isFiner, refusalWords } from "./refusal-reasons.ts";

/** The setting of a tenant. */
export type DsnLanguage = "en" | "ja";

/** What the text needs to know of one recipient; a `DsnRecipient` is one. */
export interface TextRecipient {
  readonly finalRecipient: string;
  readonly originalRecipient?: { readonly type: string; readonly value: string };
  readonly reason: DsnReason;
  readonly status?: string;
  readonly diagnosticCode?: string;
  readonly remoteText?: string;
  readonly willRetryUntil?: string;
  /** The sender asked for no notice of failure (NOTIFY without FAILURE), so none may be promised. */
  readonly failureNotAskedFor?: true;
}

/** What the text needs to know of the report. */
export interface TextInput {
  readonly id: string;
  /** Whose suppression list a command is shown for; left out: no command. */
  readonly tenant?: string;
  readonly action: DsnAction;
  readonly arrival: string;
  readonly originalMessageId?: string;
  readonly originalSubject?: Uint8Array;
  /** What is attached; left out: nothing. */
  readonly returned?: "message/rfc822" | "text/rfc822-headers";
  readonly recipients: readonly TextRecipient[];
}

/** Subject lines: the English words that people and filters know stay, a translation follows. */
const SUBJECTS: Readonly<Record<DsnAction, { readonly en: string; readonly ja: string }>> = {
  failed: { en: "Undelivered Mail Returned to Sender", ja: "配信不能" },
  delayed: { en: "Delayed Mail (still being retried)", ja: "配信遅延" },
  relayed: { en: "Successful Mail Relay Report", ja: "引き渡し完了" },
};

/** The Subject of a report: the English keyword, and what follows it in Japanese (to be encoded), if anything. */
export function dsnSubject(action: DsnAction, language: DsnLanguage): { keyword: string; translation?: string } {
  const { en, ja } = SUBJECTS[action];
  return language === "ja" ? { keyword: en, translation: ja } : { keyword: en };
}

/** Addresses named in the first line; the others follow in the list. */
const ADDRESSES_IN_FIRST_LINE = 3;
const RULE = "-".repeat(60);
const INDENT = "    ";

/** The whole text, lines without their ends. No line is longer than its parts: the caller folds. */
export function dsnText(input: TextInput, language: DsnLanguage): string[] {
  if (language === "en") return [...section(input, ENGLISH_UTC), ...closing(input, ENGLISH_UTC)];
  return [
    ...section(input, JAPANESE),
    ...closing(input, JAPANESE),
    "",
    RULE,
    "",
    ...section(input, ENGLISH_JST),
    ...closing(input, ENGLISH_JST),
  ];
}

/** The sentences of one language; `reply` is the heading above quoted words. */
interface Phrases {
  readonly language: DsnLanguage;
  readonly date: (time: string | undefined) => string | undefined;
  readonly addresses: (shown: readonly string[], more: number) => string;
  readonly forwarded: (original: string) => string;
  readonly happened: Readonly<Record<DsnAction, (addresses: string) => string>>;
  readonly seeList: string;
  /** The second argument: a failure will be told. */
  readonly retrying: (until: string | undefined, told: boolean) => string;
  readonly relayed: (told: boolean) => readonly [string, string];
  readonly liftSuppression: string;
  readonly reply: { readonly remote: string; readonly own: string };
  readonly forAdministrator: (receiver: string | undefined) => string;
  readonly labels: { readonly subject: string; readonly arrival: string; readonly id: string };
  readonly returned: Readonly<Record<NonNullable<TextInput["returned"]>, string>>;
  readonly automatic: string;
}

const JAPANESE: Phrases = {
  language: "ja",
  date: japaneseDate,
  addresses: (shown, more) => `${shown.join("、")}${more === 0 ? "" : ` ほか ${more} 件`}`,
  forwarded: (original) => `（${original} からの転送先）`,
  happened: {
    failed: (addresses) => `${closeUp(addresses)}宛のメールは配信できませんでした。`,
    delayed: (addresses) => `${closeUp(addresses)}宛のメールは、まだ配信できていません。`,
    relayed: (addresses) => `${closeUp(addresses)}宛のメールを、受信側サーバーに引き渡しました。`,
  },
  seeList: "理由が宛先ごとに異なりますので、以下をご確認ください。",
  retrying: (until, told) => {
    const trying = until === undefined ? "自動で再送を続けています。" : `${until}まで自動で再送を続けます。`;
    const failed = until === undefined ? "配信できなかった場合は" : "それまでに配信できなければ";
    return told
      ? `${trying}送り直す必要はありません。${failed}、改めてお知らせします。`
      : `${trying}送り直す必要はありません。配信失敗の通知は要求されていないため、配信できなかった場合もお知らせしません。`;
  },
  relayed: (told) => [
    "この先の配信状況は通知されないため、メールボックスに届いたか、読まれたかは分かりません。",
    told
      ? "対応は必要ありません。受信側から返送された場合を除き、この件のお知らせはこれが最後です。"
      : "対応は必要ありません。配信失敗の通知は要求されていないため、受信側から返送された場合も含め、この件のお知らせはこれが最後です。",
  ],
  liftSuppression: "登録を解除するコマンド（メール中継サービスの管理者用）:",
  reply: { remote: "受信側サーバーの応答:", own: "送信側の記録:" },
  forAdministrator: (receiver) => `メールサーバーの管理者の方へ${receiver === undefined ? "" : `（${receiver}）`}:`,
  labels: { subject: "件名: ", arrival: "受付日時: ", id: "受付番号: " },
  returned: {
    "message/rfc822": "元のメールを添付します。",
    "text/rfc822-headers": "元のメールのヘッダーを添付します。",
  },
  automatic: "このメールは自動送信です。返信いただいてもお読みできません。",
};

/** A space before Japanese, except behind a full-width bracket, which has its own. */
function closeUp(text: string): string {
  return text.endsWith("）") ? text : `${text} `;
}

const ENGLISH: Omit<Phrases, "date"> = {
  language: "en",
  addresses: (shown, more) => `${shown.join(", ")}${more === 0 ? "" : ` and ${more} more`}`,
  forwarded: (original) => ` (forwarded from ${original})`,
  happened: {
    failed: (addresses) => `Your message to ${addresses} was not delivered.`,
    delayed: (addresses) => `Your message to ${addresses} has not been delivered yet.`,
    relayed: (addresses) => `Your message to ${addresses} was handed on to the receiving server.`,
  },
  seeList: "The reasons differ: please see each address below.",
  retrying: (until, told) =>
    `We keep trying${until === undefined ? "" : ` until ${until}`}. There is no need to send it again` +
    (told
      ? "; you will be told if it cannot be delivered."
      : ". No notice of failure was asked for, so none follows if it cannot be delivered."),
  relayed: (told) => [
    "What happens there is not reported to us: we cannot say whether it reached the mailbox or was read.",
    told
      ? "There is nothing you need to do. Unless the receiving side returns it, no later notice follows."
      : "There is nothing you need to do. No later notice follows, as no notice of failure was asked for.",
  ],
  liftSuppression: "The command that lifts the entry, for the administrator of the relay service:",
  reply: { remote: "The receiving server said:", own: "The sending side noted:" },
  forAdministrator: (receiver) =>
    `For the administrator of your mail server${receiver === undefined ? "" : ` (${receiver})`}:`,
  labels: { subject: "Subject: ", arrival: "Accepted: ", id: "Queue id: " },
  returned: {
    "message/rfc822": "Your message is attached.",
    "text/rfc822-headers": "The header of your message is attached.",
  },
  automatic: "This notice was made by a program; replies to it are not read.",
};

const ENGLISH_UTC: Phrases = { ...ENGLISH, date: (time) => mailDate(time, UTC_OFFSET_MINUTES.en) };
/** Below a Japanese text the English one shows the same clock. */
const ENGLISH_JST: Phrases = { ...ENGLISH, date: (time) => mailDate(time, UTC_OFFSET_MINUTES.ja) };

/** Recipients that share their explanation and their quoted reply. */
interface Group {
  readonly first: TextRecipient;
  /** As they are shown. */
  readonly addresses: string[];
  readonly finalRecipients: string[];
}

function section(input: TextInput, phrases: Phrases): string[] {
  const groups = grouped(input, phrases);
  const all = groups.flatMap((group) => group.addresses);
  const shown = all.slice(0, ADDRESSES_IN_FIRST_LINE);
  const lines = [firstLine(input.action, phrases, shown, all.length - shown.length)];
  const explanations = new Set(groups.map((group) => explanation(input.action, group.first, phrases).join("\n")));
  const [only] = groups;
  const common = explanations.size === 1 && only !== undefined;
  lines.push(...(common ? explanation(input.action, only.first, phrases) : [phrases.seeList]), "");
  for (const group of groups) {
    if (all.length > 1) lines.push(...group.addresses.map((address) => `* ${address}`));
    if (!common) lines.push(...explanation(input.action, group.first, phrases).map((line) => `  ${line}`));
    const details = [...quoted(group.first, phrases), ...commands(input, group, phrases)];
    lines.push(...details.map((line) => (line === "" || all.length === 1 ? line : `  ${line}`)));
    if (lines.at(-1) !== "") lines.push("");
  }
  return lines;
}

function firstLine(action: DsnAction, phrases: Phrases, shown: readonly string[], more: number): string {
  return phrases.happened[action](phrases.addresses(shown, more));
}

function grouped(input: TextInput, phrases: Phrases): Group[] {
  const groups = new Map<string, Group>();
  for (const recipient of input.recipients) {
    const { reason, willRetryUntil, failureNotAskedFor } = recipient;
    const key = JSON.stringify([reason, replyOf(recipient), refusalOf(recipient), willRetryUntil, failureNotAskedFor]);
    const group = groups.get(key) ?? { first: recipient, addresses: [], finalRecipients: [] };
    group.addresses.push(named(recipient, phrases));
    group.finalRecipients.push(oneLine(recipient.finalRecipient));
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** The address; the one the sender wrote beside it when the message was forwarded on its way (RFC 3461 §4.2). */
function named(recipient: TextRecipient, phrases: Phrases): string {
  const original = recipient.originalRecipient;
  const address = oneLine(recipient.finalRecipient);
  if (original === undefined || original.type.toLowerCase() !== "rfc822") return address;
  const other = oneLine(original.value);
  return other === "" || other.toLowerCase() === address.toLowerCase() ? address : address + phrases.forwarded(other);
}

/** Second and third line: why, and what to do. */
function explanation(action: DsnAction, recipient: TextRecipient, phrases: Phrases): readonly string[] {
  const told = recipient.failureNotAskedFor !== true;
  switch (action) {
    case "failed": {
      const { cause, advice } = reasonText(recipient.reason, phrases.language);
      return [cause, advice];
    }
    case "delayed":
      return [
        delayCause(recipient.reason, phrases.language),
        phrases.retrying(phrases.date(recipient.willRetryUntil), told),
      ];
    case "relayed":
      return phrases.relayed(told);
  }
}

function quoted(recipient: TextRecipient, phrases: Phrases): string[] {
  const reply = replyOf(recipient);
  if (reply.length === 0) return [];
  const heading = isOwnDiagnostic(typedDiagnostic(recipient.diagnosticCode ?? ""))
    ? phrases.reply.own
    : phrases.reply.remote;
  return [heading, ...reply.map((line) => INDENT + line), "", ...forAdministrator(recipient, phrases)];
}

/** What the reply means, where there is more to say than the sender was told; empty for words of the sending side. */
function forAdministrator(recipient: TextRecipient, phrases: Phrases): string[] {
  const refusal = refusalOf(recipient);
  if (refusal === undefined || !isFiner(refusal.reason)) return [];
  const { means, todo } = refusalWords(refusal.reason, phrases.language, refusal.by);
  const lines = [means, todo, ...(refusal.url === undefined ? [] : [refusal.url])];
  return [phrases.forAdministrator(refusal.receiver), ...lines.map((line) => INDENT + line), ""];
}

function refusalOf(recipient: TextRecipient): Refusal | undefined {
  if (isOwnDiagnostic(typedDiagnostic(recipient.diagnosticCode ?? ""))) return undefined;
  return explainRefusal(recipient.status, recipient.remoteText ?? recipient.diagnosticCode);
}

/** Suppressed by the tenant's own list: the operator can lift that, and what he has to type stands here. */
function commands(input: TextInput, group: Group, phrases: Phrases): string[] {
  const { tenant } = input;
  if (group.first.reason !== "suppressed" || tenant === undefined) return [];
  const typed = group.finalRecipients.map(
    (address) => `${INDENT}relayhost suppression remove --tenant ${shellWord(tenant)} ${operand(address)}`,
  );
  return [phrases.liftSuppression, ...typed, ""];
}

/** An argument of a command that is no option, whatever it begins with. */
function operand(text: string): string {
  return `${text.startsWith("-") ? "-- " : ""}${shellWord(text)}`;
}

/** One word for a POSIX shell. */
function shellWord(text: string): string {
  return /^[A-Za-z0-9@%+=:,./_-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The words to quote, line by line. */
function replyOf(recipient: TextRecipient): string[] {
  const text = recipient.remoteText ?? diagnosticWords(recipient.diagnosticCode ?? "");
  return text
    .split(/\r\n|\r|\n/)
    .map((line) => printable(line).trimEnd())
    .filter((line) => line !== "");
}

function closing(input: TextInput, phrases: Phrases): string[] {
  const { labels } = phrases;
  const subject = input.originalSubject === undefined ? "" : shownSubject(input.originalSubject);
  const arrival = phrases.date(input.arrival);
  const messageId = oneLine(input.originalMessageId ?? "").replace(/^<|>$/g, "");
  return [
    ...(subject === "" ? [] : [labels.subject + subject]),
    ...(arrival === undefined ? [] : [labels.arrival + arrival]),
    ...(messageId === "" ? [] : [`Message-ID: <${messageId}>`]),
    labels.id + input.id,
    "",
    ...(input.returned === undefined ? [] : [phrases.returned[input.returned]]),
    phrases.automatic,
  ];
}

function oneLine(text: string): string {
  return printable(text).replace(/\s+/g, " ").trim();
}
