import { defineConfig } from "vitest/config";

/** `npm test` is the hermetic suite: loopback only, nothing installed by hand. `test:interop` has its own configuration. */
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/interop/**", "test/fault/**", "test/fuzz/**", "node_modules/**"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    pool: "forks",
  },
});
