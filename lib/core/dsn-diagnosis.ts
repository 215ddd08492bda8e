/**
 * From a remote server's answer to the reason that the human part explains.
 *
 * Statuses are RFC 3463 and the IANA registry; the few texts are those by which large receivers say that it is the
 * IP address or the sender's authentication, and not the recipient, that they dislike.
 */

import type { DsnReason } from "./dsn-reasons.ts";

/** Refusals of the sending address: block lists, Microsoft's S31xx and 5.7.6xx, reverse DNS (5.7.25). */
const BLOCKED_IP =
  /spamhaus|spamcop|barracudacentral|\brbl\b|dnsbl|gmo-rbl|\bS31[45]0\b|block ?list|black ?list|banned sending IP|(?:reputation of the|due to) (?:sending )?IP|IP (?:address )?reputation|client host (?:\[[^\]]*\] )?(?:blocked|rejected)/i;
const AUTHENTICATION = /\b(?:SPF|DKIM|DMARC)\b|unauthenticated (?:email|mail)|required authentication level/i;
const UNKNOWN_USER =
  /user unknown|unknown user|no such user|does not exist|doesn't have an? |recipient address rejected|invalid recipient|mailbox unavailable|mailbox not found/i;

/** The reason behind a failure, or undefined when status and text say nothing in particular. */
export function diagnose(status: string | undefined, text: string | undefined): DsnReason | undefined {
  const words = text ?? "";
  const match = /^([245])\.(\d+)\.(\d+)$/.exec(status ?? "");
  const kind = match?.[1] ?? "";
  const code = match === null ? "" : `${match[2]}.${match[3]}`;
  // Exchange Online answers 550 5.4.1 "Recipient address rejected" for addresses it does not know.
  if (code === "4.1" && UNKNOWN_USER.test(words)) return "no-such-user";
  return BY_CODE.get(code) ?? byText(code, words) ?? bySubject(code) ?? (kind === "4" ? "gave-up" : undefined);
}

/** Subject and detail of the code, without its class. */
const BY_CODE: ReadonlyMap<string, DsnReason> = new Map([
  ["1.1", "no-such-user"],
  ["1.2", "no-such-domain"],
  ["1.3", "no-such-user"],
  ["1.6", "no-such-user"],
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
  ["7.20", "sender-authentication"],
  ["7.21", "sender-authentication"],
  ["7.22", "sender-authentication"],
  ["7.23", "sender-authentication"],
  ["7.24", "sender-authentication"],
  ["7.25", "blocked-ip"],
  ["7.26", "sender-authentication"],
  ["7.27", "sender-authentication"],
  ["7.30", "sender-authentication"],
  ["7.32", "sender-authentication"],
  ["7.509", "sender-authentication"],
  ["7.515", "sender-authentication"],
]);

/** Texts count only where the code itself says little: x.0.0, x.7.x, or none. */
function byText(code: string, words: string): DsnReason | undefined {
  if (code !== "" && code !== "0.0" && !code.startsWith("7.")) return undefined;
  if (/^7\.6(0[6-9]|[1-4]\d)$/.test(code) || BLOCKED_IP.test(words)) return "blocked-ip";
  if (AUTHENTICATION.test(words)) return "sender-authentication";
  return UNKNOWN_USER.test(words) ? "no-such-user" : undefined;
}

function bySubject(code: string): DsnReason | undefined {
  if (code.startsWith("6.")) return "content-rejected";
  return code.startsWith("7.") ? "policy-refused" : undefined;
}
