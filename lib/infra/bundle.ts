/**
 * Makes the code that runs in AWS: one folder per function, one for the edge.
 *
 * Promise:  the same sources give the same bytes, wherever the project stands, so that an unchanged program is not
 *           deployed again. No network, no Docker engine.
 * Failure:  rejects with esbuild's message, which names file and line.
 *
 * A function's output is split: what it imports only when it needs it (most of the SDK's credential providers) stays in
 * files of its own that a cold start does not parse. Measured with four SDK clients: 118 ms to import, against 160 ms
 * from one file. The edge is one file: it starts once, and a CommonJS package that is imported on demand (`selfsigned`)
 * loses its named exports where esbuild splits.
 */

import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type BuildOptions, build, type Metafile } from "esbuild";
import { SBOM_FILE, sbomOf } from "./sbom.ts";

/** The functions that have a `lambda/<name>/handler.ts`. */
export const FUNCTION_NAMES = ["forward", "feedback", "sweep", "webhook", "certificate", "address", "watch"] as const;
/** Name of a function, and of its folder under `lambda/`. */
export type FunctionName = (typeof FUNCTION_NAMES)[number];

/** Lambda's handler setting for what `bundleFunction` writes. */
export const HANDLER = "handler.handler";

/** What was written for one entry. */
export interface Bundle {
  /** The file to start with, absolute. */
  readonly file: string;
  /** All code that was written, the files loaded on demand included. */
  readonly bytes: number;
  /** What is parsed at a start: the file and what it imports at once. */
  readonly startBytes: number;
  /** Folders below node_modules of which something is in it, as package-lock.json names them. */
  readonly packages: readonly string[];
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

/**
 * Ways to get credentials that Lambda never takes: it gives them in the environment, where the SDK looks first. Left
 * out, so that a function's code stays small; an attempt to use one fails with its name.
 */
const CREDENTIALS_NOT_IN_LAMBDA = ["ini", "process", "sso", "web-identity", "http", "login"].map(
  (kind) => `@aws-sdk/credential-provider-${kind}`,
);

/** Reads the user agent of a browser, in a part of the SDK that only runs in one. */
const NOT_IN_NODE = ["bowser"];

/** Bundles `lambda/<name>/handler.ts` into `outDir` as `handler.mjs` and what it loads on demand. */
export async function bundleFunction(name: FunctionName, outDir: string): Promise<Bundle> {
  return await bundleEntry("handler", `lambda/${name}/handler.ts`, outDir, {
    splitting: true,
    external: [...CREDENTIALS_NOT_IN_LAMBDA, ...NOT_IN_NODE],
  });
}

/** Bundles `relay-edge/main.ts` into `outDir` as `main.mjs`. */
export async function bundleEdge(outDir: string): Promise<Bundle> {
  return await bundleEntry("main", "relay-edge/main.ts", outDir, { splitting: false });
}

/** Writes the edge's Docker build context: the Dockerfile and, under `app/`, the bundle and its SBOM; nothing else. */
export async function prepareEdgeImage(outDir: string): Promise<Bundle> {
  const bundle = await bundleEdge(join(outDir, "app"));
  await writeFile(join(outDir, "app", SBOM_FILE), await sbomOf(PROJECT_DIR, bundle.packages));
  for (const file of ["Dockerfile", ".dockerignore"]) {
    await copyFile(join(PROJECT_DIR, "relay-edge", file), join(outDir, file));
  }
  return bundle;
}

/** Bundles everything below `outDir`. */
export async function bundleRelay(outDir: string): Promise<RelayCode> {
  const folder = (name: string): string => join(outDir, name);
  // One after the other: after a failure nothing goes on writing behind the caller, who removes `outDir`.
  for (const name of FUNCTION_NAMES) await bundleFunction(name, folder(name));
  await prepareEdgeImage(folder("edge-image"));
  return {
    functions: {
      forward: folder("forward"),
      feedback: folder("feedback"),
      sweep: folder("sweep"),
      webhook: folder("webhook"),
      certificate: folder("certificate"),
      address: folder("address"),
      watch: folder("watch"),
    },
    edgeImage: folder("edge-image"),
  };
}

async function bundleEntry(
  name: string,
  entry: string,
  outDir: string,
  changes: { readonly splitting: boolean; readonly external?: string[] },
): Promise<Bundle> {
  const options: BuildOptions = { ...OPTIONS, ...changes, entryPoints: { [name]: entry }, outdir: outDir };
  let { outputFiles, metafile } = await build({ ...options, write: false, metafile: true });
  if (outputFiles.some(({ text }) => text.includes("Dynamic require of "))) {
    // What esbuild cannot turn into an import it leaves as a stand-in for `require`, which throws when called. The
    // functions need none; in the edge, `selfsigned` asks for node:crypto this way.
    // The minifier does not know of these names; it never makes one as long.
    const js = 'import{createRequire as requireMaker}from"node:module";const require=requireMaker(import.meta.url);';
    ({ outputFiles, metafile } = await build({ ...options, write: false, metafile: true, banner: { js } }));
  }
  await mkdir(outDir, { recursive: true });
  let bytes = 0;
  for (const { path, contents } of outputFiles) {
    await writeFile(path, contents);
    if (path.endsWith(".mjs")) bytes += contents.length;
  }
  const start = Object.keys(metafile.outputs).find((path) => metafile.outputs[path]?.entryPoint === entry);
  if (start === undefined) throw new Error(`esbuild wrote nothing for ${entry}`);
  const file = join(outDir, `${name}.mjs`);
  return { file, bytes, startBytes: startBytes(metafile, start), packages: packagesIn(metafile) };
}

function packagesIn({ outputs }: Metafile): string[] {
  const paths = Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  );
  const packages = paths.flatMap((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  return [...new Set(packages)].sort();
}

function startBytes({ outputs }: Metafile, start: string): number {
  const parsed = new Set([start]);
  let bytes = 0;
  for (const path of parsed) {
    bytes += outputs[path]?.bytes ?? 0;
    for (const imported of outputs[path]?.imports ?? []) {
      if (imported.kind === "import-statement" && imported.external !== true) parsed.add(imported.path);
    }
  }
  return bytes;
}
