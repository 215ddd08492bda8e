/** Lets a pipeline without workers work until something is so. The clock may be a test's own. */

import type { Pipeline } from "./pipeline.ts";

/** Pumps until `isSo`; throws after `deadlineMs` of real time. */
export async function pumpUntil(
  pipeline: Pipeline,
  isSo: () => boolean | Promise<boolean>,
  deadlineMs = 60_000,
): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!(await isSo())) {
    if (performance.now() > endMs) {
      const log = pipeline.log.slice(-30).map((event) => JSON.stringify(event));
      throw new Error(`not so after ${deadlineMs} ms; the end of the log:\n${log.join("\n")}`);
    }
    await pipeline.pump();
  }
}
