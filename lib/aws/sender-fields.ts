/**
 * The header fields that say who sends, where the edge has decided that the message's own will not do.
 *
 * Promise:  mail that the edge marked for it leaves under an address that is verified now: one of the tenant, or the
 *           relay's system address where the class wants that or no domain of the tenant fits. Mail from the null sender
 *           leaves marked as automatic. Other mail costs nothing here.
 * Failure:  throws what DynamoDB throws.
 */

import { formatAddress } from "../core/address.ts";
import { tenantKey } from "../core/directory.ts";
import { addressCandidates, fixedAddress, usesSystemAddress } from "../core/rewrite-address.ts";
import { automaticFields, rewriteFrom } from "../core/rewrite-from.ts";
import type { RewriteClass } from "../core/sender-class.ts";
import type { SpoolObject } from "../core/spool-object.ts";
import { type Directory, readRow } from "./directory-dynamo.ts";
import { verifiedDomains } from "./verified-sender-domains.ts";

/** Where domains are looked up, and what mail goes out under that fits none. */
export interface SenderFieldsDeps {
  readonly directory: Directory;
  readonly systemAddress: string;
}

/** What to set, and whether the From address is then the relay's own. */
export interface SenderFields {
  readonly setFields: ReadonlyMap<string, Buffer>;
  readonly own: boolean;
}

/** See the head of this file. */
export async function senderFields(deps: SenderFieldsDeps, object: SpoolObject): Promise<SenderFields> {
  const { envelope, message } = object;
  const { rewrite } = envelope;
  if (envelope.dsnFor !== undefined) return { setFields: new Map(), own: true };
  if (rewrite === undefined) {
    return { setFields: envelope.returnPath === null ? automaticFields(message) : new Map(), own: false };
  }
  const tenants = usesSystemAddress(rewrite) ? undefined : await tenantsAddress(deps.directory, rewrite, object);
  const address = tenants ?? deps.systemAddress;
  return { setFields: rewriteFrom(message, { rewrite, address }), own: tenants === undefined };
}

/** The best address in a verified domain of the tenant; undefined: none fits. */
async function tenantsAddress(
  directory: Directory,
  rewrite: RewriteClass,
  object: SpoolObject,
): Promise<string | undefined> {
  const { envelope, message } = object;
  const candidates = addressCandidates(rewrite, envelope, message);
  const domains = [...new Set(candidates.map(({ domain }) => domain))];
  const verified = await verifiedDomains(directory, envelope.tenant, domains);
  const found = candidates.find(({ domain }) => verified.has(domain));
  if (found !== undefined) return formatAddress(found);
  const tenant = await readRow(directory, tenantKey(envelope.tenant));
  const domain = tenant?.kind === "tenant" ? tenant.rewriteDomain : undefined;
  if (domain === undefined) return undefined;
  const usable = await verifiedDomains(directory, envelope.tenant, [domain]);
  return usable.has(domain) ? formatAddress(fixedAddress(domain)) : undefined;
}
