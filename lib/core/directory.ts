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
  /**
   * Mail whose author (header From) is in no domain of the tenant: forwarded mail, mailing lists, contact forms. SES
   * sends none of it as it stands. `rewrite`: it goes out under an address of the tenant that shows the author, and an
   * envelope sender outside is taken too. `refuse` (also when absent): 550 at the edge.
   */
  readonly foreignFrom?: ForeignMail;
  /**
   * What the tenant's server itself writes under a name that is no domain of the tenant: its own bounces (null sender)
   * and the mail of cron, root and web applications under the server's host name. `rewrite` (also when absent): it goes
   * out under the relay's system address. `refuse`: 550 at the edge, which for a bounce is the end of it.
   */
  readonly systemMail?: ForeignMail;
  /** The tenant's domain for rewritten mail that names none of its domains. Absent: the relay's system address. */
  readonly rewriteDomain?: string;
}

/** What is done with mail that SES would refuse for its author. */
export type ForeignMail = "refuse" | "rewrite";

/** The two choices of a tenant, defaults filled in. */
export interface SenderPolicy {
  readonly foreignFrom: ForeignMail;
  readonly systemMail: ForeignMail;
}

/** A tenant's policy; of a tenant that is not there, the strictest. */
export function senderPolicy(tenant: Tenant | undefined): SenderPolicy {
  return {
    foreignFrom: tenant?.foreignFrom ?? "refuse",
    systemMail: tenant === undefined ? "refuse" : (tenant.systemMail ?? "rewrite"),
  };
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
