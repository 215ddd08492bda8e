import { defineConfig } from "vitest/config";

/** `npm run test:interop`: real mail servers as clients, installed by test/interop/install.sh. Two files at a time: mail servers mostly wait. */
export default defineConfig({
  test: {
    include: ["test/interop/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 120_000,
    maxWorkers: 2,
    pool: "forks",
  },
});
