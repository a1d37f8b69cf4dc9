import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBackoff, seededRandom, type Jitter } from '@holdfast/internal';

describe('createBackoff', () => {
  it('grows by the factor up to the cap without jitter', () => {
    const backoff = createBackoff({ baseMs: 100, capMs: 1_000, factor: 3, jitter: 'none' });

    expect([1, 2, 3, 4, 100].map((attempt) => backoff(attempt, 0))).toEqual([
      100, 300, 900, 1_000, 1_000,
    ]);
  });

  it.each<[Jitter, number, number]>([
    ['full', 0, 200],
    ['equal', 100, 200],
    ['decorrelated', 100, 300],
  ])('%s jitter spreads the second delay from %d to %d ms', (jitter, lowest, highest) => {
    const at = (random: number): number =>
      createBackoff({ baseMs: 100, capMs: 10_000, jitter, random: () => random })(2, 100);

    expect(at(0)).toBe(lowest);
    expect(at(1)).toBe(highest);
  });

  it('never leaves the range from 0 to the cap', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<Jitter>('none', 'full', 'equal', 'decorrelated'),
        fc.nat(1_000),
        fc.nat(100_000),
        fc.integer({ min: 1, max: 5_000 }),
        fc.nat(),
        (jitter, baseMs, extraMs, attempt, seed) => {
          const capMs = baseMs + extraMs;
          const backoff = createBackoff({ baseMs, capMs, jitter, random: seededRandom(seed) });
          let delayMs = 0;
          for (const number of [1, 2, attempt]) {
            delayMs = backoff(number, delayMs);
            expect(delayMs).toBeGreaterThanOrEqual(0);
            expect(delayMs).toBeLessThanOrEqual(capMs);
          }
        },
      ),
    );
  });

  it('names the option, the rule and the value', () => {
    expect(() => createBackoff({ baseMs: -1 })).toThrow(
      new RangeError('baseMs must be a finite number of at least 0, got -1'),
    );
    expect(() => createBackoff({ baseMs: -1 }, 'retry.')).toThrow(
      new RangeError('retry.baseMs must be a finite number of at least 0, got -1'),
    );
    expect(() => createBackoff({ baseMs: 500, capMs: 100 })).toThrow(
      new RangeError('capMs must be a finite number of at least 500, got 100'),
    );
    expect(() => createBackoff({ jitter: 'some' as Jitter })).toThrow(
      new TypeError('jitter must be one of none, full, equal, decorrelated, got "some"'),
    );
  });
});
