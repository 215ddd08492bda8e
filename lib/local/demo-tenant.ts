/** The tenant that local mode starts with, so that the first mail needs no set-up. */

import { type Directory, readRow, writeRow } from "../aws/directory-dynamo.ts";
import { credentialKey, domainKey, tenantKey } from "../core/directory.ts";
import { hashPassword } from "../core/password-hash.ts";

/** Login and password are both this. */
export const DEMO_TENANT = "demo";
/** Domains that the demo tenant may send for. */
export const DEMO_DOMAINS = ["example.com", "example.jp"] as const;

/** Writes what is missing of it; what an operator has changed stays. */
export async function seedDemoTenant(directory: Directory, salt: Uint8Array): Promise<void> {
  if ((await readRow(directory, tenantKey(DEMO_TENANT))) === undefined) {
    await writeRow(directory, { kind: "tenant", id: DEMO_TENANT, name: "Demo", status: "active", language: "en" });
  }
  if ((await readRow(directory, credentialKey(DEMO_TENANT))) === undefined) {
    await writeRow(directory, {
      kind: "credential",
      login: DEMO_TENANT,
      tenant: DEMO_TENANT,
      label: DEMO_TENANT,
      status: "active",
      passwordHash: await hashPassword(DEMO_TENANT, salt),
    });
  }
  for (const domain of DEMO_DOMAINS) {
    if ((await readRow(directory, domainKey(domain))) !== undefined) continue;
    await writeRow(directory, { kind: "domain", domain, tenant: DEMO_TENANT, status: "verified" });
  }
}
