/** One row of the table of refusal texts. */

import type { RefusalReason } from "./refusal-reasons.ts";

/**
 * Fits a reply when its text matches, and its status too where one is given. The first row that fits wins. Patterns
 * see the reply in one line, without the codes of its further lines, and without regard to case.
 */
export interface RefusalRow {
  readonly reason: RefusalReason;
  readonly text?: RegExp;
  /** The enhanced code without its class: `7.26`. */
  readonly status?: RegExp;
  /** Whose text it is; absent: anybody's. */
  readonly receiver?: string;
  /** The list or receiver that refuses, for the words; `$1` is what the pattern caught. Absent: the receiver. */
  readonly by?: string;
  /** Where to look up or ask. */
  readonly url?: string;
}
