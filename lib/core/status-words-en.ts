/** The sentences of `relayhost status` in English. What can be run or looked up stands beside them, in `status.ts`. */

const NAMES_SHOWN = 5;

/** The sentences. Numbers are whole; `names` are domains. */
export const STATUS_WORDS_EN = {
  couldNotAsk: (error: string): string => `could not be asked: ${error}`,
  localAlarms: "local mode has none: what stands here is all that is watched",
  sendingPaused: "SES has paused sending for the account",
  shutDown: "SES has shut the account down",
  underReview: "SES has the account under review",
  sandbox: "sandbox: only verified recipients get mail, 200 a day",
  requestAccess: "request production access: docs/deploy.md",
  /** `max`: undefined where there is no limit. */
  used: (sent: number, max: number | undefined): string =>
    max === undefined ? `${count(sent)} sent in 24 hours, no limit` : `${count(sent)} of ${count(max)} in 24 hours`,
  quotaUsedUp: (used: string): string => `the day's quota is used up: ${used}`,
  quotaNearlyUsed: (used: string): string => `the day's quota is nearly used: ${used}`,
  accountGood: (used: string, perSecond: number): string =>
    `production access, healthy; ${used}, ${count(perSecond)} a second`,
  queueEmpty: "empty",
  queued: (messages: number, isMore: boolean): string =>
    `${isMore ? "over " : ""}${count(messages)} ${messages === 1 ? "message" : "messages"}`,
  allHeld: (amount: string): string => `${amount}, all held`,
  waits: (amount: string, held: number, oldestSeconds: number, reason: string | undefined): string => {
    const why = reason === undefined || reason === "" ? "" : ` (${reason})`;
    return `${amount}${held === 0 ? "" : `, ${held} held`}; the oldest waits for ${duration(oldestSeconds)}${why}`;
  },
  setAside: (messages: number): string =>
    `${plural(messages, "message")} set aside: unreadable, or the function died over it`,
  eventsSetAside: (events: number): string => `${plural(events, "event")} of SES not recorded`,
  webhooksSetAside: (webhooks: number): string =>
    `${plural(webhooks, "webhook")} that a tenant's server has not taken for three days`,
  noneSetAside: "none",
  noMail: "no mail",
  lastHour: (hour: HourNumbers): string =>
    [
      `${plural(hour.messages, "message")} to ${plural(hour.recipients, "recipient")}`,
      `${count(hour.delivered)} delivered`,
      `${count(hour.bounced)} bounced`,
      ...(hour.complained > 0 ? [`${count(hour.complained)} called spam`] : []),
      ...(hour.refused > 0 ? [`${count(hour.refused)} refused`] : []),
      ...(hour.suppressed > 0 ? [`${count(hour.suppressed)} suppressed`] : []),
      ...(hour.open > 0 ? [`${count(hour.open)} open`] : []),
    ].join(", "),
  cameBack: (hour: string): string => `much came back: ${hour}`,
  nonePaused: "none is paused",
  pausedByRelay: (who: string, reason: string): string => `${who} was paused by the relay: ${reason}`,
  pausedByHand: (who: string, reason: string): string => `${who} is paused by hand: ${reason}`,
  afterwards: (first: string, second: string): string => `${first}, then ${second}`,
  usedUp: (tenant: string): string => `${tenant} has used up its month; its mail waits at its server`,
  systemLost: (domain: string): string => `SES sends nothing for ${domain}, which the relay's own reports come from`,
  lost: (names: readonly string[]): string =>
    `SES no longer sends for ${list(names)}: DNS records are gone, or the identity`,
  pending: (names: readonly string[]): string => `${plural(names.length, "domain")} not verified yet: ${list(names)}`,
  allVerified: (domains: number): string => `all ${count(domains)} verified`,
  edgeSilent: (reason: string): string =>
    `the edge does not answer (${reason}): customers cannot connect, unless it stands by`,
  noStarttls: "answers without STARTTLS: is it this relay?",
  certificateEnded: (date: string): string => `ended on ${date}`,
  certificateEnds: (days: number, date: string): string => `ends in ${plural(days, "day")} (${date})`,
  certificateRefused: (why: string, date: string): string => `clients that check it refuse it: ${why}; ends ${date}`,
  certificateGood: (date: string, selfMade: boolean): string => `good until ${date}${selfMade ? ", self-made" : ""}`,
  noneRings: "none rings",
  /** `since`: `2026-11-24T10:00Z`. */
  rings: (name: string, since: string | undefined): string => `${name}${since === undefined ? "" : ` since ${since}`}`,
} as const;

/** Of the last hour. */
export interface HourNumbers {
  readonly messages: number;
  readonly recipients: number;
  readonly delivered: number;
  readonly bounced: number;
  readonly complained: number;
  readonly refused: number;
  readonly suppressed: number;
  readonly open: number;
}

function list(all: readonly string[]): string {
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
