/**
 * The bill of materials of a bundle: what `npm sbom` says of the project, cut down to the packages that are in the bundle.
 *
 * Promise:  CycloneDX, and the same bytes for the same lockfile and bundle: what changes with each run or machine (time,
 *           serial number, npm's version, the name of the folder) is left out. No network.
 * Failure:  rejects with npm's own words; or names the packages that it says nothing of.
 */

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** Its name beside the bundle. */
export const SBOM_FILE = "sbom.cdx.json";

interface Bom {
  readonly $schema: string;
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly version: number;
  readonly metadata: { readonly component: Readonly<Record<string, unknown>> };
  readonly components: readonly { readonly "bom-ref": string }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

/** JSON of the bill. `packages`: folders as package-lock.json names them. */
export async function sbomOf(projectDir: string, packages: readonly string[]): Promise<string> {
  const lock = JSON.parse(await readFile(join(projectDir, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, { readonly name?: string; readonly version?: string }>>;
  };
  const wanted = new Set(
    packages.map((path) => {
      const { name, version } = lock.packages[path] ?? {};
      return `${name ?? path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length)}@${version}`;
    }),
  );
  const bom = await npmSbom(projectDir);
  const components = bom.components.filter((component) => wanted.has(component["bom-ref"]));
  const missing = [...wanted].filter((ref) => !components.some((component) => component["bom-ref"] === ref));
  if (missing.length > 0) throw new Error(`npm sbom says nothing of ${missing.join(", ")}`);
  const { $schema, bomFormat, specVersion, version } = bom;
  const root = { ...bom.metadata.component, name: lock.packages[""]?.name };
  const kept = new Set([...wanted, String(bom.metadata.component["bom-ref"])]);
  const dependencies = bom.dependencies
    .filter(({ ref }) => kept.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: (dependsOn ?? []).filter((other) => kept.has(other)) }));
  const bill = { $schema, bomFormat, specVersion, version, metadata: { component: root }, components, dependencies };
  return `${JSON.stringify(bill, undefined, 1)}\n`;
}

async function npmSbom(projectDir: string): Promise<Bom> {
  const { stdout } = await promisify(execFile)(
    process.platform === "win32" ? "npm.cmd" : "npm",
    ["sbom", "--package-lock-only", "--sbom-format=cyclonedx", "--offline"],
    { cwd: projectDir, maxBuffer: 64 * 1024 * 1024, shell: process.platform === "win32" },
  );
  return JSON.parse(stdout) as Bom;
}
