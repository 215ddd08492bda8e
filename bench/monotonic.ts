/** A clock that the processes of one machine share and that nobody sets: CLOCK_MONOTONIC, on Linux. */

/** Milliseconds and their fractions, since some moment that is the same for all processes. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
