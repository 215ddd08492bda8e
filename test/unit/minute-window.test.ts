import { array, assert, integer, property, tuple } from "fast-check";
import { describe, expect, it } from "vitest";
import { MinuteWindow, WINDOW_MS } from "../../lib/core/minute-window.ts";

describe("a minute's window", () => {
  it("says when there is room again, and there is", () => {
    const window = new MinuteWindow();
    window.add(1_000, 3);
    window.add(31_000, 2);
    expect(window.waitMs(31_000, 1, 6)).toBe(0);
    expect(window.waitMs(31_000, 1, 5)).toBe(34_000);
    expect(window.waitMs(64_999, 1, 5)).toBe(1);
    expect(window.waitMs(65_000, 1, 5)).toBe(0);
    expect(window.sum(65_000)).toBe(2);
    expect(window.sum(65_000 + WINDOW_MS)).toBe(0);
  });

  it("never has room for more than the whole limit", () => {
    expect(new MinuteWindow().waitMs(0, 6, 5)).toBe(WINDOW_MS);
    expect(new MinuteWindow().waitMs(0, 1, 0)).toBe(WINDOW_MS);
  });

  it("takes back what was given back, while that counts", () => {
    const window = new MinuteWindow();
    const slot = window.add(1_000, 3);
    window.add(21_000, 1);
    window.giveBack(22_000, slot, 2);
    expect(window.sum(22_000)).toBe(2);
    window.giveBack(70_000, slot, 1);
    expect(window.sum(70_000)).toBe(1);
  });

  it("lets no sixty seconds hold more than the limit, whenever things come, and forgets what is older than 65", () => {
    const steps = array(tuple(integer({ min: 0, max: 30_000 }), integer({ min: 1, max: 4 })), {
      maxLength: 60,
    });
    assert(
      property(steps, integer({ min: 4, max: 12 }), (arrivals, limit) => {
        const window = new MinuteWindow();
        const taken: { at: number; amount: number }[] = [];
        let now = 0;
        const within = (ms: number): number =>
          taken.filter(({ at }) => at > now - ms).reduce((sum, { amount }) => sum + amount, 0);
        for (const [pause, amount] of arrivals) {
          now += pause;
          const waitMs = window.waitMs(now, amount, limit);
          if (waitMs === 0) {
            window.add(now, amount);
            taken.push({ at: now, amount });
          } else {
            expect(within(WINDOW_MS) + amount).toBeGreaterThan(limit);
            expect(waitMs).toBeLessThanOrEqual(WINDOW_MS);
          }
          expect(within(60_000)).toBeLessThanOrEqual(limit);
        }
      }),
    );
  });
});
