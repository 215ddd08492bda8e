/** The token bucket: never over the rate, all of it used, and no token lost. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TokenBucket } from "../../lib/core/token-bucket.ts";

const NEVER = Number.POSITIVE_INFINITY;

/** A bucket on a clock that the test moves. */
function bucketAt(perSecond: number): { bucket: TokenBucket; clock: { ms: number } } {
  const clock = { ms: 1_000_000 };
  return { clock, bucket: new TokenBucket(perSecond, () => clock.ms) };
}

/** The moments of so many tokens taken now. */
function takeMany(bucket: TokenBucket, count: number): number[] {
  return Array.from({ length: count }, () => bucket.take(NEVER));
}

/** The most moments that lie within one stretch of so many milliseconds. */
function mostWithin(moments: readonly number[], ms: number): number {
  const sorted = moments.toSorted((a, b) => a - b);
  return Math.max(0, ...sorted.map((start, i) => sorted.filter((at, j) => j >= i && at < start + ms).length));
}

describe("TokenBucket", () => {
  it("starts empty and then gives one token an interval", () => {
    const { bucket, clock } = bucketAt(10);
    expect(takeMany(bucket, 4).map((at) => at - clock.ms)).toEqual([100, 200, 300, 400]);
  });

  it("gives after a pause what the pause left unused, but for one second at the most", () => {
    const { bucket, clock } = bucketAt(10);
    clock.ms += 60_000;
    expect(takeMany(bucket, 12).map((at) => at - clock.ms)).toEqual([...Array<number>(10).fill(0), 100, 200]);
  });

  it("reaches the whole rate over pauses shorter than a second", () => {
    const { bucket, clock } = bucketAt(20);
    let used = 0;
    for (const startMs = clock.ms; clock.ms < startMs + 60_000; clock.ms += 900) {
      while (bucket.take(clock.ms) <= clock.ms) used += 1;
    }
    expect(used).toBeGreaterThanOrEqual(60 * 20 - 20);
    expect(used).toBeLessThanOrEqual(60 * 20);
  });

  it("never gives more than the rate and one second's burst, whoever takes when and whatever the rate becomes", () => {
    const steps = fc.array(
      fc.record({
        pauseMs: fc.nat(3_000),
        takes: fc.nat(30),
        slow: fc.boolean(),
        rate: fc.option(fc.integer({ min: 1, max: 50 })),
      }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(steps, (all) => {
        const { bucket, clock } = bucketAt(50);
        const moments: number[] = [];
        for (const { pauseMs, takes, slow, rate } of all) {
          clock.ms += pauseMs;
          if (rate !== null) bucket.setRate(rate);
          if (slow) bucket.slowDown();
          moments.push(...takeMany(bucket, takes));
        }
        expect(mostWithin(moments, 1_000)).toBeLessThanOrEqual(100);
        expect(moments).toEqual(moments.toSorted((a, b) => a - b));
      }),
      { numRuns: 300 },
    );
  });

  it("takes nothing for one who cannot wait that long, and says when it would be", () => {
    const { bucket, clock } = bucketAt(2);
    expect(bucket.take(clock.ms + 499)).toBe(clock.ms + 500);
    expect(bucket.take(clock.ms + 499)).toBe(clock.ms + 500);
    expect(bucket.take(clock.ms + 500)).toBe(clock.ms + 500);
    expect(bucket.take(NEVER)).toBe(clock.ms + 1_000);
  });

  it("gives several tokens at the moment of the last of them, and has room for no more at once than its burst", () => {
    const { bucket, clock } = bucketAt(10);
    expect(bucket.burst).toBe(10);
    expect(bucket.take(NEVER, 5) - clock.ms).toBe(500);
    expect(bucket.take(NEVER) - clock.ms).toBe(600);
    clock.ms += 60_000;
    expect(bucket.take(NEVER, 10)).toBe(clock.ms);
    expect(bucket.take(NEVER) - clock.ms).toBe(100);
    clock.ms += 60_000;
    expect(bucket.take(NEVER, 25) - clock.ms).toBe(1_500);
    bucket.giveBack(25);
    expect(bucket.take(NEVER, 10)).toBe(clock.ms);
    expect(bucketAt(0.5).bucket.burst).toBe(1);
  });

  it("has a token again that was given back", () => {
    const { bucket, clock } = bucketAt(10);
    const [, second] = takeMany(bucket, 2);
    bucket.giveBack();
    expect(bucket.take(NEVER)).toBe(second);
    clock.ms += 10_000;
    takeMany(bucket, 10);
    expect(bucket.take(clock.ms)).toBeGreaterThan(clock.ms);
    bucket.giveBack();
    expect(bucket.take(clock.ms)).toBe(clock.ms);
  });

  it("goes at three quarters of the rate for ten seconds after it was too fast, and at the whole rate after that", () => {
    const { bucket, clock } = bucketAt(30);
    bucket.slowDown();
    const moments = takeMany(bucket, 1_000).map((at) => at - clock.ms);
    const between = (from: number, to: number) => moments.filter((at) => at > from && at <= to).length;
    expect(between(0, 5_000)).toBeGreaterThanOrEqual(5 * 22);
    expect(between(0, 5_000)).toBeLessThanOrEqual(5 * 23);
    expect(between(12_000, 17_000)).toBeGreaterThanOrEqual(5 * 29);
    expect(between(12_000, 17_000)).toBeLessThanOrEqual(5 * 30 + 1);
  });

  it("counts refusals that come together as one, later ones on top, and never stops altogether", () => {
    const rateAfter = (pauses: readonly number[]): number => {
      const { bucket, clock } = bucketAt(100);
      for (const pauseMs of pauses) {
        clock.ms += pauseMs;
        bucket.slowDown();
      }
      const [first = 0, second = 0] = takeMany(bucket, 102).slice(-2);
      return 1_000 / (second - first);
    };
    expect(rateAfter([0, 10, 20, 100])).toBeCloseTo(75);
    expect(rateAfter([0, 2_000])).toBeCloseTo(56.25);
    expect(rateAfter(Array<number>(20).fill(2_000))).toBeCloseTo(25);
  });

  it("lets nobody who comes later overtake those who wait since it was slower", () => {
    const { bucket, clock } = bucketAt(10);
    bucket.slowDown();
    const waiting = takeMany(bucket, 200);
    clock.ms += 10_001;
    expect(bucket.take(NEVER)).toBeGreaterThan(waiting.at(-1) ?? NEVER);
  });

  it("works at rates below one a second", () => {
    const { bucket, clock } = bucketAt(0.5);
    expect(takeMany(bucket, 3).map((at) => at - clock.ms)).toEqual([2_000, 4_000, 6_000]);
    clock.ms += 600_000;
    expect(takeMany(bucket, 2).map((at) => at - clock.ms)).toEqual([0, 2_000]);
  });
});
