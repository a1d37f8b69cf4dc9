import { describe, expect, it } from 'vitest';
import { seededRandom, systemRandom } from '@holdfast/internal';

describe('seededRandom', () => {
  it('gives the same numbers for the same seed and others for another', () => {
    const take = (seed: number): number[] => {
      const random = seededRandom(seed);
      return Array.from({ length: 100 }, random);
    };

    expect(take(7)).toEqual(take(7));
    expect(take(7)).not.toEqual(take(8));
  });

  it('spreads evenly over [0, 1)', () => {
    const random = seededRandom(1);
    const buckets = new Array<number>(10).fill(0);
    for (let n = 0; n < 100_000; n += 1) {
      const value = random();
      expect(value >= 0 && value < 1).toBe(true);
      buckets[Math.floor(value * 10)]! += 1;
    }

    // Five standard deviations of a binomial count around 10,000.
    for (const count of buckets) expect(Math.abs(count - 10_000)).toBeLessThan(475);
  });
});

describe('systemRandom', () => {
  it('stays within [0, 1)', () => {
    const value = systemRandom();

    expect(value >= 0 && value < 1).toBe(true);
  });
});
