/**
 * `npm run image:contents` and `npm run sbom`: what the edge's image holds, without a container engine.
 *
 * `contents [FOLDER]` builds the folder and starts the edge from it, with the settings (RELAYHOST_*) and AWS variables of
 * this process: contained as in a container where the machine can do that, else by itself, and it says which. `--no-start`
 * only builds. `sbom [FILE]` prints or writes the bill of materials of what is in it.
 */

import { spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ENV } from "../lib/core/names.ts";
import { prepareEdgeImage } from "../lib/infra/bundle.ts";
import { contained, isContainable } from "../lib/infra/contained.ts";
import { type ImageContents, imageContents } from "../lib/infra/image-contents.ts";
import { SBOM_FILE } from "../lib/infra/sbom.ts";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { start: { type: "boolean", default: true } },
  allowNegative: true,
});
const [task, path] = positionals;
if (task === "contents") await contents(resolve(path ?? "dist/image"), values.start);
else if (task === "sbom") await sbom(path);
else {
  process.stderr.write("usage: node bin/image.ts contents [FOLDER] [--no-start] | sbom [FILE]\n");
  process.exitCode = 2;
}

async function contents(dir: string, start: boolean): Promise<void> {
  await removeTree(dir);
  await prepareEdgeImage(join(dir, "context"));
  const image = await imageContents(join(dir, "context"), join(dir, "stages"));
  for (const file of await filesBelow(image.root)) {
    const { size, mode } = await stat(file);
    console.log(`${(mode & 0o777).toString(8)} ${String(size).padStart(9)} /${relative(image.root, file)}`);
  }
  if (start) await run(image);
}

/** Until the edge ends, by itself or by a signal, which is passed on. */
async function run(image: ImageContents): Promise<void> {
  const writable = await mkdtemp(join(tmpdir(), "relayhost-image-"));
  const child = isContainable() ? await inside(image, writable) : outside(image, writable);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  process.exitCode = await new Promise<number>((resolved, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolved(code ?? (signal === null ? 1 : 128)));
  });
  await rm(writable, { recursive: true, force: true });
}

async function inside(image: ImageContents, writable: string): Promise<ReturnType<typeof spawn>> {
  console.log(`starting on a read-only file system as ${image.user}; ${image.volumes.join()} is ${writable}`);
  await chmod(writable, 0o777);
  const { command, args } = await contained(image, writable);
  return spawn(command, args, { stdio: "inherit", env: { ...process.env, ...image.env, ...inVolume("/tmp") } });
}

function outside(image: ImageContents, writable: string): ReturnType<typeof spawn> {
  console.log("starting by itself: a read-only file system needs Linux and root");
  const [main = "", ...args] = image.command;
  return spawn(process.execPath, [join(image.root, main), ...args], {
    cwd: join(image.root, image.workingDir),
    stdio: "inherit",
    env: { ...process.env, ...image.env, ...inVolume(writable) },
  });
}

/** As the task sets them (`lib/infra/edge-task.ts`). */
function inVolume(dir: string): Record<string, string> {
  return { [ENV.temporaryDir]: dir, [ENV.dataDir]: join(dir, "relayhost") };
}

async function sbom(file: string | undefined): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "relayhost-sbom-"));
  try {
    await prepareEdgeImage(dir);
    const text = await readFile(join(dir, "app", SBOM_FILE), "utf8");
    if (file === undefined) process.stdout.write(text);
    else await writeFile(file, text);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Its folders are read-only, as in the image. */
async function removeTree(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) await chmod(join(entry.parentPath, entry.name), 0o755);
  }
  await rm(dir, { recursive: true, force: true });
}
