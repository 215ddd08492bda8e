/**
 * Why mail was not delivered, as an administrator must know it: one list of reasons, and of each the reason that the
 * sender of the mail is told in a report.
 *
 * A reason that has the name of a `DsnReason` says no more than that one; the others are finer. What each means and
 * what to do stands in `refusal-words-en.ts` and `refusal-words-ja.ts`; which text of which receiver stands for it, in
 * `refusal-texts.ts` and `block-lists.ts`.
 */

import type { DsnReason } from "./dsn-reasons.ts";
import { ENGLISH_REFUSALS } from "./refusal-words-en.ts";
import { JAPANESE_REFUSALS } from "./refusal-words-ja.ts";

/** What an administrator is told; `{by}` stands for the list or receiver that refuses. */
export interface RefusalWords {
  /** In a few words, for a table. */
  readonly title: string;
  readonly means: string;
  /** What to do. */
  readonly todo: string;
}

/** The finer reasons, and what the sender is told. */
const FINER = {
  "ip-listed": "blocked-ip",
  "ip-listed-policy": "blocked-ip",
  "ip-listed-network": "blocked-ip",
  "ip-blocked": "blocked-ip",
  "ip-reputation": "blocked-ip",
  "list-dead": "blocked-ip",
  "list-error": "blocked-ip",
  "no-ptr": "blocked-ip",
  "domain-listed": "content-rejected",
  "domain-reputation": "policy-refused",
  "sender-banned": "policy-refused",
  unauthenticated: "sender-authentication",
  "dmarc-policy": "sender-authentication",
  "dmarc-missing": "sender-authentication",
  "spf-failed": "sender-authentication",
  "dkim-failed": "sender-authentication",
  "from-not-aligned": "sender-authentication",
  "sender-domain-unknown": "sender-authentication",
  "volume-or-complaints": "rate-limited",
  "recipient-busy": "rate-limited",
  "same-message-id": "rate-limited",
  "content-suspicious": "content-rejected",
  "header-malformed": "policy-refused",
  "line-too-long": "policy-refused",
  "sender-not-allowed": "policy-refused",
  "spoofs-recipient": "policy-refused",
  "tls-required": "policy-refused",
  "not-responsible": "no-such-domain",
  greylisted: "gave-up",
  "server-busy": "gave-up",
} as const satisfies Readonly<Record<string, DsnReason>>;

/** Every reason. `complained`: the mail arrived, and the recipient called it spam. */
export type RefusalReason = Exclude<DsnReason, "relayed" | "delayed" | "held"> | keyof typeof FINER | "complained";

/** Every reason, for tests and documentation. */
export const REFUSAL_REASONS: readonly RefusalReason[] = Object.keys(ENGLISH_REFUSALS).filter(isRefusalReason);

/** True for a text that names a reason. */
export function isRefusalReason(text: string): text is RefusalReason {
  return Object.hasOwn(ENGLISH_REFUSALS, text);
}

/** What the sender is told; of a complaint nothing. */
export function toldToSender(reason: RefusalReason): DsnReason | undefined {
  if (reason === "complained") return undefined;
  return isFiner(reason) ? FINER[reason] : reason;
}

/** True when there is more to say to an administrator than the sender is told. */
export function isFiner(reason: RefusalReason): reason is keyof typeof FINER {
  return Object.hasOwn(FINER, reason);
}

/** The words of a reason. `by`: the list or receiver that refuses, where it is known. */
export function refusalWords(reason: RefusalReason, language: "en" | "ja", by?: string): RefusalWords {
  const { title, means, todo } = (language === "ja" ? JAPANESE_REFUSALS : ENGLISH_REFUSALS)[reason];
  const name = by ?? (language === "ja" ? "\u53d7\u4fe1\u5074" : "the receiver");
  const named = (text: string): string => sentenceCase(text.replaceAll("{by}", name));
  return { title: named(title), means: named(means), todo: named(todo) };
}

function sentenceCase(text: string): string {
  return text.replace(/^[a-z]/, (letter) => letter.toUpperCase());
}
