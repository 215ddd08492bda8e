/**
 * Adds to package-lock.json the platform packages of Biome and oxlint that `npm install` leaves out where the registry
 * at hand does not hold all of them; without these entries `npm ci` refuses the lockfile. Run it after `npm install`:
 *
 *   node .ci/complete-lockfile.ts
 */

import { readFileSync, writeFileSync } from "node:fs";

interface Entry {
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

const FILE = "package-lock.json";
const lock = JSON.parse(readFileSync(FILE, "utf8")) as { packages: Record<string, Entry> };
const { "": root, ...packages } = lock.packages;
for (const { optionalDependencies } of Object.values(packages)) {
  for (const [name, version] of Object.entries(optionalDependencies ?? {})) {
    const key = `node_modules/${name}`;
    if (packages[key] !== undefined || !/^@(biomejs|oxlint)/.test(name)) continue;
    const [os = "", cpu = "", ...abi] = (name.split("/")[1] ?? "").replace(/^(cli|binding)-/, "").split("-");
    const libc = abi.join("-").includes("musl") ? "musl" : "glibc";
    const onLinux = os === "linux" && abi.length > 0 ? { libc: [libc] } : {};
    packages[key] = { version, cpu: [cpu], dev: true, optional: true, os: [os], ...onLinux };
    console.log(`added ${name}@${version}`);
  }
}
const sorted = Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1));
lock.packages = { ...(root === undefined ? {} : { "": root }), ...Object.fromEntries(sorted) };
writeFileSync(FILE, `${JSON.stringify(lock, undefined, 2)}\n`);
