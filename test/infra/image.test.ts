/** The folder that the edge's image is made of: built as the Dockerfile says, and the edge started from it. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ENV } from "../../lib/core/names.ts";
import { prepareEdgeImage } from "../../lib/infra/bundle.ts";
import { contained, isContainable } from "../../lib/infra/contained.ts";
import { type ImageContents, imageContents } from "../../lib/infra/image-contents.ts";
import { startTestAws, type TestAws } from "../support/aws.ts";
import { fillDirectory, LOGIN, message } from "../support/edge.ts";
import { SmtpClient } from "../support/smtp-client.ts";
import { list, object } from "./cdk-json.ts";
import { render, synthesize } from "./synthesized.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const BUILDING_MS = 120_000;

let dir: string;
let context: string;
let image: ImageContents;
let packages: readonly string[];
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "relayhost-image-test-"));
  context = join(dir, "context");
  ({ packages } = await prepareEdgeImage(context));
  image = await imageContents(context, join(dir, "stages"));
}, BUILDING_MS);
afterAll(() => {
  removeTree(dir);
});

/** Folders of an image are read-only. */
function removeTree(path: string): void {
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) chmodSync(join(entry.parentPath, entry.name), 0o755);
  }
  rmSync(path, { recursive: true, force: true });
}

function filesBelow(folder: string): Map<string, { readonly mode: string; readonly bytes: Buffer }> {
  return new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [
        relative(folder, path),
        { mode: (statSync(path).mode & 0o777).toString(8), bytes: readFileSync(path) },
      ]),
  );
}

/** The same context with another Dockerfile. */
function withDockerfile(name: string, change: (text: string) => string): string {
  const other = join(dir, name);
  mkdirSync(join(other, "app"), { recursive: true });
  for (const [path, { bytes }] of filesBelow(context)) writeFileSync(join(other, path), bytes);
  writeFileSync(join(other, "Dockerfile"), change(readFileSync(join(other, "Dockerfile"), "utf8")));
  return other;
}

describe("the folder without a container engine", () => {
  it("holds the bundle and its bill of materials and nothing else, readable for all and writable for nobody", () => {
    const files = filesBelow(image.root);
    expect([...files.keys()]).toEqual(["app/main.mjs", "app/main.mjs.LEGAL.txt", "app/sbom.cdx.json"]);
    expect(new Set([...files.values()].map(({ mode }) => mode))).toEqual(new Set(["444"]));
    expect((statSync(join(image.root, "app")).mode & 0o777).toString(8)).toBe("555");
  });

  it("has the files that the build context gives to the Dockerfile, octet for octet", () => {
    const given = filesBelow(join(context, "app"));
    const copied = filesBelow(join(image.root, "app"));
    expect([...copied.keys()]).toEqual([...given.keys()]);
    for (const [name, { bytes }] of copied) expect(bytes.equals(given.get(name)?.bytes ?? Buffer.alloc(0))).toBe(true);
  });

  it("starts what the task definition expects: user, volume, working folder, command", () => {
    const [container] = list(synthesize("dev").only("AWS::ECS::TaskDefinition").properties["ContainerDefinitions"]);
    const { User, MountPoints } = object(container);
    expect(image).toMatchObject({
      user: render(User),
      volumes: [object(list(MountPoints)[0])["ContainerPath"]],
      workingDir: "/app",
      command: ["/app/main.mjs"],
      env: { NODE_ENV: "production", MALLOC_ARENA_MAX: "2" },
    });
  });

  it("follows the Dockerfile: what that copies elsewhere is elsewhere here", async () => {
    const other = withDockerfile("elsewhere", (text) =>
      text.replace("COPY --from=contents /contents/app/ /app/", "COPY --from=contents /contents/app/ /opt/edge/"),
    );
    const { root } = await imageContents(other, join(dir, "elsewhere-stages"));
    expect([...filesBelow(root).keys()][0]).toBe("opt/edge/main.mjs");
  });

  it.each([
    ["another command", "node --check /contents/app/main.mjs", "npm ci", /RUN npm ci: not understood/],
    ["another instruction", "WORKDIR /app", "ADD https://example.net/x /app/", /says ADD/],
    ["a file that is kept out", "COPY app/ /contents/app/", "COPY lib/ /contents/app/", /dockerignore keeps it out/],
    ["a stage that is not there", "--from=contents", "--from=other", /there is no stage other/],
  ])("refuses a Dockerfile with %s", async (name, from, to, words) => {
    const other = withDockerfile(`refused-${name}`, (text) => text.replace(from, to));
    await expect(imageContents(other, join(dir, `refused-${name}-stages`))).rejects.toThrow(words);
  });

  it("is refused when the bundle does not parse", async () => {
    const other = withDockerfile("broken", (text) => text);
    writeFileSync(join(other, "app", "main.mjs"), "import {");
    await expect(imageContents(other, join(dir, "broken-stages"))).rejects.toThrow(/SyntaxError/);
  });
});

describe("the bill of materials", () => {
  it("names each package of which something is in the bundle, with version, licence and hash, and no other", () => {
    const bom = object(JSON.parse(readFileSync(join(image.root, "app", "sbom.cdx.json"), "utf8")));
    expect(bom).toMatchObject({ bomFormat: "CycloneDX", metadata: { component: { name: "relayhost" } } });
    const lock = object(JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")));
    const wanted = packages.map((path) => {
      const { version } = object(object(lock["packages"])[path]);
      return `${path.slice(path.lastIndexOf("node_modules/") + 13)}@${render(version)}`;
    });
    const components = list(bom["components"]).map(object);
    expect(components.map(({ name, version }) => `${render(name)}@${render(version)}`).sort()).toEqual(
      [...new Set(wanted)].sort(),
    );
    expect(wanted).toContain(
      `smtp-server@${render(object(object(lock["packages"])["node_modules/smtp-server"])["version"])}`,
    );
    for (const { hashes, licenses, name } of components) {
      expect(list(hashes), render(name)).not.toEqual([]);
      expect(list(licenses), render(name)).not.toEqual([]);
    }
  });

  it(
    "is printed by npm run sbom",
    () => {
      const { stdout, status } = spawnSync(process.execPath, ["bin/image.ts", "sbom"], { cwd: ROOT, encoding: "utf8" });
      expect(status).toBe(0);
      expect(stdout).toBe(readFileSync(join(image.root, "app", "sbom.cdx.json"), "utf8"));
    },
    BUILDING_MS,
  );
});

describe("the base", () => {
  it("is what the environment pins by its digest", () => {
    const nodeImage = `gcr.io/distroless/nodejs24-debian13@sha256:${"0123456789abcdef".repeat(4)}`;
    const pinned = synthesize("dev", { edge: { desiredCount: 1, cpu: 256, memoryMiB: 512, nodeImage } });
    expect(pinned.imageSources.map((source) => source["dockerBuildArgs"])).toEqual([{ NODE_IMAGE: nodeImage }]);
  });
});

describe("npm run image:contents", () => {
  let aws: TestAws;
  let child: ChildProcess | undefined;
  beforeAll(async () => {
    aws = await startTestAws();
    await fillDirectory(aws);
  });
  afterAll(async () => {
    child?.kill("SIGKILL");
    await aws.close();
  });

  it(
    "builds it and starts the edge from it, which takes a mail and stops on SIGTERM",
    async () => {
      const out = join(dir, "out");
      const program = spawn(process.execPath, ["bin/image.ts", "contents", out], {
        cwd: ROOT,
        stdio: ["ignore", "pipe", "inherit"],
        env: {
          ...process.env,
          [ENV.hostName]: "relay.example.net",
          [ENV.spoolBucket]: aws.bucket,
          [ENV.directoryTable]: aws.directoryTable,
          [ENV.bindAddress]: "127.0.0.1",
          [ENV.smtpPort]: "0",
          [ENV.smtpsPort]: "0",
          [ENV.healthPort]: "0",
        },
      });
      child = program;
      const exited = once(program, "exit");
      const said: string[] = [];
      let port = 0;
      for await (const line of createInterface({ input: program.stdout })) {
        said.push(line);
        if (!line.startsWith("{")) continue;
        const entry = object(JSON.parse(line));
        if (entry["event"] === "edge-started") {
          port = Number(entry["smtpPort"]);
          break;
        }
      }
      program.stdout.resume();
      expect(said.join("\n")).toContain("444");
      const how = isContainable() ? "starting on a read-only file system as 65532:65532" : "starting by itself";
      expect(said.join("\n")).toContain(how);
      const client = await SmtpClient.connect({ port });
      await client.logIn(LOGIN);
      const reply = await client.sendMail({
        from: "a@example.com",
        to: ["b@elsewhere.example"],
        data: message("a@example.com", "x".repeat(70).concat("\r\n").repeat(20_000)),
      });
      client.destroy();
      expect(reply.code).toBe(250);
      expect((await aws.stored()).map(({ envelope }) => envelope.returnPath)).toEqual(["a@example.com"]);
      program.kill("SIGTERM");
      expect((await exited)[0]).toBe(0);
    },
    BUILDING_MS,
  );

  it.runIf(isContainable())("lets the edge write to its volume only, as a user who may do nothing else", async () => {
    const writable = join(dir, "volume");
    mkdirSync(writable);
    chmodSync(writable, 0o777);
    const script = `
      const { readdirSync, writeFileSync } = require("node:fs");
      const write = (path) => { try { writeFileSync(path, "x"); return "written"; } catch (error) { return error.code; } };
      console.log(JSON.stringify({
        user: [process.getuid(), process.getgid(), process.getgroups()],
        files: readdirSync("/").sort(),
        writes: ["/tmp/x", "/app/x", "/x", "/nodejs/bin/x", "/app/main.mjs"].map(write),
      }));`;
    const { command, args } = await contained(image, writable, ["-e", script]);
    const { stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
    expect(stderr).toBe("");
    const { user, files, writes } = JSON.parse(stdout) as { user: unknown; files: string[]; writes: string[] };
    expect(user).toEqual([65532, 65532, [65532]]);
    expect(files.filter((name) => !/^(lib|lib64|usr)$/.test(name))).toEqual(["app", "nodejs", "tmp"]);
    expect(writes[0]).toBe("written");
    for (const outcome of writes.slice(1)) expect(outcome).toMatch(/^(EROFS|EACCES)$/);
    expect(readdirSync(writable)).toEqual(["x"]);
  });
});
