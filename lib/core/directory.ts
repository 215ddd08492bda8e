/**
 * Who may send what: tenants, credentials, networks and domains, and the decisions made from them.
 *
 * Rows are read by key only. A domain belongs to one tenant and covers its subdomains.
 */

import { coveringDomains } from "./address.ts";

/** Tenant ids travel as SES tags and in object headers. */
export const TENANT_ID_PATTERN = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** Language of what a tenant is told. */
export type Language = "en" | "ja";

/** A customer: sends for its own domains, under its own limits. */
export interface Tenant {
  readonly kind: "tenant";
  readonly id: string;
  readonly name: string;
  readonly status: "active" | "paused";
  readonly language: Language;
}

/** A login with which a tenant's server submits. */
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

/** Addresses whose servers submit for a tenant without a login. */
export interface Network {
  readonly kind: "network";
  /** CIDR in canonical form, for example `192.0.2.0/24`. */
  readonly cidr: string;
  readonly tenant: string;
  readonly label: string;
  readonly status: "active" | "paused";
  readonly tlsRequired: boolean;
}

/** A domain, with all below it, that a tenant may send for. */
export interface SenderDomain {
  readonly kind: "domain";
  readonly domain: string;
  readonly tenant: string;
  /** `pending` until SES has verified it. */
  readonly status: "pending" | "verified";
}

/** Anything the directory keeps. */
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

/** Partition key of a tenant. */
export const tenantKey = (id: string): string => `tenant#${id}`;
/** Partition key of a credential; logins are told apart by case. */
export const credentialKey = (login: string): string => `credential#${login}`;
/** Partition key of a network, given its canonical CIDR. */
export const networkKey = (cidr: string): string => `network#${cidr}`;
/** Partition key of a domain, given in lower-case A-labels. */
export const domainKey = (domain: string): string => `domain#${domain}`;

/** Whether a tenant may send for a domain. `pending` names the domain that waits for its verification. */
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
