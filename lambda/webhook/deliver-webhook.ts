/**
 * Brings one event to a tenant's server, or says when to try again.
 *
 * A server that does not answer costs the time-out once; for a while after that the tenant's other events wait without
 * being tried, so that other tenants' go through. Waits double up to six hours, for three days.
 */

import { type Directory, readRow } from "../../lib/aws/directory-dynamo.ts";
import { tenantKey, type WebhookSettings } from "../../lib/core/directory.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import type { Log } from "../../lib/core/log.ts";
import { type QueuedWebhook, webhookHeaders, webhookWaitMs } from "../../lib/core/webhook.ts";
import type { PostResult, WebhookPost } from "./post-webhook.ts";

/** What delivering needs. */
export interface DeliverDeps {
  readonly directory: Directory;
  readonly post: (post: WebhookPost) => Promise<PostResult>;
  readonly now: () => number;
  readonly log: Log;
}

/** `gone`: nobody wants it any more. `dead`: for the operator. `later`: milliseconds to wait. */
export type DeliverResult =
  | { readonly kind: "done" }
  | { readonly kind: "gone" }
  | { readonly kind: "dead"; readonly why: string }
  | { readonly kind: "later"; readonly waitMs: number };

interface Known {
  readonly webhook: WebhookSettings | undefined;
  readonly untilMs: number;
}

/** What is remembered between events: a tenant's settings for a minute, and who does not answer. */
export class WebhookDelivery {
  readonly #deps: DeliverDeps;
  readonly #known = new Map<string, Known>();
  readonly #silentUntilMs = new Map<string, number>();

  constructor(deps: DeliverDeps) {
    this.#deps = deps;
  }

  /** `queuedAtMs`: when the event came into the queue. Throws what DynamoDB throws. */
  async deliver(queued: QueuedWebhook, queuedAtMs: number): Promise<DeliverResult> {
    const { now, log } = this.#deps;
    const webhook = await this.#settings(queued.tenant);
    if (webhook === undefined) {
      log({ event: "webhook-unwanted", tenant: queued.tenant, webhookId: queued.id });
      return { kind: "gone" };
    }
    const ageMs = Math.max(0, now() - queuedAtMs);
    const silentMs = (this.#silentUntilMs.get(queued.tenant) ?? 0) - now();
    if (silentMs > 0) return retry(ageMs, silentMs, "the server did not answer");
    const body = queued.body;
    const headers = webhookHeaders(webhook.secret, queued.id, Math.floor(now() / 1000), body);
    const result = await this.#deps.post({ url: webhook.url, headers, body });
    return this.#judge(queued, ageMs, result);
  }

  #judge({ tenant, id }: QueuedWebhook, ageMs: number, result: PostResult): DeliverResult {
    const { now, log } = this.#deps;
    if (result.kind === "answered" && result.status >= 200 && result.status < 300) {
      log({ event: "webhook-sent", tenant, webhookId: id, status: result.status });
      return { kind: "done" };
    }
    if (result.kind === "answered" && result.status === 410) {
      log({ event: "webhook-gone", tenant, webhookId: id });
      return { kind: "gone" };
    }
    const why = result.kind === "answered" ? `it answered ${result.status}` : result.why;
    log({ event: "webhook-failed", tenant, webhookId: id, why });
    if (result.kind === "failed") this.#silentUntilMs.set(tenant, now() + LIMITS.webhook.silenceMs);
    const askedMs = result.kind === "answered" ? (result.retryAfterSeconds ?? 0) * 1000 : 0;
    return retry(ageMs, askedMs, why);
  }

  async #settings(tenant: string): Promise<WebhookSettings | undefined> {
    const { directory, now } = this.#deps;
    const known = this.#known.get(tenant);
    if (known !== undefined && known.untilMs > now()) return known.webhook;
    const row = await readRow(directory, tenantKey(tenant));
    const webhook = row?.kind === "tenant" ? row.webhook : undefined;
    this.#known.set(tenant, { webhook, untilMs: now() + LIMITS.edge.directoryCacheMs });
    return webhook;
  }
}

function retry(ageMs: number, atLeastMs: number, why: string): DeliverResult {
  const waitMs = webhookWaitMs(ageMs, LIMITS.webhook);
  if (waitMs === undefined) return { kind: "dead", why };
  return { kind: "later", waitMs: Math.min(LIMITS.webhook.waitMaxMs, Math.max(waitMs, atLeastMs)) };
}
