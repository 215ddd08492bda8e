/** What an examination finds, and the order in which it is worth doing something about it. */

import type { Language } from "../directory.ts";

/** A text in each language. */
export type FindingText = Readonly<Record<Language, string>>;

/**
 * `must`: mail is refused or lost for it. `should`: mail suffers, or soon will. `unknown`: could not be asked, which is
 * neither good nor bad. `note`: worth knowing. `good`: as it should be.
 */
export type Severity = "must" | "should" | "unknown" | "note" | "good";

/** One thing found. */
export interface Finding {
  /** Stable, for scripts: `spf`, `ptr`, `list:zen.spamhaus.org`. */
  readonly check: string;
  /** The domain or address. */
  readonly subject: string;
  readonly severity: Severity;
  readonly what: FindingText;
  /** Absent: nothing to do. */
  readonly todo?: FindingText;
  /** A page where it is done, and a text that may be sent there. */
  readonly url?: string;
  readonly letter?: string;
}

const ORDER: readonly Severity[] = ["must", "should", "unknown", "note", "good"];

/** The most pressing first; those of one kind in the order they were found. */
export function sortFindings(findings: readonly Finding[]): Finding[] {
  return findings.toSorted((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
}

/** The same text for both languages: names and codes. */
export function plain(text: string): FindingText {
  return { en: text, ja: text };
}

/** A finding whose texts are pairs of English and Japanese. */
export function makeFinding(
  check: string,
  subject: string,
  severity: Severity,
  what: readonly [en: string, ja: string],
  todo?: readonly [en: string, ja: string],
): Finding {
  const text = ([en, ja]: readonly [string, string]): FindingText => ({ en, ja });
  return { check, subject, severity, what: text(what), ...(todo === undefined ? {} : { todo: text(todo) }) };
}
