/** When a message is tried again, and when that ends. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../../lib/core/limits.ts";
import { retryDelayMs, shouldGiveUp } from "../../lib/core/retry.ts";

const { retryFirstMs, retryMaxMs } = LIMITS.forward;
const none = () => 0;

describe("retryDelayMs", () => {
  it("doubles from the first wait", () => {
    expect([1, 2, 3, 4].map((tries) => retryDelayMs(tries, none) / retryFirstMs)).toEqual([1, 2, 4, 8]);
  });

  it("never falls, and stays between the first wait and the ceiling with its spread, for any number of tries", () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.double({ min: 0, max: 1, noNaN: true }), (tries, random) => {
        const delay = retryDelayMs(tries, () => random);
        expect(delay).toBeGreaterThanOrEqual(retryFirstMs);
        expect(delay).toBeLessThanOrEqual(retryMaxMs * 1.2);
        expect(retryDelayMs(tries + 1, none)).toBeGreaterThanOrEqual(retryDelayMs(tries, none));
        expect(Number.isInteger(delay)).toBe(true);
      }),
    );
  });

  it("spreads a backlog over a fifth of the wait", () => {
    expect(retryDelayMs(1, () => 0.5)).toBe(retryFirstMs * 1.1);
  });
});

describe("shouldGiveUp", () => {
  const hour = 3_600_000;
  it.each([
    ["a millisecond before its time", 48 * hour - 1, false],
    ["at its time", 48 * hour, true],
    ["days later", 480 * hour, true],
    ["when our clock is behind the one that accepted it", -hour, false],
  ])("decides %s", (_, age, expected) => {
    expect(shouldGiveUp(1_000, 1_000 + age, 48)).toBe(expected);
  });
});
