/** Sending a message again: to whom, and what the copy's envelope says. */

import { addressKey } from "./address.ts";
import { hasFailed, isHandled, type RecipientRecord } from "./message-record.ts";
import type { QueueId } from "./queue-id.ts";
import type { Envelope } from "./spool-object.ts";

/** Those who did not get it; everybody; or some, by their address or their index. */
export type ResendChoice =
  | { readonly kind: "failed" }
  | { readonly kind: "all" }
  | { readonly kind: "addresses"; readonly addresses: readonly string[] }
  | { readonly kind: "indexes"; readonly indexes: readonly number[] };

/** Whom a choice comes to. */
export interface ResendTargets {
  readonly chosen: readonly RecipientRecord[];
  /** Chosen as well, but the relay is still trying to send them the first copy. */
  readonly open: readonly RecipientRecord[];
  /** Asked for and not among the recipients. */
  readonly unknown: readonly string[];
}

/** See the types. Who called the mail spam has had it, and is not among those who did not get it. */
export function resendTargets(records: readonly RecipientRecord[], choice: ResendChoice): ResendTargets {
  const wanted = records.filter((record) => isWanted(record, choice));
  const known = new Set(records.map(({ address }) => addressKey(address)));
  const indexes = new Set(records.map(({ index }) => index));
  return {
    chosen: wanted.filter(isHandled),
    open: wanted.filter((record) => !isHandled(record)),
    unknown:
      choice.kind === "addresses"
        ? choice.addresses.filter((address) => !known.has(addressKey(address)))
        : choice.kind === "indexes"
          ? choice.indexes.filter((index) => !indexes.has(index)).map(String)
          : [],
  };
}

/** True when it did not get the mail: what is sent again by itself. */
export function lacksMail(record: RecipientRecord): boolean {
  return hasFailed(record) && record.state !== "complained";
}

/** True when SES took the mail for it and no bounce came: another copy would be its second. */
export function mayHaveMail({ state }: Pick<RecipientRecord, "state">): boolean {
  return state === "sent" || state === "delivered" || state === "complained";
}

function isWanted(record: RecipientRecord, choice: ResendChoice): boolean {
  switch (choice.kind) {
    case "failed":
      return lacksMail(record);
    case "all":
      return true;
    case "addresses":
      return choice.addresses.some((address) => addressKey(address) === addressKey(record.address));
    case "indexes":
      return choice.indexes.includes(record.index);
  }
}

/**
 * The copy's envelope: all as it was, but the id, the time from which waits and ends count, and the recipients, who keep
 * what the client asked for them. Throws RangeError for an index that the envelope lacks.
 */
export function resendEnvelope(original: Envelope, id: QueueId, time: string, indexes: readonly number[]): Envelope {
  const recipients = indexes.map((index) => {
    const recipient = original.recipients[index];
    if (recipient === undefined) throw new RangeError(`${original.id} has no recipient ${index}`);
    return recipient;
  });
  return { ...original, id, time, recipients, resendOf: original.id };
}
