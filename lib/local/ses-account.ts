/**
 * The account of the local SES and the suppression lists of the account and of each tenant.
 *
 * See https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html and
 * https://docs.aws.amazon.com/ses/latest/dg/sending-email-suppression-list.html.
 */

import { epochSeconds, type SesContext, tenantNamed } from "./ses-context.ts";
import { badRequest, notFound } from "./ses-error.ts";
import { type Fields, flagOf, manyOf, oneOf, optional, requiredTextOf, textOf } from "./ses-json.ts";
import { page, pagingOfQuery } from "./ses-paging.ts";
import type { SendQuota } from "./ses-quota.ts";
import { label, type SesCall, type SesRoute } from "./ses-router.ts";
import {
  type ConfigurationSet,
  SUPPRESSION_REASONS,
  type SuppressedDestination,
  type SuppressionReason,
  suppressionKey,
  type Tenant,
} from "./ses-state.ts";

/** The operations on the account and on suppressed destinations. */
export function accountRoutes(context: SesContext, quota: SendQuota): SesRoute[] {
  const account = "/v2/email/account";
  const addresses = "/v2/email/suppression/addresses";
  return [
    { method: "GET", path: account, writes: false, run: () => describe(context, quota) },
    { method: "PUT", path: `${account}/sending`, writes: true, run: (call) => putSending(context, call.body) },
    { method: "PUT", path: `${account}/suppression`, writes: true, run: (call) => putReasons(context, call.body) },
    { method: "PUT", path: addresses, writes: true, run: (call) => suppress(context, call.body) },
    { method: "GET", path: addresses, writes: false, run: (call) => list(context, call) },
    { method: "GET", path: `${addresses}/{}`, writes: false, run: (call) => describeSuppressed(context, call) },
    { method: "DELETE", path: `${addresses}/{}`, writes: true, run: (call) => unsuppress(context, call) },
  ];
}

/** The list on which an address stands for this send, or undefined when it may be delivered. */
export function suppressedBy(
  context: SesContext,
  address: string,
  set: ConfigurationSet | undefined,
  tenant: Tenant | undefined,
): { readonly scope: "ACCOUNT" | "TENANT"; readonly reason: SuppressionReason } | undefined {
  const chosen = set?.suppression?.scope ?? tenant?.suppression?.scope ?? "ACCOUNT";
  const scope = tenant === undefined ? "ACCOUNT" : chosen;
  const inherited = scope === "TENANT" ? tenant?.suppression?.reasons : context.state.account.suppressedReasons;
  const reasons = set?.suppression?.reasons ?? inherited ?? [];
  const entry = context.state.suppressed.get(suppressionKey(address, scope === "TENANT" ? tenant?.name : undefined));
  return entry !== undefined && reasons.includes(entry.reason) ? { scope, reason: entry.reason } : undefined;
}

function describe(context: SesContext, quota: SendQuota): object {
  const { account } = context.state;
  return {
    DedicatedIpAutoWarmupEnabled: false,
    EnforcementStatus: "HEALTHY",
    ProductionAccessEnabled: true,
    SendQuota: {
      Max24HourSend: quota.max24HourSend,
      MaxSendRate: quota.maxSendRate,
      SentLast24Hours: quota.sentLast24Hours(),
    },
    SendingEnabled: account.sendingEnabled,
    SuppressionAttributes: { SuppressedReasons: account.suppressedReasons },
    PricingAttributes: { CurrentPlan: "NONE", NextPlan: "NONE" },
  };
}

function putSending(context: SesContext, body: Fields): object {
  context.state.account = { ...context.state.account, sendingEnabled: flagOf(body, "SendingEnabled") ?? false };
  return {};
}

function putReasons(context: SesContext, body: Fields): object {
  const reasons = manyOf(body, "SuppressedReasons", SUPPRESSION_REASONS) ?? [];
  context.state.account = { ...context.state.account, suppressedReasons: reasons };
  return {};
}

function suppress(context: SesContext, body: Fields): object {
  const address = requiredTextOf(body, "EmailAddress").toLowerCase();
  if (!address.includes("@")) throw badRequest(`Invalid email address <${address}>.`);
  const reason = oneOf(body, "Reason", SUPPRESSION_REASONS);
  if (reason === undefined) throw badRequest("Reason is required.");
  const tenantName = textOf(body, "TenantName");
  if (tenantName !== undefined) tenantNamed(context, tenantName);
  context.state.suppressed.set(suppressionKey(address, tenantName), {
    address,
    reason,
    updatedAtMs: context.now().getTime(),
    ...optional("tenantName", tenantName),
  });
  return {};
}

function unsuppress(context: SesContext, call: SesCall): object {
  const entry = named(context, call);
  context.state.suppressed.delete(suppressionKey(entry.address, entry.tenantName));
  return {};
}

function describeSuppressed(context: SesContext, call: SesCall): object {
  const entry = named(context, call);
  return { SuppressedDestination: { ...summary(entry), ...optional("TenantName", entry.tenantName) } };
}

function list(context: SesContext, call: SesCall): object {
  const tenantName = listName(context, call);
  const reasons = call.query.getAll("Reason");
  const from = timeOf(call, "StartDate") ?? Number.NEGATIVE_INFINITY;
  const to = timeOf(call, "EndDate") ?? Number.POSITIVE_INFINITY;
  const entries = [...context.state.suppressed.values()]
    .filter((entry) => entry.tenantName === tenantName)
    .filter((entry) => reasons.length === 0 || reasons.includes(entry.reason))
    .filter((entry) => entry.updatedAtMs >= from && entry.updatedAtMs <= to)
    .sort((a, b) => (a.address < b.address ? -1 : 1));
  const { entries: given, ...more } = page(entries, (entry) => entry.address, pagingOfQuery(call));
  return { SuppressedDestinationSummaries: given.map(summary), ...more };
}

function summary(entry: SuppressedDestination): object {
  return { EmailAddress: entry.address, Reason: entry.reason, LastUpdateTime: epochSeconds(entry.updatedAtMs) };
}

function named(context: SesContext, call: SesCall): SuppressedDestination {
  const address = label(call, 0).toLowerCase();
  const entry = context.state.suppressed.get(suppressionKey(address, listName(context, call)));
  if (entry === undefined) throw notFound(`Email address ${address} does not exist on your suppression list.`);
  return entry;
}

/** Whose list the query asks for: a tenant's, which must exist, or the account's. */
function listName(context: SesContext, call: SesCall): string | undefined {
  const tenantName = call.query.get("TenantName") ?? undefined;
  if (tenantName !== undefined) tenantNamed(context, tenantName);
  return tenantName;
}

function timeOf(call: SesCall, name: string): number | undefined {
  const text = call.query.get(name);
  if (text === null) return undefined;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw badRequest(`${name} is not a time.`);
  return time;
}
