/** Domains through the operator's commands: taken in, published, verified, removed. */

import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateEmailIdentityCommand,
  GetEmailIdentityCommand,
  type GetEmailIdentityCommandOutput,
  ListTenantResourcesCommand,
  NotFoundException,
  PutEmailIdentityMailFromAttributesCommand,
  SESv2Client,
} from "@aws-sdk/client-sesv2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addDomainCommand } from "../../bin/commands/domain.ts";
import { addTenantCommand } from "../../bin/commands/tenant.ts";
import { changeRow, listPendingDomains, readRow } from "../../lib/aws/directory-dynamo.ts";
import { LOCAL_NAMES } from "../../lib/aws/provision.ts";
import { domainKey } from "../../lib/core/directory.ts";
import { type Cli, startCli } from "../support/cli.ts";

let cli: Cli;
let ses: SESv2Client;
let folder: string;

beforeAll(async () => {
  cli = await startCli([addTenantCommand, addDomainCommand], { names: { sesTenants: true } });
  ses = new SESv2Client();
  folder = await mkdtemp(join(tmpdir(), "relayhost-domains-"));
  for (const id of ["acme", "other"]) await cli.run("tenant", "add", id, "--name", id);
});

afterAll(async () => {
  ses.destroy();
  await cli.close();
  await rm(folder, { recursive: true });
});

const row = async (domain: string) => await readRow(cli.directory, domainKey(domain));
const identity = async (EmailIdentity: string): Promise<GetEmailIdentityCommandOutput> =>
  await ses.send(new GetEmailIdentityCommand({ EmailIdentity }));

async function localVerify(name: string): Promise<void> {
  const body = JSON.stringify({ identity: name });
  expect((await fetch(`${cli.endpoint}/local/verify`, { method: "POST", body })).status).toBe(200);
}

describe("relayhost domain add", () => {
  it("makes the identity: Easy DKIM, our configuration set, no feedback by mail, MAIL FROM, the SES tenant", async () => {
    const run = await cli.run("domain", "add", "A.example", "xn--wgv71a119e.example", "--tenant", "acme");
    expect(run).toMatchObject({ code: 0 });
    expect(run.stdout).toContain("2 added, 0 there already, 0 refused");
    const made = await identity("a.example");
    expect(made).toMatchObject({
      ConfigurationSetName: LOCAL_NAMES.configurationSet,
      FeedbackForwardingStatus: false,
      DkimAttributes: { SigningAttributesOrigin: "AWS_SES", CurrentSigningKeyLength: "RSA_2048_BIT" },
      MailFromAttributes: { MailFromDomain: "bounce.a.example", BehaviorOnMxFailure: "USE_DEFAULT_VALUE" },
    });
    expect(await row("a.example")).toEqual({
      kind: "domain",
      domain: "a.example",
      tenant: "acme",
      status: "pending",
      ses: {
        region: "us-east-1",
        dkimTokens: made.DkimAttributes?.Tokens,
        dkimZone: made.DkimAttributes?.SigningHostedZone,
        mailFrom: "bounce.a.example",
      },
    });
    const { TenantResources } = await ses.send(new ListTenantResourcesCommand({ TenantName: "acme" }));
    expect(TenantResources?.map(({ ResourceArn }) => ResourceArn?.split(":").at(-1))).toEqual([
      `configuration-set/${LOCAL_NAMES.configurationSet}`,
      "identity/a.example",
      "identity/xn--wgv71a119e.example",
    ]);
  });

  it("changes nothing when it is repeated", async () => {
    const before = await identity("a.example");
    const run = await cli.run("domain", "add", "a.example", "--tenant", "acme");
    expect(run.stdout).toContain("0 added, 1 there already");
    await cli.run("domain", "add", "a.example", "--tenant", "acme", "--repair");
    expect((await identity("a.example")).DkimAttributes?.Tokens).toEqual(before.DkimAttributes?.Tokens);
    expect(await row("a.example")).not.toHaveProperty("ses.adopted");
  });

  it("refuses a domain that another tenant holds, and what lies under it, and takes the others", async () => {
    const run = await cli.run("domain", "add", "a.example", "shop.a.example", "b.example", "--tenant", "other");
    expect(run.code).toBe(1);
    expect(run.stdout).toContain("a.example  refused: held by tenant acme");
    expect(run.stdout).toContain("shop.a.example  refused: under a.example of tenant acme");
    expect(run.stdout).toContain("1 added, 0 there already, 2 refused");
    expect(await row("a.example")).toMatchObject({ tenant: "acme" });
    await expect(identity("shop.a.example")).rejects.toThrow(NotFoundException);
    const taken = await cli.run("domain", "add", "shop.a.example", "--tenant", "other", "--allow-overlap");
    expect(taken.code).toBe(0);
  });

  it("goes on where it was stopped: after the row, after the identity, after its settings", async () => {
    await cli.run("domain", "add", "cut.example", "--tenant", "acme");
    const whole = await row("cut.example");
    await changeRow(cli.directory, domainKey("cut.example"), { ses: undefined });
    expect((await cli.run("domain", "list", "--tenant", "acme")).stdout).toMatch(/^cut\.example +acme +not set up/m);
    await cli.run("domain", "add", "cut.example", "--tenant", "acme");
    expect(await row("cut.example")).toEqual(whole);
  });

  it("adopts an identity that was there, keeps its settings, and says that it may send at once", async () => {
    await ses.send(new CreateEmailIdentityCommand({ EmailIdentity: "corp.example" }));
    const MailFromDomain = "mail.corp.example";
    await ses.send(new PutEmailIdentityMailFromAttributesCommand({ EmailIdentity: "corp.example", MailFromDomain }));
    await localVerify("corp.example");
    await cli.run("domain", "add", "corp.example", "--tenant", "acme");
    expect(await row("corp.example")).toMatchObject({ ses: { mailFrom: MailFromDomain } });
    expect(await identity("corp.example")).toMatchObject({ MailFromAttributes: { MailFromDomain } });
    expect(await row("corp.example")).toMatchObject({ status: "verified", ses: { adopted: true } });
    expect(await identity("corp.example")).toMatchObject({ FeedbackForwardingStatus: false });
    expect(await listPendingDomains(cli.directory)).not.toContain("corp.example");
  });

  it("asks for no DKIM records where the operator signs with a key of his own", async () => {
    const DkimSigningAttributes = { DomainSigningSelector: "own", DomainSigningPrivateKey: "bm90IGEga2V5" };
    await ses.send(new CreateEmailIdentityCommand({ EmailIdentity: "own.example", DkimSigningAttributes }));
    await cli.run("domain", "add", "own.example", "--tenant", "acme");
    expect((await cli.run("domain", "records", "own.example")).stdout).not.toContain("_domainkey");
  });

  it("does nothing in a dry run but say how long it takes, and names all mistakes", async () => {
    expect((await cli.run("domain", "add", "dry.example", "--tenant", "acme", "--dry-run")).stdout).toContain(
      "1 would be added",
    );
    expect(await row("dry.example")).toBeUndefined();
    const run = await cli.run("domain", "add", "local", "x y", "--tenant", "A", "--mail-from", "a.b");
    expect(run.code).toBe(2);
    for (const text of ['"local": a name', '"x y": not a', "--tenant:", "--mail-from:"])
      expect(run.stderr).toContain(text);
  });
});

describe("relayhost domain import", () => {
  it("reads a folder of zone files, names what it leaves out, and adds the rest", async () => {
    const zones = join(folder, "zones");
    await mkdir(zones);
    const soa = "IN SOA ns.host.example. root.host.example. 1 2 3 4 5\n";
    await writeFile(join(zones, "z1.example.zone"), `@ ${soa}`);
    await writeFile(join(zones, "db.z2"), `z2.example. ${soa}`);
    await writeFile(join(zones, "2.0.192.in-addr.arpa"), `@ ${soa}`);
    await writeFile(join(zones, "README"), "zones of ours\n");
    const run = await cli.run("domain", "import", zones, "--tenant", "acme", "--json");
    const { domains } = JSON.parse(run.stdout) as { domains: { domain: string }[] };
    expect(domains.map(({ domain }) => domain).toSorted()).toEqual(["z1.example", "z2.example"]);
    expect(run.stderr).toContain("2.0.192.in-addr.arpa: a reverse zone");
    expect(run.stderr).toContain("README: no zone file");
  });

  it("says which file it cannot read, which format it does not know, and that a list holds none", async () => {
    const empty = join(folder, "empty");
    await writeFile(empty, "# nothing\n");
    expect(await cli.run("domain", "import", "/nonexistent", "--tenant", "acme")).toMatchObject({ code: 2 });
    expect(await cli.run("domain", "import", empty, "--tenant", "acme", "--format", "xml")).toMatchObject({ code: 2 });
    expect(await cli.run("domain", "import", empty, "--tenant", "acme")).toMatchObject({ code: 3 });
  });
});

describe("relayhost domain records", () => {
  it("prints what SES asks for, by domain or for a tenant", async () => {
    const made = await identity("a.example");
    const [token = ""] = made.DkimAttributes?.Tokens ?? [];
    const zone = made.DkimAttributes?.SigningHostedZone ?? "";
    const { stdout } = await cli.run("domain", "records", "a.example", "--format", "zone");
    expect(stdout).toContain(`${token}._domainkey\t3600\tIN\tCNAME\t${token}.${zone}.\n`);
    expect(stdout).toContain("_dmarc\t");
    expect((await cli.run("domain", "records", "a.example", "--no-dmarc")).stdout).not.toContain("_dmarc");
    const all = (await cli.json("domain", "records", "--tenant", "other", "--json")) as { domain: string }[];
    expect(new Set(all.map(({ domain }) => domain))).toEqual(new Set(["b.example", "shop.a.example"]));
  });

  it("writes a file for each domain where one document would be none", async () => {
    const run = await cli.run("domain", "records", "--tenant", "other", "--format", "route53");
    expect(run).toMatchObject({ code: 2 });
    const out = join(folder, "out");
    await cli.run("domain", "records", "--tenant", "other", "--format", "route53", "--out", out);
    expect(JSON.parse(await readFile(join(out, "b.example.json"), "utf8"))).toHaveProperty("Changes");
  });

  it("writes into Route 53 of a deployed environment only", async () => {
    const run = await cli.run("domain", "records", "a.example", "--apply");
    expect(run).toMatchObject({ code: 2, stderr: "relayhost: --apply needs --env: local mode has no Route 53\n" });
    expect((await cli.run("domain", "records", "a.example", "--replace")).code).toBe(2);
  });

  it("ends with 3 for a domain nobody has, and with 1 for one that SES has not heard of", async () => {
    expect((await cli.run("domain", "records", "nobody.example")).code).toBe(3);
    await changeRow(cli.directory, domainKey("b.example"), { ses: undefined });
    const run = await cli.run("domain", "records", "b.example");
    expect(run).toMatchObject({ code: 1 });
    expect(run.stderr).toContain("domain add or import again");
    await cli.run("domain", "add", "b.example", "--tenant", "other");
  });
});

describe("relayhost domain check", () => {
  it("says what is missing, and lets a domain send as soon as SES has verified it", async () => {
    const pending = await cli.run("domain", "check", "a.example");
    expect(pending).toMatchObject({ code: 1 });
    expect(pending.stdout).toMatch(/^a\.example +pending +pending +pending +publish the records/m);
    await localVerify("a.example");
    expect((await cli.run("domain", "check", "a.example")).stdout).toMatch(/^a\.example +verified +good +good$/m);
    expect(await row("a.example")).toMatchObject({ status: "verified" });
  });

  it("takes back what SES has taken back", async () => {
    await changeRow(cli.directory, domainKey("b.example"), { status: "verified" });
    expect((await cli.run("domain", "check", "b.example")).code).toBe(1);
    expect(await row("b.example")).toMatchObject({ status: "pending" });
  });

  it("stands in for DNS in local mode, and in local mode only", async () => {
    expect(await cli.run("domain", "check", "b.example", "--as-if-published")).toMatchObject({ code: 0 });
    expect(await row("b.example")).toMatchObject({ status: "verified" });
    expect((await cli.run("domain", "check", "b.example", "--as-if-published", "--env", "prod")).code).toBe(2);
  });
});

describe("relayhost domain watch", () => {
  it("tells each domain that SES verifies, and ends when all are", async () => {
    await cli.run("domain", "add", "w1.example", "w2.example", "--tenant", "other");
    await localVerify("w1.example");
    const cut = await cli.run("domain", "watch", "w1.example", "w2.example", "--timeout", "1s");
    expect(cut).toMatchObject({ code: 1 });
    expect(cut.stdout).toContain("verified  w1.example\n");
    expect(cut.stdout).toContain("1 of 2 are not verified:\n  w2.example\n");
    for (const name of ["w2.example", "shop.a.example"]) await localVerify(name);
    const run = await cli.run("domain", "watch", "--tenant", "other", "--every", "1s", "--timeout", "60s");
    expect(run.stdout).toContain("verified  w2.example\n");
    expect(await row("w2.example")).toMatchObject({ status: "verified" });
  });
});

describe("relayhost domain remove", () => {
  it("removes row and identity, but leaves an identity that it found", async () => {
    expect((await cli.run("domain", "remove", "w1.example", "--tenant", "acme")).code).toBe(3);
    await cli.run("domain", "remove", "w1.example", "--dry-run");
    expect(await row("w1.example")).toBeDefined();
    await cli.run("domain", "remove", "w1.example", "--tenant", "other");
    expect(await row("w1.example")).toBeUndefined();
    await expect(identity("w1.example")).rejects.toThrow(NotFoundException);
    expect((await cli.run("domain", "remove", "corp.example")).stdout).toContain("left in SES: corp.example");
    expect(await identity("corp.example")).toMatchObject({ VerifiedForSendingStatus: true });
  });
});
