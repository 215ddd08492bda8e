/**
 * Amounts of money as exact decimal numbers. No binary fraction comes near them: 0.1 is not a number there.
 */

/** `units` divided by ten to the power of `scale`. */
export interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

/** Reads `120`, `0.35`. Undefined: not a plain decimal number. */
export function parseDecimal(text: string): Decimal | undefined {
  const match = /^(-?\d+)(?:\.(\d+))?$/.exec(text);
  if (match?.[1] === undefined) return undefined;
  const fraction = match[2] ?? "";
  return { units: BigInt(match[1] + fraction), scale: fraction.length };
}

/** What `count` cost at a price for a thousand, exactly. Throws RangeError for a count that is no whole number. */
export function priceOf(count: number, per1000: Decimal): Decimal {
  return { units: per1000.units * BigInt(count), scale: per1000.scale + 3 };
}

/** Rounded to so many digits after the point; a half is rounded away from zero, as invoices do. */
export function roundDecimal(amount: Decimal, digits: number): Decimal {
  if (amount.scale <= digits) return { units: amount.units * 10n ** BigInt(digits - amount.scale), scale: digits };
  const divisor = 10n ** BigInt(amount.scale - digits);
  const half = amount.units < 0n ? -divisor / 2n : divisor / 2n;
  return { units: (amount.units + half) / divisor, scale: digits };
}

/** The sum. */
export function addDecimals(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  const at = (value: Decimal): bigint => value.units * 10n ** BigInt(scale - value.scale);
  return { units: at(a) + at(b), scale };
}

/** With all digits of its scale: `1234.50`. */
export function formatDecimal({ units, scale }: Decimal): string {
  const sign = units < 0n ? "-" : "";
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, "0");
  return scale === 0 ? `${sign}${digits}` : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Digits after the point that a currency has (ISO 4217): none of the yen, two of the dollar. */
export function currencyDigits(currency: string): number {
  const { maximumFractionDigits } = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions();
  return maximumFractionDigits ?? 2;
}
