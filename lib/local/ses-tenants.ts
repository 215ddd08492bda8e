/**
 * Tenants of the local SES: who may send with which identities and sets, whether they may, whose suppression list.
 *
 * A tenant is paused as on AWS, with `UpdateReputationEntityCustomerManagedStatus` on its ARN.
 * `ResourceType` in answers is spelled as in the ARN (`identity`, `configuration-set`): that is what the service was
 * seen to send, where the SDK's own enumeration says EMAIL_IDENTITY. Read the ARN instead. As a filter both are taken.
 * See https://docs.aws.amazon.com/ses/latest/dg/tenants.html.
 */

import { randomBytes } from "node:crypto";
import {
  configurationSetNamed,
  epochSeconds,
  isResourceName,
  LOCAL_ACCOUNT_ID,
  type SesContext,
  sesArn,
  tenantNamed,
} from "./ses-context.ts";
import { alreadyExists, badRequest, notFound } from "./ses-error.ts";
import { type Fields, fieldsOf, manyOf, oneOf, optional, requiredTextOf, resourceTagsOf, textOf } from "./ses-json.ts";
import { page } from "./ses-paging.ts";
import { label, type SesCall, type SesRoute } from "./ses-router.ts";
import type { SuppressionChoice, Tenant } from "./ses-state.ts";
import { SENDING_STATUSES, SUPPRESSION_REASONS, SUPPRESSION_SCOPES } from "./ses-state.ts";

const FILTER_TYPES = {
  EMAIL_IDENTITY: "identity",
  CONFIGURATION_SET: "configuration-set",
  EMAIL_TEMPLATE: "template",
  identity: "identity",
  "configuration-set": "configuration-set",
  template: "template",
} as const;

/** The operations on tenants, their resources, and their sending status. */
export function tenantRoutes(context: SesContext): SesRoute[] {
  const all = "/v2/email/tenants";
  const entity = "/v2/email/reputation/entities/{}/{}";
  const tenant = (call: SesCall): Tenant => tenantNamed(context, requiredTextOf(call.body, "TenantName"));
  const post = (path: string, writes: boolean, run: (call: SesCall) => object): SesRoute => ({
    method: "POST",
    path,
    writes,
    run,
  });
  return [
    post(all, true, (call) => create(context, call.body)),
    post(`${all}/get`, false, (call) => ({ Tenant: describe(tenant(call)) })),
    post(`${all}/list`, false, (call) => list(context, call.body)),
    post(`${all}/delete`, true, (call) => remove(context, tenant(call))),
    post(`${all}/resources`, true, (call) => associate(context, tenant(call), call.body)),
    post(`${all}/resources/delete`, true, (call) => dissociate(tenant(call), call.body)),
    post(`${all}/resources/list`, false, (call) => listResources(tenant(call), call.body)),
    post("/v2/email/tenant/suppression", true, (call) => putSuppression(tenant(call), call.body)),
    { method: "GET", path: entity, writes: false, run: (call) => reputationEntity(tenantOfEntity(context, call)) },
    {
      method: "PUT",
      path: `${entity}/customer-managed-status`,
      writes: true,
      run: (call) => putStatus(tenantOfEntity(context, call), call.body),
    },
  ];
}

function create(context: SesContext, body: Fields): object {
  const name = requiredTextOf(body, "TenantName");
  if (!isResourceName(name)) throw badRequest(`Invalid tenant name <${name}>: 1 to 64 of A-Z a-z 0-9 _ - are allowed.`);
  if (context.state.tenants.has(name)) {
    throw alreadyExists(`Tenant with name ${name} already exists in account ${LOCAL_ACCOUNT_ID}`);
  }
  const id = `tn-${randomBytes(15).toString("hex")}`;
  const suppression = fieldsOf(body, "SuppressionAttributes");
  const tenant: Tenant = {
    name,
    id,
    arn: sesArn(context, `tenant/${name}/${id}`),
    createdAtMs: context.now().getTime(),
    ...optional("suppression", suppression && suppressionChoice(suppression)),
    sendingStatus: "ENABLED",
    resources: [],
    tags: resourceTagsOf(body),
  };
  context.state.tenants.set(name, tenant);
  return describe(tenant);
}

function describe(tenant: Tenant): object {
  const { suppression } = tenant;
  return {
    ...summary(tenant),
    Tags: tenant.tags,
    ...optional(
      "SuppressionAttributes",
      suppression && {
        ...optional("SuppressedReasons", suppression.reasons),
        ...optional("SuppressionScope", suppression.scope),
      },
    ),
  };
}

function summary(tenant: Tenant): object {
  return {
    TenantName: tenant.name,
    TenantId: tenant.id,
    TenantArn: tenant.arn,
    CreatedTimestamp: epochSeconds(tenant.createdAtMs),
    SendingStatus: tenant.sendingStatus,
  };
}

function list(context: SesContext, body: Fields): object {
  const tenants = [...context.state.tenants.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const { entries, ...more } = page(tenants, (tenant) => tenant.name, body);
  return { Tenants: entries.map(summary), ...more };
}

/** Associations and the tenant's suppression list go with it. */
function remove(context: SesContext, tenant: Tenant): object {
  context.state.tenants.delete(tenant.name);
  for (const [key, entry] of context.state.suppressed) {
    if (entry.tenantName === tenant.name) context.state.suppressed.delete(key);
  }
  return {};
}

function associate(context: SesContext, tenant: Tenant, body: Fields): object {
  const arn = requiredTextOf(body, "ResourceArn");
  requireResource(context, arn);
  if (tenant.resources.includes(arn)) {
    throw alreadyExists(`Resources ${arn} has already been associated with tenant ${tenant.name}`);
  }
  tenant.resources = [...tenant.resources, arn];
  return {};
}

/** Removing what is not there succeeds. */
function dissociate(tenant: Tenant, body: Fields): object {
  const arn = requiredTextOf(body, "ResourceArn");
  tenant.resources = tenant.resources.filter((resource) => resource !== arn);
  return {};
}

function listResources(tenant: Tenant, body: Fields): object {
  const wanted = textOf(fieldsOf(body, "Filter") ?? {}, "RESOURCE_TYPE");
  const known: Readonly<Record<string, string>> = FILTER_TYPES;
  const type = wanted === undefined ? undefined : known[wanted];
  if (wanted !== undefined && type === undefined) throw badRequest(`Invalid resource type ${wanted} specified.`);
  const arns = tenant.resources.filter((arn) => type === undefined || typeOf(arn) === type).sort();
  const { entries, ...more } = page(arns, (arn) => arn, body);
  return { TenantResources: entries.map((arn) => ({ ResourceType: typeOf(arn), ResourceArn: arn })), ...more };
}

function putSuppression(tenant: Tenant, body: Fields): object {
  const choice = suppressionChoice(body);
  if (choice.reasons === undefined && choice.scope === undefined) delete tenant.suppression;
  else tenant.suppression = choice;
  return {};
}

/** Reasons and scope come together, or not at all. */
function suppressionChoice(body: Fields): SuppressionChoice {
  const reasons = manyOf(body, "SuppressedReasons", SUPPRESSION_REASONS);
  const scope = oneOf(body, "SuppressionScope", SUPPRESSION_SCOPES);
  if (reasons !== undefined && scope === undefined) {
    throw badRequest("SuppressedReasons cannot be specified without SuppressionScope.");
  }
  if (reasons === undefined && scope !== undefined) {
    throw badRequest("SuppressionScope cannot be specified without SuppressedReasons.");
  }
  return { ...optional("reasons", reasons), ...optional("scope", scope) };
}

function tenantOfEntity(context: SesContext, call: SesCall): Tenant {
  const arn = label(call, 1);
  if (label(call, 0) === "RESOURCE") {
    for (const tenant of context.state.tenants.values()) if (tenant.arn === arn) return tenant;
  }
  throw notFound(`Reputation entity <${arn}> does not exist.`);
}

function reputationEntity(tenant: Tenant): object {
  return {
    ReputationEntity: {
      ReputationEntityReference: tenant.arn,
      ReputationEntityType: "RESOURCE",
      CustomerManagedStatus: { Status: tenant.sendingStatus },
      AwsSesManagedStatus: { Status: "ENABLED" },
      SendingStatusAggregate: tenant.sendingStatus,
    },
  };
}

function putStatus(tenant: Tenant, body: Fields): object {
  const status = oneOf(body, "SendingStatus", SENDING_STATUSES);
  if (status === undefined) throw badRequest("SendingStatus is required.");
  tenant.sendingStatus = status;
  return {};
}

/** The resource must be an identity or configuration set of this account and region, and exist. */
function requireResource(context: SesContext, arn: string): void {
  const prefix = sesArn(context, "");
  if (!arn.startsWith("arn:")) throw badRequest("Provided resource identifier is not an SES resource");
  if (!arn.startsWith(prefix)) throw badRequest(`Resource <${arn}> must be in the same account and region`);
  const name = arn.slice(arn.indexOf("/", prefix.length) + 1);
  switch (typeOf(arn)) {
    case "identity":
      if (!context.state.identities.has(name)) throw notFound(`Identity <${name}> does not exist`);
      return;
    case "configuration-set":
      configurationSetNamed(context, name);
      return;
    default:
      throw badRequest(`Unsupported resource type: ${typeOf(arn)}`);
  }
}

function typeOf(arn: string): string {
  return arn.split(":").slice(5).join(":").split("/")[0] ?? "";
}
