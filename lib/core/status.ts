/**
 * Whether all is well with an environment, from facts that were gathered before: what needs a person comes first.
 *
 * Promise:  a fact that could not be asked is never shown as good; it counts as something to look at. What an operator
 *           has arranged on purpose (a tenant paused by hand, mail held) is told and counts as well.
 */

import { LIMITS } from "./limits.ts";
import { STATUS_WORDS_EN } from "./status-words-en.ts";
import type { UsageCounts } from "./usage.ts";

/** `act`: needs a person now. `look`: not urgent. `unknown`: could not be asked. `note`: meant to be so. `good`. */
export const STATUS_LEVELS = ["act", "look", "unknown", "note", "good"] as const;
/** One of them. */
export type StatusLevel = (typeof STATUS_LEVELS)[number];

/** One line of the screen. */
export interface StatusLine {
  readonly level: StatusLevel;
  /** Of what it speaks: `account`, `queue` and the like. */
  readonly part: string;
  readonly text: string;
  /** A command, or a section of RUNBOOK.md. */
  readonly todo?: string;
}

/** An answer, or why there is none. */
export type Asked<T> = { readonly value: T } | { readonly error: string };

/** The account of SES. */
export interface AccountFacts {
  /** Recipients per second. */
  readonly ratePerSecond: number;
  /** Recipients in 24 hours; -1: no limit. */
  readonly per24Hours: number;
  readonly sentLast24Hours: number;
  readonly sendingEnabled: boolean;
  /** `HEALTHY`, `PROBATION` or `SHUTDOWN`. */
  readonly enforcement: string;
  /** False: sandbox, only verified recipients. */
  readonly production: boolean;
}

/** The spool: everything we are responsible for. */
export interface QueueFacts {
  readonly messages: number;
  /** More than `messages` are there; they were not counted. */
  readonly isMore: boolean;
  readonly held: number;
  /** Of what is not held; undefined where nothing is. */
  readonly oldestSeconds?: number;
  /** Why the oldest waits. */
  readonly reason?: string;
}

/** The certificate that the edge shows; `trust` is why clients do not accept it. */
export type CertificateFacts =
  | { readonly state: "shown"; readonly endsAtMs: number; readonly trust?: string }
  | { readonly state: "no-starttls" }
  | { readonly state: "no-answer"; readonly reason: string };

/** Something that may not send. */
export interface PauseFact {
  /** `tenant acme` or `sender a@b.example of acme`. */
  readonly who: string;
  readonly by: "operator" | "breaker";
  readonly reason: string;
  /** The command that ends it. */
  readonly resume: string;
}

/** The sender domains of all tenants. */
export interface DomainFacts {
  readonly verified: number;
  readonly pending: readonly string[];
  /** The directory lets them send, SES does not. */
  readonly lost: readonly string[];
  /** The domain of the relay's own address, if SES sends nothing for it. */
  readonly systemLost?: string;
}

/** An alarm of CloudWatch that rings. */
export interface RingingAlarm {
  readonly name: string;
  readonly sinceMs?: number;
  /** What it means, with its section of RUNBOOK.md at the end. */
  readonly description: string;
}

/** All that is looked at. */
export interface StatusFacts {
  readonly nowMs: number;
  /** Undefined in local mode. */
  readonly environment: string | undefined;
  readonly account: Asked<AccountFacts>;
  readonly queue: Asked<QueueFacts>;
  /** Messages in each dead letter queue. */
  readonly deadLetters: Asked<{ readonly forward: number; readonly feedback: number; readonly webhook?: number }>;
  readonly lastHour: Asked<UsageCounts>;
  readonly pauses: Asked<readonly PauseFact[]>;
  /** Tenants whose month is used up. */
  readonly usedUp: Asked<readonly string[]>;
  readonly domains: Asked<DomainFacts>;
  readonly certificate: Asked<CertificateFacts>;
  /** Undefined in local mode, which has none. */
  readonly alarms: Asked<readonly RingingAlarm[]> | undefined;
}

/** The screen: the worst of all, and the lines, the worst first. */
export interface Status {
  readonly level: StatusLevel;
  readonly lines: readonly StatusLine[];
}

/** From when on a certificate's end, mail that waits, and the day's quota are told. */
const CERTIFICATE_LOOK_DAYS = 21;
const CERTIFICATE_ACT_DAYS = 7;
const WAITS_LOOK_SECONDS = 3_600;
const WAITS_ACT_SECONDS = 24 * 3_600;
const QUOTA_LOOK_SHARE = 0.8;
const DAY_MS = 86_400_000;

/** Sentences of a language. */
export type StatusWords = {
  readonly [K in keyof typeof STATUS_WORDS_EN]: (typeof STATUS_WORDS_EN)[K] extends string
    ? string
    : (typeof STATUS_WORDS_EN)[K];
};

/** Judges the facts. */
export function judgeStatus(facts: StatusFacts, words: StatusWords = STATUS_WORDS_EN): Status {
  const { nowMs } = facts;
  const on = facts.environment === undefined ? "" : ` --env ${facts.environment}`;
  const ask = <T>(part: string, asked: Asked<T>, lines: (value: T) => StatusLine[]): StatusLine[] =>
    "error" in asked ? [line("unknown", part, words.couldNotAsk(asked.error))] : lines(asked.value);
  const lines = [
    ...ask("account", facts.account, (account) => accountLines(account, words)),
    ...ask("queue", facts.queue, (queue) => queueLines(queue, on, words)),
    ...ask("dead letters", facts.deadLetters, (counts) => deadLetterLines(counts, on, words)),
    ...ask("last hour", facts.lastHour, (counts) => lastHourLines(counts, on, words)),
    ...ask("tenants", facts.pauses, (pauses) => pauseLines(pauses, words)),
    ...ask("tenants", facts.usedUp, (tenants) => usedUpLines(tenants, on, words)),
    ...ask("domains", facts.domains, (domains) => domainLines(domains, on, words)),
    ...ask("certificate", facts.certificate, (certificate) => certificateLines(certificate, nowMs, on === "", words)),
    ...(facts.alarms === undefined
      ? [line("note", "alarms", words.localAlarms)]
      : ask("alarms", facts.alarms, (alarms) => alarmLines(alarms, words))),
  ].sort((a, b) => STATUS_LEVELS.indexOf(a.level) - STATUS_LEVELS.indexOf(b.level));
  return { level: lines[0]?.level ?? "good", lines };
}

function line(level: StatusLevel, part: string, text: string, todo?: string): StatusLine {
  return { level, part, text, ...(todo === undefined ? {} : { todo }) };
}

function accountLines(account: AccountFacts, words: StatusWords): StatusLine[] {
  const { per24Hours: max, sentLast24Hours: sent } = account;
  const lines: StatusLine[] = [];
  const add = (level: StatusLevel, text: string, todo?: string): void =>
    void lines.push(line(level, "account", text, todo));
  if (!account.sendingEnabled) add("act", words.sendingPaused, "RUNBOOK.md#ses-takes-nothing");
  if (account.enforcement === "SHUTDOWN") add("act", words.shutDown, "RUNBOOK.md#ses-takes-nothing");
  if (account.enforcement === "PROBATION") add("act", words.underReview, "RUNBOOK.md#bounce-rate");
  if (!account.production) {
    add("look", words.sandbox, words.requestAccess);
  }
  const share = max > 0 ? sent / max : 0;
  const used = words.used(sent, max === -1 ? undefined : max);
  if (share >= 1) add("act", words.quotaUsedUp(used), "RUNBOOK.md#ses-takes-nothing");
  else if (share >= QUOTA_LOOK_SHARE) add("look", words.quotaNearlyUsed(used), "RUNBOOK.md#quota-nearly-used");
  if (lines.length === 0) {
    add("good", words.accountGood(used, account.ratePerSecond));
  }
  return lines;
}

function queueLines(queue: QueueFacts, on: string, words: StatusWords): StatusLine[] {
  const { messages, isMore, held, oldestSeconds, reason } = queue;
  if (messages === 0) return [line("good", "queue", words.queueEmpty)];
  const amount = words.queued(messages, isMore);
  if (oldestSeconds === undefined) return [line("note", "queue", words.allHeld(amount), `relayhost queue${on}`)];
  const text = words.waits(amount, held, oldestSeconds, reason);
  if (oldestSeconds >= WAITS_ACT_SECONDS) return [line("act", "queue", text, `relayhost queue${on}`)];
  if (oldestSeconds >= WAITS_LOOK_SECONDS) return [line("look", "queue", text, `relayhost queue${on}`)];
  return [line("good", "queue", text)];
}

function deadLetterLines(
  counts: { readonly forward: number; readonly feedback: number; readonly webhook?: number },
  on: string,
  words: StatusWords,
): StatusLine[] {
  const lines: StatusLine[] = [];
  if (counts.forward > 0) {
    const text = words.setAside(counts.forward);
    lines.push(line("act", "dead letters", text, `relayhost queue${on}; RUNBOOK.md#messages-set-aside`));
  }
  if (counts.feedback > 0) {
    const text = words.eventsSetAside(counts.feedback);
    lines.push(line("act", "dead letters", text, "RUNBOOK.md#events-set-aside"));
  }
  if (counts.webhook !== undefined && counts.webhook > 0) {
    const text = words.webhooksSetAside(counts.webhook);
    lines.push(line("look", "dead letters", text, "RUNBOOK.md#webhooks-set-aside"));
  }
  return lines.length > 0 ? lines : [line("good", "dead letters", words.noneSetAside)];
}

function lastHourLines(counts: UsageCounts, on: string, words: StatusWords): StatusLine[] {
  const { messages, recipients, delivered, bounced, complained, refused, suppressed } = counts;
  if (messages === 0) return [line("good", "last hour", words.noMail)];
  const open = recipients - delivered - bounced - refused - suppressed - counts.duplicates;
  // The same lines as those at which tenants are paused, here of all mail together.
  const { bounceRateMax, complaintRateMax, messagesMin, bouncesMin, complaintsMin } = LIMITS.breaker;
  const known = delivered + bounced;
  const isBad =
    known >= messagesMin &&
    ((bounced >= bouncesMin && bounced / known > bounceRateMax) ||
      (complained >= complaintsMin && complained / known > complaintRateMax));
  const text = words.lastHour({ ...counts, open });
  return isBad
    ? [line("look", "last hour", words.cameBack(text), `relayhost bounces --since 1h${on}`)]
    : [line("good", "last hour", text)];
}

function pauseLines(pauses: readonly PauseFact[], words: StatusWords): StatusLine[] {
  if (pauses.length === 0) return [line("good", "tenants", words.nonePaused)];
  return pauses.map(({ who, by, reason, resume }) =>
    by === "breaker"
      ? line("act", "tenants", words.pausedByRelay(who, reason), words.afterwards("RUNBOOK.md#tenant-paused", resume))
      : line("note", "tenants", words.pausedByHand(who, reason), resume),
  );
}

function usedUpLines(tenants: readonly string[], on: string, words: StatusWords): StatusLine[] {
  return tenants.map((id) => line("look", "tenants", words.usedUp(id), `relayhost tenant set ${id}${on}`));
}

function domainLines(domains: DomainFacts, on: string, words: StatusWords): StatusLine[] {
  const { verified, pending, lost, systemLost } = domains;
  const lines: StatusLine[] = [];
  if (systemLost !== undefined) {
    const text = words.systemLost(systemLost);
    lines.push(line("act", "domains", text, "docs/first-deploy-checklist.md"));
  }
  if (lost.length > 0) {
    const text = words.lost(lost);
    lines.push(line("act", "domains", text, `relayhost domain check ${lost[0]}${on}`));
  }
  if (pending.length > 0) {
    const text = words.pending(pending);
    lines.push(line("look", "domains", text, `relayhost domain check ${pending[0]}${on}`));
  }
  if (lines.length === 0) lines.push(line("good", "domains", words.allVerified(verified)));
  return lines;
}

function certificateLines(
  certificate: CertificateFacts,
  nowMs: number,
  isLocal: boolean,
  words: StatusWords,
): StatusLine[] {
  if (certificate.state === "no-answer") {
    const text = words.edgeSilent(certificate.reason);
    return [line("act", "edge", text, "RUNBOOK.md#edge-unhealthy")];
  }
  if (certificate.state === "no-starttls") return [line("act", "edge", words.noStarttls)];
  const { endsAtMs, trust } = certificate;
  const days = Math.floor((endsAtMs - nowMs) / DAY_MS);
  const date = new Date(endsAtMs).toISOString().slice(0, 10);
  const todo = "RUNBOOK.md#certificate-expires";
  if (endsAtMs <= nowMs) return [line("act", "certificate", words.certificateEnded(date), todo)];
  if (days < CERTIFICATE_ACT_DAYS) return [line("act", "certificate", words.certificateEnds(days, date), todo)];
  if (days < CERTIFICATE_LOOK_DAYS) return [line("look", "certificate", words.certificateEnds(days, date), todo)];
  if (trust !== undefined && !isLocal) {
    return [line("look", "certificate", words.certificateRefused(trust, date), "docs/deploy.md")];
  }
  return [line("good", "certificate", words.certificateGood(date, trust !== undefined))];
}

function alarmLines(alarms: readonly RingingAlarm[], words: StatusWords): StatusLine[] {
  if (alarms.length === 0) return [line("good", "alarms", words.noneRings)];
  return alarms.map(({ name, sinceMs, description }) => {
    const runbook = /\S*RUNBOOK\.md#\S+$/.exec(description)?.[0];
    const since = sinceMs === undefined ? undefined : `${new Date(sinceMs).toISOString().slice(0, 16)}Z`;
    return line("act", "alarms", words.rings(name, since), runbook);
  });
}
