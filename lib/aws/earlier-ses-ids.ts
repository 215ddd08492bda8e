/**
 * Under which ids SES sent the mail that a reply answers: SES replaces every Message-ID, so what the reply names is not
 * what its recipient has in the mailbox.
 *
 * Promise:  only mail of the same tenant counts, and only copies to people whom this mail goes to as well. A lookup costs
 *           half a read unit for an id that is not ours, and one for one that is; mail that answers nothing costs none.
 * Failure:  is logged, and the mail goes without: a thread less well shown holds up no mail.
 */

import { addressKey } from "../core/address.ts";
import { isSesMessageId, referencedIds, sesMessageId } from "../core/header-message-ids.ts";
import { LIMITS } from "../core/limits.ts";
import { errorText, type Log } from "../core/log.ts";
import type { SpoolObject } from "../core/spool-object.ts";
import { findByMessageId, glanceAtFirstRecipients, type Ledger } from "./ledger-dynamo.ts";

/** What looking up needs. */
export interface EarlierSesIdsDeps {
  readonly ledger: Ledger;
  /** Where SES sends from; its ids name it. */
  readonly region: string;
  /** The setting. */
  readonly threadReplies: boolean;
  readonly log: Log;
}

/** Message-ID of an earlier mail to the ids that SES gave to its copies; all without angle brackets. */
export type SesIdsOf = (messageId: string) => readonly string[];

const NONE: SesIdsOf = () => [];
const { idsMax, copiesMax, recipientsMax, sesIdsMax } = LIMITS.thread;

/** See the head of this file. */
export async function earlierSesIds(deps: EarlierSesIdsDeps, object: SpoolObject): Promise<SesIdsOf> {
  const { envelope, message } = object;
  // Our reports answer mail of their own reader, who has it under its own id.
  if (!deps.threadReplies || envelope.dsnFor !== undefined) return NONE;
  const ids = referencedIds(message).filter((id) => !isSesMessageId(id));
  if (ids.length === 0) return NONE;
  const readers = new Set(envelope.recipients.map(({ address }) => addressKey(address)));
  try {
    const found = await Promise.all(
      // The last ones are the nearest; readers thread by them.
      ids.slice(-idsMax).map(async (id) => [id, await sesIds(deps, envelope.tenant, id, readers)] as const),
    );
    const byId = new Map(found);
    return (id) => byId.get(id) ?? [];
  } catch (error) {
    deps.log({ event: "thread-unknown", id: envelope.id, error: errorText(error) });
    return NONE;
  }
}

async function sesIds(
  deps: EarlierSesIdsDeps,
  tenant: string,
  messageId: string,
  readers: ReadonlySet<string>,
): Promise<readonly string[]> {
  // Mostly there is one; a mail that the client sent again has two, and only one of them was sent.
  for (const earlier of await findByMessageId(deps.ledger, messageId, copiesMax)) {
    const { message, recipients } = await glanceAtFirstRecipients(deps.ledger, earlier, recipientsMax);
    if (message?.tenant !== tenant) continue;
    const ids = recipients.flatMap(({ sesId, address }) =>
      sesId !== undefined && readers.has(addressKey(address)) ? [sesMessageId(sesId, deps.region)] : [],
    );
    if (ids.length > 0) return [...new Set(ids)].slice(0, sesIdsMax);
  }
  return [];
}
