/** CPU time of a program that is more than one process, from /proc; see proc_pid_stat(5). */

import { readdir, readFile } from "node:fs/promises";

/** Linux counts in hundredths of a second for programs to see, whatever its own clock is. */
const MS_PER_TICK = 10;

interface Stat {
  readonly pid: number;
  readonly parent: number;
  /** Its own, and that of its children that have ended. */
  readonly ticks: number;
}

/** Milliseconds of CPU, user and system, of a process and its descendants, ended ones included. */
export async function treeCpuMs(root: number): Promise<number> {
  const names = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  // One that ends meanwhile is counted by its parent.
  const stats = (await Promise.all(names.map(readStat))).filter((stat) => stat !== undefined);
  let ticks = 0;
  const within = [root];
  for (let pid = within.pop(); pid !== undefined; pid = within.pop()) {
    for (const stat of stats) {
      if (stat.pid === pid) ticks += stat.ticks;
      if (stat.parent === pid) within.push(stat.pid);
    }
  }
  return ticks * MS_PER_TICK;
}

async function readStat(name: string): Promise<Stat | undefined> {
  const text = await readFile(`/proc/${name}/stat`, "utf8").catch(() => undefined);
  // The program's name is in parentheses and may hold anything.
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ");
  if (fields === undefined) return undefined;
  const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(11, 15).map(Number);
  return { pid: Number(name), parent: Number(fields[1]), ticks: utime + stime + cutime + cstime };
}
