/** The byte budget: never over its limit, first come first served, and no work is forgotten. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteBudget } from "../../lib/core/byte-budget.ts";

/** Work that begins when the budget lets it and ends when told. */
class Work {
  running = false;
  end: () => void = () => undefined;
  readonly bytes: number;
  done: Promise<unknown> = Promise.resolve();
  constructor(bytes: number) {
    this.bytes = bytes;
  }
  start(budget: ByteBudget): void {
    this.done = budget.run(this.bytes, async () => {
      this.running = true;
      await new Promise<void>((resolve) => (this.end = resolve));
      this.running = false;
    });
  }
}

/** Lets everything that can begin or end do so. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("ByteBudget", () => {
  it("never runs more than its limit at once, in the order of arrival, and runs everything", async () => {
    const limit = 100;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(150), { minLength: 1, maxLength: 20 }), async (sizes) => {
        const budget = new ByteBudget(limit);
        const works = sizes.map((bytes) => new Work(bytes));
        for (const work of works) work.start(budget);
        for (const work of works) {
          await settle();
          const running = works.filter((other) => other.running);
          expect(running.reduce((sum, other) => sum + Math.min(limit, other.bytes), 0)).toBeLessThanOrEqual(limit);
          expect(work.running).toBe(true);
          work.end();
        }
        await Promise.all(works.map((work) => work.done));
      }),
      { numRuns: 50 },
    );
  });

  it("runs work larger than the whole budget alone", async () => {
    const budget = new ByteBudget(100);
    const [big, small] = [new Work(1_000), new Work(1)];
    big.start(budget);
    small.start(budget);
    await settle();
    expect([big.running, small.running]).toEqual([true, false]);
    big.end();
    await settle();
    expect(small.running).toBe(true);
    small.end();
    await small.done;
  });

  it("does not let small work overtake big work that waits", async () => {
    const budget = new ByteBudget(100);
    const [first, big, small] = [new Work(60), new Work(60), new Work(10)];
    for (const work of [first, big, small]) work.start(budget);
    await settle();
    expect([first, big, small].map((work) => work.running)).toEqual([true, false, false]);
    first.end();
    await settle();
    expect([big.running, small.running]).toEqual([true, true]);
    big.end();
    small.end();
    await Promise.all([big.done, small.done]);
  });

  it("hands on what the work returns", async () => {
    expect(await new ByteBudget(10).run(5, async () => "done")).toBe("done");
  });

  it("frees the bytes of work that fails, and hands on its error", async () => {
    const budget = new ByteBudget(10);
    await expect(budget.run(10, async () => Promise.reject(new Error("S3 is down")))).rejects.toThrow("S3 is down");
    const thrower = (): Promise<void> => {
      throw new Error("at once");
    };
    await expect(budget.run(10, thrower)).rejects.toThrow("at once");
    expect(await budget.run(10, async () => "free")).toBe("free");
  });
});
