/**
 * Makes a recipient ours for one call to SES: finds out copies that a client sent again, and writes the claim.
 *
 * Promise:  what is returned as claimed is durable in the ledger under this invocation's name before anything is sent.
 * Failure:  throws what DynamoDB throws.
 */

import { claimUnique } from "../../lib/aws/duplicate-guard.ts";
import { readRecipient, saveRecipient } from "../../lib/aws/ledger-dynamo.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import {
  type ClaimHolder,
  claim,
  duplicateOf,
  firstClaim,
  type MessageRecord,
  type RecipientRecord,
} from "../../lib/core/message-record.ts";
import type { ForwardDeps, Job, Target } from "./forward-job.ts";

/** `record: undefined` means somebody else has handled it; `againMs`, that it is not to be sent before. */
export type Claimed = { readonly againMs: number } | { readonly record: RecipientRecord | undefined };

/**
 * The edge may have stored a message and failed to say so; the client then sends it again. Such a copy ends here, as
 * long as the first one was not given up.
 */
export async function isCopy(deps: ForwardDeps, job: Job, target: Target): Promise<boolean> {
  if (job.digest === undefined || target.known !== undefined) return false;
  const { message } = job;
  const { index, recipient } = target;
  const first = await claimUnique(deps.ledger, {
    tenant: message.tenant,
    returnPath: message.returnPath,
    recipient: recipient.address,
    digest: job.digest,
    id: message.id,
    index,
    acceptedMs: Date.parse(message.time),
    windowMs: LIMITS.forward.duplicateWindowMs,
  });
  if (first === undefined) return false;
  const original = await readRecipient(deps.ledger, first.id, first.index);
  // Without a record the first one is still to come, and will be sent.
  if (original?.state === "failed") return false;
  if (await saveRecipient(deps.ledger, duplicateOf(message, index, recipient, first.id, deps.now()))) {
    deps.log({ event: "duplicate-dropped", id: message.id, recipient: recipient.address, first: first.id });
  }
  return true;
}

/** See the head of this file. */
export async function claimRecipient(
  deps: ForwardDeps,
  message: MessageRecord,
  target: Target,
  holder: ClaimHolder,
): Promise<Claimed> {
  const { index, recipient } = target;
  let current = target.known;
  for (;;) {
    let next: RecipientRecord;
    if (current === undefined) next = firstClaim(message, index, recipient, deps.now(), holder);
    else {
      const result = claim(current, deps.now(), holder);
      if (result.kind === "handled") return { record: undefined };
      if (result.kind !== "claimed") return { againMs: result.untilMs };
      if (result.possibleDuplicate) {
        const { address } = recipient;
        deps.log({ event: "possible-duplicate", id: message.id, recipient: address, attempt: current.attempts });
      }
      next = result.record;
    }
    if (await saveRecipient(deps.ledger, next)) return { record: next };
    const stored = await readRecipient(deps.ledger, message.id, index);
    // The write may have been ours, with its answer lost on the way back.
    if (stored?.version === next.version && stored.claimedBy === holder.claimedBy) return { record: stored };
    current = stored;
  }
}
