import { seededRandom } from '@holdfast/internal';
import { testSeed } from '@holdfast/testkit';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LocalEntries } from '../../src/redis/local-entries.ts';

it('lets the least recently used entry go first', () => {
  const entries = new LocalEntries({ maxEntries: 2, ttlMs: 100 });
  entries.set('a', '1', 0);
  entries.set('b', '2', 0);
  entries.get('a', 1);

  entries.set('c', '3', 2);

  expect([entries.get('a', 3), entries.get('b', 3), entries.get('c', 3)]).toEqual([
    '1',
    undefined,
    '3',
  ]);
});

it('forgets an entry when its time is over, however often it was read', () => {
  const entries = new LocalEntries({ maxEntries: 2, ttlMs: 100 });
  entries.set('a', '1', 0);

  expect(entries.get('a', 99)).toBe('1');
  expect(entries.get('a', 100)).toBeUndefined();
  expect(entries.size).toBe(0);
});

it('never holds more than its bound, and never gives what was not set last', () => {
  const seed = testSeed();
  const random = seededRandom(seed);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 200 }), (max, steps) => {
      const entries = new LocalEntries({ maxEntries: max, ttlMs: 1_000_000 });
      const last = new Map<string, string>();
      for (let step = 0; step < steps; step += 1) {
        const key = `k${Math.floor(random() * 8)}`;
        if (random() < 0.5) {
          entries.set(key, String(step), step);
          last.set(key, String(step));
        }
        expect(entries.size).toBeLessThanOrEqual(max);
        expect([undefined, last.get(key)]).toContain(entries.get(key, step));
      }
    }),
    { seed, numRuns: 100 },
  );
});
