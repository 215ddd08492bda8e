/** Directory rows with every member that there is, and the plainest of each kind. */

import type { DirectoryRow } from "../../lib/core/directory.ts";

const AT = Date.UTC(2026, 10, 24);
const HASH = "scrypt$16384$8$1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";

/** All of them. */
export function releaseRows(): DirectoryRow[] {
  const pause = { by: "breaker", reason: "4.2 % of 120 mails bounced", atMs: AT } as const;
  return [
    { kind: "tenant", id: "plain", name: "Plain", status: "active", language: "en" },
    {
      kind: "tenant",
      id: "full",
      name: "Full",
      status: "paused",
      pause,
      language: "ja",
      contact: "ops@full.example",
      startsAtMs: AT,
      endsAtMs: AT + 1,
      monthlyMessagesMax: 1000,
      limitReachedMonth: "2026-11",
      price: { per: "recipient", per1000: "0.35", currency: "USD" },
      limits: {
        connections: 5,
        messagesPerMinute: 10,
        recipientsPerMinute: 20,
        senderMessagesPerMinute: 3,
        senderRecipientsPerMinute: 4,
      },
      breaker: { bounceRateMax: 0.05, complaintRateMax: 0.001, messagesMin: 50, pauses: false },
      webhook: { url: "https://full.example/hook", secret: "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0" },
      foreignFrom: "rewrite",
      systemMail: "refuse",
      rewriteDomain: "full.example",
    },
    { kind: "credential", login: "plain", tenant: "plain", label: "", status: "active", passwordHash: HASH },
    {
      kind: "credential",
      login: "full",
      tenant: "full",
      label: "Plesk 1",
      status: "paused",
      pause: { by: "operator", reason: "stolen", atMs: AT },
      passwordHash: HASH,
      previousPasswordHash: HASH,
      previousUntilMs: AT,
      limits: { messagesPerMinute: 1 },
    },
    { kind: "network", cidr: "192.0.2.0/24", tenant: "full", label: "rack", status: "active", tlsRequired: false },
    { kind: "domain", domain: "plain.example", tenant: "plain", status: "pending" },
    {
      kind: "domain",
      domain: "full.example",
      tenant: "full",
      status: "verified",
      ses: {
        region: "us-east-1",
        dkimTokens: ["a", "b", "c"],
        dkimZone: "dkim.amazonses.com",
        mailFrom: "bounce.full.example",
        adopted: true,
      },
    },
    { kind: "sender-pause", tenant: "full", sender: "a@full.example", pause },
  ];
}
