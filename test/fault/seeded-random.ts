/** Random choices that can be repeated: the same seed gives the same sequence. Not for secrets. */

/** A repeatable source of choices. */
export type SeededRandom = {
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number;
  /** True with this probability (0 to 1). */
  chance(probability: number): boolean;
  /** An independent source for one part of a test, so that another part's speed does not change its choices. */
  fork(stream: number): SeededRandom;
};

/** A source for the seed, a whole number. The generator is xorshift32 (Marsaglia 2003). */
export function seededRandom(seed: number): SeededRandom {
  // A state of 0 would stay 0; the multiplication spreads small seeds over all bits.
  let state = Math.imul(seed | 0, 0x9e3779b1) || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  for (let warmUp = 0; warmUp < 8; warmUp += 1) next();
  return {
    between: (low, high) => low + Math.floor(next() * (high - low + 1)),
    chance: (probability) => next() < probability,
    fork: (stream) => seededRandom(seed + Math.imul(stream + 1, 0x85ebca6b)),
  };
}
