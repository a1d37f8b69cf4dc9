import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EncodedRow } from '../src/encode-row.ts';
import { planBatch, withoutFirst } from '../src/plan-batch.ts';

function rowsOf(pairs: readonly (readonly [string, number])[]): EncodedRow[] {
  return pairs.map(([keyText, order]) => {
    return { row: {}, values: [], keyText, order, bytes: 0, acceptedAtMs: 0 };
  });
}

const pairs = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.nat(3)));

test('keeps every row, one group a key, in order of the keys', () => {
  fc.assert(
    fc.property(pairs, fc.constantFrom('first' as const, 'latest' as const), (given, wins) => {
      const rows = rowsOf(given);
      const groups = planBatch(rows, wins);
      const keys = groups.map(([first]) => first.keyText);

      expect(new Set(groups.flat())).toEqual(new Set(rows));
      expect(groups.flat()).toHaveLength(rows.length);
      expect(keys).toEqual([...new Set(keys)].sort());
      for (const group of groups) expect(new Set(group.map((row) => row.keyText)).size).toBe(1);
    }),
  );
});

test('the first written wins, or the newest and the first of equally new ones', () => {
  fc.assert(
    fc.property(pairs, (given) => {
      const rows = rowsOf(given);
      for (const [winner] of planBatch(rows, 'first')) {
        expect(winner).toBe(rows.find(({ keyText }) => keyText === winner.keyText));
      }
      for (const [winner] of planBatch(rows, 'latest')) {
        const same = rows.filter(({ keyText }) => keyText === winner.keyText);
        const newest = Math.max(...same.map(({ order }) => Number(order)));
        expect(winner).toBe(same.find(({ order }) => order === newest));
      }
    }),
  );
});

test('the next candidate follows a refused one until none is left', () => {
  const [a, b] = rowsOf([
    ['k', 0],
    ['k', 0],
  ]);

  expect(withoutFirst([a!, b!])).toEqual([b]);
  expect(withoutFirst([b!])).toBeUndefined();
});
