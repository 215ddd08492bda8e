/**
 * May a tenant, a credential, an envelope sender send just now? Pauses, contracts, the month's limit, changed passwords.
 *
 * Promise:  each refusal is a 4xx that says why and whom to ask, so that mail waits where it is until the matter is
 *           settled; nothing of a row gets into a reply but printable ASCII of bounded length.
 */

import type { Credential, Pause, SenderPause, Tenant } from "./directory.ts";
import { type SmtpReply, smtpReply } from "./smtp-reply.ts";

/** Of a pause's reason; the rest is for the operator's own eyes. */
const REASON_CHARS_MAX = 100;
/** The last moment that a `Date` can hold. */
const TIME_MS_MAX = 8_640_000_000_000_000;

/** Why nothing is taken from the tenant at `nowMs` (milliseconds since 1970); undefined: it may send. */
export function tenantRefusal(tenant: Tenant, nowMs: number): SmtpReply | undefined {
  const { id } = tenant;
  if (tenant.status === "paused") {
    const reason = shortReason(tenant.pause);
    return reason === undefined
      ? smtpReply("tenantPaused", { tenant: id })
      : smtpReply("tenantPausedFor", { tenant: id, reason });
  }
  if (tenant.startsAtMs !== undefined && nowMs < tenant.startsAtMs) {
    return smtpReply("contractNotBegun", { tenant: id, time: utcMinute(tenant.startsAtMs) });
  }
  if (tenant.endsAtMs !== undefined && nowMs >= tenant.endsAtMs) {
    return smtpReply("contractEnded", { tenant: id, time: utcMinute(tenant.endsAtMs) });
  }
  if (tenant.limitReachedMonth !== undefined && tenant.limitReachedMonth === utcMonth(nowMs)) {
    return smtpReply("monthUsedUp", { tenant: id, time: utcMinute(nextMonthMs(nowMs)) });
  }
  return undefined;
}

/** Why the credential may not send; `name` is how replies call it. undefined: it may. */
export function credentialRefusal(credential: Credential, name: string): SmtpReply | undefined {
  if (credential.status === "active") return undefined;
  const reason = shortReason(credential.pause);
  return reason === undefined
    ? smtpReply("credentialPaused", { credential: name })
    : smtpReply("credentialPausedFor", { credential: name, reason });
}

/** The refusal that a pause of the envelope sender stands for. */
export function senderRefusal(paused: SenderPause): SmtpReply {
  const reason = shortReason(paused.pause);
  return reason === undefined
    ? smtpReply("senderPaused", { sender: paused.sender })
    : smtpReply("senderPausedFor", { sender: paused.sender, reason });
}

/**
 * The hashes that a password may fit at `nowMs`: the current one and, until its time is over, the one before. A session
 * that was opened with another password is not the credential's any more.
 */
export function passwordHashes(credential: Credential, nowMs: number): { current: string; previous?: string } {
  const { passwordHash, previousPasswordHash, previousUntilMs } = credential;
  const isGood = previousPasswordHash !== undefined && previousUntilMs !== undefined && nowMs < previousUntilMs;
  return { current: passwordHash, ...(isGood ? { previous: previousPasswordHash } : {}) };
}

/** What of a reason can be said in a reply: one line of ASCII. Undefined where nothing readable is left. */
function shortReason(pause: Pause | undefined): string | undefined {
  if (pause === undefined) return undefined;
  const text = pause.reason
    .replaceAll(/[^ -~]+/g, " ")
    .replaceAll(/ +/g, " ")
    .trim()
    .replace(/[.;,:]+$/, "");
  if (!/[a-z]{2}/i.test(text)) return undefined;
  return text.length <= REASON_CHARS_MAX ? text : `${text.slice(0, REASON_CHARS_MAX - 3).trimEnd()}...`;
}

function utcMonth(ms: number): string {
  return new Date(ms).toISOString().slice(0, 7);
}

function nextMonthMs(ms: number): number {
  const date = new Date(ms);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}

/** `2026-12-01 00:00 UTC`. */
function utcMinute(ms: number): string {
  const text = new Date(Math.min(ms, TIME_MS_MAX)).toISOString();
  return `${text.slice(0, text.indexOf("T") + 6).replace("T", " ")} UTC`;
}
