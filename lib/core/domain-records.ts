/**
 * The DNS records that a sender's domain needs, exactly as they are to be published.
 *
 * Three CNAMEs for Easy DKIM, MX and SPF of the MAIL FROM domain, and a DMARC record to begin with. The SPF record of
 * the domain itself stays as it is: receivers look for SPF at the MAIL FROM domain (RFC 7208 §2.4).
 * See https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html and .../mail-from.html.
 */

import type { DomainIdentity } from "./directory.ts";

/** What a record is for. */
export type RecordPurpose = "dkim" | "mail-from-mx" | "mail-from-spf" | "dmarc";

/** One record to publish. */
export interface WantedRecord {
  readonly purpose: RecordPurpose;
  /** The sender's domain that it is for. */
  readonly domain: string;
  /** Fully qualified, lower case, without the last dot. */
  readonly name: string;
  readonly type: "CNAME" | "MX" | "TXT";
  /** Target of a CNAME or MX without the last dot; the text of a TXT without quotes. */
  readonly value: string;
  /** Of an MX. */
  readonly preference?: number;
  /**
   * `required`: without it nothing of the domain is sent. `advised`: mail is sent, but SPF is not aligned (MAIL FROM) or
   * receivers miss a policy (DMARC; any valid one that is there already will do).
   */
  readonly need: "required" | "advised";
}

/** The label in front of the domain that MAIL FROM uses if nothing else is said. */
export const MAIL_FROM_LABEL = "bounce";

/** Time to live of what is printed: short, so that a mistake is soon mended. */
export const RECORD_TTL_SECONDS = 3600;

/** All records of a domain, in the order in which they are best published. `dmarcReports`: where reports may go. */
export function wantedRecords(domain: string, identity: DomainIdentity, dmarcReports?: string): WantedRecord[] {
  const { region, dkimTokens, dkimZone, mailFrom } = identity;
  const records: WantedRecord[] = dkimTokens.map((token) => ({
    purpose: "dkim",
    domain,
    name: `${token}._domainkey.${domain}`,
    type: "CNAME",
    value: `${token}.${dkimZone}`,
    need: "required",
  }));
  if (mailFrom !== undefined) {
    records.push(
      {
        purpose: "mail-from-mx",
        domain,
        name: mailFrom,
        type: "MX",
        value: `feedback-smtp.${region}.amazonses.com`,
        preference: 10,
        need: "advised",
      },
      {
        purpose: "mail-from-spf",
        domain,
        name: mailFrom,
        type: "TXT",
        value: "v=spf1 include:amazonses.com ~all",
        need: "advised",
      },
    );
  }
  const rua = dmarcReports === undefined ? "" : `; rua=mailto:${dmarcReports}`;
  records.push({
    purpose: "dmarc",
    domain,
    name: `_dmarc.${domain}`,
    type: "TXT",
    value: `v=DMARC1; p=none${rua}`,
    need: "advised",
  });
  return records;
}

/** The record's name as a panel wants it that adds the zone itself: `@` is the zone. A name outside the zone stays whole. */
export function relativeName(name: string, zone: string): string {
  if (name === zone) return "@";
  return name.endsWith(`.${zone}`) ? name.slice(0, -zone.length - 1) : `${name}.`;
}
