/**
 * SES tenants, one for each of ours, where an environment has them (`sesTenants`): SES then keeps reputation and
 * suppression of each apart, and lets it send only with what is associated with it.
 *
 * Everything here may be repeated. Throws the SDK's error.
 * See https://docs.aws.amazon.com/ses/latest/dg/tenants.html.
 */

import {
  AlreadyExistsException,
  CreateTenantCommand,
  CreateTenantResourceAssociationCommand,
  DeleteTenantCommand,
  DeleteTenantResourceAssociationCommand,
  GetTenantCommand,
  NotFoundException,
} from "@aws-sdk/client-sesv2";
import type { SesControl } from "./ses-control.ts";

/** Makes the tenant, and lets it use the configuration set, without which each of its sends would fail. Two calls. */
export async function ensureSesTenant(ses: SesControl, tenant: string, configurationSet: string): Promise<void> {
  let arn: string | undefined;
  try {
    arn = (await ses.call(async (client) => await client.send(new CreateTenantCommand({ TenantName: tenant }))))
      .TenantArn;
  } catch (error) {
    if (!(error instanceof AlreadyExistsException)) throw error;
    arn = await tenantArn(ses, tenant);
  }
  await associate(ses, tenant, resourceArn(arn, `configuration-set/${configurationSet}`));
}

/** Lets the tenant send with an identity. Two calls. */
export async function associateIdentity(ses: SesControl, tenant: string, domain: string): Promise<void> {
  await associate(ses, tenant, resourceArn(await tenantArn(ses, tenant), `identity/${domain}`));
}

/** Takes that back. Fine when it was not so. Two calls. */
export async function dissociateIdentity(ses: SesControl, tenant: string, domain: string): Promise<void> {
  try {
    const ResourceArn = resourceArn(await tenantArn(ses, tenant), `identity/${domain}`);
    const command = new DeleteTenantResourceAssociationCommand({ TenantName: tenant, ResourceArn });
    await ses.call(async (client) => await client.send(command));
  } catch (error) {
    if (!(error instanceof NotFoundException)) throw error;
  }
}

/** Removes the tenant with its associations, and not what was associated. Not there is fine. One call. */
export async function removeSesTenant(ses: SesControl, tenant: string): Promise<void> {
  try {
    await ses.call(async (client) => await client.send(new DeleteTenantCommand({ TenantName: tenant })));
  } catch (error) {
    if (!(error instanceof NotFoundException)) throw error;
  }
  arns.get(ses)?.delete(tenant);
}

/** Whether SES has a tenant of this name. One call. */
export async function hasSesTenant(ses: SesControl, tenant: string): Promise<boolean> {
  try {
    await ses.call(async (client) => await client.send(new GetTenantCommand({ TenantName: tenant })));
    return true;
  } catch (error) {
    if (error instanceof NotFoundException) return false;
    throw error;
  }
}

const arns = new WeakMap<SesControl, Map<string, string>>();

/** Asked once for each tenant and control. */
async function tenantArn(ses: SesControl, tenant: string): Promise<string> {
  const known = arns.get(ses) ?? new Map<string, string>();
  arns.set(ses, known);
  const cached = known.get(tenant);
  if (cached !== undefined) return cached;
  const { Tenant } = await ses.call(async (client) => await client.send(new GetTenantCommand({ TenantName: tenant })));
  const arn = Tenant?.TenantArn ?? "";
  known.set(tenant, arn);
  return arn;
}

async function associate(ses: SesControl, tenant: string, ResourceArn: string): Promise<void> {
  const command = new CreateTenantResourceAssociationCommand({ TenantName: tenant, ResourceArn });
  try {
    await ses.call(async (client) => await client.send(command));
  } catch (error) {
    if (!(error instanceof AlreadyExistsException)) throw error;
  }
}

/** A resource of the same partition, account and region: `arn:aws:ses:<region>:<account>:identity/a.example`. */
function resourceArn(ofTenant: string | undefined, resource: string): string {
  const [arn, partition, service, region, account] = (ofTenant ?? "").split(":");
  if (arn !== "arn" || account === undefined) throw new Error("SES gave the tenant no ARN");
  return `arn:${partition}:${service}:${region}:${account}:${resource}`;
}
