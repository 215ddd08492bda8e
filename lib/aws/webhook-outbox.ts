/**
 * Puts what happened to a tenant's mail into the webhook queue, if that tenant has a webhook.
 *
 * Promise:  once `tell` returns, what there is to tell is in the queue. Told twice, it has the same `webhook-id`.
 * Cost:     none for tenants without a webhook but one directory read a minute for each process; none at all where the
 *           environment has no webhooks.
 * Failure:  throws what DynamoDB or SQS throw; the caller's own queue brings the fact back.
 */

import { tenantKey } from "../core/directory.ts";
import type { MessageRecord, RecipientRecord } from "../core/message-record.ts";
import type { HistoryEntry } from "../core/recipient-history.ts";
import { queuedWebhook, webhookOf } from "../core/webhook.ts";
import { type Directory, readRow } from "./directory-dynamo.ts";
import { type Queue, sendToQueue } from "./queue-sqs.ts";

/** How long it is remembered whether a tenant has a webhook, as the edge remembers everything of the directory. */
const REMEMBERED_MS = 60_000;
const REMEMBERED_MAX = 10_000;

/** See the head of this file. */
export class WebhookOutbox {
  readonly #directory: Directory;
  /** Undefined: the environment sends no webhooks. */
  readonly #queue: Queue | undefined;
  readonly #now: () => number;
  readonly #known = new Map<string, { readonly has: boolean; readonly untilMs: number }>();

  constructor(deps: { readonly directory: Directory; readonly queue: Queue | undefined; readonly now: () => number }) {
    this.#directory = deps.directory;
    this.#queue = deps.queue;
    this.#now = deps.now;
  }

  /** Whether there is anything to do for the tenant at all. */
  async wants(tenant: string): Promise<boolean> {
    if (this.#queue === undefined) return false;
    const known = this.#known.get(tenant);
    if (known !== undefined && known.untilMs > this.#now()) return known.has;
    const row = await readRow(this.#directory, tenantKey(tenant));
    const has = row?.kind === "tenant" && row.webhook !== undefined;
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear();
    this.#known.set(tenant, { has, untilMs: this.#now() + REMEMBERED_MS });
    return has;
  }

  /** Tells one entry of a recipient's history; see the head of this file. */
  async tell(message: MessageRecord, record: RecipientRecord, entry: HistoryEntry): Promise<void> {
    const queue = this.#queue;
    if (queue === undefined || !(await this.wants(message.tenant))) return;
    const webhook = webhookOf(message, record, entry);
    if (webhook !== undefined) await sendToQueue(queue, queuedWebhook(webhook));
  }

  /** Tells of each recipient whose end the relay itself made: refused by SES, given up, suppressed, dropped. */
  async tellOwnEnds(message: MessageRecord, records: readonly RecipientRecord[]): Promise<void> {
    for (const record of records) {
      const entry = record.history.findLast(({ what }) => what === "failed");
      if (record.state === "failed" && entry !== undefined) await this.tell(message, record, entry);
    }
  }
}
