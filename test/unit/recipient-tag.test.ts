/** The tag that leads an event back to the recipients of its call. */

import { describe, expect, it } from "vitest";
import { fitsRecipientTag, formatRecipientTag, parseRecipientTag } from "../../lib/core/recipient-tag.ts";

describe("the recipient tag", () => {
  it("holds the indexes of one recipient and of several, in characters that SES takes", () => {
    for (const indexes of [[0], [7], [3, 14, 159]]) {
      const value = formatRecipientTag(indexes);
      expect(value).toMatch(/^[A-Za-z0-9_-]{1,256}$/);
      expect(parseRecipientTag(value)).toEqual(indexes);
    }
  });

  it("has room for 50 recipients out of a thousand, and says when it has not", () => {
    const last = Array.from({ length: 50 }, (_, i) => 9_950 + i);
    expect(fitsRecipientTag(last)).toBe(true);
    const more = Array.from({ length: 50 }, (_, i) => 99_950 + i);
    expect(fitsRecipientTag(more)).toBe(false);
    expect(() => formatRecipientTag(more)).toThrow(RangeError);
  });

  it.each(["", "x", "1_", "_1", "1__2", "-1", "1.5", "1 2", "9".repeat(12)])("takes %j for nobody's", (value) => {
    expect(parseRecipientTag(value)).toEqual([]);
  });
});
