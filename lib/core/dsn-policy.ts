/**
 * Who is owed which report: the decision, the ends that no SES event brings, and the name of the report in the spool.
 *
 * Promise:  a report is never answered by a report, nobody who did not submit the mail through us gets one, and a
 *           recipient's end is told once. Whatever is not told has a word for the record that says why.
 * See RFC 3461 §4.1 and §6, RFC 3464 §2, RFC 3834 §2.
 */

import { createHash } from "node:crypto";
import { addressKey, isAddress, parseAddress } from "./address.ts";
import type { DsnRecipient } from "./dsn.ts";
import type { DsnReason } from "./dsn-reasons.ts";
import { type DsnAction, normalStatus, OWN_DIAGNOSTIC } from "./dsn-status.ts";
import type { Failure } from "./failure.ts";
import { makeQueueId, type QueueId, queueIdTimeMs } from "./queue-id.ts";
import { SUPPRESSED_CODE } from "./recipient-history.ts";
import type { TellingOutcome } from "./ses-outcome.ts";
import type { EnvelopeRecipient, Notify } from "./spool-object.ts";

/** A delay is told after this long (the promise of the relay; sendmail warns after the same time). */
export const DELAY_NOTICE_AFTER_MS = 4 * 3_600_000;

/** All that the decision looks at, for one recipient. What is unknown may be left out or undefined. */
export interface DsnQuestion {
  readonly returnPath: string | null;
  /** Set on mail that the relay itself wrote. */
  readonly dsnFor?: string | undefined;
  /** Value of the original's Auto-Submitted field. */
  readonly autoSubmitted?: string | undefined;
  /** List fields of the original: the value of List-Post (RFC 2369 §3.4). */
  readonly listHeaders?: { readonly post?: string | undefined } | undefined;
  readonly notify?: readonly Notify[] | undefined;
  /** `none`: the event has nothing to tell (complaints, auto-replies). */
  readonly action: DsnAction | "none";
  /** Actions that this recipient's record shows as told. */
  readonly alreadyTold: readonly DsnAction[];
  /** The recipient it is about. */
  readonly recipient?: string | undefined;
  readonly reason?: DsnReason | undefined;
  /** From address of our own reports. */
  readonly systemAddress?: string | undefined;
  /** False when the return path is in no domain of the tenant (forwarded mail): a report would be backscatter. */
  readonly returnPathIsTenants?: boolean | undefined;
  /** For `delayed`: milliseconds since the edge took the message. Left out: the caller has looked. */
  readonly heldMs?: number | undefined;
}

/** Why a report is not owed, or that it is. Stable words, for the record. */
export type DsnWhy =
  | "owed"
  | "nothing-to-tell"
  | "null-sender"
  | "own-report"
  | "automatic-sender"
  | "auto-replied"
  | "foreign-sender"
  | "no-usable-sender"
  | "list-loop"
  | "would-fail-likewise"
  | "notify-never"
  | "not-asked-for"
  | "already-told"
  | "too-early";

/** The decision. Senders like `owner-list@` and `list-bounces+x@` are owed reports: list managers live on them. */
export function owesDsn(question: DsnQuestion): { readonly owed: boolean; readonly why: DsnWhy } {
  const why = whyNot(question) ?? "owed";
  return { owed: why === "owed", why };
}

function whyNot(question: DsnQuestion): DsnWhy | undefined {
  const { action } = question;
  if (action === "none") return "nothing-to-tell";
  return senderProblem(question) ?? loopProblem(question, action) ?? notifyProblem(question, action);
}

/** Senders who must never be answered, whatever they asked for. */
function senderProblem(question: DsnQuestion): DsnWhy | undefined {
  const { returnPath } = question;
  if (question.dsnFor !== undefined) return "own-report";
  // qmail writes its double bounces from `#@[]`.
  if (returnPath === null || returnPath === "" || returnPath === "#@[]") return "null-sender";
  // Cron and other `auto-generated` mail has a person behind it who must know; a reply has not.
  if (/^\s*(?:\([^)]*\)\s*)*auto-replied\b/i.test(question.autoSubmitted ?? "")) return "auto-replied";
  const address = parseAddress(returnPath);
  if (!isAddress(address)) return "no-usable-sender";
  // Postfix sends its own notices from `double-bounce` and throws away what comes back.
  if (/^(?:mailer-daemon|double-bounce)$/i.test(address.local)) return "automatic-sender";
  if (question.systemAddress !== undefined && addressKey(question.systemAddress) === addressKey(returnPath)) {
    return "own-report";
  }
  return question.returnPathIsTenants === false ? "foreign-sender" : undefined;
}

/** Failures of an address that takes nothing, so not the report either. */
const ADDRESS_IS_CAUSE: ReadonlySet<DsnReason> = new Set<DsnReason>([
  "no-such-user",
  "no-such-user-or-filtered",
  "no-such-domain",
  "mailbox-disabled",
  "mailbox-full",
  "suppressed",
  "account-suppressed",
  "globally-suppressed",
  "address-check-failed",
  "unreachable",
]);

/**
 * A list whose return path is its own posting address would send the report to every member, among them the one
 * that failed. And a report to the very address that takes no mail would only fail in its turn.
 */
function loopProblem(question: DsnQuestion, action: DsnAction): DsnWhy | undefined {
  const sender = addressKey(question.returnPath ?? "");
  if (mailtoAddresses(question.listHeaders?.post ?? "").some((post) => addressKey(post) === sender)) return "list-loop";
  if (action === "relayed" || question.recipient === undefined) return undefined;
  const reachable = action === "failed" && question.reason !== undefined && !ADDRESS_IS_CAUSE.has(question.reason);
  return addressKey(question.recipient) === sender && !reachable ? "would-fail-likewise" : undefined;
}

/** Addresses of the mailto URIs in a List-Post field. */
function mailtoAddresses(listPost: string): string[] {
  return [...listPost.matchAll(/<\s*mailto:([^>?]*)/gi)].flatMap((match) => {
    try {
      return [decodeURIComponent(match[1] ?? "").trim()];
    } catch {
      return [];
    }
  });
}

/** Which actions an action on record leaves untold: a bounce may follow `relayed`, nothing follows `failed`. */
const CLOSES: Readonly<Record<DsnAction, readonly DsnAction[]>> = {
  failed: ["failed", "delayed", "relayed"],
  delayed: ["delayed"],
  relayed: ["relayed", "delayed"],
};

const ASKED_AS: Readonly<Record<DsnAction, Notify>> = { failed: "FAILURE", delayed: "DELAY", relayed: "SUCCESS" };

function notifyProblem(question: DsnQuestion, action: DsnAction): DsnWhy | undefined {
  const { notify } = question;
  if (notify?.includes("NEVER") === true) return "notify-never";
  if (!isAskedFor(action, notify)) return "not-asked-for";
  if (question.alreadyTold.some((told) => CLOSES[told].includes(action))) return "already-told";
  const early = action === "delayed" && question.heldMs !== undefined && question.heldMs < DELAY_NOTICE_AFTER_MS;
  return early ? "too-early" : undefined;
}

function isAskedFor(action: DsnAction, notify: readonly Notify[] | undefined): boolean {
  return notify === undefined || notify.length === 0 ? action !== "relayed" : notify.includes(ASKED_AS[action]);
}

/**
 * The queue id of a report: the same for the same message, recipients and action, so that writing it twice writes
 * one object. The recipients' order does not count. Who is told is decided by `alreadyTold` per recipient, not by
 * this name: a report on other recipients is another report. The time part is the message's, or `timeMs`.
 */
export function dsnQueueId(
  parent: QueueId,
  recipientIndexes: number | readonly number[],
  action: DsnAction,
  timeMs: number = queueIdTimeMs(parent),
): QueueId {
  const indexes = typeof recipientIndexes === "number" ? [recipientIndexes] : recipientIndexes;
  const sorted = [...new Set(indexes)].toSorted((a, b) => a - b);
  return makeQueueId(
    timeMs,
    createHash("sha256")
      .update(`dsn|${parent}|${sorted.join(",")}|${action}`)
      .digest(),
  );
}

/** A recipient of the envelope and what became of it, as a report names it. */
export function dsnRecipient(index: number, recipient: EnvelopeRecipient, outcome: TellingOutcome): DsnRecipient {
  const { final: _, ...told } = outcome;
  return {
    index,
    finalRecipient: recipient.address,
    ...(recipient.orcpt === undefined ? {} : { originalRecipient: recipient.orcpt }),
    ...(isAskedFor("failed", recipient.notify) ? {} : { failureNotAskedFor: true }),
    ...told,
  };
}

/** Ends that need no failed call: by the relay's own lists, checks and commands. */
const OWN_ENDS = { suppressed: "5.7.1", virus: "5.7.0", dropped: "5.3.0", unreadable: "5.6.0" } as const;

/** The outcome when the relay itself ends a recipient. `words` are quoted as the sending side's. */
export function ownOutcome(reason: keyof typeof OWN_ENDS, words?: string): TellingOutcome {
  return { action: "failed", status: OWN_ENDS[reason], final: true, reason, ...quoted(words) };
}

/**
 * The outcome of a failed call to SES that ends a recipient: refused for good, or given up (`gaveUp`).
 * Not verified is 5.7.1 in both cases; other giving up is 4.4.7 (RFC 3463 §3.5, delivery time expired).
 */
export function failureOutcome(failure: Failure, gaveUp: boolean): TellingOutcome {
  const end = { action: "failed", final: true } as const;
  if (/not verified|NotVerified/.test(`${failure.code} ${failure.text}`)) {
    return { ...end, status: "5.7.1", reason: "not-verified", ...quoted(failure.text) };
  }
  if (failure.code === SUPPRESSED_CODE) return ownOutcome("suppressed", failure.text);
  if (gaveUp) return { ...end, status: "4.4.7", reason: "gave-up", ...quoted(failure.code) };
  const status = normalStatus(failure.status, "failed");
  return { ...end, status, reason: reasonOfRefusal(status), ...quoted(`${failure.code}: ${failure.text}`) };
}

/** The outcome while we hold the mail ourselves, to be tried until the given RFC 3339 time. */
export function heldOutcome(failure: Failure, willRetryUntil: string): TellingOutcome {
  const status = normalStatus(failure.status, "delayed");
  return { action: "delayed", status, final: false, reason: "held", willRetryUntil, ...quoted(failure.code) };
}

function reasonOfRefusal(status: string): DsnReason {
  switch (status) {
    case "5.3.4":
      return "too-large";
    case "5.1.3":
      return "no-such-user";
    default:
      return "ses-refused";
  }
}

/** Our own words: never as `smtp`. Names of AWS resources stay inside. */
function quoted(words: string | undefined): Pick<TellingOutcome, "diagnosticCode" | "remoteText"> {
  const text = (words ?? "").replace(/\barn:[^\s"',)]+/g, "arn:...").trim();
  return text === "" ? {} : { diagnosticCode: `${OWN_DIAGNOSTIC.relay}; ${text}`, remoteText: text };
}
