import { defineConfig } from "vitest/config";

/** `npm run fuzz`: what the edge makes of clients that do not behave. Settings: FUZZ_SECONDS, FUZZ_SEED, FUZZ_SESSION. */
export default defineConfig({
  test: {
    include: ["test/fuzz/**/*.test.ts"],
    hookTimeout: 120_000,
    fileParallelism: false,
    pool: "forks",
  },
});
