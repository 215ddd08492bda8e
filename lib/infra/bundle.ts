/**
 * Makes the code that runs in AWS: one folder per function, one for the edge.
 *
 * Promise:  the same sources give the same bytes, wherever the project stands, so that an unchanged program is not
 *           deployed again. No network, no Docker engine.
 * Failure:  rejects with esbuild's message, which names file and line.
 *
 * The output is split: what a program imports only when it needs it (most of the SDK's credential providers) stays in
 * files of its own that a cold start does not parse. Measured with four SDK clients: 118 ms to import, against 160 ms
 * from one file.
 */

import { copyFile, mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type BuildOptions, build } from "esbuild";

/** The functions that have a `lambda/<name>/handler.ts`. */
export const FUNCTION_NAMES = ["forward", "feedback", "sweep"] as const;
export type FunctionName = (typeof FUNCTION_NAMES)[number];

/** Lambda's handler setting for what `bundleFunction` writes. */
export const HANDLER = "handler.handler";

export interface Bundle {
  /** The file to start with, absolute. */
  readonly file: string;
  /** All code that was written, the files loaded on demand included. */
  readonly bytes: number;
}

/** Folders with everything that the stack deploys. */
export interface RelayCode {
  readonly functions: Readonly<Record<FunctionName, string>>;
  /** Docker build context of the edge. */
  readonly edgeImage: string;
}

const PROJECT_DIR = join(import.meta.dirname, "..", "..");

const OPTIONS = {
  bundle: true,
  splitting: true,
  platform: "node",
  target: "node24",
  format: "esm",
  outExtension: { ".js": ".mjs" },
  // The SDK's packages offer ES modules under `module`; its CommonJS builds cannot be tree-shaken.
  mainFields: ["module", "main"],
  minify: true,
  sourcemap: false,
  legalComments: "external",
  logLevel: "silent",
  absWorkingDir: PROJECT_DIR,
} as const satisfies BuildOptions;

/** Bundles `lambda/<name>/handler.ts` into `outDir` as `handler.mjs` and what it loads on demand. */
export async function bundleFunction(name: FunctionName, outDir: string): Promise<Bundle> {
  return await bundleEntry("handler", `lambda/${name}/handler.ts`, outDir);
}

/** Bundles `relay-edge/main.ts` into `outDir` as `main.mjs` and what it loads on demand. */
export async function bundleEdge(outDir: string): Promise<Bundle> {
  return await bundleEntry("main", "relay-edge/main.ts", outDir);
}

/** Writes the edge's Docker build context: the Dockerfile and, under `app/`, the bundle; nothing else. */
export async function prepareEdgeImage(outDir: string): Promise<Bundle> {
  const bundle = await bundleEdge(join(outDir, "app"));
  for (const file of ["Dockerfile", ".dockerignore"]) {
    await copyFile(join(PROJECT_DIR, "relay-edge", file), join(outDir, file));
  }
  return bundle;
}

/** Bundles everything below `outDir`. */
export async function bundleRelay(outDir: string): Promise<RelayCode> {
  const folder = (name: string): string => join(outDir, name);
  await Promise.all([
    ...FUNCTION_NAMES.map((name) => bundleFunction(name, folder(name))),
    prepareEdgeImage(folder("edge-image")),
  ]);
  return {
    functions: { forward: folder("forward"), feedback: folder("feedback"), sweep: folder("sweep") },
    edgeImage: folder("edge-image"),
  };
}

async function bundleEntry(name: string, entry: string, outDir: string): Promise<Bundle> {
  await mkdir(outDir, { recursive: true });
  const options: BuildOptions = { ...OPTIONS, entryPoints: { [name]: entry }, outdir: outDir };
  const { outputFiles } = await build({ ...options, write: false });
  // What esbuild cannot turn into an import it leaves as a stand-in for `require`, which throws when called. The
  // functions need none; in the edge, `selfsigned` asks for node:crypto this way.
  const js = 'import{createRequire as $r}from"node:module";const require=$r(import.meta.url);';
  const callsRequire = outputFiles.some(({ text }) => text.includes("Dynamic require of "));
  await build({ ...options, write: true, ...(callsRequire ? { banner: { js } } : {}) });
  return { file: join(outDir, `${name}.mjs`), bytes: await codeBytes(outDir) };
}

async function codeBytes(outDir: string): Promise<number> {
  let bytes = 0;
  for (const file of await codeFiles(outDir)) bytes += (await stat(file)).size;
  return bytes;
}

async function codeFiles(outDir: string): Promise<string[]> {
  const names = await readdir(outDir);
  return names.filter((name) => name.endsWith(".mjs")).map((name) => join(outDir, name));
}
