import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { type BurstCase, simulateBurst } from "../../bench/simulate/burst-model.ts";
import { withTables } from "../../bench/simulate/scale-document.ts";
import { DEFAULT_BURST, scaleTables, simulate } from "../../bench/simulate/scale-page.ts";
import { ENV } from "../../lib/core/names.ts";
import { startPipeline, testMail } from "../support/pipeline.ts";

const DOCUMENT = new URL("../../docs/scale.md", import.meta.url);

function burst(change: Partial<BurstCase>): BurstCase {
  return { ...DEFAULT_BURST, ...change };
}

describe("the model of scale", () => {
  it("stands in docs/scale.md as it computes", async () => {
    const document = await readFile(DOCUMENT, "utf8");
    expect(withTables(document, scaleTables())).toBe(document);
  });

  it.each([1, 14, 50, 100, 500])("accounts for every message at %i a second of SES", (sesPerSecond) => {
    const result = simulateBurst(burst({ sesPerSecond }));
    expect(result.sent + result.givenUp).toBe(DEFAULT_BURST.messages);
    expect(result.maxSeconds).toBeLessThanOrEqual(DEFAULT_BURST.giveUpAfterHours * 3600);
  });

  it("sends no more than SES takes, and nearly as much", () => {
    const { drainedSeconds } = simulateBurst(
      burst({ messages: 10_000, burstSeconds: 10, sesPerSecond: 14, tasks: 100 }),
    );
    expect(10_000 / drainedSeconds).toBeLessThanOrEqual(14);
    expect(10_000 / drainedSeconds).toBeGreaterThan(13);
  });

  it.each([
    [{ sesPerSecond: 14, concurrency: 50 }, "SES rate"],
    [{ sesPerSecond: 500, concurrency: 2 }, "Lambda concurrency"],
    [{ sesPerSecond: 500, concurrency: 50, tasks: 1, tasksMax: 1 }, "edge tasks"],
    [{ sesPerSecond: 500, concurrency: 50, tasks: 4, tasksMax: 4 }, undefined],
  ] as const)("names what holds mail up: %j", (change, limit) => {
    expect(simulate(change).result.firstLimit).toBe(limit);
  });
});

describe("a scaled-down real run", () => {
  it("sends as many as the model says, and no faster than the model where the pace is the limit", async () => {
    const MESSAGES = 150;
    const RATE = 15;
    const pipeline = await startPipeline({ sendRatePerSecond: RATE }, { [ENV.forwardConcurrency]: "1" });
    try {
      for (let i = 0; i < MESSAGES; i++) {
        await pipeline.accept({ to: [`b${i}@example.net`], bytes: testMail(`scale-${i}`) });
      }
      const startMs = performance.now();
      pipeline.work();
      await pipeline.idle(240_000);
      const seconds = (performance.now() - startMs) / 1000;
      const model = simulateBurst(
        burst({
          messages: MESSAGES,
          burstSeconds: 1,
          tasks: 1_000,
          sesPerSecond: RATE,
          concurrency: 1,
          batchSeconds: 0.3,
        }),
      );
      // Calls on this machine are quicker than the model's default, with which forward would be the limit here.
      expect(model.firstLimit).toBe("SES rate");
      const forwarded = pipeline.log.filter(({ event }) => event === "forwarded");
      expect(forwarded).toHaveLength(model.sent);
      expect(pipeline.log.filter(({ event }) => event === "failed")).toHaveLength(model.givenUp);
      // A second's worth may go at once. How much slower it was says how busy this machine is; more than four times, that
      // the pace is not what the model takes it for.
      expect(seconds).toBeGreaterThan((model.drainedSeconds - 1) * 0.9);
      expect(seconds).toBeLessThan(model.drainedSeconds * 4);
    } finally {
      await pipeline.close();
    }
  }, 300_000);
});
