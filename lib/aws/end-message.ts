/**
 * Ends every recipient of a message that is not handled, without SES: dropped by the operator, or left over too long.
 *
 * Promise:  once this returns undefined, every recipient is handled and every report owed is in the spool.
 * A recipient that an invocation is sending to right now is left alone: the returned time says when to come back.
 */

import { owesDsn } from "../core/dsn-policy.ts";
import { dsnQuestion } from "../core/dsn-question.ts";
import type { Failure } from "../core/failure.ts";
import {
  endedUnseen,
  isHandled,
  type MessageRecord,
  type RecipientRecord,
  recordFailed,
  withDsn,
} from "../core/message-record.ts";
import type { TellingOutcome } from "../core/ses-outcome.ts";
import type { SpoolObject } from "../core/spool-object.ts";
import { readRecipient, saveRecipient } from "./ledger-dynamo.ts";
import { type DsnDeps, writeOwedDsns } from "./write-owed-dsns.ts";

/** Why it ends, and whether the sender is told. */
export interface End {
  readonly failure: Failure;
  readonly outcome: TellingOutcome;
  readonly tell: boolean;
}

/** Returns undefined when all is ended, else when to come back (epoch milliseconds). */
export async function endMessage(
  deps: DsnDeps,
  object: SpoolObject,
  message: MessageRecord,
  end: End,
): Promise<number | undefined> {
  let busyUntilMs: number | undefined;
  for (const [index, recipient] of object.envelope.recipients.entries()) {
    for (;;) {
      const stored = await readRecipient(deps.ledger, message.id, index);
      if (stored !== undefined && isHandled(stored)) break;
      if (stored?.claimUntil !== undefined && stored.claimUntil > deps.now()) {
        busyUntilMs = Math.max(busyUntilMs ?? 0, stored.claimUntil);
        break;
      }
      const ended =
        stored === undefined
          ? endedUnseen(message, index, recipient, end.failure, deps.now())
          : recordFailed(stored, end.failure, deps.now());
      if (await saveRecipient(deps.ledger, owe(deps, message, ended, end))) break;
    }
  }
  await writeOwedDsns(deps, message.id, async () => object.message);
  return busyUntilMs;
}

function owe(deps: DsnDeps, message: MessageRecord, record: RecipientRecord, end: End): RecipientRecord {
  if (!end.tell) return record;
  const heldMs = deps.now() - Date.parse(message.time);
  const { owed } = owesDsn(dsnQuestion(message, record, end.outcome, deps.systemAddress, heldMs));
  return owed ? withDsn(record, end.outcome) : record;
}
