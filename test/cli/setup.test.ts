/** `relayhost setup` through the command: the tenant's own values and language come from the directory. */

import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addCredentialCommand } from "../../bin/commands/credential.ts";
import { addDomainCommand } from "../../bin/commands/domain.ts";
import { addSetupCommand } from "../../bin/commands/setup.ts";
import { addTenantCommand } from "../../bin/commands/tenant.ts";
import { SETUP_SERVERS } from "../../lib/core/setup/setup-servers.ts";
import { type Cli, startCli } from "../support/cli.ts";

let cli: Cli;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "relayhost-setup-"));
  cli = await startCli([addTenantCommand, addCredentialCommand, addDomainCommand, addSetupCommand], {
    names: { hostName: "relay.operator.example" },
  });
  for (const [id, language] of [
    ["acme", "en"],
    ["kaisha", "ja"],
  ] as const) {
    await cli.run("tenant", "add", id, "--name", id, "--language", language);
    await cli.run("credential", "add", `${id}-srv1`, "--tenant", id);
    await cli.run("domain", "add", `${id}.example`, "--tenant", id);
  }
  await cli.run("credential", "add", "acme-srv2", "--tenant", "acme");
  await writeFile(join(folder, "password"), "pw_of-srv1\n");
});

afterAll(async () => {
  await cli.close();
  await rm(folder, { recursive: true });
});

async function setup(...args: string[]): Promise<string> {
  const run = await cli.run("setup", ...args);
  if (run.code !== 0) throw new Error(`setup ${args.join(" ")} ended with ${run.code}: ${run.stderr}`);
  return run.stdout;
}

const servers = SETUP_SERVERS.map(({ name, plan }) => {
  const values = { host: "h.example", port: 587, implicitTls: false, login: "x", senderDomain: "a.example" };
  return { name, scriptable: plan(values).scriptable };
});

describe.each(servers)("relayhost setup $name", ({ name, scriptable }) => {
  it.each([
    ["acme", "acme-srv1", "See that it works", "The way back"],
    ["kaisha", "kaisha-srv1", "動作を確認する", "元に戻す"],
  ])("has the values and the language of %s", async (tenant, login, verify, back) => {
    const page = await setup(name, "--tenant", tenant, "--credential", login);
    for (const part of ["relay.operator.example", login, verify, back]) expect(page).toContain(part);
    // Examples are of the tenant's domain.
    expect(page).not.toMatch(/\ba\.example\b/);
  });

  it("has the password where it was given, and none where it was not", async () => {
    const args = [name, "--tenant", "acme", "--credential", "acme-srv1"];
    const page = await setup(...args, "--password-file", join(folder, "password"));
    if (name !== "exchange") expect(page).toContain("pw_of-srv1");
    expect(await setup(...args)).not.toContain("pw_of-srv1");
  });

  it("gives the way back alone, and a script that a shell can read, or says why there is none", async () => {
    const args = [name, "--tenant", "acme", "--credential", "acme-srv1"];
    const undo = await setup(...args, "--undo");
    expect(undo).toContain("The way back");
    expect(undo).not.toContain("See that it works");
    const script = await cli.run("setup", ...args, "--script");
    if (!scriptable) {
      expect(script).toMatchObject({ code: 2, stdout: "" });
      expect(script.stderr).toContain("not set up by a shell script");
      return;
    }
    expect(script.stdout).toMatch(/^#!\/bin\/sh\n/);
    for (const part of ["relay.operator.example", "acme-srv1"]) expect(script.stdout).toContain(part);
    execFileSync("sh", ["-n"], { input: script.stdout });
    const back = await setup(...args, "--script", "--undo");
    execFileSync("sh", ["-n"], { input: back });
    expect(back).not.toBe(script.stdout);
  });
});

describe("relayhost setup", () => {
  it("takes the only login of a tenant, and asks which one where there are more", async () => {
    expect(await setup("postfix", "--tenant", "kaisha")).toContain("kaisha-srv1");
    const run = await cli.run("setup", "postfix", "--tenant", "acme");
    expect(run).toMatchObject({ code: 2, stderr: "relayhost: which one? --credential acme-srv1 | acme-srv2\n" });
  });

  it("speaks another language when told to", async () => {
    expect(await setup("postfix", "--tenant", "kaisha", "--lang", "en")).toContain("See that it works");
  });

  it.each([
    [["postfix", "--tenant", "acme", "--credential", "kaisha-srv1"], 3, "acme has no credential kaisha-srv1"],
    [["postfix", "--tenant", "nobody"], 3, "there is no tenant nobody"],
    [["postfix"], 2, "name the login with --credential"],
    [["qmails", "--tenant", "acme"], 2, "no set-up for qmails; there are postfix,"],
    [["postfix", "--tenant", "kaisha", "--lang", "fr"], 2, "--lang is en or ja"],
    [["postfix", "--tenant", "kaisha", "--no-login", "--credential", "kaisha-srv1"], 2, "exclude each other"],
  ])("refuses %j", async (args, code, sentence) => {
    const run = await cli.run("setup", ...args);
    expect(run).toMatchObject({ code, stdout: "" });
    expect(run.stderr).toContain(sentence);
  });
});
