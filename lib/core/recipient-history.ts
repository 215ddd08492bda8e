/**
 * What happened to a recipient, as a list, and what Amazon SES's events in it say became of the mail.
 *
 * Promise:  facts that decide stay, however long the list would grow; the verdict is the same whatever the order in
 *           which they came.
 */

import type { SesEvent } from "./ses-event.ts";
import { neverSentReason } from "./ses-outcome.ts";

/** One thing that happened to a recipient. */
export interface HistoryEntry {
  /** RFC 3339. */
  readonly at: string;
  readonly what: "claimed" | "sent" | "deferred" | "failed" | "ambiguous" | "duplicate" | SesEvent["type"];
  /** Words of SES or of the remote server. */
  readonly detail?: string;
  /** Enhanced status code where there is one. */
  readonly status?: string;
  /** Names an SES event, so that its second coming changes nothing. */
  readonly eventKey?: string;
}

/** A state that SES's events can bring about, and the words to it where it is not a good one. */
export interface Verdict {
  readonly state: (typeof STRONGEST_FIRST)[number];
  readonly reason?: string;
}

const STRONGEST_FIRST = ["complained", "bounced", "rejected", "failed", "delivered"] as const;

/** Entries kept, but for facts that decide the state. */
const ENTRIES_MAX = 60;
/** What goes first when the list is full, and what goes next. */
const EXPENDABLE: readonly (readonly HistoryEntry["what"][])[] = [
  ["claimed", "deferred"],
  ["ambiguous", "DeliveryDelay", "Other"],
];
/** Of the words of a remote server: all entries of a recipient must fit into one item of the ledger (400 KB). */
const DETAIL_CHARS_MAX = 1_000;
/** Status of a complaint that stands for "never sent": SES knows the address from a suppression list. */
const SUPPRESSED_STATUS = "5.7.1";

/** The list with one more entry. Where it is full, the oldest of the least telling entries goes. */
export function addToHistory(history: readonly HistoryEntry[], entry: HistoryEntry): readonly HistoryEntry[] {
  const detail = entry.detail === undefined ? {} : { detail: shortened(entry.detail) };
  const next = [...history, { ...entry, ...detail }];
  for (const kinds of EXPENDABLE) {
    const at = next.length > ENTRIES_MAX ? next.findIndex((old) => kinds.includes(old.what)) : -1;
    if (at !== -1) next.splice(at, 1);
  }
  return next;
}

/** Text from outside, short enough for a record. */
export function shortened(text: string): string {
  return text.length <= DETAIL_CHARS_MAX ? text : `${text.slice(0, DETAIL_CHARS_MAX - 3)}...`;
}

/** What an event says of one of its recipients, for its entry. */
export function reportOf(event: SesEvent, address: string): Pick<HistoryEntry, "detail" | "status"> {
  switch (event.type) {
    case "Send":
      return {};
    case "Delivery":
      return event.smtpResponse === undefined ? {} : { detail: event.smtpResponse };
    case "Bounce":
    case "DeliveryDelay": {
      const own = event.recipients.find((recipient) => recipient.address.toLowerCase() === address.toLowerCase());
      const kind = event.type === "Bounce" ? `${event.bounceType}/${event.bounceSubType}` : event.delayType;
      const words = own?.diagnosticCode === undefined ? "" : ` ${own.diagnosticCode}`;
      return { detail: `${kind}${words}`, ...(own?.status === undefined ? {} : { status: own.status }) };
    }
    case "Complaint":
      return {
        detail: event.complaintSubType ?? event.feedbackType ?? "complaint",
        ...(/suppress/i.test(event.complaintSubType ?? "") ? { status: SUPPRESSED_STATUS } : {}),
      };
    case "Reject":
      return { detail: event.reason };
    case "Other":
      return { detail: event.eventType };
  }
}

/** What stands of a bounce in its entry; undefined for an entry of another kind. */
export function bounceOf(
  entry: HistoryEntry,
): { readonly bounceType: string; readonly bounceSubType: string; readonly diagnosticCode?: string } | undefined {
  const [bounceType = "", bounceSubType = ""] = (entry.eventKey?.split("|")[2] ?? "").split("/");
  if (entry.what !== "Bounce" || bounceType === "") return undefined;
  return { bounceType, bounceSubType, ...wordsBehind(`${bounceType}/${bounceSubType}`, entry) };
}

/** What stands of a delay in its entry. */
export function delayOf(entry: HistoryEntry): { readonly delayType: string; readonly diagnosticCode?: string } {
  const delayType = (entry.eventKey?.split("|")[2] ?? "").split("/")[0] ?? "";
  return { delayType, ...wordsBehind(delayType, entry) };
}

/** `reportOf` writes the kind, a space, and the remote server's words. */
function wordsBehind(kind: string, entry: HistoryEntry): { readonly diagnosticCode?: string } {
  const { detail } = entry;
  return detail?.startsWith(`${kind} `) === true ? { diagnosticCode: detail.slice(kind.length + 1) } : {};
}

/** Undefined when the events do not say yet. The strongest fact wins, and of equals the latest. */
export function verdictOf(history: readonly HistoryEntry[]): Verdict | undefined {
  const delivered = isDelivered(history);
  for (const state of STRONGEST_FIRST) {
    const facts = history.filter((entry) => stateByEvent(entry, delivered) === state);
    if (facts.length === 0) continue;
    const latest = facts.reduce((best, entry) => (orderOf(entry) > orderOf(best) ? entry : best));
    return { state, ...(state === "delivered" || latest.detail === undefined ? {} : { reason: latest.detail }) };
  }
  return undefined;
}

/** True when the recipient's server has taken the mail, whatever came after. */
export function isDelivered(history: readonly HistoryEntry[]): boolean {
  return history.some((entry) => entry.what === "Delivery");
}

/** True when a server sent the mail back, automatic answers and suppression lists aside. */
export function isBounced(history: readonly HistoryEntry[]): boolean {
  const delivered = isDelivered(history);
  return history.some((entry) => entry.what === "Bounce" && stateByEvent(entry, delivered) === "bounced");
}

/** True when nothing was sent because the address is on a suppression list, the relay's or one of SES. */
export function isSuppressed(history: readonly HistoryEntry[]): boolean {
  return history.some(
    (entry) =>
      stateByEvent(entry, false) === "failed" ||
      (entry.what === "failed" && entry.detail?.startsWith(`${SUPPRESSED_CODE}: `) === true),
  );
}

/** Code of the failure that stands for the relay's own suppression list. */
export const SUPPRESSED_CODE = "suppressed";

/** `delivered`: the mail had been taken; an answer that SES takes for a general transient bounce is then none. */
function stateByEvent(entry: HistoryEntry, delivered: boolean): Verdict["state"] | undefined {
  switch (entry.what) {
    case "Complaint":
      return entry.status === SUPPRESSED_STATUS ? "failed" : "complained";
    case "Bounce": {
      const { bounceType, bounceSubType } = bounceOf(entry) ?? { bounceType: "", bounceSubType: "" };
      if (neverSentReason(bounceSubType) !== undefined) return "failed";
      return delivered && bounceType === "Transient" && bounceSubType === "General" ? undefined : "bounced";
    }
    case "Reject":
      return "rejected";
    case "Delivery":
      return "delivered";
    case "Send":
    case "DeliveryDelay":
    case "Other":
    case "claimed":
    case "ambiguous":
    case "sent":
    case "deferred":
    case "failed":
    case "duplicate":
      return undefined;
  }
}

function orderOf(entry: HistoryEntry): string {
  return `${entry.at} ${entry.eventKey ?? ""}`;
}
