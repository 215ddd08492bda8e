/**
 * Builds what the edge's image holds on top of its base, without a container engine, by doing what the Dockerfile says.
 *
 * Promise:  the result has every file that a build would add, with its mode, and nothing else; settings that the
 *           container starts with come from the same file.
 * Refusal:  an instruction that is not understood here ends it with a sentence: better no folder than another one.
 */

import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";

/** What the container would start with. */
export interface ImageContents {
  /** Folder that becomes the root of the file system, laid over the base's. */
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  /** Absolute in the container. */
  readonly workingDir: string;
  readonly user: string;
  /** The one place that may be written to, absolute in the container. */
  readonly volumes: readonly string[];
  /** Arguments of node. */
  readonly command: readonly string[];
}

interface Stage {
  readonly dir: string;
  readonly env: Record<string, string>;
  workingDir: string;
  user: string;
  volumes: string[];
  command: string[];
}

/** Builds the context that `prepareEdgeImage` wrote into `outDir`, which must not exist or be empty. */
export async function imageContents(contextDir: string, outDir: string): Promise<ImageContents> {
  const dockerfile = await readFile(join(contextDir, "Dockerfile"), "utf8");
  const admitted = admittedNames(await readFile(join(contextDir, ".dockerignore"), "utf8"));
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const { word, rest } of instructions(dockerfile)) {
    if (word === "ARG") continue;
    if (word === "FROM") {
      const name = / AS (\S+)$/.exec(rest)?.[1] ?? "root";
      stage = { dir: join(outDir, name), env: {}, workingDir: "/", user: "0", volumes: [], command: [] };
      await mkdir(stage.dir, { recursive: true });
      stages.set(name, stage);
      continue;
    }
    if (stage === undefined) throw new Error(`the Dockerfile begins with ${word}`);
    await perform(word, rest, { stage, stages, contextDir, admitted });
  }
  const last = stages.get("root");
  if (last === undefined) throw new Error("the Dockerfile has no last stage without a name");
  const { dir, env, workingDir, user, volumes, command } = last;
  return { root: dir, env, workingDir, user, volumes, command };
}

interface Build {
  readonly stage: Stage;
  readonly stages: ReadonlyMap<string, Stage>;
  readonly contextDir: string;
  readonly admitted: ReadonlySet<string>;
}

async function perform(word: string, rest: string, build: Build): Promise<void> {
  const { stage } = build;
  switch (word) {
    case "COPY":
      return await copy(rest, build);
    case "RUN":
      for (const command of rest.split(/\s*&&\s*/)) await run(command, stage);
      return;
    case "ENV":
      for (const pair of rest.split(/\s+/)) {
        const at = pair.indexOf("=");
        stage.env[pair.slice(0, at)] = pair.slice(at + 1);
      }
      return;
    case "WORKDIR":
      stage.workingDir = rest;
      return;
    case "USER":
      stage.user = rest;
      return;
    case "VOLUME":
      stage.volumes = JSON.parse(rest) as string[];
      return;
    case "CMD":
      stage.command = JSON.parse(rest) as string[];
      return;
    case "EXPOSE":
    case "STOPSIGNAL":
      return;
    default:
      throw new Error(`the Dockerfile says ${word}, which is not understood here`);
  }
}

/** Folders only, whose contents are copied, as both end in a slash. */
async function copy(rest: string, { stage, stages, contextDir, admitted }: Build): Promise<void> {
  const found = /^(?:--from=(\S+) )?(\S+\/) (\/\S+\/)$/.exec(rest);
  if (found === null) throw new Error(`COPY ${rest}: only folders, each with a slash at its end`);
  const [, from, source = "", target = ""] = found;
  const base = from === undefined ? contextDir : stages.get(from)?.dir;
  if (base === undefined) throw new Error(`COPY ${rest}: there is no stage ${from}`);
  if (from === undefined && !admitted.has(source.replace(/\/$/, ""))) {
    throw new Error(`COPY ${rest}: .dockerignore keeps it out`);
  }
  await copyTree(join(base, source), join(stage.dir, target));
}

async function copyTree(source: string, target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  for (const entry of await readdir(source, { withFileTypes: true })) {
    const [from, to] = [join(source, entry.name), join(target, entry.name)];
    if (entry.isDirectory()) await copyTree(from, to);
    else if (entry.isFile()) {
      await copyFile(from, to);
      await chmod(to, (await stat(from)).mode & 0o777);
    } else throw new Error(`${from} is neither file nor folder`);
  }
  await chmod(target, (await stat(source)).mode & 0o777);
}

/** The two commands that the Dockerfile uses. */
async function run(command: string, stage: Stage): Promise<void> {
  const check = /^node --check (\/\S+)$/.exec(command)?.[1];
  const readable = /^chmod -R a=rX (\/\S+)$/.exec(command)?.[1];
  if (check !== undefined) await promisify(execFile)(process.execPath, ["--check", join(stage.dir, check)]);
  else if (readable !== undefined) await makeReadable(join(stage.dir, readable));
  else throw new Error(`RUN ${command}: not understood here`);
}

async function makeReadable(path: string): Promise<void> {
  const { mode } = await stat(path);
  const isDirectory = (mode & 0o170000) === 0o040000;
  if (isDirectory) for (const name of await readdir(path)) await makeReadable(join(path, name));
  await chmod(path, isDirectory || (mode & 0o111) !== 0 ? 0o555 : 0o444);
}

/** Names that are not ignored. Understood is a file that ignores everything and then admits names. */
function admittedNames(text: string): ReadonlySet<string> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const [first, ...others] = lines;
  if (first !== "*" || others.some((line) => line !== `!${basename(line.slice(1))}`)) {
    throw new Error(".dockerignore has to ignore everything and then admit single names");
  }
  return new Set(others.map((line) => line.slice(1)));
}

function* instructions(dockerfile: string): Generator<{ readonly word: string; readonly rest: string }> {
  const whole = dockerfile
    .split("\n")
    .filter((line) => !/^\s*#/.test(line))
    .join("\n")
    .replaceAll(/\\\n\s*/g, " ");
  for (const line of whole.split("\n")) {
    const found = /^([A-Z]+)\s+(.*?)\s*$/.exec(line);
    if (found !== null) yield { word: found[1] ?? "", rest: (found[2] ?? "").replaceAll(/\s+/g, " ") };
    else if (line.trim() !== "") throw new Error(`the Dockerfile has a line that is no instruction: ${line}`);
  }
}
