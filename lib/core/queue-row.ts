/** The queue as command and console show it. */

/** A message as the list shows it. */
export interface QueueRow {
  readonly id: string;
  readonly state: string;
  readonly ageSeconds: number;
  readonly size: number;
  readonly tenant: string;
  readonly from: string;
  readonly recipients: number;
  readonly handled: number;
  /** SES calls begun, of the recipient with the most. */
  readonly attempts: number;
  /** RFC 3339; null when it is due or nobody waits. */
  readonly nextTry: string | null;
  readonly reason: string;
}
