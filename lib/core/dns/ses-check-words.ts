/** What SES says of a domain in words: what an operator has to do about it. English and Japanese. */

import type { Language } from "../directory.ts";

/** How far SES is with a domain, in its own words: `SUCCESS`, `PENDING`, `HOST_NOT_FOUND` and the like. */
export interface SesCheck {
  /** Mail may be sent from it. */
  readonly verified: boolean;
  readonly dkim: string;
  /** Undefined: no MAIL FROM domain is set. */
  readonly mailFrom: string | undefined;
  /** VerificationInfo.ErrorType. */
  readonly error: string | undefined;
  /** Bounces are mailed to the sender as well. */
  readonly feedbackForwarding: boolean;
}

const ERRORS = {
  HOST_NOT_FOUND: {
    en: "the DKIM names do not exist: publish the three CNAMEs, and look for a doubled zone name",
    ja: "DKIM の名前が存在しません。3 つの CNAME を登録し、ゾーン名の重複がないか確認してください",
  },
  TYPE_NOT_FOUND: {
    en: "the DKIM names exist, but not as CNAME: replace what is there",
    ja: "DKIM の名前は存在しますが、CNAME ではありません。CNAME に置き換えてください",
  },
  INVALID_VALUE: {
    en: "a DKIM CNAME points elsewhere: compare it with relayhost domain records",
    ja: "DKIM の CNAME が別の名前を指しています。relayhost domain records の値と比べてください",
  },
  DNS_SERVER_ERROR: {
    en: "the zone's name servers did not answer SES: look whether the zone is served",
    ja: "ゾーンのネームサーバーが SES に応答しませんでした。ゾーンが公開されているか確認してください",
  },
  SERVICE_ERROR: {
    en: "an error inside SES; it tries again",
    ja: "SES 内部のエラーです。SES が再試行します",
  },
} as const satisfies Readonly<Record<string, Readonly<Record<Language, string>>>>;

const REMEDIES = {
  unknown: {
    en: "SES does not have it: run relayhost domain add again with --repair",
    ja: "SES に登録がありません。relayhost domain add --repair を実行してください",
  },
  "given-up": {
    en: "SES has given up after 72 hours: publish the records, then domain add --repair",
    ja: "SES が 72 時間で検証を打ち切りました。レコードを登録してから domain add --repair を実行してください",
  },
  publish: {
    en: "publish the records (relayhost domain records), then wait",
    ja: "レコード (relayhost domain records) を登録し、しばらくお待ちください",
  },
  unsigned: {
    en: "mail goes out without your signature: publish the three CNAMEs again",
    ja: "DKIM 署名なしで送信されています。3 つの CNAME を登録し直してください",
  },
  "no-mail-from": {
    en: "no MAIL FROM domain: relayhost domain add --repair",
    ja: "MAIL FROM ドメインがありません。relayhost domain add --repair を実行してください",
  },
  "mail-from-failed": {
    en: "MAIL FROM: publish exactly one MX and the TXT, then domain add --repair",
    ja: "MAIL FROM: MX を 1 つだけと TXT を登録してから、domain add --repair を実行してください",
  },
  "mail-from-waits": {
    en: "MAIL FROM waits for its MX; mail goes out meanwhile",
    ja: "MAIL FROM は MX の登録待ちです。その間も送信できます",
  },
  "bounces-mailed": {
    en: "SES mails bounces to senders as well: domain add --repair",
    ja: "SES からも送信者に不達通知が届きます。domain add --repair を実行してください",
  },
} as const satisfies Readonly<Record<string, Readonly<Record<Language, string>>>>;

/** What to do; empty when all is well. `check` undefined: SES does not have the domain. */
export function sesCheckWords(check: SesCheck | undefined, language: Language): string {
  if (check?.verified === false && check.error !== undefined && isKnown(check.error)) {
    return ERRORS[check.error][language];
  }
  const remedy = remedyOf(check);
  return remedy === undefined ? "" : REMEDIES[remedy][language];
}

function isKnown(error: string): error is keyof typeof ERRORS {
  return Object.hasOwn(ERRORS, error);
}

function remedyOf(check: SesCheck | undefined): keyof typeof REMEDIES | undefined {
  if (check === undefined) return "unknown";
  if (!check.verified) return check.dkim === "FAILED" ? "given-up" : "publish";
  if (check.dkim !== "SUCCESS") return "unsigned";
  if (check.mailFrom === undefined) return "no-mail-from";
  if (check.mailFrom === "FAILED") return "mail-from-failed";
  if (check.mailFrom !== "SUCCESS") return "mail-from-waits";
  return check.feedbackForwarding ? "bounces-mailed" : undefined;
}
