/** `relayhost domain check` through the command, with a real name server: what DNS says stands below what SES says. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addDomainCommand } from "../../bin/commands/domain.ts";
import { addTenantCommand } from "../../bin/commands/tenant.ts";
import type { WantedRecord } from "../../lib/core/domain-records.ts";
import { type Cli, startCli } from "../support/cli.ts";
import { type Knot, startKnot } from "./support/knot.ts";

let cli: Cli;
let knot: Knot;

beforeAll(async () => {
  cli = await startCli([addTenantCommand, addDomainCommand]);
  await cli.run("tenant", "add", "acme", "--name", "Acme");
  await cli.run("domain", "add", "good.test", "bad.test", "--tenant", "acme");
  const good = await wanted("good.test");
  const bad = await wanted("bad.test");
  knot = await startKnot({
    "good.test": good.map(line).join("\n"),
    // The first name has the zone behind it once more; MAIL FROM has two SPF records.
    "bad.test": [
      ...bad.map((record, index) =>
        index === 0 ? line(record).replace(/^\S+/, `${record.name}.bad.test.`) : line(record),
      ),
      'bounce TXT "v=spf1 -all"',
    ].join("\n"),
    "amazonses.com": '@ TXT "v=spf1 ip4:192.0.2.0/24 -all"',
  });
});

afterAll(async () => {
  await knot?.stop();
  await cli.close();
});

async function wanted(domain: string): Promise<WantedRecord[]> {
  return (await cli.json("domain", "records", domain, "--format", "json")) as WantedRecord[];
}

function line({ name, type, value, preference }: WantedRecord): string {
  if (type === "TXT") return `${name}. TXT "${value}"`;
  return `${name}. ${type} ${preference === undefined ? "" : `${preference} `}${value}.`;
}

describe("relayhost domain check", () => {
  it("finds nothing wrong with records as they were printed", async () => {
    const run = await cli.run("domain", "check", "good.test", "--resolver", knot.server, "--json");
    const [checked] = JSON.parse(run.stdout) as { records: { status: string }[] }[];
    expect(checked?.records.map(({ status }) => status)).toEqual(Array<string>(6).fill("good"));
  });

  it("names each mistake and its remedy below the table, in both languages", async () => {
    const english = await cli.run("domain", "check", "--tenant", "acme", "--resolver", knot.server);
    expect(english.code).toBe(1);
    const [, ...below] = english.stdout.split(/^bad\.test +pending.*\n(?:good\.test.*\n)?/m);
    expect(below.join()).toMatch(
      /_domainkey\.bad\.test CNAME: stands at .*\.bad\.test\.bad\.test: the zone's name is in it twice\n +The panel adds/,
    );
    expect(below.join()).toMatch(
      /bounce\.bad\.test TXT: has more than one SPF record: .*\n +Receivers take that as an error/,
    );
    expect(below.join()).not.toContain("good.test");
    const japanese = await cli.run("domain", "check", "bad.test", "--resolver", knot.server, "--lang", "ja");
    expect(japanese.stdout).toMatch(/bounce\.bad\.test TXT: SPF レコードが複数あります/);
  });

  it("tells a silent name server from a missing record", async () => {
    const run = await cli.run("domain", "check", "good.test", "--resolver", "127.0.0.1:1", "--json");
    const [checked] = JSON.parse(run.stdout) as { records: { status: string }[] }[];
    expect(new Set(checked?.records.map(({ status }) => status))).toEqual(new Set(["unknown"]));
    expect((await cli.run("domain", "check", "good.test", "--resolver", "ns.example")).code).toBe(2);
  });
});
