import { defineConfig } from "vitest/config";

/** `npm run test:fault`: what the relay survives. Long, one at a time; settings: FAULT_KILLS, FAULT_SEED. */
export default defineConfig({
  test: {
    include: ["test/fault/**/*.test.ts"],
    testTimeout: 900_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    pool: "forks",
  },
});
