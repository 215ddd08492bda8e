/**
 * Which domains of a message the tenant may send for.
 *
 * SES checks Sender like From, so one that is not the tenant's has to go. Most mail has no such field and costs no
 * look-up.
 */

import { coveringDomains } from "../core/address.ts";
import { domainKey, type SenderDomain, senderVerdict } from "../core/directory.ts";
import { fieldValue, readHeader } from "../core/header-fields.ts";
import { fromDomains } from "../core/header-from.ts";
import type { SpoolObject } from "../core/spool-object.ts";
import { type Directory, readRows } from "./directory-dynamo.ts";

/** Of the Sender field. Throws what DynamoDB throws. */
export async function verifiedSenderDomains(directory: Directory, object: SpoolObject): Promise<ReadonlySet<string>> {
  const { fields } = readHeader(object.message);
  const domains = fields
    .filter((field) => field.name === "sender")
    .flatMap((field) => fromDomains(fieldValue(object.message, field)) ?? []);
  return await verifiedDomains(directory, object.envelope.tenant, domains);
}

/** Those of the given domains that are the tenant's and verified. Throws what DynamoDB throws. */
export async function verifiedDomains(
  directory: Directory,
  tenant: string,
  domains: readonly string[],
): Promise<ReadonlySet<string>> {
  if (domains.length === 0) return new Set();
  const keys = new Set(domains.flatMap(coveringDomains).map(domainKey));
  const rows = (await readRows(directory, [...keys])).filter((row): row is SenderDomain => row.kind === "domain");
  return new Set(domains.filter((domain) => senderVerdict(tenant, domain, rows).kind === "allowed"));
}
