/** From the ledger's records to the question whether a report is owed. */

import type { DsnQuestion } from "./dsn-policy.ts";
import type { MessageRecord, RecipientRecord } from "./message-record.ts";
import type { TellingOutcome } from "./ses-outcome.ts";

/** `heldMs`: milliseconds since the edge took the message, for the four hours before a delay is told. */
export function dsnQuestion(
  message: MessageRecord,
  record: RecipientRecord,
  outcome: TellingOutcome,
  systemAddress: string,
  heldMs: number,
): DsnQuestion {
  return {
    returnPath: message.returnPath,
    dsnFor: message.dsnFor,
    autoSubmitted: message.autoSubmitted,
    listHeaders: { post: message.listPost },
    notify: record.notify,
    action: outcome.action,
    reason: outcome.reason,
    recipient: record.address,
    alreadyTold: (record.dsns ?? []).map((note) => note.outcome.action),
    systemAddress,
    returnPathIsTenants: message.foreignReturnPath !== true,
    heldMs,
  };
}
