/**
 * What a tenant's month comes to: the numbers of the books, the amount in the tenant's currency, and what AWS asked of
 * the operator.
 *
 * By message every accepted message counts; by recipient those that SES took, since nothing was done for the others.
 * The month's amount is rounded once, to the currency's digits.
 */

import type { Price, Tenant } from "./directory.ts";
import { currencyDigits, formatDecimal, parseDecimal, priceOf, roundDecimal } from "./money.ts";
import { addUsage, NO_USAGE, type UsageCounts, type UsageRow, type UsageScope } from "./usage.ts";

/** One line: a tenant's month, or a part of it. */
export interface InvoiceLine {
  readonly tenant: string;
  readonly name: string;
  readonly month: string;
  /** Day, login or domain; undefined: the whole month. */
  readonly part: string | undefined;
  readonly counts: UsageCounts;
  /** What is charged for, and how many there were; undefined where no price is agreed. */
  readonly charged: { readonly per: Price["per"]; readonly count: number; readonly per1000: string } | undefined;
  /** Of the whole month only: parts are rounded by nobody, so that they cannot add up to something else. */
  readonly amount: { readonly value: string; readonly currency: string } | undefined;
}

/** By what a month is taken apart. */
export type InvoiceParts = "day" | "credential" | "domain";

/** The whole month of a tenant. */
export function invoiceLine(tenant: Tenant, month: string, rows: readonly UsageRow[]): InvoiceLine {
  const counts = sum(rows.filter(({ scope }) => scope === "tenant"));
  return { ...line(tenant, month, undefined, counts), amount: amountOf(tenant.price, counts) };
}

/** The month taken apart, in order of day or name. */
export function invoiceParts(
  tenant: Tenant,
  month: string,
  rows: readonly UsageRow[],
  by: InvoiceParts,
): InvoiceLine[] {
  const scope: UsageScope = by === "day" ? "tenant" : by;
  const parts = new Map<string, UsageRow[]>();
  for (const row of rows) {
    if (row.scope !== scope) continue;
    const part = by === "day" ? row.day : row.name;
    parts.set(part, [...(parts.get(part) ?? []), row]);
  }
  return [...parts]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([part, ofPart]) => line(tenant, month, part, sum(ofPart)));
}

function line(tenant: Tenant, month: string, part: string | undefined, counts: UsageCounts): InvoiceLine {
  const { price } = tenant;
  const charged = price && { per: price.per, count: countOf(price, counts), per1000: price.per1000 };
  return { tenant: tenant.id, name: tenant.name, month, part, counts, charged, amount: undefined };
}

function countOf(price: Price, counts: UsageCounts): number {
  return price.per === "message" ? counts.messages : counts.sent;
}

function amountOf(price: Price | undefined, counts: UsageCounts): InvoiceLine["amount"] {
  const per1000 = price === undefined ? undefined : parseDecimal(price.per1000);
  if (price === undefined || per1000 === undefined) return undefined;
  const exact = priceOf(countOf(price, counts), per1000);
  return { value: formatDecimal(roundDecimal(exact, currencyDigits(price.currency))), currency: price.currency };
}

function sum(rows: readonly UsageRow[]): UsageCounts {
  return rows.reduce((total, { counts }) => addUsage(total, counts), NO_USAGE);
}
