/** How tenants and credentials are shown: without what is secret, times in words. */

import type { Credential, Tenant } from "../../lib/core/directory.ts";
import { timeText } from "./change.ts";
import { plainText } from "./output.ts";

/** For JSON: times as RFC 3339 beside nothing else, no webhook secret. */
export function shownTenant(tenant: Tenant): object {
  const { kind: _, webhook, startsAtMs, endsAtMs, ...rest } = tenant;
  return {
    ...rest,
    ...(startsAtMs === undefined ? {} : { startsAt: new Date(startsAtMs).toISOString() }),
    ...(endsAtMs === undefined ? {} : { endsAt: new Date(endsAtMs).toISOString() }),
    ...(webhook === undefined ? {} : { webhook: { url: webhook.url } }),
  };
}

/** A credential without its hashes. */
export function shownCredential(credential: Credential): Omit<
  Credential,
  "kind" | "passwordHash" | "previousPasswordHash" | "previousUntilMs"
> & {
  readonly previousPasswordUntil?: string;
} {
  const { kind: _, passwordHash: _new, previousPasswordHash: _old, previousUntilMs, ...rest } = credential;
  return previousUntilMs === undefined || previousUntilMs <= Date.now()
    ? rest
    : { ...rest, previousPasswordUntil: new Date(previousUntilMs).toISOString() };
}

/** A tenant for people, a setting a line. */
export function tenantLines(tenant: Tenant, state: string): string[] {
  const { pause, startsAtMs, endsAtMs, price, limits, breaker, webhook } = tenant;
  const members = (value: object | undefined): string =>
    Object.entries(value ?? {})
      .map(([name, member]) => `${name} ${String(member)}`)
      .join(", ");
  const lines: [string, string | undefined][] = [
    ["tenant", tenant.id],
    ["name", tenant.name],
    ["state", pause === undefined ? state : `${state}: ${pause.reason} (${timeText(pause.atMs)})`],
    ["language", tenant.language],
    ["contact", tenant.contact],
    ["starts", startsAtMs === undefined ? undefined : timeText(startsAtMs)],
    ["ends", endsAtMs === undefined ? undefined : timeText(endsAtMs)],
    ["messages a month", tenant.monthlyMessagesMax?.toLocaleString("en-US")],
    ["price", price === undefined ? undefined : `${price.per1000} ${price.currency} for 1,000 ${price.per}s`],
    ["foreign From", tenant.foreignFrom ?? "refuse"],
    ["system mail", tenant.systemMail ?? "rewrite"],
    ["rewrite domain", tenant.rewriteDomain],
    ["limits", members(limits)],
    ["breaker", members(breaker)],
    ["webhook", webhook?.url],
  ];
  return lines.flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [`${name.padEnd(18)}${plainText(value)}`],
  );
}
