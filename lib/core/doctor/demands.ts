/**
 * What the large receivers demand, and whether the findings show it to be met.
 *
 * Sources: the receivers' own pages as of July 2026 (Gmail and Yahoo since February 2024, Outlook.com since 5 May 2025).
 * Of mail that goes through the relay, PTR and TLS are Amazon's.
 */

import type { Finding, FindingText } from "./finding.ts";

/** A demand. */
export interface Demand {
  readonly receiver: "Gmail" | "Yahoo" | "Outlook.com" | "iCloud";
  readonly what: FindingText;
  readonly state: "met" | "not-met" | "unknown";
}

interface Row {
  readonly receivers: readonly Demand["receiver"][];
  readonly what: FindingText;
  /** Findings whose `check` begins so decide it. */
  readonly checks: readonly string[];
  readonly of: "address" | "domain";
}

const ROWS: readonly Row[] = [
  {
    of: "address",
    receivers: ["Gmail", "Yahoo"],
    what: { en: "PTR that leads back (direct mail)", ja: "逆引きと正引きの一致 (直接送信)" },
    checks: ["ptr"],
  },
  {
    of: "domain",
    receivers: ["Gmail", "Yahoo", "Outlook.com", "iCloud"],
    what: { en: "valid SPF", ja: "有効な SPF" },
    checks: ["spf"],
  },
  {
    of: "domain",
    receivers: ["Gmail", "Yahoo", "Outlook.com", "iCloud"],
    what: { en: "DKIM key of 1024 bits or more", ja: "1024 ビット以上の DKIM 鍵" },
    checks: ["dkim"],
  },
  {
    of: "domain",
    receivers: ["Gmail", "Yahoo", "Outlook.com", "iCloud"],
    what: { en: "DMARC record (bulk senders)", ja: "DMARC レコード (大量送信者)" },
    checks: ["dmarc"],
  },
  { of: "domain", receivers: ["Yahoo"], what: { en: "zone that answers", ja: "応答するゾーン" }, checks: ["zone"] },
];

/** Demands on one subject, by receiver. */
export function demandsOn(findings: readonly Finding[], of: "address" | "domain"): Demand[] {
  return ROWS.filter((row) => row.of === of).flatMap((row) => {
    const own = findings.filter(({ check }) =>
      row.checks.some((prefix) => check === prefix || check.startsWith(`${prefix}:`)),
    );
    const state = own.some(({ severity }) => severity === "must" || severity === "should")
      ? "not-met"
      : own.some(({ severity }) => severity === "good" || severity === "note")
        ? "met"
        : "unknown";
    return row.receivers.map((receiver) => ({ receiver, what: row.what, state }) as const);
  });
}
