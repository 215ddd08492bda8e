/**
 * When a tenant, or one of its senders, is paused for what comes back of its mail.
 *
 * SES looks at the account as a whole: above 5 % of hard bounces or 0.1 % of complaints it puts the account under review,
 * and at twice and five times as much it stops it, for all tenants. So each is held below the first line. Rates are of
 * the last 24 hours by the clock of the events' arrival, in buckets of an hour, and count only from a number of mails on.
 * A sender that is paused does not count against its tenant any more. What is lifted by hand starts at nothing.
 *
 * The numbers are good for rates and not exact: an invocation that dies may leave out up to a batch.
 */

import { isAddress, parseAddress } from "./address.ts";
import type { BreakerSettings } from "./directory.ts";
import { LIMITS } from "./limits.ts";
import type { MessageRecord, RecipientRecord } from "./message-record.ts";
import { bounceOf, type HistoryEntry } from "./recipient-history.ts";
import type { SesEvent } from "./ses-event.ts";
import { neverSentReason } from "./ses-outcome.ts";

/** Mails that were delivered or bounced, and those of them that SES counts against the account. */
export interface BreakerCounts {
  readonly mails: number;
  readonly bounced: number;
  readonly complained: number;
}

/** What arrived about one sender's mails within one hour. */
export interface BreakerBucket extends BreakerCounts {
  readonly sender: string;
  /** Start of the hour, epoch milliseconds. */
  readonly hourMs: number;
}

/**
 * What the breaker remembers of a scope. `paused`: by it, and not lifted as far as it knows. `counting`: from `hourMs`
 * on, without what that hour held already (`before`). `warnedAtMs`: when it last warned.
 */
export interface BreakerState {
  readonly phase: "paused" | "counting";
  readonly hourMs: number;
  readonly before: BreakerCounts;
  readonly warnedAtMs?: number;
}

/** One of a tenant's senders, or `WHOLE_TENANT`. */
export type BreakerScope = string;
/** The tenant as a whole; no sender's address is like it. */
export const WHOLE_TENANT = "*";

/** Something to do. `reason` is a sentence fragment in ASCII, for the pause, the log and the notice. */
export type BreakerAction =
  | { readonly kind: "pause"; readonly scope: BreakerScope; readonly reason: string; readonly state: BreakerState }
  | { readonly kind: "warn"; readonly scope: BreakerScope; readonly reason: string; readonly state: BreakerState }
  /** A pause was lifted by hand. */
  | { readonly kind: "lifted"; readonly scope: BreakerScope; readonly state: BreakerState };

/** All that the decision looks at. */
export interface BreakerCase {
  readonly nowMs: number;
  readonly settings: BreakerSettings | undefined;
  /** Of the window at least. */
  readonly buckets: readonly BreakerBucket[];
  readonly states: ReadonlyMap<BreakerScope, BreakerState>;
  /** Scopes that may not send now, whoever paused them. */
  readonly paused: ReadonlySet<BreakerScope>;
  /** Senders about whom something bad has just arrived. */
  readonly touched: ReadonlySet<string>;
}

const HOUR_MS = 3_600_000;
const NOTHING: BreakerCounts = { mails: 0, bounced: 0, complained: 0 };

/** The hour of a time, epoch milliseconds. */
export function breakerHour(ms: number): number {
  return Math.floor(ms / HOUR_MS) * HOUR_MS;
}

/** Mail of senders who cannot be paused by their address stands together under its domain. */
const TOGETHER = "*@";

/**
 * The name under which a message's sender is counted. The null sender, and addresses made for each mail (VERP, SRS,
 * BATV), are counted together: there would be nothing to pause in them.
 */
export function breakerSender(returnPath: string | null): string {
  const address = parseAddress(returnPath ?? "");
  if (!isAddress(address)) return TOGETHER;
  const single = !/[+=]|^(?:srs[01]|prvs)/i.test(address.local);
  return single ? `${address.local}@${address.domain}`.toLowerCase() : `${TOGETHER}${address.domain}`;
}

/** True for a name that stands for one address. */
export function isOneSender(sender: string): boolean {
  return !sender.startsWith(TOGETHER);
}

/** What a newly recorded event adds; undefined: nothing. The relay's own reports count for nobody. */
export function breakerFact(
  event: SesEvent,
  message: MessageRecord,
  before: RecipientRecord,
): BreakerCounts | undefined {
  if (message.dsnFor !== undefined) return undefined;
  const mails = before.history.some(isCounted) ? 0 : 1;
  if (event.type === "Delivery") return mails === 0 ? undefined : { ...NOTHING, mails };
  if (event.type === "Complaint") {
    return neverSentReason(event.complaintSubType ?? "") === undefined ? { ...NOTHING, complained: 1 } : undefined;
  }
  if (event.type !== "Bounce") return undefined;
  if (!countsInRates(event.bounceSubType)) return undefined;
  return { mails, bounced: event.bounceType === "Permanent" ? 1 : 0, complained: 0 };
}

/** SES's global list counts in its rates, the other lists do not. */
function countsInRates(bounceSubType: string): boolean {
  return bounceSubType === "Suppressed" || neverSentReason(bounceSubType) === undefined;
}

/** Whether the mail was counted when this came. */
function isCounted(entry: HistoryEntry): boolean {
  return entry.what === "Delivery" || (entry.what === "Bounce" && countsInRates(bounceOf(entry)?.bounceSubType ?? ""));
}

/** The sum of two. */
export function addBreakerCounts(a: BreakerCounts, b: BreakerCounts): BreakerCounts {
  return { mails: a.mails + b.mails, bounced: a.bounced + b.bounced, complained: a.complained + b.complained };
}

/** What is to be done. Senders come before the tenant, which is judged without those that are paused. */
export function breakerActions(breaker: BreakerCase): BreakerAction[] {
  const actions: BreakerAction[] = [];
  const states = new Map(breaker.states);
  const paused = new Set(breaker.paused);
  const fromMs = breakerHour(breaker.nowMs) - (LIMITS.breaker.windowHours - 1) * HOUR_MS;
  const inWindow = breaker.buckets.filter(({ hourMs }) => hourMs >= fromMs);
  for (const [scope, state] of breaker.states) {
    if (state.phase !== "paused" || paused.has(scope)) continue;
    const hourMs = breakerHour(breaker.nowMs);
    const own = inWindow.filter((bucket) => bucket.hourMs === hourMs && isIn(scope, bucket));
    const lifted: BreakerState = { phase: "counting", hourMs, before: own.reduce(addBreakerCounts, NOTHING) };
    states.set(scope, lifted);
    actions.push({ kind: "lifted", scope, state: lifted });
  }
  const judge = (scope: BreakerScope, buckets: readonly BreakerBucket[]): void => {
    if (paused.has(scope)) return;
    const state = states.get(scope);
    const action = judgeScope(breaker, scope, countsFrom(buckets, state), state);
    if (action === undefined) return;
    if (action.kind === "pause") paused.add(scope);
    actions.push(action);
  };
  for (const sender of breaker.touched) {
    if (isOneSender(sender))
      judge(
        sender,
        inWindow.filter((bucket) => bucket.sender === sender),
      );
  }
  const bySender = Map.groupBy(inWindow, ({ sender }) => sender);
  const others = [...bySender].flatMap(([sender, buckets]) =>
    paused.has(sender) ? [] : sinceLifted(buckets, states.get(sender)),
  );
  judge(WHOLE_TENANT, others);
  return actions;
}

function isIn(scope: BreakerScope, bucket: BreakerBucket): boolean {
  return scope === WHOLE_TENANT || bucket.sender === scope;
}

/** The buckets without what was there before a pause was lifted. */
function sinceLifted(buckets: readonly BreakerBucket[], state: BreakerState | undefined): BreakerBucket[] {
  if (state === undefined) return [...buckets];
  return buckets
    .filter(({ hourMs }) => hourMs >= state.hourMs)
    .map((bucket) => (bucket.hourMs === state.hourMs ? { ...bucket, ...without(bucket, state.before) } : bucket));
}

function countsFrom(buckets: readonly BreakerBucket[], state: BreakerState | undefined): BreakerCounts {
  const fromMs = state?.hourMs ?? 0;
  const sum = buckets.filter(({ hourMs }) => hourMs > fromMs).reduce(addBreakerCounts, NOTHING);
  const first = buckets.filter(({ hourMs }) => hourMs === fromMs).reduce(addBreakerCounts, NOTHING);
  return addBreakerCounts(sum, without(first, state?.before ?? NOTHING));
}

function without(counts: BreakerCounts, before: BreakerCounts): BreakerCounts {
  return {
    mails: Math.max(0, counts.mails - before.mails),
    bounced: Math.max(0, counts.bounced - before.bounced),
    complained: Math.max(0, counts.complained - before.complained),
  };
}

function judgeScope(
  breaker: BreakerCase,
  scope: BreakerScope,
  counts: BreakerCounts,
  state: BreakerState | undefined,
): BreakerAction | undefined {
  const { bouncesMin, complaintsMin, warnShare, windowHours } = LIMITS.breaker;
  const { settings, nowMs } = breaker;
  const messagesMin = settings?.messagesMin ?? LIMITS.breaker.messagesMin;
  if (counts.mails < messagesMin || counts.mails === 0) return undefined;
  const bounces = { count: counts.bounced, least: bouncesMin, words: "bounced" };
  const complaints = { count: counts.complained, least: complaintsMin, words: "were reported as spam" };
  const kinds = [
    { ...bounces, max: settings?.bounceRateMax ?? LIMITS.breaker.bounceRateMax },
    { ...complaints, max: settings?.complaintRateMax ?? LIMITS.breaker.complaintRateMax },
  ];
  const over = (share: number) =>
    kinds.find(({ count, least, max }) => count >= least && count / counts.mails > max * share);
  const tell = (kind: (typeof kinds)[number]): string =>
    `${percent(kind.count / counts.mails)} of ${counts.mails} mails ${kind.words} within ${windowHours} hours, ` +
    `the limit is ${percent(kind.max)}`;
  const since = state ?? { phase: "counting", hourMs: 0, before: NOTHING };
  const tripped = over(1);
  if (tripped !== undefined && settings?.pauses !== false) {
    return { kind: "pause", scope, reason: tell(tripped), state: { ...since, phase: "paused" } };
  }
  const warned = over(warnShare);
  const warnedAtMs = state?.warnedAtMs ?? 0;
  if (warned === undefined || nowMs - warnedAtMs < windowHours * HOUR_MS) return undefined;
  return { kind: "warn", scope, reason: tell(warned), state: { ...since, warnedAtMs: nowMs } };
}

/** Two digits that count: `4 %`, `12.5 %`, `0.08 %`. */
function percent(rate: number): string {
  return `${Number((rate * 100).toPrecision(3))} %`;
}
