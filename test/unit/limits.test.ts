/** The numbers fit together, and every relation between them is really checked. */

import { describe, expect, it } from "vitest";
import { LIMITS, limitProblems } from "../../lib/core/limits.ts";

type Loose = { [G in keyof typeof LIMITS]: { -readonly [K in keyof (typeof LIMITS)[G]]: number } };

/** The limits with one number changed. */
function changed(change: (limits: Loose) => void): typeof LIMITS {
  const copy: Loose = structuredClone(LIMITS);
  change(copy);
  return copy as unknown as typeof LIMITS;
}

const { edge, forward, feedback, certificate } = LIMITS;
const BROKEN: readonly (readonly [string, (limits: Loose) => void])[] = [
  ["forward visibility", (l) => (l.forward.visibilityTimeoutSeconds = 6 * forward.timeoutSeconds - 1)],
  ["feedback visibility", (l) => (l.feedback.visibilityTimeoutSeconds = 6 * feedback.timeoutSeconds - 1)],
  ["outlive its invocation", (l) => (l.forward.sesCallTimeoutMs = forward.timeoutSeconds * 1000 - 5_000)],
  ["before a store may end", (l) => (l.edge.storeDeadlineMs = edge.closeTimeoutMs)],
  ["outlast a store", (l) => (l.edge.directoryDeadlineMs = edge.storeDeadlineMs)],
  ["header limit exceeds", (l) => (l.edge.headerBytesMax = edge.messageSizeBytesMax)],
  ["before it is slowed down", (l) => (l.edge.authBlockAfter = edge.authSlowAfter)],
  ["From field", (l) => (l.edge.fromBytesMax = edge.headerBytesMax + 1)],
  ["one address", (l) => (l.edge.connectionsPerAddressMax = edge.connectionsMax + 1)],
  ["one tenant may", (l) => (l.edge.connectionsPerTenantMax = edge.connectionsMax + 1)],
  ["use up its credential", (l) => (l.edge.senderMessagesPerMinute = edge.credentialMessagesPerMinute)],
  ["sender's recipients", (l) => (l.edge.senderRecipientsPerMinute = edge.credentialRecipientsPerMinute)],
  ["use up its tenant", (l) => (l.edge.credentialMessagesPerMinute = edge.tenantMessagesPerMinute)],
  ["credential's recipients", (l) => (l.edge.credentialRecipientsPerMinute = edge.tenantRecipientsPerMinute)],
  ["full message exceeds its", (l) => (l.edge.senderRecipientsPerMinute = edge.recipientsMax - 1)],
  ["before one command may", (l) => (l.edge.sessionMs = edge.commandMs)],
  ["certificate may end", (l) => (l.edge.certificateCheckMs = certificate.warnDays * 86_400_000)],
  ["before it is renewed", (l) => (l.certificate.warnShare = certificate.renewShare)],
  ["outlives its invocation", (l) => (l.certificate.timeoutSeconds = 290)],
  ["before the listener has closed", (l) => (l.edge.containerStopSeconds = edge.closeTimeoutMs / 1000)],
  ["40 MB", (l) => (l.edge.messageSizeBytesMax = 30_000_000)],
  ["memory per message", (l) => (l.edge.memoryPerMessageBytesMax = edge.messageSizeBytesMax + 1)],
  ["closed account", (l) => (l.account.breakerMaxMs = 15 * 60_000)],
  ["review for bounces", (l) => (l.breaker.bounceRateMax = 0.05)],
  ["review for complaints", (l) => (l.breaker.complaintRateMax = 0.001)],
  ["queue forgets", (l) => (l.forward.giveUpAfterHours = 14 * 24)],
  ["SQS keeps", (l) => (l.queue.retentionDays = 15)],
  ["SQS hides", (l) => (l.forward.retryMaxMs = 12 * 3_600_000 + 1)],
  ["original is gone", (l) => (l.spool.retentionDays = forward.giveUpAfterHours / 24)],
  ["record vanishes", (l) => (l.ledger.recordDays = 13)],
  ["1 to 50 recipients", (l) => (l.forward.recipientsPerCall = 51)],
];

describe("limits", () => {
  it("fit together as they are", () => {
    expect(limitProblems()).toEqual([]);
  });

  it.each(BROKEN)("are refused when the relation of %s is broken", (words, change) => {
    expect(limitProblems(changed(change)).filter((problem) => problem.includes(words))).toHaveLength(1);
  });

  it("are refused once for each broken relation, all together", () => {
    const all = limitProblems(changed((limits) => BROKEN.slice(0, 2).forEach(([, change]) => change(limits))));
    expect(all).toHaveLength(2);
  });

  it("are positive numbers", () => {
    for (const [group, values] of Object.entries(LIMITS)) {
      for (const [name, value] of Object.entries(values)) {
        expect(Number.isFinite(value) && value > 0, `${group}.${name}`).toBe(true);
      }
    }
  });
});
