/** What a tenant's own server must have been told of its mail, against what was posted to it. Pure. */

import type { RecipientRecord } from "../../lib/core/message-record.ts";

/** An event as it was posted. */
export interface PostedEvent {
  readonly webhookId: string;
  readonly type: string;
  /** Queue id of the mail. */
  readonly id: string;
  readonly recipient: string;
}

/** What came of it. */
export interface WebhookReckoning {
  /** Events that had to be posted. */
  readonly wanted: number;
  readonly posted: number;
  /** Posted more than once, which is allowed. */
  readonly again: number;
  /** Neither posted nor put aside as undeliverable. */
  readonly untold: readonly string[];
  /** Of something that did not happen, as the ledger has it. */
  readonly untrue: readonly string[];
}

/** `records`: of the tenant's mail; `dead`: the `webhook-id`-less bodies of what was put aside, as events. */
export function reckonWebhooks(
  records: readonly RecipientRecord[],
  posted: readonly PostedEvent[],
  dead: readonly PostedEvent[],
): WebhookReckoning {
  const wanted = new Set(records.flatMap(factsOf));
  const told = new Set([...posted, ...dead].map(factOf));
  const ids = new Set(posted.map(({ webhookId }) => webhookId));
  return {
    wanted: wanted.size,
    posted: ids.size,
    again: posted.length - ids.size,
    untold: [...wanted].filter((fact) => !told.has(fact)),
    untrue: [...new Set(posted.map(factOf))].filter((fact) => !wanted.has(fact)),
  };
}

/** One for each end that SES's events told, and one for an end that the relay made. */
function factsOf({ id, address, history }: RecipientRecord): string[] {
  return history.flatMap(({ what }) => {
    const type = TYPES[what];
    return type === undefined ? [] : [factOf({ id, recipient: address, type })];
  });
}

const TYPES: Readonly<Record<string, string>> = {
  Delivery: "message.delivered",
  Bounce: "message.bounced",
  failed: "message.failed",
};

function factOf({ id, recipient, type }: Pick<PostedEvent, "id" | "recipient" | "type">): string {
  return `${id} ${recipient} ${type}`;
}
