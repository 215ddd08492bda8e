/**
 * A tenant's settings as an operator types them.
 *
 * Each is one word of text; `none` takes an optional one away. A date alone is a day in the operator's time zone: a
 * contract starts with the first instant of its first day and ends with the last of its last one.
 */

import { formatAddress, isAddress, parseAddress, toAsciiDomain } from "../core/address.ts";
import { TENANT_ID_PATTERN } from "../core/directory.ts";
import { oneOf, type Parser } from "./declare.ts";

/** What an option stands for that takes a setting away. */
export const NONE = "none";

/** Also takes `none`, as undefined. */
export function orNone<T>(parse: Parser<T>): Parser<T | undefined> {
  return (text) => {
    if (text === NONE) return { value: undefined };
    const parsed = parse(text);
    return "value" in parsed ? parsed : { allowed: `${parsed.allowed}, or ${NONE}` };
  };
}

/** An id: it travels in SES tags and object headers. */
export const tenantId: Parser<string> = (text) =>
  TENANT_ID_PATTERN.test(text)
    ? { value: text }
    : { allowed: "1 to 63 of a-z, 0-9 and -, beginning with a letter or digit" };

/** A text for people, on one line. */
export const label: Parser<string> = (text) => {
  const trimmed = text.trim();
  return trimmed.length > 0 && trimmed.length <= 200 && !/\p{Cc}/u.test(trimmed)
    ? { value: trimmed }
    : { allowed: "1 to 200 characters on one line" };
};

/** What a server is called: it travels in message headers and stands in SMTP replies. */
export const serverLabel: Parser<string> = (text) =>
  /^[\x21-\x7e]([\x20-\x7e]{0,62}[\x21-\x7e])?$/.test(text)
    ? { value: text }
    : { allowed: "1 to 64 characters of ASCII" };

/** A mail address. */
export const mailAddress: Parser<string> = (text) => {
  const address = parseAddress(text);
  return isAddress(address) ? { value: formatAddress(address) } : { allowed: "a mail address" };
};

/** A domain, as A-labels in lower case. */
export const domainName: Parser<string> = (text) => {
  const domain = toAsciiDomain(text);
  return domain?.includes(".") === true ? { value: domain } : { allowed: "a domain name" };
};

/** An amount of money as a decimal number, kept as text. */
export const amount: Parser<string> = (text) =>
  /^\d{1,9}(\.\d{1,6})?$/.test(text) ? { value: text } : { allowed: "an amount such as 120 or 0.35" };

/** A currency of ISO 4217. */
export const currency: Parser<string> = (text) =>
  Intl.supportedValuesOf("currency").includes(text) ? { value: text } : { allowed: "a currency such as JPY or USD" };

/** A share in percent (`5%` or `0.1%`), as a number from 0 to 1. */
export const percent: Parser<number> = (text) => {
  const number = Number(/^(\d{1,3}(?:\.\d{1,4})?)%?$/.exec(text)?.[1] ?? Number.NaN);
  return number > 0 && number <= 100 ? { value: number / 100 } : { allowed: "a percentage such as 5% or 0.1%" };
};

/** As `percent`, but below a share from which on it would be too late. */
export function percentBelow(share: number): Parser<number> {
  return (text) => {
    const parsed = percent(text);
    if ("value" in parsed && parsed.value < share) return parsed;
    return { allowed: `a percentage below ${Number((share * 100).toPrecision(6))}%, where SES reviews the account` };
  };
}

/** `yes` or `no`. */
export const yesOrNo: Parser<boolean> = (text) => {
  const parsed = oneOf("yes", "no")(text);
  return "value" in parsed ? { value: parsed.value === "yes" } : parsed;
};

/** When a contract starts: a day (its first instant here) or an instant with its offset, in epoch milliseconds. */
export const startTime: Parser<number> = (text) => instant(text, 0);

/** When a contract ends: a day (the instant after its last here) or an instant with its offset. */
export const endTime: Parser<number> = (text) => instant(text, 1);

function instant(text: string, daysAfter: number): { readonly value: number } | { readonly allowed: string } {
  const day = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (day !== null) {
    const [year, month, date] = [Number(day[1]), Number(day[2]), Number(day[3])];
    const isReal = new Date(Date.UTC(year, month - 1, date)).toISOString().startsWith(text);
    if (isReal) return { value: new Date(year, month - 1, date + daysAfter).getTime() };
  } else if (/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})$/.test(text)) {
    const ms = Date.parse(text);
    if (!Number.isNaN(ms)) return { value: ms };
  }
  return { allowed: "a day such as 2026-12-01, or an instant such as 2026-12-01T00:00+09:00" };
}

/** A time span: `12h`, `7d`, in milliseconds. */
export const span: Parser<number> = (text) => {
  const match = /^(\d{1,5})([smhd])$/.exec(text);
  const unit = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match?.[2] ?? ""];
  return match === null || unit === undefined
    ? { allowed: "a time such as 90m, 12h or 7d" }
    : { value: Number(match[1]) * unit };
};

/** An https address for webhooks; plain http only on this machine. */
export const webhookUrl: Parser<string> = (text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const local = url?.protocol === "http:" && /^(127\.0\.0\.1|localhost|\[::1\])$/.test(url.hostname);
  return url !== undefined && (url.protocol === "https:" || local) && url.username === ""
    ? { value: url.href }
    : { allowed: "an https address" };
};
