/**
 * What went wrong with a call to AWS, as a value with a stable code.
 *
 * Only three classes exist: `transient` and `configuration` are tried again until we give up, `permanent` ends the
 * recipient with a DSN. Anything not known is transient.
 */

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
