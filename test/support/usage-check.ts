/**
 * The books against a count that knows nothing of them: from the mails that were accepted and the events that SES
 * published, each event counted once.
 */

import type { QueueId } from "../../lib/core/queue-id.ts";
import { addUsage, NO_USAGE, type UsageCounts, type UsageRow } from "../../lib/core/usage.ts";
import type { AwsProxy } from "./aws-proxy.ts";

/** A mail as a test accepted it. */
export interface AcceptedMail {
  readonly id: QueueId;
  readonly credential: string;
  readonly from: string;
  readonly bytes: number;
  readonly recipients: number;
}

/** Has `seen` called with the body of each event that SES publishes through the proxy. */
export function watchEvents(proxy: AwsProxy, seen: (body: string) => void): void {
  proxy.onAnswer = (call, request) => {
    if (call.service !== "sns") return;
    const message = new URLSearchParams(request.toString()).get("Message");
    if (message !== null) seen(message);
  };
}

/** Numbers by credential and by sender's domain, from mails and events. Own reports are no mails. */
export function countEvents(
  mails: readonly AcceptedMail[],
  bodies: readonly string[],
): ReadonlyMap<string, UsageCounts> {
  const facts = new Map<string, Set<string>>();
  for (const body of bodies) {
    const { eventType, mail } = JSON.parse(body) as {
      eventType: string;
      mail: { tags: Record<string, readonly string[]> };
    };
    const key = `${mail.tags["relayhost-id"]?.[0]}/${mail.tags["relayhost-recipient"]?.[0]}`;
    facts.set(key, (facts.get(key) ?? new Set()).add(eventType));
  }
  const sums = new Map<string, UsageCounts>();
  for (const mail of mails) {
    let counts: UsageCounts = { ...NO_USAGE, messages: 1, recipients: mail.recipients, bytes: mail.bytes };
    for (let index = 0; index < mail.recipients; index++) {
      const seen = facts.get(`${mail.id}/${index}`) ?? new Set();
      const one = (is: boolean): number => (is ? 1 : 0);
      counts = addUsage(counts, {
        ...NO_USAGE,
        sent: one(seen.size > 0),
        delivered: one(seen.has("Delivery") && !seen.has("Bounce")),
        bounced: one(seen.has("Bounce")),
        complained: one(seen.has("Complaint")),
        refused: one(seen.has("Reject")),
      });
    }
    for (const key of ["tenant ", `credential ${mail.credential}`, `domain ${mail.from.split("@")[1]}`]) {
      sums.set(key, addUsage(sums.get(key) ?? NO_USAGE, counts));
    }
  }
  return sums;
}

/** The books in the same form, all days together; reports are left out. */
export function sumRows(rows: readonly UsageRow[]): ReadonlyMap<string, UsageCounts> {
  const sums = new Map<string, UsageCounts>();
  for (const { scope, name, counts } of rows) {
    const key = `${scope} ${name}`;
    sums.set(key, addUsage(sums.get(key) ?? NO_USAGE, { ...counts, reports: 0 }));
  }
  return sums;
}
