/** What an operator has changed: one line before, one after, and neither is ever changed or taken away. */

/** One line of the audit record. */
export interface AuditEntry {
  /** RFC 3339. */
  readonly at: string;
  /** The same on both lines of a change. */
  readonly id: string;
  /** `begun` stands there before anything is done. Without a second line nobody knows how far it came. */
  readonly phase: "begun" | "done" | "failed";
  /** User and machine, as the operator's own system names them. */
  readonly who: string;
  /** Name of the change, such as `hold`. */
  readonly action: string;
  /** What it is done to: queue ids, a tenant, an address. */
  readonly subjects: readonly string[];
  /** Whose it is, where it is a tenant's. */
  readonly tenant?: string;
  /** What the operator agreed to, or what came of it. */
  readonly text: readonly string[];
}
