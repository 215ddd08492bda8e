/** The invoice of a month, against a recount of the books, in every form. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addTenantCommand } from "../../bin/commands/tenant.ts";
import { addUsageCommand } from "../../bin/commands/usage.ts";
import { makeDynamoDb } from "../../lib/aws/clients.ts";
import { writeDay } from "../../lib/aws/usage-dynamo.ts";
import { parseCsv } from "../../lib/core/csv.ts";
import { NO_USAGE, scopeKey, type UsageByScope, type UsageCounts } from "../../lib/core/usage.ts";
import { type Cli, startCli } from "../support/cli.ts";

const MONTH = "2026-10";
const DAYS = 31;
const DOMAINS = 30;

let cli: Cli;
const total = { messages: 0, recipients: 0, sent: 0, delivered: 0, bounced: 0, bytes: 0 };

/** A day of so many messages of two recipients each, one in ten of whom bounces and one in twenty is refused. */
function counts(messages: number): UsageCounts {
  const recipients = 2 * messages;
  const refused = Math.floor(recipients / 20);
  const bounced = Math.floor(recipients / 10);
  const sent = recipients - refused;
  return {
    ...NO_USAGE,
    messages,
    recipients,
    bytes: messages * 1000,
    sent,
    bounced,
    refused,
    delivered: sent - bounced,
  };
}

beforeAll(async () => {
  cli = await startCli([addTenantCommand, addUsageCommand]);
  const price = ["--price", "0.35", "--currency", "USD", "--price-per", "recipient"];
  await cli.run("tenant", "add", "acme", "--name", "Acme, Inc.", ...price);
  await cli.run("tenant", "add", "yen", "--name", "Yen", "--price", "150", "--currency", "JPY");
  await cli.run("tenant", "add", "free", "--name", "Free");
  const ledger = { client: makeDynamoDb(), table: cli.names.ledgerTable };
  for (let day = 1; day <= DAYS; day++) {
    const all = counts(1_000 + day);
    for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += all[name];
    const usage = new Map([[scopeKey("tenant", ""), all]]);
    for (let i = 0; i < DOMAINS; i++) usage.set(scopeKey("domain", `d${i}.example`), counts(10));
    await writeDay(ledger, "acme", `${MONTH}-${String(day).padStart(2, "0")}`, usage, 1);
  }
  const yen: UsageByScope = new Map([[scopeKey("tenant", ""), counts(1_230)]]);
  await writeDay(ledger, "yen", `${MONTH}-05`, yen, 1);
  ledger.client.destroy();
});

afterAll(async () => await cli.close());

describe("relayhost usage", () => {
  it("gives an invoice as CSV that equals a recount, in the tenant's currency", async () => {
    const { stdout, code } = await cli.run("usage", "--month", MONTH, "--csv");
    expect(code).toBe(0);
    const [heads = [], ...rows] = parseCsv(stdout);
    const lines = rows.map((cells) => Object.fromEntries(heads.map((head, i) => [head, cells[i]])));
    expect(lines.map(({ tenant }) => tenant)).toEqual(["acme", "yen"]);
    const text = Object.fromEntries(Object.entries(total).map(([name, value]) => [name, String(value)]));
    expect(lines[0]).toMatchObject({
      ...text,
      name: "Acme, Inc.",
      month: MONTH,
      charged_per: "recipient",
      charged_count: String(total.sent),
      amount: (Math.round(total.sent * 0.035) / 100).toFixed(2),
      currency: "USD",
    });
    // 1,230 messages at 150 yen for 1,000 are 184.5 yen.
    expect(lines[1]).toMatchObject({ charged_per: "message", charged_count: "1230", amount: "185", currency: "JPY" });
  });

  it("takes a month apart by day and by domain, without amounts that would not add up", async () => {
    const days = (await cli.json("usage", "--tenant", "acme", "--month", MONTH, "--by", "day", "--json")) as {
      part: string;
      counts: UsageCounts;
      amount?: unknown;
    }[];
    expect(days).toHaveLength(DAYS);
    expect(days[0]).toMatchObject({ part: `${MONTH}-01`, counts: counts(1_001) });
    expect(days.reduce((sum, day) => sum + day.counts.sent, 0)).toBe(total.sent);
    expect(days.every(({ amount }) => amount === undefined)).toBe(true);
    const domains = (await cli.json("usage", "--tenant", "acme", "--month", MONTH, "--by", "domain", "--json")) as {
      counts: UsageCounts;
    }[];
    expect(domains).toHaveLength(DOMAINS);
    expect(domains[0]?.counts.messages).toBe(10 * DAYS);
  });

  it("puts the cost of AWS beside it: SES by recipient and plan, and the calls of each message", async () => {
    const cost = async (...plan: string[]): Promise<number> => {
      const lines = (await cli.json("usage", "--tenant", "acme", "--month", MONTH, "--json", ...plan)) as {
        awsCostUsd: string;
      }[];
      return Number(lines[0]?.awsCostUsd);
    };
    const plain = await cost();
    const ses = total.sent * 0.0001;
    expect(plain).toBeGreaterThan(ses);
    expect(plain).toBeLessThan(ses + 0.03 * (total.recipients / 1000));
    expect(await cost("--ses-plan", "essentials")).toBeCloseTo(plain + total.sent * 0.00006, 3);
  });

  it("shows a tenant without a price and without mail, and says when nobody used anything", async () => {
    expect((await cli.run("usage", "--tenant", "free", "--month", MONTH)).stdout).toMatch(
      /^free +0 +0 +0 +0 +0\.0000$/m,
    );
    expect(await cli.run("usage", "--month", "2020-01")).toMatchObject({ code: 3 });
    expect((await cli.run("usage", "--month", "November", "--by", "week", "--ses-plan", "x")).stderr).toContain(
      "3 mistakes",
    );
  });
});
