/**
 * What went wrong with a call to AWS, as a value with a stable code.
 *
 * Only three classes exist: `transient` and `configuration` are tried again until we give up, `permanent` ends the
 * recipient with a DSN. Anything not known is transient.
 */

import type { Pause } from "./directory.ts";

/** What a failure means for the mail; see the head of this file. */
export type FailureClass = "transient" | "permanent" | "configuration";

export interface Failure {
  readonly class: FailureClass;
  /** The service's error name, for example `MessageRejected`; stable, for records and metrics. */
  readonly code: string;
  /** The service's own text: for the operator and the DSN, never for an SMTP reply. */
  readonly text: string;
  /** Enhanced status (RFC 3463) for the DSN, should this end the recipient. */
  readonly status: string;
  /** True when the service may have done the work although no answer came. */
  readonly ambiguous: boolean;
  /** True when the whole account is paused or throttled: stop calling for a while, never a failure of the mail. */
  readonly accountWide: boolean;
}

/**
 * What a failure says of the account: `too-fast` asks for a slower pace, `closed` means that it takes nothing for now
 * (paused, suspended, daily quota used up). Undefined: it is about this mail only.
 */
export function accountSignal(failure: Failure): "too-fast" | "closed" | undefined {
  if (!failure.accountWide) return undefined;
  const closed = /Suspended|Paused/.test(failure.code) || /\bdaily\b|\b24[ -]?hours?\b/i.test(failure.text);
  return closed ? "closed" : "too-fast";
}

/** Code of the failure that stands for a pause. */
export const PAUSED_CODE = "paused";

/** What keeps mail of a paused tenant or sender waiting. It is given up like any other that cannot be sent. */
export function pausedFailure(pause: Pause): Failure {
  const text = pause.reason === "" ? `by the ${pause.by}` : pause.reason;
  return { class: "transient", code: PAUSED_CODE, text, status: "4.7.1", ambiguous: false, accountWide: false };
}
