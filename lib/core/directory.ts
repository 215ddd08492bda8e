/**
 * Who may send what: tenants, credentials, networks and domains, and the decisions made from them.
 *
 * Rows are read by key only. A domain belongs to one tenant and covers its subdomains.
 */

import { coveringDomains } from "./address.ts";
import type { Watch } from "./watch.ts";

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
  /** Why it is paused; absent on rows that are active, and on those paused before this was recorded. */
  readonly pause?: Pause;
  readonly language: Language;
  /** Where the operator's notices about this tenant go. */
  readonly contact?: string;
  /** The contract: nothing is accepted before its start or from its end on (epoch milliseconds). */
  readonly startsAtMs?: number;
  readonly endsAtMs?: number;
  /** Messages accepted in one calendar month (UTC); absent: as many as there are. */
  readonly monthlyMessagesMax?: number;
  /** The month (`2026-11`) in which `monthlyMessagesMax` was reached; written by the usage counters, read by the edge. */
  readonly limitReachedMonth?: string;
  readonly price?: Price;
  readonly limits?: SendingLimits;
  readonly breaker?: BreakerSettings;
  readonly webhook?: WebhookSettings;
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

/** Why something of a tenant's may not send just now. */
export interface Pause {
  /** `breaker`: by the relay itself, for bounces or complaints. */
  readonly by: "operator" | "breaker";
  /** In plain words, shown to the operator and, in short, to the postmaster. */
  readonly reason: string;
  readonly atMs: number;
}

/** What a tenant pays for 1,000; the amount is a decimal number as text, so that no cent is rounded away. */
export interface Price {
  readonly per: "message" | "recipient";
  readonly per1000: string;
  /** ISO 4217. */
  readonly currency: string;
}

/** A tenant's or credential's own limits; absent ones are those of the edge's settings. */
export interface SendingLimits {
  readonly connections?: number;
  readonly messagesPerMinute?: number;
  readonly recipientsPerMinute?: number;
  /** Of one envelope sender: a hacked web site must not use up what its server may send. */
  readonly senderMessagesPerMinute?: number;
  readonly senderRecipientsPerMinute?: number;
}

/** When a tenant, or one of its envelope senders, is paused for its bounces; absent values are the relay's. */
export interface BreakerSettings {
  readonly bounceRateMax?: number;
  readonly complaintRateMax?: number;
  readonly messagesMin?: number;
  /** False: it warns and never pauses. */
  readonly pauses?: boolean;
}

/** Where events of a tenant are sent (Standard Webhooks). */
export interface WebhookSettings {
  readonly url: string;
  /** `whsec_` and base64. */
  readonly secret: string;
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
  readonly pause?: Pause;
  /** `scrypt$N$r$p$salt$hash`, salt and hash in base64url. */
  readonly passwordHash: string;
  /** The password before the last rotation, good until `previousUntilMs` (epoch milliseconds). */
  readonly previousPasswordHash?: string;
  readonly previousUntilMs?: number;
  readonly limits?: SendingLimits;
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
  /** What SES was set up with; absent until that is done, and on rows older than this. */
  readonly ses?: DomainIdentity;
}

/** A domain's identity in SES: all that the DNS records of the domain are made of. */
export interface DomainIdentity {
  readonly region: string;
  /** Easy DKIM's selectors, in SES's order. */
  readonly dkimTokens: readonly string[];
  /** Where the tokens' CNAMEs point; SES says it, and it differs between regions. */
  readonly dkimZone: string;
  /** The custom MAIL FROM domain; absent where SES has not taken one yet. */
  readonly mailFrom?: string;
  /** The identity was there before the relay, and is not deleted with the domain. */
  readonly adopted?: boolean;
}

/** An envelope sender of a tenant that may not send just now; no row: it may. */
export interface SenderPause {
  readonly kind: "sender-pause";
  readonly tenant: string;
  /** In lower case. */
  readonly sender: string;
  readonly pause: Pause;
}

/** Anything the directory keeps. */
export type DirectoryRow = Tenant | Credential | Network | SenderDomain | SenderPause | Watch;

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
    case "sender-pause":
      return senderPauseKey(row.tenant, row.sender);
    case "watch":
      return watchKey(row.tenant);
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
/** Partition key of a paused envelope sender. */
export const senderPauseKey = (tenant: string, sender: string): string =>
  `sender-pause#${tenant}#${sender.toLowerCase()}`;

/** Partition key of what is watched for a tenant. */
export const watchKey = (tenant: string): string => `watch#${tenant}`;

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
