/** Which recipients go together. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CallCandidate, callGroups, callsAtOnce } from "../../lib/core/call-groups.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { fitsRecipientTag } from "../../lib/core/recipient-tag.ts";

function candidates(addresses: readonly string[], tried: readonly number[] = []): CallCandidate[] {
  return addresses.map((address, index) => ({ index, address, wasTried: tried.includes(index) }));
}

function indexes(groups: readonly (readonly CallCandidate[])[]): number[][] {
  return groups.map((group) => group.map(({ index }) => index));
}

describe("the calls of a message", () => {
  it("hold as many recipients as they may, in order", () => {
    expect(indexes(callGroups(candidates(["a@x", "b@x", "c@x", "d@x", "e@x"]), 2))).toEqual([[0, 1], [2, 3], [4]]);
  });

  it("hold one each when that is the setting", () => {
    expect(indexes(callGroups(candidates(["a@x", "b@x"]), 1))).toEqual([[0], [1]]);
  });

  it("leave alone who was tried before", () => {
    expect(indexes(callGroups(candidates(["a@x", "b@x", "c@x", "d@x"], [1]), 50))).toEqual([[0, 2, 3], [1]]);
  });

  it("never hold an address twice, in whatever case", () => {
    expect(indexes(callGroups(candidates(["a@x", "A@X", "b@x", "a@x"]), 50))).toEqual([[0, 2], [1], [3]]);
  });

  it("hold everybody once and keep to all bounds, whoever they are", () => {
    const address = fc.constantFrom("a@x", "b@x", "B@x", "c@x", "d@x");
    const candidate = fc.record({ address, wasTried: fc.boolean(), index: fc.nat(99_999) });
    const list = fc.uniqueArray(candidate, { selector: ({ index }) => index, maxLength: 120 });
    fc.assert(
      fc.property(list, fc.integer({ min: 1, max: 50 }), (all, sizeMax) => {
        const groups = callGroups(all, sizeMax);
        expect(groups.flat().toSorted((a, b) => a.index - b.index)).toEqual(all.toSorted((a, b) => a.index - b.index));
        for (const group of groups) {
          expect(group.length).toBeLessThanOrEqual(sizeMax);
          expect(new Set(group.map((each) => each.address.toLowerCase())).size).toBe(group.length);
          expect(fitsRecipientTag(group.map(({ index }) => index))).toBe(true);
          if (group.length > 1) expect(group.some(({ wasTried }) => wasTried)).toBe(false);
        }
      }),
    );
  });
});

describe("calls at the same time", () => {
  it("are as many as recipients may be under way, and fewer the larger they are, but one at least", () => {
    const { recipientsInFlight, requestBytesInFlight } = LIMITS.forward;
    expect(callsAtOnce(10_000, 1)).toBe(recipientsInFlight);
    expect(callsAtOnce(10_000, 5)).toBe(Math.floor(recipientsInFlight / 5));
    expect(callsAtOnce(10_000, 50)).toBe(1);
    expect(callsAtOnce(requestBytesInFlight / 4, 1)).toBe(4);
    expect(callsAtOnce((LIMITS.edge.messageSizeBytesMax * 4) / 3, 1)).toBe(2);
    expect(callsAtOnce(requestBytesInFlight * 2, 1)).toBe(1);
  });
});
