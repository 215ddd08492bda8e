/** The script of a set-up, run by the machine's own shell on files of a made-up server. */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SetupPlan, SetupValues } from "../../lib/core/setup/setup-plan.ts";
import { setupScript } from "../../lib/core/setup/setup-script.ts";

let folder: string;
const CONF =
  "first = 1\nsection one\n  driver = x\n  driver = x\nsection two\n  driver = x\n\nlast = $HOME `id` \\n 'q' \"d\"";
const VALUES: SetupValues = {
  host: "relay.example.net",
  port: 587,
  implicitTls: false,
  login: "srv1",
  senderDomain: "a.example",
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "setup-script-"));
  await writeFile(join(folder, "conf"), CONF);
  await chmod(join(folder, "conf"), 0o640);
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function plan(more: Partial<SetupPlan> = {}): SetupPlan {
  return {
    title: "Test",
    before: [],
    variables: [{ name: "dir", shell: `dir='${folder}'`, shown: "/etc/test" }],
    files: [{ path: "@@dir@@/conf" }, { path: "@@dir@@/new/secret" }, { path: "@@dir@@/table", derived: true }],
    actions: [
      { kind: "write", file: "@@dir@@/new/secret", lines: ["a $x `y` \\z", "user:@@password@@"], mode: "0600" },
      { kind: "set", file: "@@dir@@/conf", remove: "first *=.*", lines: ["first = 2 $y"] },
      { kind: "insert", file: "@@dir@@/conf", before: "section .*", lines: ["in `front'", ""] },
      {
        kind: "insert-in-section",
        file: "@@dir@@/conf",
        from: "section two",
        after: "  driver = x",
        lines: ["  more"],
      },
      { kind: "replace", file: "@@dir@@/conf", line: "section one", by: "section 1" },
      { kind: "run", command: "cp @@dir@@/conf @@dir@@/table" },
    ],
    activate: [],
    verify: [{ command: "true @@dir@@", expect: { en: "works", ja: "works" } }],
    undo: [],
    after: [],
    scriptable: true,
    ...more,
  };
}

function run(
  of: SetupPlan,
  args: string[] = [],
  input = "pw-_1\n",
  values = VALUES,
): { status: number | null; out: string } {
  const script = setupScript("test", of, values, { language: "en", startsWith: "apply" });
  const { status, stdout, stderr } = spawnSync("sh", ["-c", script, "relay.sh", ...args], {
    input,
    env: { PATH: process.env["PATH"], RELAYHOST_SAVED: join(folder, "saved") },
    encoding: "utf8",
  });
  return { status, out: stdout + stderr };
}

const conf = (): Promise<string> => readFile(join(folder, "conf"), "utf8");

describe("the script of a set-up", () => {
  it("edits files as the plan says, octet for octet, and asks for the password", async () => {
    const { status, out } = run(plan());
    expect(out).toContain("Password of srv1:");
    expect(out).toContain("true /etc/test");
    expect(status).toBe(0);
    expect(await conf()).toBe(
      "in `front'\n\nsection 1\n  driver = x\n  driver = x\nsection two\n  driver = x\n  more\n\nlast = $HOME `id` \\n 'q' \"d\"\nfirst = 2 $y\n"
        // A here-document ends each block with one line end; blank lines at its end are not kept.
        .replace("front'\n\n", "front'\n"),
    );
    expect(await readFile(join(folder, "new", "secret"), "utf8")).toBe("a $x `y` \\z\nuser:pw-_1\n");
    expect((await stat(join(folder, "new", "secret"))).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, "conf"))).mode & 0o777).toBe(0o640);
  });

  it("undoes all of it, and then knows of no change", async () => {
    run(plan());
    const { status, out } = run(plan(), ["undo"]);
    expect({ status, out }).toEqual({ status: 0, out: "Everything is as it was before.\n" });
    expect(await conf()).toBe(CONF);
    expect(existsSync(join(folder, "new"))).toBe(false);
    expect(existsSync(join(folder, "table"))).toBe(false);
    expect(existsSync(join(folder, "saved", "test"))).toBe(false);
    expect(run(plan(), ["undo"])).toEqual({ status: 1, out: "The change has not been made here.\n" });
  });

  it("run twice, gives the same, and undo still leads to the first state", async () => {
    run(plan());
    const once = await conf();
    expect(run(plan(), [], "other\n").status).toBe(0);
    expect(await conf()).toBe(once);
    expect(await readFile(join(folder, "new", "secret"), "utf8")).toContain("user:other");
    expect(run(plan(), ["undo"]).status).toBe(0);
    expect(await conf()).toBe(CONF);
  });

  it("does nothing to a file that somebody has changed meanwhile, and names it, until it is forced", async () => {
    run(plan());
    await writeFile(join(folder, "conf"), `${await conf()}by hand\n`);
    for (const action of ["undo", "apply"]) {
      const refused = run(plan(), [action]);
      expect(refused.status).toBe(1);
      expect(refused.out).toContain(`${folder}/conf`);
      expect(refused.out).toContain("--force");
      expect(await conf()).toContain("by hand");
    }
    expect(run(plan(), ["status"]).out).toContain("> by hand");
    expect(run(plan(), ["undo", "--force"]).status).toBe(0);
    expect(await conf()).toBe(CONF);
  });

  it.each([
    ["the server's own check fails", { test: "false" }],
    ["a step fails", { actions: [...plan0(), { kind: "run", command: "false" } as const] }],
    [
      "a place for lines is missing",
      { actions: [...plan0(), { kind: "insert", file: "@@dir@@/conf", before: "nowhere", lines: ["x"] } as const] },
    ],
    ["the server does not start with it", { activate: ["[ ! -f @@dir@@/table ]"] }],
  ])("puts everything back when %s", async (_, change) => {
    const { status, out } = run(plan(change));
    expect(status).toBe(1);
    expect(out).toContain("Everything has been put back as it was.");
    expect(await conf()).toBe(CONF);
    expect(existsSync(join(folder, "new"))).toBe(false);
    expect(existsSync(join(folder, "saved", "test"))).toBe(false);
  });

  it.each(["", "has space", "quote'", "a:b", "ü"])(
    "refuses the password %j before it touches anything",
    async (password) => {
      const { status, out } = run(plan(), [], `${password}\n`);
      expect(status).toBe(1);
      expect(out).toContain("letters, digits, _ and - only");
      expect(await conf()).toBe(CONF);
      expect(existsSync(join(folder, "saved"))).toBe(false);
    },
  );

  it("holds a password that is given, and asks no more", async () => {
    expect(run(plan(), [], "", { ...VALUES, password: "given" }).status).toBe(0);
    expect(await readFile(join(folder, "new", "secret"), "utf8")).toContain("user:given");
  });

  it("leaves a folder alone that was there before", async () => {
    await mkdir(join(folder, "new"));
    run(plan());
    run(plan(), ["undo"]);
    expect(existsSync(join(folder, "new"))).toBe(true);
  });
});

/** The first steps, for plans that fail after them. */
function plan0(): SetupPlan["actions"] {
  return [
    { kind: "write", file: "@@dir@@/new/secret", lines: ["x"], mode: "0600" },
    { kind: "set", file: "@@dir@@/conf", remove: "first *=.*", lines: ["first = 2"] },
  ];
}
