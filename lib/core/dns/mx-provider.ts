/** Who runs the mail of a domain, by the names of its mail exchangers. */

import type { MxRecord } from "./dns-lookup.ts";

/** Providers that are told apart. */
export type MailProvider = "google" | "microsoft" | "yahoo" | "icloud";

const SUFFIXES: readonly (readonly [string, MailProvider])[] = [
  ["google.com", "google"],
  ["googlemail.com", "google"],
  ["protection.outlook.com", "microsoft"],
  ["mx.microsoft", "microsoft"],
  ["partner.outlook.cn", "microsoft"],
  ["office365.us", "microsoft"],
  ["yahoodns.net", "yahoo"],
  ["mail.icloud.com", "icloud"],
];

/** Domains of private mailboxes at Google and Microsoft that are on a selective list without being asked for. */
export const SEED_DOMAINS: readonly string[] = [
  "gmail.com",
  "googlemail.com",
  "outlook.com",
  "outlook.jp",
  "hotmail.com",
  "hotmail.co.jp",
  "live.com",
  "live.jp",
  "msn.com",
];

/** A domain's provider. */
export interface ProviderVerdict {
  /** Undefined: somebody else, or a filter in front of whoever it is. */
  readonly provider: MailProvider | undefined;
  /** The exchanger that decides: one of the lowest preference. */
  readonly exchanger: string;
  /** True when other exchangers belong to somebody else: mail may arrive there too. */
  readonly mixed: boolean;
}

/** Decides by the exchangers of the lowest preference (RFC 5321 §5.1); names are compared at a label boundary. */
export function providerOf(records: readonly MxRecord[]): ProviderVerdict {
  const sorted = records.toSorted((a, b) => a.preference - b.preference);
  const [first] = sorted;
  if (first === undefined || first.exchange === "") return { provider: undefined, exchanger: "", mixed: false };
  const best = sorted.filter(({ preference }) => preference === first.preference);
  const decisive = best.find(({ exchange }) => ofExchanger(exchange) !== undefined) ?? first;
  const provider = ofExchanger(decisive.exchange);
  const mixed = sorted.some(({ exchange }) => ofExchanger(exchange) !== provider);
  return { provider, exchanger: decisive.exchange, mixed };
}

function ofExchanger(name: string): MailProvider | undefined {
  const plain = name.toLowerCase().replace(/\.$/, "");
  return SUFFIXES.find(([suffix]) => plain === suffix || plain.endsWith(`.${suffix}`))?.[1];
}
