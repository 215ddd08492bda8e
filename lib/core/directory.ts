/**
 * Who may send what: tenants, credentials, networks and domains, and the decisions made from them.
 *
 * Rows are read by key only. A domain belongs to one tenant and covers its subdomains.
 */

import { coveringDomains } from "./address.ts";

/** Tenant ids travel as SES tags and in object headers. */
export const TENANT_ID_PATTERN = /^[a-z0-9][a-z0-9-]{0,62}$/;

export type Language = "en" | "ja";

export interface Tenant {
  readonly kind: "tenant";
  readonly id: string;
  readonly name: string;
  readonly status: "active" | "paused";
  readonly language: Language;
}

export interface Credential {
  readonly kind: "credential";
  readonly login: string;
  readonly tenant: string;
  /** For people: which server uses it. */
  readonly label: string;
  readonly status: "active" | "paused";
  /** `scrypt$N$r$p$salt$hash`, salt and hash in base64url. */
  readonly passwordHash: string;
}

export interface Network {
  readonly kind: "network";
  /** CIDR in canonical form, for example `192.0.2.0/24`. */
  readonly cidr: string;
  readonly tenant: string;
  readonly label: string;
  readonly status: "active" | "paused";
  readonly tlsRequired: boolean;
}

export interface SenderDomain {
  readonly kind: "domain";
  readonly domain: string;
  readonly tenant: string;
  /** `pending` until SES has verified it. */
  readonly status: "pending" | "verified";
}

export type DirectoryRow = Tenant | Credential | Network | SenderDomain;

/** The partition key of a row. */
export function directoryKey(row: DirectoryRow): string {
  switch (row.kind) {
    case "tenant":
      return tenantKey(row.id);
    case "credential":
      return credentialKey(row.login);
    case "network":
      return networkKey(row.cidr);
    case "domain":
      return domainKey(row.domain);
  }
}

export const tenantKey = (id: string): string => `tenant#${id}`;
export const credentialKey = (login: string): string => `credential#${login}`;
export const networkKey = (cidr: string): string => `network#${cidr}`;
export const domainKey = (domain: string): string => `domain#${domain}`;

export type SenderVerdict =
  | { readonly kind: "allowed" }
  | { readonly kind: "pending"; readonly domain: string }
  | { readonly kind: "foreign"; readonly domain: string };

/**
 * May the tenant send for this domain? `rows` are the directory's answers for `coveringDomains(domain)`; the most
 * specific row decides, so a subdomain can be given to another tenant.
 */
export function senderVerdict(tenant: string, domain: string, rows: readonly SenderDomain[]): SenderVerdict {
  for (const candidate of coveringDomains(domain)) {
    const row = rows.find((entry) => entry.domain === candidate);
    if (row === undefined) continue;
    if (row.tenant !== tenant) return { kind: "foreign", domain };
    return row.status === "verified" ? { kind: "allowed" } : { kind: "pending", domain: row.domain };
  }
  return { kind: "foreign", domain };
}
