/** A source of numbers in [0, 1). */
export type Random = () => number;

export const systemRandom: Random = () => Math.random();

/**
 * A repeatable source of numbers: the same `seed` (any integer; 32 bits count) gives the same sequence.
 * Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014), the
 * 32-bit variant of SplitMix with the murmur3 finaliser. Not for secrets.
 */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}
