/** A measured program: a child process that reports its own CPU time, and whose memory is read from /proc. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export interface Program<Ready> {
  readonly ready: Ready;
  /** Milliseconds of CPU since its start. */
  cpuMs(): Promise<number>;
  /** Octets of memory that are its own share (PSS) now. */
  memoryBytes(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts `bench/programs/<name>.ts` and resolves with its first message. Rejects when it ends before. */
export async function startProgram<Ready>(
  name: string,
  options: { readonly args?: readonly string[]; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Program<Ready>> {
  const child = fork(join(import.meta.dirname, "programs", `${name}.ts`), options.args ?? [], {
    env: options.env ?? process.env,
  });
  const ready = (await message(child, name)) as Ready;
  return {
    ready,
    cpuMs: async () => {
      const answer = message(child, name);
      child.send("usage");
      return ((await answer) as { cpuMs: number }).cpuMs;
    },
    memoryBytes: async () => {
      const rollup = await readFile(`/proc/${child.pid}/smaps_rollup`, "utf8");
      return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024;
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

async function message(child: ChildProcess, name: string): Promise<unknown> {
  return await new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`${name} ended early (${code})`));
    child.once("exit", ended);
    child.once("message", (value) => {
      child.off("exit", ended);
      resolve(value);
    });
  });
}
