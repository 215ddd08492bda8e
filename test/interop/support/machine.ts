/**
 * A customer's machine with one mail server on it: a copy of a root that install-mail-servers.sh made, entered by chroot.
 *
 * Promise:  paths inside are those of a Debian machine, so a set-up guide can be followed to the letter; nothing outside
 *           the copy is touched. `remove` ends every process that lives in it, by process id, and deletes it.
 * Failure:  `openMachine` rejects, naming test/interop/install.sh, when the mail server is missing; it never skips.
 * Needs root, as mail servers do.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runProgram } from "./run-program.ts";

/** Which mail servers there are. */
export type MailServerName = "exim" | "sendmail" | "opensmtpd" | "nullmailer" | "dma";

/** What the relay is called on the machine; its certificate is for this name. */
export const RELAY_HOST = "relay.localhost";

/** Name of the machine, in one of the tenant's domains, so that the bounces it makes may pass the relay. */
export const MACHINE_NAME = "web1.example.com";

/** Where set-up guides point to for certificates. */
export const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";

/** Owner and mode of a file; root and 0644 if not given. The owner is a name of the machine's own. */
export type FileOptions = { readonly owner?: string; readonly group?: string; readonly mode?: number };

/** What a program said and how it ended. */
export type ProgramResult = { readonly status: number; readonly output: string };

/** A program that keeps running. */
export type Daemon = {
  /** Everything it has written so far. */
  output(): string;
  /** SIGTERM, then waits for its end. */
  stop(): Promise<void>;
};

/** A machine. Paths are as on the machine; commands run there, as root. */
export type Machine = {
  /** Where the machine's root is for everyone else. */
  path(inside: string): string;
  /** Writes a file anew, with its folders. */
  write(inside: string, text: string, options?: FileOptions): Promise<void>;
  /** Text of a file, empty when it is not there. */
  read(inside: string): Promise<string>;
  /** Names in a folder, empty when it is not there. */
  list(inside: string): Promise<string[]>;
  /** Runs a command to its end, whatever its status. */
  run(command: readonly string[], input?: Uint8Array | string): Promise<ProgramResult>;
  /** Runs a command, rejects with its words when it fails, returns its output otherwise. */
  must(command: readonly string[], input?: Uint8Array | string): Promise<string>;
  /** Starts a command that keeps running, as root or as a user and group of these numbers. */
  start(command: readonly string[], user?: number): Daemon;
  /** Ends all that runs on the machine, as switching it off does. */
  endProcesses(): Promise<void>;
  /** Ends all that runs on the machine and deletes it. */
  remove(): Promise<void>;
};

const REPAIR = "run test/interop/install.sh";
const BASE = process.env["INTEROP_DIR"] ?? "/opt/relayhost-interop";

/** Copies the machine, and makes it know the relay by name and certificate (PEM). */
export async function openMachine(server: MailServerName, certificate: string): Promise<Machine> {
  const template = join(BASE, server);
  if (!existsSync(join(BASE, "made-by")) || !existsSync(template)) {
    throw new Error(`${server} is not in ${BASE}: ${REPAIR}`);
  }
  if (process.getuid?.() !== 0) throw new Error(`${server} runs as users of its own: run the interop tests as root`);
  const parent = await mkdtemp(join(tmpdir(), `${server}-test-`));
  await chmod(parent, 0o755);
  const root = join(parent, "root");
  const copied = await runProgram(["cp", "-a", "--reflink=auto", template, root]);
  if (copied.status !== 0) throw new Error(`no copy of ${template}: ${copied.output}`);

  const path = (inside: string): string => join(root, inside);
  const enter = (command: readonly string[]): string[] => ["chroot", root, ...command];
  const killAll = (): void => {
    for (const child of daemons) child.kill("SIGKILL");
  };
  const daemons = new Set<ChildProcess>();
  process.once("exit", killAll);

  const machine: Machine = {
    path,
    write: async (inside, text, options = {}) => {
      const file = path(inside);
      await mkdir(dirname(file), { recursive: true });
      await rm(file, { force: true });
      await writeFile(file, text);
      if (options.owner !== undefined || options.group !== undefined) {
        const uid = await numberOf(path("/etc/passwd"), options.owner ?? "root");
        await chown(file, uid, await numberOf(path("/etc/group"), options.group ?? "root"));
      }
      await chmod(file, options.mode ?? 0o644);
    },
    read: (inside) => readFile(path(inside), "utf8").catch(() => ""),
    list: async (inside) => (await readdir(path(inside)).catch(() => [] as string[])).sort(),
    run: (command, input) => runProgram(enter(command), input),
    must: async (command, input) => {
      const { status, output } = await runProgram(enter(command), input);
      if (status !== 0) throw new Error(`${command.join(" ")} ended with ${status}: ${output}`);
      return output;
    },
    start: (command, user) =>
      startDaemon(["chroot", ...(user === undefined ? [] : [`--userspec=${user}:${user}`]), root, ...command], daemons),
    endProcesses: () => endInhabitants(root),
    remove: async () => {
      process.off("exit", killAll);
      await Promise.all([...daemons].map(end));
      await endInhabitants(root);
      await rm(parent, { recursive: true, force: true });
    },
  };
  await machine.write("/etc/hosts", `127.0.0.1 localhost\n127.0.0.1 ${RELAY_HOST}\n127.0.0.1 ${MACHINE_NAME}\n`);
  // Nobody answers there: a server that asks DNS after all is told so at once.
  await machine.write("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
  await machine.write("/etc/mailname", `${MACHINE_NAME}\n`);
  await machine.write(CERTIFICATES, certificate);
  return machine;
}

function startDaemon(command: readonly string[], daemons: Set<ChildProcess>): Daemon {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const keep = (chunk: Buffer): void => {
    output += chunk.toString("utf8");
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  daemons.add(child);
  child.once("error", (cause) => keep(Buffer.from(cause.message)));
  child.once("exit", () => daemons.delete(child));
  return { output: () => output, stop: () => end(child) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const overdue = setTimeout(() => child.kill("SIGKILL"), 5_000);
  await exited;
  clearTimeout(overdue);
}

/** Mail servers leave deliveries in the background: whoever has this root is one of them. */
async function endInhabitants(root: string): Promise<void> {
  for (;;) {
    const pids: number[] = [];
    for (const name of await readdir("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const its = await readlink(join("/proc", name, "root")).catch(() => "");
      if (its === root || its.startsWith(`${root}/`)) pids.push(Number(name));
    }
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Gone by itself.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Number of a user or group in a passwd or group file. */
async function numberOf(file: string, name: string): Promise<number> {
  const line = (await readFile(file, "utf8")).split("\n").find((text) => text.startsWith(`${name}:`));
  if (line === undefined) throw new Error(`${file} has no ${name}: ${REPAIR}`);
  return Number(line.split(":")[2]);
}
