/**
 * Whether all is well with an environment, from facts that were gathered before: what needs a person comes first.
 *
 * Promise:  a fact that could not be asked is never shown as good; it counts as something to look at. What an operator
 *           has arranged on purpose (a tenant paused by hand, mail held) is told and counts as well.
 */

import { LIMITS } from "./limits.ts";
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
const NAMES_SHOWN = 5;
const DAY_MS = 86_400_000;

/** Judges the facts. */
export function judgeStatus(facts: StatusFacts): Status {
  const { nowMs } = facts;
  const on = facts.environment === undefined ? "" : ` --env ${facts.environment}`;
  const lines = [
    ...judged("account", facts.account, accountLines),
    ...judged("queue", facts.queue, (queue) => queueLines(queue, on)),
    ...judged("dead letters", facts.deadLetters, (counts) => deadLetterLines(counts, on)),
    ...judged("last hour", facts.lastHour, (counts) => lastHourLines(counts, on)),
    ...judged("tenants", facts.pauses, pauseLines),
    ...judged("tenants", facts.usedUp, (tenants) => usedUpLines(tenants, on)),
    ...judged("domains", facts.domains, (domains) => domainLines(domains, on)),
    ...judged("certificate", facts.certificate, (certificate) => certificateLines(certificate, nowMs, on === "")),
    ...(facts.alarms === undefined
      ? [line("note", "alarms", "local mode has none: what stands here is all that is watched")]
      : judged("alarms", facts.alarms, alarmLines)),
  ].sort((a, b) => STATUS_LEVELS.indexOf(a.level) - STATUS_LEVELS.indexOf(b.level));
  return { level: lines[0]?.level ?? "good", lines };
}

function judged<T>(part: string, asked: Asked<T>, lines: (value: T) => StatusLine[]): StatusLine[] {
  return "error" in asked ? [line("unknown", part, `could not be asked: ${asked.error}`)] : lines(asked.value);
}

function line(level: StatusLevel, part: string, text: string, todo?: string): StatusLine {
  return { level, part, text, ...(todo === undefined ? {} : { todo }) };
}

function accountLines(account: AccountFacts): StatusLine[] {
  const { per24Hours: max, sentLast24Hours: sent } = account;
  const lines: StatusLine[] = [];
  const add = (level: StatusLevel, text: string, todo?: string): void =>
    void lines.push(line(level, "account", text, todo));
  if (!account.sendingEnabled) add("act", "SES has paused sending for the account", "RUNBOOK.md#ses-takes-nothing");
  if (account.enforcement === "SHUTDOWN") add("act", "SES has shut the account down", "RUNBOOK.md#ses-takes-nothing");
  if (account.enforcement === "PROBATION") add("act", "SES has the account under review", "RUNBOOK.md#bounce-rate");
  if (!account.production) {
    add("look", "sandbox: only verified recipients get mail, 200 a day", "request production access: docs/deploy.md");
  }
  const share = max > 0 ? sent / max : 0;
  const used = max === -1 ? `${count(sent)} sent in 24 hours, no limit` : `${count(sent)} of ${count(max)} in 24 hours`;
  if (share >= 1) add("act", `the day's quota is used up: ${used}`, "RUNBOOK.md#ses-takes-nothing");
  else if (share >= QUOTA_LOOK_SHARE)
    add("look", `the day's quota is nearly used: ${used}`, "RUNBOOK.md#quota-nearly-used");
  if (lines.length === 0) {
    add("good", `production access, healthy; ${used}, ${count(account.ratePerSecond)} a second`);
  }
  return lines;
}

function queueLines(queue: QueueFacts, on: string): StatusLine[] {
  const { messages, isMore, held, oldestSeconds, reason } = queue;
  if (messages === 0) return [line("good", "queue", "empty")];
  const amount = `${isMore ? "over " : ""}${count(messages)} ${messages === 1 ? "message" : "messages"}`;
  const heldText = held === 0 ? "" : `, ${held} held`;
  if (oldestSeconds === undefined) return [line("note", "queue", `${amount}, all held`, `relayhost queue${on}`)];
  const why = reason === undefined || reason === "" ? "" : ` (${reason})`;
  const text = `${amount}${heldText}; the oldest waits for ${duration(oldestSeconds)}${why}`;
  if (oldestSeconds >= WAITS_ACT_SECONDS) return [line("act", "queue", text, `relayhost queue${on}`)];
  if (oldestSeconds >= WAITS_LOOK_SECONDS) return [line("look", "queue", text, `relayhost queue${on}`)];
  return [line("good", "queue", text)];
}

function deadLetterLines(
  counts: { readonly forward: number; readonly feedback: number; readonly webhook?: number },
  on: string,
): StatusLine[] {
  const lines: StatusLine[] = [];
  if (counts.forward > 0) {
    const text = `${plural(counts.forward, "message")} set aside: unreadable, or the function died over it`;
    lines.push(line("act", "dead letters", text, `relayhost queue${on}; RUNBOOK.md#messages-set-aside`));
  }
  if (counts.feedback > 0) {
    const text = `${plural(counts.feedback, "event")} of SES not recorded`;
    lines.push(line("act", "dead letters", text, "RUNBOOK.md#events-set-aside"));
  }
  if (counts.webhook !== undefined && counts.webhook > 0) {
    const text = `${plural(counts.webhook, "webhook")} that a tenant's server has not taken for three days`;
    lines.push(line("look", "dead letters", text, "RUNBOOK.md#webhooks-set-aside"));
  }
  return lines.length > 0 ? lines : [line("good", "dead letters", "none")];
}

function lastHourLines(counts: UsageCounts, on: string): StatusLine[] {
  const { messages, recipients, delivered, bounced, complained, refused, suppressed } = counts;
  if (messages === 0) return [line("good", "last hour", "no mail")];
  const open = recipients - delivered - bounced - refused - suppressed - counts.duplicates;
  const parts = [
    `${plural(messages, "message")} to ${plural(recipients, "recipient")}`,
    `${count(delivered)} delivered`,
    `${count(bounced)} bounced`,
    ...(complained > 0 ? [`${count(complained)} called spam`] : []),
    ...(refused > 0 ? [`${count(refused)} refused`] : []),
    ...(suppressed > 0 ? [`${count(suppressed)} suppressed`] : []),
    ...(open > 0 ? [`${count(open)} open`] : []),
  ];
  // The same lines as those at which tenants are paused, here of all mail together.
  const { bounceRateMax, complaintRateMax, messagesMin, bouncesMin, complaintsMin } = LIMITS.breaker;
  const known = delivered + bounced;
  const isBad =
    known >= messagesMin &&
    ((bounced >= bouncesMin && bounced / known > bounceRateMax) ||
      (complained >= complaintsMin && complained / known > complaintRateMax));
  const text = parts.join(", ");
  return isBad
    ? [line("look", "last hour", `much came back: ${text}`, `relayhost bounces --since 1h${on}`)]
    : [line("good", "last hour", text)];
}

function pauseLines(pauses: readonly PauseFact[]): StatusLine[] {
  if (pauses.length === 0) return [line("good", "tenants", "none is paused")];
  return pauses.map(({ who, by, reason, resume }) =>
    by === "breaker"
      ? line("act", "tenants", `${who} was paused by the relay: ${reason}`, `RUNBOOK.md#tenant-paused, then ${resume}`)
      : line("note", "tenants", `${who} is paused by hand: ${reason}`, resume),
  );
}

function usedUpLines(tenants: readonly string[], on: string): StatusLine[] {
  return tenants.map((id) =>
    line(
      "look",
      "tenants",
      `${id} has used up its month; its mail waits at its server`,
      `relayhost tenant set ${id}${on}`,
    ),
  );
}

function domainLines(domains: DomainFacts, on: string): StatusLine[] {
  const { verified, pending, lost, systemLost } = domains;
  const lines: StatusLine[] = [];
  if (systemLost !== undefined) {
    const text = `SES sends nothing for ${systemLost}, which the relay's own reports come from`;
    lines.push(line("act", "domains", text, "docs/first-deploy-checklist.md"));
  }
  if (lost.length > 0) {
    const text = `SES no longer sends for ${names(lost)}: DNS records are gone, or the identity`;
    lines.push(line("act", "domains", text, `relayhost domain check ${lost[0]}${on}`));
  }
  if (pending.length > 0) {
    const text = `${plural(pending.length, "domain")} not verified yet: ${names(pending)}`;
    lines.push(line("look", "domains", text, `relayhost domain check ${pending[0]}${on}`));
  }
  if (lines.length === 0) lines.push(line("good", "domains", `all ${count(verified)} verified`));
  return lines;
}

function certificateLines(certificate: CertificateFacts, nowMs: number, isLocal: boolean): StatusLine[] {
  if (certificate.state === "no-answer") {
    const text = `the edge does not answer (${certificate.reason}): customers cannot connect, unless it stands by`;
    return [line("act", "edge", text, "RUNBOOK.md#edge-unhealthy")];
  }
  if (certificate.state === "no-starttls") return [line("act", "edge", "answers without STARTTLS: is it this relay?")];
  const { endsAtMs, trust } = certificate;
  const days = Math.floor((endsAtMs - nowMs) / DAY_MS);
  const date = new Date(endsAtMs).toISOString().slice(0, 10);
  const todo = "RUNBOOK.md#certificate-expires";
  if (endsAtMs <= nowMs) return [line("act", "certificate", `ended on ${date}`, todo)];
  if (days < CERTIFICATE_ACT_DAYS)
    return [line("act", "certificate", `ends in ${plural(days, "day")} (${date})`, todo)];
  if (days < CERTIFICATE_LOOK_DAYS) return [line("look", "certificate", `ends in ${days} days (${date})`, todo)];
  if (trust !== undefined && !isLocal) {
    return [line("look", "certificate", `clients that check it refuse it: ${trust}; ends ${date}`, "docs/deploy.md")];
  }
  return [line("good", "certificate", `good until ${date}${trust === undefined ? "" : ", self-made"}`)];
}

function alarmLines(alarms: readonly RingingAlarm[]): StatusLine[] {
  if (alarms.length === 0) return [line("good", "alarms", "none rings")];
  return alarms.map(({ name, sinceMs, description }) => {
    const runbook = /\S*RUNBOOK\.md#\S+$/.exec(description)?.[0];
    const since = sinceMs === undefined ? "" : ` since ${new Date(sinceMs).toISOString().slice(0, 16)}Z`;
    return line("act", "alarms", `${name}${since}`, runbook);
  });
}

function names(all: readonly string[]): string {
  const more = all.length - NAMES_SHOWN;
  return `${all.slice(0, NAMES_SHOWN).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function count(number: number): string {
  return number.toLocaleString("en-US");
}

function plural(number: number, word: string): string {
  return `${count(number)} ${word}${number === 1 ? "" : "s"}`;
}

function duration(seconds: number): string {
  if (seconds < 3_600) return plural(Math.floor(seconds / 60), "minute");
  return seconds < 48 * 3_600
    ? plural(Math.floor(seconds / 3_600), "hour")
    : plural(Math.floor(seconds / 86_400), "day");
}
