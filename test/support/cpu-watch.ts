/**
 * Who used this machine's cores for a while: given processes, or others. A test in real time can thus tell a slow program
 * from a busy machine. Linux only, by /proc/stat and /proc/<pid>/stat; see proc(5).
 */

import { readFile } from "node:fs/promises";

/** Ticks of all cores since boot, and those of the given processes since their start. */
interface Ticks {
  readonly total: number;
  readonly busy: number;
  readonly own: number;
}

/** Shares of all cores, 0 to 1. */
export interface CpuShares {
  /** Of the time in which they were not idle. */
  readonly busy: number;
  /** Of the part of it that went to others. */
  readonly others: number;
}

/** Begins to watch. The function returned tells what was used since. */
export async function watchCpu(pids: readonly number[]): Promise<() => Promise<CpuShares>> {
  const before = await read(pids);
  return async () => {
    const after = await read(pids);
    const total = Math.max(1, after.total - before.total);
    const busy = after.busy - before.busy;
    return { busy: busy / total, others: Math.max(0, busy - (after.own - before.own)) / total };
  };
}

async function read(pids: readonly number[]): Promise<Ticks> {
  const machine = (await readFile("/proc/stat", "utf8")).split("\n", 1)[0] ?? "";
  // user nice system idle iowait irq softirq steal; guests are counted in user already.
  const columns = machine.trim().split(/\s+/).slice(1, 9).map(Number);
  const total = columns.reduce((sum, ticks) => sum + ticks, 0);
  const idle = (columns[3] ?? 0) + (columns[4] ?? 0);
  const own = await Promise.all(pids.map(ticksOf));
  return { total, busy: total - idle, own: own.reduce((sum, ticks) => sum + ticks, 0) };
}

async function ticksOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8");
  // The name, in brackets, may hold spaces; after it the third column is the first.
  const columns = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return Number(columns[11]) + Number(columns[12]);
}
