/** How far a long command is, on standard error: a bar on a terminal, a line now and then in a log. */

import { ageText } from "./output.ts";

export interface Progress {
  /** `done` of the whole are done; `now` is what is worked on next. */
  step(done: number, now: string): void;
  /** Ends the bar's line. */
  end(): void;
}

const BAR_WIDTH = 24;
const REDRAW_MS = 100;
const LINE_EVERY_MS = 10_000;

/** Starts one; nothing is shown for a whole of less than two. */
export function startProgress(whole: number, what: string): Progress {
  if (whole < 2) return { step: () => undefined, end: () => undefined };
  const { stderr } = process;
  const startedMs = Date.now();
  let shownMs = 0;
  return {
    step(done, now) {
      const nowMs = Date.now();
      if (nowMs - shownMs < (stderr.isTTY ? REDRAW_MS : LINE_EVERY_MS) && done < whole) return;
      shownMs = nowMs;
      const left = done === 0 ? "" : `${ageText(((nowMs - startedMs) / done / 1000) * (whole - done))} left`;
      if (!stderr.isTTY) {
        stderr.write(`${done}/${whole} ${what}${left === "" ? "" : `, ${left}`}\n`);
        return;
      }
      const filled = Math.round((done / whole) * BAR_WIDTH);
      const bar = `${"#".repeat(filled)}${".".repeat(BAR_WIDTH - filled)}`;
      const line = `[${bar}] ${done}/${whole}  ${left.padEnd(9)} ${now}`;
      stderr.write(`\r${line.slice(0, (stderr.columns || 80) - 1)}\u001b[K`);
    },
    end() {
      if (stderr.isTTY) stderr.write("\r\u001b[K");
    },
  };
}
