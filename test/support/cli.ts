/**
 * The operator's commands in this process, against services of this process: for tests that call many of them.
 *
 * What only a process of its own shows (signals, exit) is tested with one.
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { vi } from "vitest";
import { reportAndExit } from "../../bin/commands/report.ts";
import { makeDynamoDb } from "../../lib/aws/clients.ts";
import type { Directory } from "../../lib/aws/directory-dynamo.ts";
import { provisionLocal } from "../../lib/aws/provision.ts";
import type { RuntimeNames } from "../../lib/config/runtime-names.ts";
import { ENV } from "../../lib/core/names.ts";
import { startLocalAws } from "../../lib/local/local-aws.ts";
import { LOCAL_STATE_FILE, useLocalAws } from "../../lib/local/local-environment.ts";
import { createSesServer, type SesServerOptions } from "../../lib/local/ses-server.ts";

/** How a command ended. */
export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The commands. */
export interface Commands {
  run(...args: string[]): Promise<CliRun>;
  /** Runs and parses standard output; throws when the command fails. */
  json(...args: string[]): Promise<unknown>;
  close(): Promise<void>;
}

/** Services and the commands that speak to them. */
export interface Cli extends Commands {
  readonly dataDir: string;
  readonly endpoint: string;
  readonly names: RuntimeNames;
  readonly directory: Directory;
}

type Adders = readonly ((program: Command) => unknown)[];

/** The commands, for services that a test has started by itself. */
export async function commandsFor(add: Adders, endpoint: string, names: RuntimeNames): Promise<Commands> {
  const dataDir = await mkdtemp(join(tmpdir(), "relayhost-commands-"));
  return {
    ...(await commandsIn(dataDir, add, endpoint, names)),
    close: async () => await rm(dataDir, { recursive: true, force: true }),
  };
}

async function commandsIn(
  dataDir: string,
  add: Adders,
  endpoint: string,
  names: RuntimeNames,
): Promise<Omit<Commands, "close">> {
  await writeFile(join(dataDir, LOCAL_STATE_FILE), JSON.stringify({ endpoint, ...names }));
  process.env[ENV.dataDir] = dataDir;
  const run = async (...args: string[]): Promise<CliRun> => await runProgram(add, args);
  return {
    run,
    json: async (...args) => {
      const { code, stdout, stderr } = await run(...args);
      if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}: ${stderr}${stdout}`);
      return JSON.parse(stdout) as unknown;
    },
  };
}

/** Starts local AWS; `add` adds the commands that are tested; `names` changes what they are told of the environment. */
export async function startCli(
  add: Adders,
  options: { readonly ses?: Partial<SesServerOptions>; readonly names?: Partial<RuntimeNames> } = {},
): Promise<Cli> {
  const dataDir = await mkdtemp(join(tmpdir(), "relayhost-cli-"));
  const ses = createSesServer({ publish: async () => undefined, ...options.ses, dataDir });
  await ses.start();
  const aws = await startLocalAws({ dataDir, port: 0, ses });
  useLocalAws(process.env, aws.endpoint);
  const names = { ...(await provisionLocal()), ...options.names };
  const directory = { client: makeDynamoDb(), table: names.directoryTable };
  return {
    ...(await commandsIn(dataDir, add, aws.endpoint, names)),
    dataDir,
    endpoint: aws.endpoint,
    names,
    directory,
    close: async () => {
      directory.client.destroy();
      await aws.close();
      await ses.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Runs commands against whatever the AWS variables of this process point to. */
export async function runProgram(add: Adders, args: readonly string[]): Promise<CliRun> {
  const out = { stdout: "", stderr: "" };
  const { stdout, stderr } = process;
  const real = { out: stdout.write.bind(stdout), err: stderr.write.bind(stderr) };
  const keep = (name: "stdout" | "stderr") => (text: string | Uint8Array) => {
    out[name] += typeof text === "string" ? text : Buffer.from(text).toString("utf8");
    return true;
  };
  stdout.write = keep("stdout");
  stderr.write = keep("stderr");
  const log = vi.spyOn(console, "log").mockImplementation((text) => void keep("stdout")(`${String(text)}\n`));
  process.exitCode = 0;
  try {
    const program = new Command("relayhost");
    for (const adder of add) adder(program);
    throwInsteadOfExit(program);
    await program.parseAsync([...args], { from: "user" }).catch(reportAndExit);
    return { code: exitCode(), ...out };
  } finally {
    stdout.write = real.out;
    stderr.write = real.err;
    log.mockRestore();
    process.exitCode = 0;
  }
}

function exitCode(): number {
  return Number(process.exitCode ?? 0);
}

function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  for (const sub of command.commands) throwInsteadOfExit(sub);
}
