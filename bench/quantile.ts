/** Quantiles of what was measured. */

/** How a quantity is spread; all of one unit. */
export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** The value that at least this share (0 to 1) of all values do not exceed, never one between two; NaN of no values. */
export function quantile(values: readonly number[], share: number): number {
  return ofSorted(sorted(values), share);
}

/** The upper one of the two in the middle; NaN of no values. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** All of them; NaN of no values. */
export function spread(values: readonly number[]): Spread {
  const all = sorted(values);
  const at = (share: number): number => ofSorted(all, share);
  return { count: all.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

function sorted(values: readonly number[]): number[] {
  return values.toSorted((a, b) => a - b);
}

function ofSorted(all: readonly number[], share: number): number {
  return all[Math.min(all.length - 1, Math.floor(all.length * share))] ?? Number.NaN;
}
