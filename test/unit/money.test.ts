/** Money to the last digit. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addDecimals,
  currencyDigits,
  formatDecimal,
  parseDecimal,
  priceOf,
  roundDecimal,
} from "../../lib/core/money.ts";

const decimal = (text: string) => {
  const parsed = parseDecimal(text);
  if (parsed === undefined) throw new Error(`${text} is no decimal`);
  return parsed;
};

describe("decimal amounts", () => {
  it.each([
    [1_000, "120", 0, "120"],
    [1_234, "0.35", 2, "0.43"],
    [5, "0.1", 2, "0.00"],
    [50, "0.1", 2, "0.01"],
    [1_500, "1", 0, "2"],
    [2_500, "1", 0, "3"],
    [123_456_789, "0.105", 2, "12962.96"],
    [9_007_199_254_740_991, "0.1", 4, "900719925474.0991"],
    [0, "5", 2, "0.00"],
  ])("%i at %s for 1,000, to %i digits, is %s", (count, price, digits, amount) => {
    expect(formatDecimal(roundDecimal(priceOf(count, decimal(price)), digits))).toBe(amount);
  });

  it("add up exactly where binary fractions do not", () => {
    expect(formatDecimal(addDecimals(decimal("0.1"), decimal("0.20")))).toBe("0.30");
  });

  it("round a negative half away from zero", () => {
    expect(formatDecimal(roundDecimal(decimal("-1.005"), 2))).toBe("-1.01");
  });

  it("refuse what is no plain number", () => {
    for (const text of ["", "1,5", "1e3", ".5", "1.", "0x1", "NaN"]) expect(parseDecimal(text)).toBeUndefined();
  });

  it("read what they wrote", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 20n }), fc.integer({ min: 0, max: 9 }), (units, scale) => {
        expect(parseDecimal(formatDecimal({ units, scale }))).toEqual({ units, scale });
      }),
    );
  });

  it("have the digits of their currency", () => {
    expect([currencyDigits("JPY"), currencyDigits("USD"), currencyDigits("KWD")]).toEqual([0, 2, 3]);
  });
});
