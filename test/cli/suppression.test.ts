/** `relayhost suppression`, as a process, against a running local mode. */

import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type RelayProcess, startRelay } from "../support/relay-process.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
let relay: RelayProcess;

// Each command is a process of its own.
vi.setConfig({ testTimeout: 120_000 });

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function suppression(args: readonly string[], input = ""): Promise<Run> {
  return await new Promise((resolve) => {
    const program = [join(ROOT, "bin/relayhost.ts"), "suppression", ...args];
    const child = execFile(process.execPath, program, { cwd: ROOT, env: relay.env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : 1, stdout, stderr });
    });
    child.stdin?.end(input);
  });
}

beforeAll(async () => {
  relay = await startRelay();
});
afterAll(async () => await relay.remove());

describe("relayhost suppression", () => {
  it("adds, lists, exports, imports and removes", async () => {
    const demo = ["--tenant", "demo"];
    expect((await suppression(["list", ...demo])).stdout).toContain("The list of demo is empty");
    expect((await suppression(["add", ...demo, "Left@example.net", "--dry-run"])).stdout).toContain("would be added");
    const added = await suppression([
      "add",
      ...demo,
      "Left@example.net",
      "gone@example.net",
      "--detail",
      "left, long ago",
    ]);
    expect(added.stdout).toBe("left@example.net  added\ngone@example.net  added\n");
    expect((await suppression(["add", ...demo, "left@example.net"])).stdout).toContain("was on the list");
    const shown = JSON.parse((await suppression(["list", ...demo, "--json"])).stdout) as object[];
    expect(shown).toEqual([
      expect.objectContaining({ address: "gone@example.net", reason: "manual", detail: "left, long ago" }),
      expect.objectContaining({ address: "left@example.net", tenant: "demo" }),
    ]);
    const csv = (await suppression(["export", ...demo])).stdout;
    expect(csv).toMatch(/^address,reason,since,detail\r\ngone@example.net,manual,20\d\d-.*,"left, long ago"\r\n/);
    const removed = await suppression(["remove", ...demo, "gone@example.net", "never@example.net"]);
    expect(removed).toMatchObject({
      code: 3,
      stdout: "gone@example.net  removed\nnever@example.net  not on the list\n",
    });
    expect((await suppression(["import", ...demo], csv)).stdout).toBe("2 read, 1 added, 1 were on the list\n");
    const table = (await suppression(["list", ...demo])).stdout;
    expect(table).toMatch(/^ADDRESS +REASON +SINCE +DETAIL\ngone@example.net +manual +20/);
  });

  it("refuses what is wrong, all of it at once, and changes nothing then", async () => {
    const run = await suppression(["import", "--tenant", "demo"], "new@example.net\nnonsense\n@\n");
    expect(run.code).toBe(2);
    expect(run.stderr).toContain('line 2: "nonsense" is not a mail address');
    expect(run.stderr).toContain('line 3: "@" is not a mail address');
    expect((await suppression(["export", "--tenant", "demo"])).stdout).not.toContain("new@example.net");
    expect((await suppression(["add", "--tenant", "demo", "x", "y@"])).stderr).toContain("not a mail address: x, y@");
    expect(await suppression(["list", "--tenant", "nobody"])).toMatchObject({
      code: 3,
      stderr: "relayhost: there is no tenant nobody\n",
    });
    expect((await suppression(["list", "--tenant", "No Body"])).code).toBe(2);
  });

  it("explains each command with an example", async () => {
    for (const command of ["list", "add", "remove", "import", "export"]) {
      expect((await suppression([command, "--help"])).stdout, command).toMatch(/Examples?:\n {2}relayhost suppression/);
    }
  });
});
