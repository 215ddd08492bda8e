/**
 * From a remote server's answer to what it means.
 *
 * Promise:  the same reply gives the same reason however it is broken into lines, folded or marked: continuation lines
 *           with their codes (RFC 5321 section 4.2.1), soft breaks of quoted-printable, `smtp;` in front. Never throws, and
 *           takes time in proportion to the length, whatever a stranger's server wrote.
 * What nothing in the table fits is undefined: the reply itself is then all there is to show.
 */

import { BLOCK_LIST_ROWS, UNKNOWN_LIST_ROWS } from "./block-lists.ts";
import type { DsnReason } from "./dsn-reasons.ts";
import { type RefusalReason, toldToSender } from "./refusal-reasons.ts";
import type { RefusalRow } from "./refusal-row.ts";
import { COMMON_ROWS, RECEIVER_ROWS } from "./refusal-texts.ts";

/** What a reply means. */
export interface Refusal {
  readonly reason: RefusalReason;
  /** Whose reply it is, when its text shows it. */
  readonly receiver?: string;
  /** The list or receiver that refuses, for `refusalWords`. */
  readonly by?: string;
  readonly url?: string;
  /** The text itself was recognised as that of a list or receiver, so it outweighs what others make of it. */
  readonly named?: true;
}

/** Longer replies are looked at up to here. */
const TEXT_CHARS_MAX = 4_000;

/** See the head of this file. `status`: the enhanced code, should the report give one besides the reply's own. */
export function explainRefusal(status: string | undefined, text: string | undefined): Refusal | undefined {
  const reply = plainReply(text ?? "");
  const code = subjectAndDetail(status) ?? subjectAndDetail(codeIn(reply)) ?? "";
  const says = (rows: readonly RefusalRow[]): Refusal | undefined => firstFit(rows, code, reply);
  const named = says(BLOCK_LIST_ROWS) ?? says(RECEIVER_ROWS) ?? says(UNKNOWN_LIST_ROWS);
  if (named !== undefined) return { ...named, named: true };
  const kind = (status ?? codeIn(reply) ?? reply).trim().charAt(0);
  const reason = byCode(code) ?? byText(code, reply) ?? bySubject(code) ?? (kind === "4" ? "gave-up" : undefined);
  return reason === undefined ? undefined : { reason, ...receiverPart(reply) };
}

/** The reason for the sender of the mail, or undefined when status and text say nothing in particular. */
export function diagnose(status: string | undefined, text: string | undefined): DsnReason | undefined {
  const refusal = explainRefusal(status, text);
  return refusal === undefined ? undefined : toldToSender(refusal.reason);
}

/**
 * A reply in one line: without type, soft breaks, the codes of further lines, and controls; typographic quotes made
 * plain.
 */
export function plainReply(text: string): string {
  const bare = text
    .slice(0, TEXT_CHARS_MAX)
    .replace(/=\r?\n/g, "")
    .replace(/^[\s\0]*[A-Za-z0-9-]{1,40}\s*;\s*/, "")
    .replace(/[\u2018\u2019]/g, "'")
    .replace(/[\p{Cc}\s]+/gu, " ")
    .trim();
  const code = /^([245]\d\d)(?=[- ])/.exec(bare)?.[1];
  if (code === undefined) return bare;
  // The enhanced code is repeated on each line, or is not; some write it with a # or without a space behind it.
  const further = new RegExp(`[ /|]${code}[- ](?:#?[245]\\.\\d{1,3}\\.\\d{1,3}[- ]?)?`, "g");
  const first = bare.replace(new RegExp(`^${code}[- ]#?`), `${code} `);
  return first
    .replace(further, " ")
    .replace(/^(\d{3} [245]\.\d{1,3}\.\d{1,3})[- :]+/, "$1 ")
    .replace(/ {2,}/g, " ");
}

function codeIn(reply: string): string | undefined {
  return /^(?:\d{3} )?([245]\.\d{1,3}\.\d{1,3})(?![\d.])/.exec(reply)?.[1];
}

function subjectAndDetail(status: string | undefined): string | undefined {
  const match = /^\s*[245]\.(\d{1,3})\.(\d{1,3})(?![\d.])/.exec(status ?? "");
  return match === null ? undefined : `${Number(match[1])}.${Number(match[2])}`;
}

function firstFit(rows: readonly RefusalRow[], code: string, reply: string): Refusal | undefined {
  for (const row of rows) {
    if (row.status !== undefined && !row.status.test(code)) continue;
    const match = row.text === undefined ? undefined : row.text.exec(reply);
    if (match === null) continue;
    const caught = match?.slice(1).find((part) => part !== undefined) ?? "";
    const receiver = row.receiver ?? receiverOfReply(reply);
    const by = row.by === undefined ? row.receiver : row.by.replace("$1", caught);
    return {
      reason: row.reason,
      ...(receiver === undefined ? {} : { receiver }),
      ...(by === undefined ? {} : { by }),
      ...(row.url === undefined ? {} : { url: row.url }),
    };
  }
  return undefined;
}

/** Marks that a receiver puts into each of its replies. */
const MARKS: readonly (readonly [RegExp, string])[] = [
  [/\bgsmtp\b|support\.google\.com/i, "Gmail"],
  [/\.eop-[a-z0-9-]+\.prod\.protection\.outlook\.com|\bolc\.protection\.outlook\.com|mail\.live\.com/i, "Outlook.com"],
  [/\.prod\.outlook\.com|\.mail\.protection\.outlook\.com|aka\.ms\/EXOSmtpErrors/i, "Microsoft 365"],
  [/\byahoo\.co\.jp\b|\.ynwp\.yahoo\b/i, "Yahoo! JAPAN"],
  [/yahooinc\.com|\.yahoo\.com\b/i, "Yahoo"],
  [/postmaster\.(?:gmx|web|mail)\.|\bmxgmx\d|\bmxweb\d/i, "GMX / WEB.DE"],
  [/mimecast/i, "Mimecast"],
];

function receiverOfReply(reply: string): string | undefined {
  return MARKS.find(([mark]) => mark.test(reply))?.[1];
}

function receiverPart(reply: string): Pick<Refusal, "receiver" | "by"> {
  const receiver = receiverOfReply(reply);
  return receiver === undefined ? {} : { receiver, by: receiver };
}

/** Subject and detail of the code, without its class: RFC 3463, RFC 7372, RFC 7505 and what large receivers add. */
const BY_CODE: ReadonlyMap<string, RefusalReason> = new Map([
  ["1.1", "no-such-user"],
  ["1.2", "no-such-domain"],
  ["1.3", "no-such-user"],
  ["1.6", "no-such-user"],
  ["1.8", "sender-domain-unknown"],
  ["1.10", "no-such-user"],
  ["2.1", "mailbox-disabled"],
  ["2.2", "mailbox-full"],
  ["2.3", "too-large"],
  ["3.4", "too-large"],
  ["4.1", "unreachable"],
  ["4.2", "unreachable"],
  ["4.3", "unreachable"],
  ["4.4", "no-such-domain"],
  ["4.6", "mail-loop"],
  ["4.7", "gave-up"],
  ["7.17", "no-such-user"],
  ["7.20", "dkim-failed"],
  ["7.21", "dkim-failed"],
  ["7.22", "dkim-failed"],
  ["7.23", "spf-failed"],
  ["7.24", "spf-failed"],
  ["7.25", "no-ptr"],
  ["7.26", "unauthenticated"],
  ["7.27", "sender-authentication"],
  ["7.30", "dkim-failed"],
  ["7.32", "from-not-aligned"],
]);

function byCode(code: string): RefusalReason | undefined {
  return BY_CODE.get(code);
}

/** Common texts count only where the code itself says little: x.0.0, x.5.0, x.7.x, or none. */
function byText(code: string, reply: string): RefusalReason | undefined {
  const vague = code === "" || code === "0.0" || code === "2.0" || code === "5.0" || code.startsWith("7.");
  const also = code === "1.0" || code === "3.0" || code === "3.2" || code === "4.0" || code.startsWith("6.");
  return vague || also ? firstFit(COMMON_ROWS, code, reply)?.reason : undefined;
}

function bySubject(code: string): RefusalReason | undefined {
  if (code.startsWith("6.")) return "content-rejected";
  if (code === "1.0") return "no-such-user";
  return code.startsWith("7.") ? "policy-refused" : undefined;
}
