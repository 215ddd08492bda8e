import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ENV } from "../../lib/core/names.ts";
import { bundleRelay, FUNCTION_NAMES, type RelayCode } from "../../lib/infra/bundle.ts";
import { list, object } from "./cdk-json.ts";
import { render, synthesize } from "./synthesized.ts";

/** Lambda parses all of it at a cold start, apart from what is loaded on demand. */
const BUNDLE_BYTES_MAX = 700_000;
/** Nobody waits for these: they run by the clock; one brings an ACME library, the other the SDK's client of EC2. */
const BY_THE_CLOCK: readonly string[] = ["certificate", "address"];
const BY_THE_CLOCK_BYTES_MAX = 1_800_000;
const BUNDLING_MS = 120_000;

let dir: string;
let code: RelayCode;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "relayhost-bundle-"));
  code = await bundleRelay(join(dir, "first"));
}, BUNDLING_MS);
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

describe.each(FUNCTION_NAMES)("the bundle of %s", (name) => {
  it("is small enough for a cold start", () => {
    const bytes = filesBelow(code.functions[name]).reduce((sum, file) => sum + readFileSync(file).length, 0);
    expect(bytes).toBeGreaterThan(1000);
    expect(bytes).toBeLessThan(BY_THE_CLOCK.includes(name) ? BY_THE_CLOCK_BYTES_MAX : BUNDLE_BYTES_MAX);
  });

  it("is imported as an ES module and exports the handler that Lambda calls", () => {
    const url = pathToFileURL(join(code.functions[name], "handler.mjs")).href;
    const script = `const { handler } = await import(${JSON.stringify(url)}); console.log(typeof handler);`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      // The folder stands alone: nothing is found by way of the project's node_modules.
      cwd: tmpdir(),
      env: { AWS_REGION: "us-east-1" },
    });
    expect({ stdout, stderr }).toEqual({ stdout: "function\n", stderr: "" });
  });
});

describe("the bundle of the edge", () => {
  it(
    "starts alone with what the task gives it, answers health checks and SMTP, and stops on SIGTERM",
    async () => {
      const edge = await startEdge(join(code.edgeImage, "app"), join(dir, "edge"));
      try {
        expect((await fetch(`http://127.0.0.1:${edge.healthPort}/health`)).status).toBe(200);
        expect(await greeting(edge.smtpPort)).toMatch(/^220 relay-dev\.example\.net /);
      } finally {
        edge.child.kill("SIGTERM");
      }
      expect(await edge.exitCode).toBe(0);
    },
    BUNDLING_MS,
  );
});

describe("bundles", () => {
  it(
    "have the same bytes when they are made again elsewhere, so that nothing is deployed that did not change",
    async () => {
      const again = join(dir, "some", "where", "else");
      await bundleRelay(again);
      expect(digest(again)).toBe(digest(join(dir, "first")));
    },
    BUNDLING_MS,
  );

  it("hold no source map and no path of the machine they were made on", () => {
    for (const file of filesBelow(join(dir, "first"))) {
      expect(file).not.toMatch(/\.map$/);
      expect(readFileSync(file, "utf8").includes(process.cwd()), file).toBe(false);
    }
  });
});

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function digest(folder: string): string {
  const hash = createHash("sha256");
  for (const file of filesBelow(folder)) hash.update(file.slice(folder.length)).update(readFileSync(file));
  return hash.digest("hex");
}

interface RunningEdge {
  readonly child: ChildProcess;
  readonly smtpPort: number;
  readonly healthPort: number;
  readonly exitCode: Promise<number | null>;
}

/** Starts main.mjs as the image does: from its own folder, with the task's variables and one writable folder. */
async function startEdge(appDir: string, writableDir: string): Promise<RunningEdge> {
  mkdirSync(writableDir, { recursive: true });
  const [container] = list(synthesize("dev").only("AWS::ECS::TaskDefinition").properties["ContainerDefinitions"]);
  const variables = list(object(container)["Environment"]).map((entry) => [
    render(object(entry)["Name"]),
    render(object(entry)["Value"]),
  ]);
  const child = spawn(process.execPath, [join(appDir, "main.mjs")], {
    cwd: appDir,
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      NODE_ENV: "production",
      AWS_REGION: "us-east-1",
      ...Object.fromEntries(variables),
      [ENV.bindAddress]: "127.0.0.1",
      [ENV.smtpPort]: "0",
      [ENV.smtpsPort]: "0",
      [ENV.healthPort]: "0",
      [ENV.temporaryDir]: writableDir,
      [ENV.dataDir]: join(writableDir, "relayhost"),
    },
  });
  const exitCode = new Promise<number | null>((resolve) => child.once("exit", resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    const entry = object(JSON.parse(line));
    if (entry["event"] !== "edge-started") continue;
    return { child, exitCode, smtpPort: Number(entry["smtpPort"]), healthPort: Number(entry["healthPort"]) };
  }
  throw new Error(`the edge ended with ${await exitCode} before it had started`);
}

async function greeting(port: number): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  try {
    const [chunk]: unknown[] = await once(socket, "data");
    return String(chunk);
  } finally {
    socket.destroy();
  }
}
