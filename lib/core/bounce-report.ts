/** Many ends of mail as few groups: by reason, list and receiver; unexplained ones by their text. */

import type { FailureFact, FailureKind } from "./failure-fact.ts";
import type { RefusalReason } from "./refusal-reasons.ts";

/** Ends that have the same cause at the same receiver. */
export interface BounceGroup {
  readonly reason: RefusalReason;
  readonly kind: FailureKind;
  readonly receiver: string;
  readonly by?: string;
  readonly url?: string;
  readonly count: number;
  /** Different addresses among them. */
  readonly recipients: number;
  /** RFC 3339. */
  readonly firstAt: string;
  readonly lastAt: string;
  /** The latest of them. */
  readonly example: Pick<FailureFact, "id" | "recipient" | "at" | "status" | "text">;
}

interface Growing {
  readonly recipients: Set<string>;
  count: number;
  first: FailureFact;
  last: FailureFact;
}

/** Collects ends one by one, so that a month need not be held in memory. */
export class BounceReport {
  readonly #groups = new Map<string, Growing>();
  #total = 0;

  /** Takes one more end into its group. */
  add(fact: FailureFact): void {
    this.#total += 1;
    const key = groupKey(fact);
    const group = this.#groups.get(key);
    if (group === undefined) {
      this.#groups.set(key, { recipients: new Set([addressMark(fact)]), count: 1, first: fact, last: fact });
      return;
    }
    group.count += 1;
    group.recipients.add(addressMark(fact));
    if (fact.at < group.first.at) group.first = fact;
    if (fact.at >= group.last.at) group.last = fact;
  }

  /** How many were taken. */
  get total(): number {
    return this.#total;
  }

  /** The groups, largest first; equal ones by their latest. */
  groups(): BounceGroup[] {
    return [...this.#groups.values()]
      .map(({ recipients, count, first, last }) => ({
        reason: last.reason,
        kind: last.kind,
        receiver: last.receiver,
        ...(last.by === undefined ? {} : { by: last.by }),
        ...(last.url === undefined ? {} : { url: last.url }),
        count,
        recipients: recipients.size,
        firstAt: first.at,
        lastAt: last.at,
        example: exampleOf(last),
      }))
      .toSorted((a, b) => b.count - a.count || (a.lastAt < b.lastAt ? 1 : -1));
  }
}

function exampleOf({ id, recipient, at, status, text }: FailureFact): BounceGroup["example"] {
  return { id, recipient, at, ...(status === undefined ? {} : { status }), text };
}

function addressMark({ recipient }: FailureFact): string {
  return recipient.toLowerCase();
}

/** Reasons that say little: their texts are kept apart, since they are all there is to go by. */
const VAGUE: ReadonlySet<RefusalReason> = new Set<RefusalReason>([
  "general",
  "policy-refused",
  "ses-refused",
  "gave-up",
]);

function groupKey(fact: FailureFact): string {
  const { kind, reason, receiver, by, text } = fact;
  return JSON.stringify([kind, reason, receiver, by, VAGUE.has(reason) ? maskedText(text, fact.recipient) : ""]);
}

/** Texts that differ only in addresses, numbers and identifiers are one. */
export function maskedText(text: string, recipient: string): string {
  const code = /^\d{3}(?:[ -]\d\.\d{1,3}\.\d{1,3})?/.exec(text)?.[0] ?? "";
  const words = text
    .slice(code.length)
    .replaceAll(recipient, "<>")
    .replace(/\S{1,200}@\S{1,200}/g, "<>")
    .replace(/https?:\/\/\S+/g, "<>")
    .replace(/\b(?=[\w-]*\d)[\w-]{8,}\b/g, "<>")
    .replace(/\d+/g, "0")
    .replace(/\s+/g, " ")
    .trim();
  return `${code} ${words}`.slice(0, 200);
}
