/**
 * A tenant's own suppression list: addresses to which nothing is sent for this tenant, and how they come on it.
 *
 * As with SES's lists, hard bounces and complaints put an address on it. Unlike there, a bounce does so only if it says
 * something about the address: a receiver that blocks an IP address or dislikes a content sends hard bounces too, and
 * would silence recipients who want the mail.
 */

import { addressKey } from "./address.ts";
import { ownOutcome } from "./dsn-policy.ts";
import type { DsnReason } from "./dsn-reasons.ts";
import type { Failure } from "./failure.ts";
import type { QueueId } from "./queue-id.ts";
import { reportOf, SUPPRESSED_CODE, shortened } from "./recipient-history.ts";
import type { SesEvent } from "./ses-event.ts";
import { sesOutcome } from "./ses-outcome.ts";

/** Why an address is on the list; `manual`: the operator put it there. */
export type SuppressionReason = "bounce" | "complaint" | "manual";

/** An entry of a tenant's list. */
export interface Suppression {
  readonly tenant: string;
  /** Lower case. */
  readonly address: string;
  readonly reason: SuppressionReason;
  /** RFC 3339. */
  readonly since: string;
  /** The server's words, or the operator's. */
  readonly detail?: string;
  /** The message whose bounce or complaint it was. */
  readonly messageId?: QueueId;
}

/** Causes that lie in the address. `general`: a hard bounce that gives no cause. */
const OF_THE_ADDRESS: ReadonlySet<DsnReason> = new Set<DsnReason>([
  "no-such-user",
  "no-such-domain",
  "mailbox-disabled",
  "general",
]);

/** Never on a list, as SES itself has it: it is for trying out what a bounce looks like. */
const SIMULATOR = "@simulator.amazonses.com";

/** Why an event puts this recipient on the tenant's list; undefined when it does not. */
export function suppressionReason(event: SesEvent, address: string): "bounce" | "complaint" | undefined {
  if (addressKey(address).endsWith(SIMULATOR)) return undefined;
  const outcome = sesOutcome(event, address, { delivered: false });
  if (event.type === "Complaint") return outcome.action === "none" ? "complaint" : undefined;
  const hard = event.type === "Bounce" && event.bounceType === "Permanent";
  return hard && outcome.action === "failed" && OF_THE_ADDRESS.has(outcome.reason) ? "bounce" : undefined;
}

/** The entry that an event makes. */
export function suppressionBy(
  event: SesEvent,
  reason: SuppressionReason,
  of: { readonly tenant: string; readonly address: string; readonly messageId: QueueId },
): Suppression {
  const { detail } = reportOf(event, of.address);
  return {
    ...of,
    address: addressKey(of.address),
    reason,
    since: event.at,
    ...(detail === undefined ? {} : { detail: shortened(detail) }),
  };
}

/** What ends a recipient that is on the list: the sender learns why, and how it is lifted. */
export function suppressedFailure(entry: Suppression): Failure {
  const why = entry.detail === undefined ? entry.reason : `${entry.reason}: ${entry.detail.slice(0, DETAIL_CHARS_MAX)}`;
  return {
    class: "permanent",
    code: SUPPRESSED_CODE,
    text:
      `on the suppression list of ${entry.tenant} since ${entry.since.slice(0, 10)} (${why}); ` +
      `to lift it: relayhost suppression remove --tenant ${entry.tenant} ${shellWord(entry.address)}`,
    status: ownOutcome("suppressed").status,
    ambiguous: false,
    accountWide: false,
  };
}

const DETAIL_CHARS_MAX = 200;

/** So that nobody has an address carried out who pastes the command. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
