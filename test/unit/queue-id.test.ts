/** Queue ids: order by time, the alphabet that every name they appear in allows, and keys that are ours or not. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  firstQueueIdAt,
  makeQueueId,
  parseQueueId,
  QUEUE_ID_RANDOM_BYTES,
  queueIdOfKey,
  queueIdTimeMs,
  spoolKey,
} from "../../lib/core/queue-id.ts";

const TIME_MAX = 32 ** 9 - 1;
const time = fc.integer({ min: 0, max: TIME_MAX });
const bytes = fc.uint8Array({ minLength: QUEUE_ID_RANDOM_BYTES, maxLength: 32 });

describe("queue id", () => {
  it("is one fixed text for one time and one set of bytes", () => {
    const id = makeQueueId(
      Date.UTC(2026, 10, 24),
      Uint8Array.from({ length: 11 }, (_, index) => index + 20),
    );
    expect(id).toBe("1m85dmb00mnpqrstvwxy");
  });

  it("gives its time back, for any time and any bytes", () => {
    fc.assert(
      fc.property(time, bytes, (timeMs, random) => {
        const id = makeQueueId(timeMs, random);
        expect(parseQueueId(id)).toBe(id);
        expect(queueIdTimeMs(id)).toBe(timeMs);
      }),
    );
  });

  it("sorts by time as text, whatever the random part", () => {
    fc.assert(
      fc.property(time, time, bytes, bytes, (a, b, randomA, randomB) => {
        fc.pre(a !== b);
        expect(makeQueueId(a, randomA) < makeQueueId(b, randomB)).toBe(a < b);
      }),
    );
  });

  it("is never below the first id of its millisecond, nor above the first of the next", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: TIME_MAX - 1 }), bytes, (timeMs, random) => {
        const id = makeQueueId(timeMs, random);
        expect(firstQueueIdAt(timeMs) <= id).toBe(true);
        expect(id < firstQueueIdAt(timeMs + 1)).toBe(true);
      }),
    );
  });

  it("differs when one of the first eleven bytes differs in its low five bits", () => {
    fc.assert(
      fc.property(bytes, fc.nat(QUEUE_ID_RANDOM_BYTES - 1), fc.integer({ min: 1, max: 31 }), (random, at, change) => {
        const other = Uint8Array.from(random);
        other[at] = (other[at] ?? 0) ^ change;
        expect(makeQueueId(0, other)).not.toBe(makeQueueId(0, random));
      }),
    );
  });

  it("fits SES's tag alphabet and a file name", () => {
    fc.assert(
      fc.property(time, bytes, (t, random) => {
        expect(makeQueueId(t, random)).toMatch(/^[a-z0-9]{20}$/);
      }),
    );
  });

  it("takes the fraction of a millisecond off", () => {
    expect(queueIdTimeMs(firstQueueIdAt(1_700_000_000_000.9))).toBe(1_700_000_000_000);
  });

  it("is refused for ten bytes, and for a time it cannot hold", () => {
    expect(() => makeQueueId(0, new Uint8Array(10))).toThrow(RangeError);
    for (const bad of [-1, Number.NaN, Number.POSITIVE_INFINITY, TIME_MAX + 1]) {
      expect(() => makeQueueId(bad, new Uint8Array(11)), String(bad)).toThrow(RangeError);
    }
  });
});

describe("parseQueueId", () => {
  it.each([
    ["nothing", ""],
    ["one character too few", "0".repeat(19)],
    ["one character too many", "0".repeat(21)],
    ["a letter that Crockford leaves out", `${"0".repeat(19)}l`],
    ["upper case", `${"0".repeat(19)}A`],
    ["a line end behind it", `${"0".repeat(20)}\n`],
    ["a path", "../0000000000000000."],
  ])("refuses %s", (_, text) => {
    expect(parseQueueId(text)).toBeUndefined();
  });
});

describe("spool key", () => {
  it("leads back to its id", () => {
    fc.assert(
      fc.property(time, bytes, (timeMs, random) => {
        const id = makeQueueId(timeMs, random);
        expect(spoolKey(id)).toBe(`spool/${id}.eml`);
        expect(queueIdOfKey(spoolKey(id))).toBe(id);
      }),
    );
  });

  const id = firstQueueIdAt(0);
  it.each([
    ["another prefix", `tool/${id}.eml`],
    ["no prefix", `${id}.eml`],
    ["a folder in between", `spool/x/${id}.eml`],
    ["another suffix", `spool/${id}.emlx`],
    ["prefix and suffix that share a character", "spool/.eml"],
    ["a version behind it", `spool/${id}.eml?versionId=1`],
    ["upper case", `spool/${id}.EML`],
  ])("is none of ours with %s", (_, key) => {
    expect(queueIdOfKey(key)).toBeUndefined();
  });
});
