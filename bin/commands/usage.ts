/** `relayhost usage`: what an invoice needs, and the operator's own cost beside it. */

import type { Command } from "commander";
import { scanRows } from "../../lib/aws/directory-dynamo.ts";
import type { Ledger } from "../../lib/aws/ledger-dynamo.ts";
import { readUsage } from "../../lib/aws/usage-dynamo.ts";
import { oneOf, type Parser } from "../../lib/config/declare.ts";
import { csvText } from "../../lib/core/csv.ts";
import type { Tenant } from "../../lib/core/directory.ts";
import { type InvoiceLine, type InvoiceParts, invoiceLine, invoiceParts } from "../../lib/core/invoice.ts";
import { PRICES, relayingCost, SES_PLANS, type SesPlan } from "../../lib/core/prices.ts";
import { USAGE_FIELDS } from "../../lib/core/usage.ts";
import { note } from "./change.ts";
import { connect } from "./connect.ts";
import { Mistakes } from "./mistakes.ts";
import { printJson, printTable } from "./output.ts";
import { CommandError, EXIT } from "./report.ts";
import { tenantNamed } from "./tenant.ts";

interface Options {
  readonly env?: string;
  readonly tenant?: string;
  readonly month?: string;
  readonly by?: string;
  readonly sesPlan: string;
  readonly csv?: boolean;
  readonly json?: boolean;
}

/** A line with the estimate of AWS's cost, in dollars. */
export type UsageLine = InvoiceLine & { readonly awsCostUsd: string };

const month: Parser<string> = (text) =>
  /^\d{4}-(0[1-9]|1[0-2])$/.test(text) ? { value: text } : { allowed: "a month such as 2026-11" };

/** Adds the command. */
export function addUsageCommand(program: Command): void {
  program
    .command("usage")
    .description("what tenants have used in a month, what they owe, and what AWS asked for it")
    .option("--tenant <id>", "only this tenant")
    .option("--month <yyyy-mm>", "a calendar month in UTC (default: this one, so far)")
    .option("--by <part>", "a line for each day, credential or domain")
    .option("--ses-plan <name>", SES_PLANS.join(" or "), SES_PLANS[0])
    .option("--csv", "for a spreadsheet or an invoicing program")
    .option("--json", "as JSON, one array")
    .option("--env <name>", "a deployed environment instead of local mode")
    .addHelpText(
      "after",
      `
Charged are accepted messages, or the recipients that SES took, as the tenant's price says. The month's amount is rounded
once, a half upwards, to the digits of its currency. A message counts for the UTC day on which it was accepted; the books
are ten minutes behind. The cost of AWS is an estimate from list prices (SES and the calls of each message, not what
stands by): the bill is AWS's.

Examples:
  relayhost usage --month 2026-11 --env prod
  relayhost usage --tenant acme --month 2026-11 --csv > acme-2026-11.csv
  relayhost usage --tenant acme --by domain --json`,
    )
    .action(async (options: Options) => {
      const mistakes = new Mistakes();
      const now = new Date().toISOString().slice(0, 7);
      const wanted = mistakes.read("--month", options.month, month) ?? now;
      const by = mistakes.read("--by", options.by, oneOf<InvoiceParts>("day", "credential", "domain"));
      const plan = mistakes.read("--ses-plan", options.sesPlan, oneOf(...SES_PLANS)) ?? SES_PLANS[0];
      if (options.csv === true && options.json === true) mistakes.add("--csv and --json exclude each other");
      mistakes.end();
      const { directory, ledger, names } = await connect(options.env);
      const tenants =
        options.tenant === undefined
          ? (await scanRows(directory, "tenant")).toSorted((a, b) => (a.id < b.id ? -1 : 1))
          : [await tenantNamed(directory, options.tenant)];
      const lines = await usageLines(ledger, names.region, tenants, wanted, by, plan);
      if (wanted === now && options.json !== true) note(`${wanted} is not over yet`);
      print(lines, options);
      if (lines.length === 0) throw new CommandError(`nothing was used in ${wanted}`, EXIT.notFound);
    });
}

/** The lines of these tenants; of several, those that used nothing are left out. Throws what DynamoDB throws. */
export async function usageLines(
  ledger: Ledger,
  region: string,
  tenants: readonly Tenant[],
  wanted: string,
  by: InvoiceParts | undefined,
  plan: SesPlan,
): Promise<UsageLine[]> {
  const lines: UsageLine[] = [];
  for (const tenant of tenants) {
    const rows = await readUsage(ledger, tenant.id, wanted);
    if (rows.length === 0 && tenants.length > 1) continue;
    const ofTenant = by === undefined ? [invoiceLine(tenant, wanted, rows)] : invoiceParts(tenant, wanted, rows, by);
    for (const line of ofTenant) lines.push({ ...line, awsCostUsd: costOf(line, region, plan) });
  }
  return lines;
}

/** Dollars to four digits. A region without prices of its own has those of us-east-1. */
function costOf({ counts }: InvoiceLine, region: string, plan: SesPlan): string {
  const known: Readonly<Record<string, (typeof PRICES)["us-east-1" | "ap-northeast-1"]>> = PRICES;
  return relayingCost(counts, known[region] ?? PRICES["us-east-1"], plan).toFixed(4);
}

function print(lines: readonly UsageLine[], options: Options): void {
  if (options.json === true) printJson(lines);
  else if (options.csv === true) process.stdout.write(usageCsv(lines));
  else {
    printTable(
      [
        "TENANT",
        ...(options.by === undefined ? [] : [options.by.toUpperCase()]),
        "MESSAGES",
        "SENT",
        "DELIVERED",
        "BOUNCED",
        "CHARGED",
        "AMOUNT",
        "AWS USD",
      ],
      lines.map((line) => [
        line.tenant,
        ...(options.by === undefined ? [] : [line.part ?? ""]),
        String(line.counts.messages),
        String(line.counts.sent),
        String(line.counts.delivered),
        String(line.counts.bounced),
        line.charged === undefined ? "" : `${line.charged.count} ${line.charged.per}s`,
        line.amount === undefined ? "" : `${line.amount.value} ${line.amount.currency}`,
        line.awsCostUsd,
      ]),
    );
  }
}

const CSV_HEADS = [
  "tenant",
  "name",
  "month",
  "part",
  ...USAGE_FIELDS,
  "charged_per",
  "charged_count",
  "price_per_1000",
  "amount",
  "currency",
  "aws_cost_usd",
] as const;

/** For a spreadsheet or an invoicing program. */
export function usageCsv(lines: readonly UsageLine[]): string {
  const rows = lines.map((line) => [
    line.tenant,
    line.name,
    line.month,
    line.part ?? "",
    ...USAGE_FIELDS.map((field) => line.counts[field]),
    line.charged?.per ?? "",
    line.charged?.count ?? "",
    line.charged?.per1000 ?? "",
    line.amount?.value ?? "",
    line.amount?.currency ?? "",
    line.awsCostUsd,
  ]);
  return csvText(CSV_HEADS, rows);
}
