/**
 * Loaded into the fuzzed edge before its own main file: makes its limits so small that a run of a minute meets them, and
 * tells the test, over IPC, how much memory it has in use after a collection and what it holds open.
 */

import { LIMITS } from "../../lib/core/limits.ts";
import { FUZZ_LIMITS, type Holdings } from "./edge-limits.ts";

Object.assign(LIMITS.edge, FUZZ_LIMITS);

// The test is gone.
process.on("disconnect", () => process.exit(1));
process.on("message", () => {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  const resources: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1;
  process.send?.({ heapBytes: heapUsed, externalBytes: external, residentBytes: rss, resources } satisfies Holdings);
});
