import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cdkContext, type Json, list, object, settingsOf } from "./cdk-json.ts";

const PROJECT_DIR = join(import.meta.dirname, "..", "..");
const SYNTH_MS = 180_000;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "relayhost-home-"));
});
afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

/**
 * An environment without AWS account, network or Docker: no AWS variable, an empty home, every proxy dead, and
 * a Docker that fails when called. PATH is that of a shell, so `node` may be any version.
 */
function loneEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => !/^(AWS_|CDK_|npm_|NODE_|VITEST|DOCKER)/i.test(name));
  const path = (process.env["PATH"] ?? "").split(delimiter).filter((dir) => !dir.includes("node_modules"));
  const dead = "http://127.0.0.1:9";
  return {
    ...Object.fromEntries(kept.map(([name, value]) => [name, value ?? ""])),
    PATH: path.join(delimiter),
    HOME: home,
    HTTP_PROXY: dead,
    HTTPS_PROXY: dead,
    http_proxy: dead,
    https_proxy: dead,
    AWS_EC2_METADATA_DISABLED: "true",
    CDK_DOCKER: "false",
    NO_COLOR: "1",
  };
}

function run(command: string, args: readonly string[], env: Record<string, string>): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: PROJECT_DIR, env, stdio: ["ignore", "pipe", "pipe"] });
    const output = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output.stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output.stderr += text;
    });
    child.on("error", reject);
    child.on("close", (code) => {
      resolve({ code, ...output });
    });
  });
}

describe("npx cdk synth -c env=dev -q", () => {
  const out = mkdtempSync(join(tmpdir(), "relayhost-cdk-out-"));
  let ended: Ended;
  beforeAll(async () => {
    ended = await run("npx", ["cdk", "synth", "-c", "env=dev", "-q", "--output", out], loneEnvironment());
  }, SYNTH_MS);
  afterAll(() => {
    rmSync(out, { recursive: true, force: true });
  });

  it("succeeds without credentials, network, look-ups or a Docker engine", () => {
    expect(ended).toMatchObject({ code: 0, stdout: "" });
    const manifest = object(JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")));
    expect(manifest["missing"]).toBeUndefined();
    expect(existsSync(join(out, "relayhost-dev.template.json"))).toBe(true);
  });

  it("asks nothing of the account: no context provider, no custom resource", () => {
    const template = readFileSync(join(out, "relayhost-dev.template.json"), "utf8");
    expect(template).not.toContain("Custom::");
    expect(template).not.toMatch(/dummy|123456789012/);
  });

  it("puts the bundle of each function and of the edge into the assembly, and nothing else", () => {
    const assets = object(JSON.parse(readFileSync(join(out, "relayhost-dev.assets.json"), "utf8")));
    const files = Object.values(object(assets["files"])).map((file) => object(object(file)["source"]));
    const folders = files.filter((source) => source["packaging"] === "zip");
    // Forward, feedback, sweep and watch.
    expect(folders.length).toBe(4);
    for (const folder of folders) {
      const names = readdirSync(join(out, text(folder["path"])));
      expect(names).toContain("handler.mjs");
      expect(names.every((name) => /\.mjs(\.LEGAL\.txt)?$/.test(name))).toBe(true);
    }
    const [image] = Object.values(object(assets["dockerImages"])).map((asset) => object(object(asset)["source"]));
    const context = join(out, text(image?.["directory"]));
    expect(readdirSync(context).sort()).toEqual([".dockerignore", "Dockerfile", "app"]);
    expect(readdirSync(join(context, "app"))).toContain("main.mjs");
    expect(list(image?.["platform"])).toEqual(["linux/arm64"]);
  });
});

describe("bin/app.ts", () => {
  const app = async (context: object): Promise<Ended> =>
    await run(process.execPath, ["bin/app.ts"], {
      ...loneEnvironment(),
      CDK_CONTEXT_JSON: JSON.stringify({ ...cdkContext, ...context }),
      CDK_OUTDIR: join(home, "never-written"),
    });

  it(
    "prints every wrong setting of the environment and exits with 1, before anything is written",
    async () => {
      const dev = settingsOf("dev", { region: "Virginia", hostname: "relay.example.net", edge: { cpu: 3 } });
      const ended = await app({ env: "dev", environments: { dev } });
      expect(ended).toMatchObject({ code: 1, stdout: "" });
      expect(ended.stderr.trimEnd().split("\n")).toEqual([
        "relayhost: cdk.json needs a change",
        '  - environments.dev.region: got "Virginia"; allowed: an AWS region such as us-east-1',
        "  - environments.dev.edge.cpu: got 3; allowed: one of 256, 512, 1024, 2048, 4096",
        expect.stringMatching(/^ {2}- environments\.dev\.hostname: unknown setting; known here: .*hostName/),
      ]);
      expect(existsSync(join(home, "never-written", "manifest.json"))).toBe(false);
    },
    SYNTH_MS,
  );

  it.each([
    [{}, "no environment was named; give -c env=<name>"],
    [{ env: "constructor" }, 'there is no environment "constructor"; give -c env=<name>'],
  ])(
    "asked for %j, lists the environments that there are and exits with 1",
    async (context, complaint) => {
      const ended = await app(context);
      expect(ended.code).toBe(1);
      expect(ended.stderr).toContain(complaint);
      expect(ended.stderr).toContain("one of those in cdk.json: dev, staging, prod");
    },
    SYNTH_MS,
  );
});

function text(value: Json | undefined): string {
  if (typeof value !== "string") throw new TypeError(`not a text: ${JSON.stringify(value)}`);
  return value;
}
