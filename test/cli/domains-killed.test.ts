/** Five hundred domains, SES at its pace, and an operator's terminal that dies twice. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addTenantCommand } from "../../bin/commands/tenant.ts";
import { listPendingDomains, scanRows } from "../../lib/aws/directory-dynamo.ts";
import { LOCAL_NAMES } from "../../lib/aws/provision.ts";
import { type Cli, startCli } from "../support/cli.ts";
import { waitFor } from "../support/wait-for.ts";

const PROGRAM = fileURLToPath(new URL("../../bin/relayhost.ts", import.meta.url));
const DOMAINS = Array.from({ length: 500 }, (_, i) => `customer${String(i).padStart(3, "0")}.example`);
/** One a second, with time 250 times as fast: without its pace the command would be refused at once. */
const CALLS_PER_SECOND = 250;
const DEADLINE_MS = 120_000;

interface StoredIdentity {
  readonly name: string;
  readonly feedbackForwarding: boolean;
  readonly configurationSetName?: string;
  readonly dkim: { readonly tokens: readonly string[] };
  readonly mailFrom?: { readonly domain: string };
}

let cli: Cli;

beforeAll(async () => {
  cli = await startCli([addTenantCommand], {
    ses: { controlRatePerSecond: CALLS_PER_SECOND },
    names: { sesCallsPerSecond: CALLS_PER_SECOND },
  });
  await cli.run("tenant", "add", "acme", "--name", "Acme");
  await writeFile(join(cli.dataDir, "domains.txt"), DOMAINS.join("\n"));
});

afterAll(async () => await cli.close());

function startImport() {
  const args = [PROGRAM, "domain", "import", join(cli.dataDir, "domains.txt"), "--tenant", "acme", "--json"];
  const child = spawn(process.execPath, args, { env: process.env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString("utf8")));
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString("utf8")));
  const ended = once(child, "exit") as Promise<[number | null]>;
  return { child, ended, output: () => output, errors: () => errors };
}

async function identities(): Promise<StoredIdentity[]> {
  const state = JSON.parse(await readFile(join(cli.dataDir, "ses", "state.json"), "utf8")) as {
    readonly identities: StoredIdentity[];
  };
  return state.identities;
}

describe("relayhost domain import, killed in the middle and started again", () => {
  it(
    "ends with every identity right and none twice",
    async () => {
      for (const killedAt of [150, 300]) {
        const run = startImport();
        await waitFor(
          async () => {
            if (run.child.exitCode !== null) throw new Error(`ended early: ${run.output()}${run.errors()}`);
            return (await listPendingDomains(cli.directory)).length >= killedAt ? true : undefined;
          },
          { deadlineMs: DEADLINE_MS, intervalMs: 250, otherwise: run.errors },
        );
        run.child.kill("SIGKILL");
        await run.ended;
      }
      const before = new Map((await identities()).map(({ name, dkim }) => [name, dkim.tokens]));
      expect(before.size).toBeGreaterThanOrEqual(299);
      expect(before.size).toBeLessThan(DOMAINS.length);

      const run = startImport();
      const [code] = await run.ended;
      expect(code, run.errors()).toBe(0);
      const made = await identities();
      expect(made.map(({ name }) => name).toSorted()).toEqual(DOMAINS);
      for (const identity of made) {
        expect(identity).toMatchObject({
          feedbackForwarding: false,
          configurationSetName: LOCAL_NAMES.configurationSet,
          mailFrom: { domain: `bounce.${identity.name}` },
        });
        const known = before.get(identity.name);
        if (known !== undefined) expect(identity.dkim.tokens).toEqual(known);
      }
      const rows = await scanRows(cli.directory, "domain");
      expect(rows.map(({ domain }) => domain).toSorted()).toEqual(DOMAINS);
      const tokens = new Map(made.map(({ name, dkim }) => [name, dkim.tokens]));
      for (const row of rows) {
        expect(row).toMatchObject({ tenant: "acme", status: "pending", ses: { dkimTokens: tokens.get(row.domain) } });
        expect(row.ses?.adopted, row.domain).toBeUndefined();
      }
      const again = JSON.parse(await lastImport()) as { readonly domains: readonly { readonly result: string }[] };
      expect(new Set(again.domains.map(({ result }) => result))).toEqual(new Set(["there"]));
    },
    3 * DEADLINE_MS,
  );
});

async function lastImport(): Promise<string> {
  const run = startImport();
  await run.ended;
  return run.output();
}
