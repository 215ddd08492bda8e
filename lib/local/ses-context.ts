/**
 * What every operation of the local SES has at hand: the state, the clock, the names of region and account.
 */

import { badRequest, notFound } from "./ses-error.ts";
import type { ConfigurationSet, SesState, Tenant } from "./ses-state.ts";

/** The account of every local AWS server. */
export const LOCAL_ACCOUNT_ID = "000000000000";

/** What an operation works on. */
export interface SesContext {
  /** The operations change it in place; it is the same object for the life of the server. */
  readonly state: SesState;
  readonly region: string;
  readonly now: () => Date;
  /** New identities need no verification. */
  readonly verifyNewIdentities: boolean;
}

/** ARN of an SES resource, for example of `identity/example.com`. */
export function sesArn(context: SesContext, resource: string): string {
  return `arn:aws:ses:${context.region}:${LOCAL_ACCOUNT_ID}:${resource}`;
}

/** A configuration set by name. Throws NotFoundException. */
export function configurationSetNamed(context: SesContext, name: string): ConfigurationSet {
  const set = context.state.configurationSets.get(name);
  if (set === undefined) throw notFound(`Configuration set <${name}> does not exist.`);
  return set;
}

/** A tenant by name. Throws NotFoundException. */
export function tenantNamed(context: SesContext, name: string): Tenant {
  const tenant = context.state.tenants.get(name);
  if (tenant === undefined) throw notFound(`Tenant <${name}> does not exist.`);
  return tenant;
}

/** A resource with which a tenant may send is not deleted. Throws BadRequestException. */
export function refuseWhileAssociated(context: SesContext, arn: string): void {
  for (const tenant of context.state.tenants.values()) {
    if (!tenant.resources.includes(arn)) continue;
    throw badRequest(
      `Cannot delete <${arn}> because it has tenant associations. Remove all tenant associations and try again.`,
    );
  }
}

/** The names that SES takes for sets, event destinations and tenants. */
export function isResourceName(name: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(name);
}

/** A time as SES v2 writes it in JSON: seconds since 1970. */
export function epochSeconds(timeMs: number): number {
  return timeMs / 1000;
}
