/** A measured program: a child process that reports its own CPU time, and whose memory is read from /proc. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface Program<Ready> {
  readonly ready: Ready;
  /** Milliseconds of CPU since its start. */
  readonly cpuMs: () => Promise<number>;
  /** Sends an order and resolves with what the program sends next. Rejects when it ends before. */
  readonly order: <Done>(order: object) => Promise<Done>;
  /** Octets of memory that are its own share (PSS) now. */
  memoryBytes(): Promise<number>;
  /** The most octets it held at once (RSS, shared pages and all) since its start or the last `forgetPeak`. */
  peakBytes(): Promise<number>;
  forgetPeak(): Promise<void>;
  readonly stop: () => Promise<void>;
}

/** What it is started with. */
export interface ProgramOptions {
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** For Node itself, such as a limit of its heap. */
  readonly execArgv?: readonly string[];
}

/** Starts `bench/programs/<name>.ts` and resolves with its first message. Rejects when it ends before. */
export async function startProgram<Ready>(name: string, options: ProgramOptions = {}): Promise<Program<Ready>> {
  const child = fork(join(import.meta.dirname, "programs", `${name}.ts`), options.args ?? [], {
    env: options.env ?? process.env,
    execArgv: [...(options.execArgv ?? [])],
  });
  const ask = async (question: string | object): Promise<unknown> => {
    const answer = message(child, name);
    child.send(question);
    return await answer;
  };
  const kilobytes = async (file: string, field: RegExp): Promise<number> =>
    Number(field.exec(await readFile(`/proc/${child.pid}/${file}`, "utf8"))?.[1] ?? 0);
  const ready = (await message(child, name)) as Ready;
  return {
    ready,
    cpuMs: async () => ((await ask("usage")) as { cpuMs: number }).cpuMs,
    order: async <Done>(order: object) => (await ask(order)) as Done,
    memoryBytes: async () => (await kilobytes("smaps_rollup", /^Pss:\s+(\d+) kB/m)) * 1024,
    peakBytes: async () => (await kilobytes("status", /^VmHWM:\s+(\d+) kB/m)) * 1024,
    // 5: the peak begins anew with what it holds now; see proc(5).
    forgetPeak: async () => await writeFile(`/proc/${child.pid}/clear_refs`, "5"),
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
