import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleRelay, FUNCTION_NAMES, type RelayCode } from "../../lib/infra/bundle.ts";

/** Lambda parses all of it at a cold start, apart from what is loaded on demand. */
const BUNDLE_BYTES_MAX = 700_000;
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
    expect(bytes).toBeLessThan(BUNDLE_BYTES_MAX);
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
