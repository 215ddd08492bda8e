/** Tenants, logins and networks through the operator's commands. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addCredentialCommand } from "../../bin/commands/credential.ts";
import { addNetworkCommand } from "../../bin/commands/network.ts";
import { addTenantCommand } from "../../bin/commands/tenant.ts";
import { changeRow, readRow, writeRow } from "../../lib/aws/directory-dynamo.ts";
import { credentialKey, networkKey, senderPauseKey, tenantKey } from "../../lib/core/directory.ts";
import { ENV } from "../../lib/core/names.ts";
import { verifyPassword } from "../../lib/core/password-hash.ts";
import { useLocalAws } from "../../lib/local/local-environment.ts";
import { type Cli, startCli } from "../support/cli.ts";

let cli: Cli;
const zone = process.env["TZ"];

beforeAll(async () => {
  process.env["TZ"] = "Asia/Tokyo";
  cli = await startCli([addTenantCommand, addCredentialCommand, addNetworkCommand]);
});

afterAll(async () => {
  await cli.close();
  if (zone === undefined) delete process.env["TZ"];
  else process.env["TZ"] = zone;
});

const tenant = async (id: string) => await readRow(cli.directory, tenantKey(id));

describe("relayhost tenant add", () => {
  it("takes in a tenant with its contract; days are days here, the last one included", async () => {
    const contract = "--start 2096-12-01 --end 2097-03-31 --monthly-messages 200000 --price 120.50 --currency JPY";
    const rest = "--price-per recipient --foreign-from rewrite --messages-per-minute 600 --bounce-rate-max 5%";
    const options = `--language ja --contact post@ACME.example ${contract} ${rest} --breaker-pauses no`.split(" ");
    const run = await cli.run("tenant", "add", "acme", "--name", "Acme Web K.K.", ...options);
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(run.stdout).toContain("Added tenant acme\nNext: relayhost credential add --tenant acme\n");
    expect(await tenant("acme")).toEqual({
      kind: "tenant",
      id: "acme",
      name: "Acme Web K.K.",
      status: "active",
      language: "ja",
      contact: "post@acme.example",
      startsAtMs: Date.parse("2096-12-01T00:00:00+09:00"),
      endsAtMs: Date.parse("2097-04-01T00:00:00+09:00"),
      monthlyMessagesMax: 200_000,
      price: { per: "recipient", per1000: "120.50", currency: "JPY" },
      limits: { messagesPerMinute: 600 },
      breaker: { bounceRateMax: 0.05, pauses: false },
      foreignFrom: "rewrite",
    });
  });

  it("names all mistakes at once, and then does nothing", async () => {
    const wrong = "--language fr --contact nobody --start 2026-02-30 --price 1,5 --currency YEN --end 2026-01-01";
    const run = await cli.run("tenant", "add", "Bad_Id", ...wrong.split(" "), "--monthly-messages", "many");
    expect(run.code).toBe(2);
    for (const option of [
      "id:",
      "--language:",
      "--contact:",
      "--start:",
      "--price:",
      "--currency:",
      "--monthly-",
      "--name is",
    ]) {
      expect(run.stderr).toContain(`- ${option}`);
    }
    expect(await tenant("Bad_Id")).toBeUndefined();
  });

  it.each([
    [["--price", "5"], "--price needs --currency"],
    [["--currency", "JPY"], "--currency needs --price"],
    [["--start", "2027-01-01", "--end", "2026-01-01"], "end before it starts"],
  ])("refuses %j", async (options, sentence) => {
    const run = await cli.run("tenant", "add", "half", "--name", "Half", ...options);
    expect(run.code).toBe(2);
    expect(run.stderr).toContain(sentence);
  });

  it("does not replace one that is there, and does nothing in a dry run", async () => {
    expect(await cli.run("tenant", "add", "acme", "--name", "Other")).toMatchObject({ code: 1 });
    expect(await tenant("acme")).toMatchObject({ name: "Acme Web K.K." });
    const dry = await cli.run("tenant", "add", "dry", "--name", "Dry", "--dry-run");
    expect(dry.stdout).toContain("would have added tenant dry");
    expect(await tenant("dry")).toBeUndefined();
  });

  it("shows the secret of a webhook once, and never again", async () => {
    const added = await cli.json(
      "tenant",
      "add",
      "hook",
      "--name",
      "Hook",
      "--webhook",
      "https://h.example/x",
      "--json",
    );
    expect(added).toMatchObject({ webhookSecret: expect.stringMatching(/^whsec_/) as string });
    const { stdout } = await cli.run("tenant", "show", "hook", "--json");
    expect(stdout).toContain("https://h.example/x");
    expect(stdout).not.toContain("whsec_");
  });
});

describe("a webhook in an environment that sends none", () => {
  it("is taken and warned of", async () => {
    const other = await startCli([addTenantCommand], { names: { webhooks: false } });
    try {
      await other.run("tenant", "add", "acme", "--name", "Acme");
      const set = await other.run("tenant", "set", "acme", "--webhook", "https://h.example/x");
      expect(set).toMatchObject({ code: 0, stderr: expect.stringContaining("sends no webhooks") as string });
      expect((await other.run("tenant", "set", "acme", "--name", "Acme 2")).stderr).toBe("");
      expect((await other.run("tenant", "set", "acme", "--webhook", "none")).stderr).toBe("");
      const added = await other.run("tenant", "add", "hook", "--name", "Hook", "--webhook", "https://h.example/x");
      expect(added.stderr).toContain("nothing is posted for hook");
    } finally {
      await other.close();
      // The commands of the other tests speak to this again.
      process.env[ENV.dataDir] = cli.dataDir;
      useLocalAws(process.env, cli.endpoint);
    }
  }, 60_000);
});

describe("relayhost tenant set", () => {
  it("changes what is named and leaves the rest, also within a group of settings", async () => {
    await cli.run("tenant", "set", "acme", "--currency", "USD", "--recipients-per-minute", "900", "--contact", "none");
    expect(await tenant("acme")).toMatchObject({
      name: "Acme Web K.K.",
      price: { per: "recipient", per1000: "120.50", currency: "USD" },
      limits: { messagesPerMinute: 600, recipientsPerMinute: 900 },
    });
    expect(await tenant("acme")).not.toHaveProperty("contact");
    await cli.run("tenant", "set", "acme", "--messages-per-minute", "none", "--recipients-per-minute", "none");
    expect(await tenant("acme")).not.toHaveProperty("limits");
  });

  it("lets a month's limit that was reached be judged anew when it is changed", async () => {
    await changeRow(cli.directory, tenantKey("acme"), { limitReachedMonth: "2026-11" });
    await cli.run("tenant", "set", "acme", "--monthly-messages", "300000");
    expect(await tenant("acme")).not.toHaveProperty("limitReachedMonth");
  });

  it("ends with 2 without a setting, with 3 for a tenant that is not there", async () => {
    expect((await cli.run("tenant", "set", "acme")).code).toBe(2);
    expect(await cli.run("tenant", "set", "nobody", "--name", "X")).toMatchObject({
      code: 3,
      stderr: "relayhost: there is no tenant nobody\n",
    });
  });
});

describe("relayhost tenant pause, resume and end", () => {
  it("pauses with a reason and resumes; also what the breaker paused", async () => {
    await cli.run("tenant", "pause", "acme", "--reason", "invoice of May");
    expect(await tenant("acme")).toMatchObject({
      status: "paused",
      pause: { by: "operator", reason: "invoice of May" },
    });
    expect((await cli.run("tenant", "list")).stdout).toMatch(/^acme +paused /m);
    const pause = { by: "breaker", reason: "7.1 % bounces", atMs: 1 } as const;
    await changeRow(cli.directory, tenantKey("acme"), { status: "paused", pause });
    expect((await cli.run("tenant", "show", "acme")).stdout).toContain("paused (breaker): 7.1 % bounces");
    expect((await cli.run("tenant", "resume", "acme", "--dry-run")).stdout).toContain("would have resumed");
    expect(await tenant("acme")).toMatchObject({ status: "paused" });
    expect((await cli.run("tenant", "resume", "acme")).stdout).toContain("was paused by the breaker: 7.1 % bounces");
    expect(await tenant("acme")).toMatchObject({ status: "active" });
    expect(await tenant("acme")).not.toHaveProperty("pause");
    expect((await cli.run("tenant", "resume", "acme")).code).toBe(3);
  });

  it("pauses and resumes one envelope sender, in any case of letters", async () => {
    await cli.run("tenant", "pause", "acme", "--sender", "WWW@shop.acme.example", "--reason", "form abused");
    const key = senderPauseKey("acme", "www@shop.acme.example");
    expect(await readRow(cli.directory, key)).toMatchObject({ sender: "www@shop.acme.example", tenant: "acme" });
    expect(await tenant("acme")).toMatchObject({ status: "active" });
    expect((await cli.run("tenant", "resume", "acme", "--sender", "www@SHOP.acme.example")).code).toBe(0);
    expect(await readRow(cli.directory, key)).toBeUndefined();
  });

  it("ends a contract now or on a day", async () => {
    await cli.run("tenant", "end", "acme", "--at", "2097-02-01");
    expect(await tenant("acme")).toMatchObject({ endsAtMs: Date.parse("2097-02-01T00:00:00+09:00") });
    const before = Date.now();
    await cli.run("tenant", "end", "acme");
    const row = await tenant("acme");
    expect(row?.kind === "tenant" && row.endsAtMs !== undefined && row.endsAtMs >= before).toBe(true);
    expect((await cli.run("tenant", "list")).stdout).toMatch(/^acme +ended /m);
  });
});

describe("relayhost credential", () => {
  it("makes a login whose password is shown once and opens it", async () => {
    const run = await cli.run("credential", "add", "plesk1", "--tenant", "acme", "--label", "plesk1.acme.example");
    const password = /Password, shown once: ([A-Za-z0-9_-]{32})\n/.exec(run.stdout)?.[1] ?? "";
    const row = await readRow(cli.directory, credentialKey("plesk1"));
    if (row?.kind !== "credential") throw new Error("no row");
    expect(row).toMatchObject({ tenant: "acme", label: "plesk1.acme.example", status: "active" });
    expect(await verifyPassword(password, row.passwordHash)).toBe(true);
    const { stdout } = await cli.run("credential", "list", "--tenant", "acme", "--json");
    expect(JSON.parse(stdout)).toEqual([
      { login: "plesk1", tenant: "acme", label: "plesk1.acme.example", status: "active" },
    ]);
  });

  it("names one after the tenant when none is given, and refuses one that is taken", async () => {
    expect(await cli.json("credential", "add", "--tenant", "acme", "--json")).toMatchObject({
      login: expect.stringMatching(/^acme-[a-z0-9_-]{6}$/) as string,
    });
    expect(await cli.run("credential", "add", "plesk1", "--tenant", "hook")).toMatchObject({ code: 1 });
    expect((await cli.run("credential", "add", "with:colon", "--tenant", "acme")).code).toBe(2);
    expect((await cli.run("credential", "add", "x", "--tenant", "acme", "--label", "\u30b5\u30fc\u30d0")).code).toBe(2);
    expect((await cli.run("credential", "add", "x", "--tenant", "nobody")).code).toBe(3);
  });

  it("rotates: the old password works until the overlap ends, or at once no more", async () => {
    const old = await readRow(cli.directory, credentialKey("plesk1"));
    const before = Date.now();
    expect(await cli.json("credential", "rotate", "plesk1", "--overlap", "2d", "--json")).toMatchObject({
      login: "plesk1",
    });
    const row = await readRow(cli.directory, credentialKey("plesk1"));
    if (row?.kind !== "credential" || old?.kind !== "credential") throw new Error("no row");
    expect(row.previousPasswordHash).toBe(old.passwordHash);
    expect(row.passwordHash).not.toBe(old.passwordHash);
    expect(row.previousUntilMs).toBeGreaterThanOrEqual(before + 2 * 86_400_000);
    await cli.run("credential", "rotate", "plesk1", "--overlap", "0s");
    expect(await readRow(cli.directory, credentialKey("plesk1"))).not.toHaveProperty("previousPasswordHash");
    expect((await cli.run("credential", "rotate", "plesk1", "--overlap", "soon")).code).toBe(2);
  });

  it("pauses, resumes and revokes; of several logins none is touched if one is unknown", async () => {
    await cli.run("credential", "pause", "plesk1", "--reason", "broken into");
    expect(await readRow(cli.directory, credentialKey("plesk1"))).toMatchObject({
      status: "paused",
      pause: { by: "operator", reason: "broken into" },
    });
    await cli.run("credential", "resume", "plesk1");
    expect(await readRow(cli.directory, credentialKey("plesk1"))).toMatchObject({ status: "active" });
    const run = await cli.run("credential", "revoke", "plesk1", "nobody");
    expect(run).toMatchObject({ code: 3, stderr: "relayhost: there is no login nobody\n" });
    expect(await readRow(cli.directory, credentialKey("plesk1"))).toBeDefined();
    await cli.run("credential", "revoke", "plesk1");
    expect(await readRow(cli.directory, credentialKey("plesk1"))).toBeUndefined();
  });
});

describe("relayhost network", () => {
  it("takes networks in canonical form, with TLS unless it is said otherwise", async () => {
    await cli.run("network", "add", "192.0.2.130/25", "2001:DB8:1::/64", "--tenant", "acme", "--label", "office");
    expect(await readRow(cli.directory, networkKey("192.0.2.128/25"))).toMatchObject({
      tenant: "acme",
      label: "office",
      tlsRequired: true,
    });
    await cli.run("network", "add", "198.51.100.7", "--tenant", "acme", "--allow-plaintext");
    expect(await readRow(cli.directory, networkKey("198.51.100.7/32"))).toMatchObject({ tlsRequired: false });
    expect((await cli.run("network", "list", "--tenant", "acme")).stdout).toMatch(
      /^198\.51\.100\.7\/32 +acme +active +not asked/m,
    );
  });

  it.each([
    "0.0.0.0/0",
    "10.0.0.0/7",
    "10.0.0.0/8",
    "224.0.0.1",
    "::/0",
    "::1",
    "fe80::1",
    "not-an-ip",
    "192.0.2.0/33",
  ])("refuses %s", async (cidr) => {
    expect((await cli.run("network", "add", cidr, "--tenant", "acme")).code).toBe(2);
  });

  it("takes a wide network only when that is said", async () => {
    expect((await cli.run("network", "add", "10.0.0.0/8", "--tenant", "acme", "--wide", "--dry-run")).code).toBe(0);
    expect(await readRow(cli.directory, networkKey("10.0.0.0/8"))).toBeUndefined();
  });

  it("warns of an overlap with another tenant and refuses the same network", async () => {
    const inside = await cli.run("network", "add", "192.0.2.200", "--tenant", "hook");
    expect(inside).toMatchObject({ code: 0 });
    expect(inside.stderr).toContain("192.0.2.200/32 is a part of 192.0.2.128/25 of acme; it now counts as hook's");
    const around = await cli.run("network", "add", "192.0.2.0/24", "--tenant", "hook");
    expect(around.stderr).toContain("192.0.2.128/25 of acme is a part of 192.0.2.0/24 and stays acme's");
    const same = await cli.run("network", "add", "192.0.2.128/25", "--tenant", "hook");
    expect(same).toMatchObject({ code: 1, stderr: "relayhost: 192.0.2.128/25 is there already, for acme\n" });
  });

  it("pauses, resumes and removes", async () => {
    await cli.run("network", "pause", "198.51.100.7");
    expect(await readRow(cli.directory, networkKey("198.51.100.7/32"))).toMatchObject({ status: "paused" });
    await cli.run("network", "resume", "198.51.100.7");
    expect(await readRow(cli.directory, networkKey("198.51.100.7/32"))).toMatchObject({ status: "active" });
    await cli.run("network", "remove", "198.51.100.7");
    expect(await readRow(cli.directory, networkKey("198.51.100.7/32"))).toBeUndefined();
    expect((await cli.run("network", "remove", "198.51.100.7")).code).toBe(3);
  });
});

describe("relayhost tenant show", () => {
  it("shows all that belongs to the tenant, and no hash", async () => {
    await writeRow(cli.directory, { kind: "domain", domain: "acme.example", tenant: "acme", status: "pending" });
    const shown = await cli.json("tenant", "show", "acme", "--json");
    expect(shown).toMatchObject({
      tenant: { id: "acme", startsAt: "2096-11-30T15:00:00.000Z" },
      credentials: [{ tenant: "acme" }],
      networks: [{ cidr: "192.0.2.128/25" }, { cidr: "2001:db8:1::/64" }],
      domains: [{ domain: "acme.example", status: "pending" }],
    });
    expect(JSON.stringify(shown)).not.toContain("scrypt");
    expect((await cli.run("tenant", "show", "acme")).stdout).toContain("1, 1 of them not verified");
  });
});
