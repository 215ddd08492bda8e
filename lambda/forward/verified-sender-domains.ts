/**
 * Which domains of a message the tenant may send for.
 *
 * SES checks Sender like From, so one that is not the tenant's has to go. Most mail has no such field and costs no
 * look-up.
 */

import { type Directory, readRows } from "../../lib/aws/directory-dynamo.ts";
import { coveringDomains } from "../../lib/core/address.ts";
import { domainKey, type SenderDomain, senderVerdict } from "../../lib/core/directory.ts";
import { fieldValue, readHeader } from "../../lib/core/header-fields.ts";
import { fromDomains } from "../../lib/core/header-from.ts";
import type { SpoolObject } from "../../lib/core/spool-object.ts";

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
