import { createTestDatabase, testSeed, type TestDatabase } from '@holdfast/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ByteWriter } from '../../src/rows/byte-writer.ts';
import { codecOf } from '../../src/rows/codecs.ts';
import type { ColumnSpec, PgType } from '../../src/rows/pg-types.ts';
import { createRowFormat, type RowFormat } from '../../src/rows/row-format.ts';
import { VALUES } from './values.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

/** Values that PostgreSQL holds equal though they are written differently, among others. */
const LIKELY: Partial<Record<PgType, readonly unknown[]>> = {
  bool: [true, false],
  int2: [1, 1n, '1', '01', -1],
  int4: [0, -0, 7, -7],
  int8: [2n ** 53n, 2n ** 53n + 1n, '9007199254740992', -1, 2 ** 53 - 1],
  float4: [0, -0, NaN, -NaN, Infinity, 0.1, Math.fround(0.1), 1e-50],
  float8: [0, -0, NaN, 5e-324, -5e-324, 0.1, Math.fround(0.1)],
  numeric: [
    '1',
    '1.0',
    '1.00',
    1,
    1n,
    '10e-1',
    '-1',
    '0',
    '-0.00',
    'NaN',
    NaN,
    '10000',
    '1e4',
    '1e8',
    '.0001',
  ],
  text: ['a', 'A', 'a ', '', '\u00e9', 'e\u0301'],
  uuid: ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'],
  date: ['2026-01-01', new Date('2026-01-01T23:00:00Z'), 'infinity'],
  timestamp: ['2026-01-01T00:00:00Z', new Date('2026-01-01'), '2026-01-01T01:00:00+01'],
  timestamptz: [
    '2026-01-01T00:00:00Z',
    '2026-01-01T00:00:00.000001Z',
    '2026-01-01T01:00:00.0+01:00',
    1_767_225_600_000_000n,
  ],
  bytea: [new Uint8Array([0]), new Uint8Array([0, 0]), new Uint8Array()],
  jsonb: [{ a: 1, b: [2] }, { b: [2], a: 1 }, { a: 1, b: [3] }, 1, '1', [], {}],
  'float8[]': [[0], [-0], [NaN], [null], [0, null], [[0]], []],
  'numeric[]': [['1'], ['1.0'], ['1', null], [null, '1.00'], [['1.0', '2']], [['1', '2.0']], []],
  'text[]': [['a'], ['a', null], [null], []],
};

describe.each(Object.keys(LIKELY) as PgType[])('keys of %s', (type) => {
  const values = fc.oneof(
    fc.constantFrom(...LIKELY[type]!),
    VALUES[type as keyof typeof VALUES].filter((value) => value !== null),
  );
  const pairs = fc.array(fc.tuple(values, values), { minLength: 20, maxLength: 60 });

  test.each(['binary', 'text'] as const)('are equal as PostgreSQL holds them: %s', async (name) => {
    const format = createRowFormat(keyOf(type, name));
    expect(format.name).toBe(name);
    const likely = LIKELY[type]!.flatMap((a) =>
      LIKELY[type]!.map((b): [unknown, unknown] => [a, b]),
    );
    await fc.assert(
      fc.asyncProperty(pairs, async (given) => {
        const all = [...likely, ...given];
        const texts = all.map((pair) => pair.map((value) => codecOf(type).text(value)));
        const { rows } = await database.pool.query<{ equal: boolean }>(
          `SELECT a::${type} = b::${type} AS equal
           FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS given (a, b, place) ORDER BY place`,
          [texts.map(([a]) => a), texts.map(([, b]) => b)],
        );
        all.forEach(([a, b], index) => {
          const context = texts[index]!.join(' and ');
          const [first, second] = [rowOf(format, a), rowOf(format, b)];
          const order = format.compareKeys(first, 0, second, 0);
          expect(order === 0, context).toBe(rows[index]!.equal);
          expect(Math.sign(format.compareKeys(second, 0, first, 0)), context).toBe(
            -Math.sign(order) + 0,
          );
          if (order === 0) expect(hashOf(format, first), context).toBe(hashOf(format, second));
        });
      }),
      { numRuns: 5, seed: testSeed() },
    );
  });

  test('have a total order', () => {
    const format = createRowFormat(keyOf(type, 'binary'));
    const rows = fc
      .tuple(values, values, values)
      .map((all) => all.map((one) => rowOf(format, one)));
    fc.assert(
      fc.property(rows, ([a, b, c]) => {
        const isOrdered =
          format.compareKeys(a!, 0, b!, 0) <= 0 && format.compareKeys(b!, 0, c!, 0) <= 0;
        fc.pre(isOrdered);
        expect(format.compareKeys(a!, 0, c!, 0)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 200, seed: testSeed() },
    );
  });
});

describe.each(['binary', 'text'] as const)('a key of two columns: %s', (name) => {
  const format = createRowFormat([
    { name: 'before', type: 'text', nul: 'reject', isKey: false },
    { name: 'a', type: 'text', nul: 'reject', isKey: true },
    { name: 'between', type: 'int4', nul: 'reject', isKey: false },
    { name: 'b', type: 'numeric', nul: 'reject', isKey: true },
    ...(name === 'text'
      ? [{ name: 'u', type: 'unknown', nul: 'reject', isKey: false } as const]
      : []),
  ]);
  const encode = (row: object): Buffer => {
    const out = new ByteWriter();
    format.write(out, row);
    return out.bytes.subarray(0, out.length);
  };

  test('does not see the other columns', () => {
    const first = encode({ before: 'x', a: 'k', between: 1, b: '1.0' });
    const second = encode({ before: null, a: 'k', between: null, b: '1' });

    expect(format.compareKeys(first, 0, second, 0)).toBe(0);
    expect(hashOf(format, first)).toBe(hashOf(format, second));
  });

  test('spreads its hashes over lanes', () => {
    const lanes = new Array<number>(8).fill(0);
    for (let index = 0; index < 8000; index += 1) {
      const row = encode({ a: `device-${index % 80}`, b: Math.floor(index / 80) });
      lanes[hashOf(format, row) % 8]! += 1;
    }

    expect(Math.min(...lanes)).toBeGreaterThan(850);
    expect(Math.max(...lanes)).toBeLessThan(1150);
  });

  test('is ordered by its first column, then by its second', () => {
    const [low, high] = [encode({ a: 'a', b: 2 }), encode({ a: 'b', b: 1 })];

    expect(format.compareKeys(low, 0, high, 0)).toBeLessThan(0);
    expect(format.compareKeys(high, 0, encode({ a: 'b', b: 2 }), 0)).toBeLessThan(0);
  });
});

function keyOf(type: PgType, name: 'binary' | 'text'): ColumnSpec[] {
  const key: ColumnSpec = { name: 'key', type, nul: 'reject', isKey: true };
  return name === 'binary'
    ? [key]
    : [{ name: 'u', type: 'unknown', nul: 'reject', isKey: false }, key];
}

function rowOf(format: RowFormat, key: unknown): Buffer {
  const out = new ByteWriter();
  format.write(out, { key });
  return out.bytes.subarray(0, out.length);
}

function hashOf(format: RowFormat, row: Buffer): number {
  const hash = format.hashKey(row, 0, row.length);
  expect(Number.isInteger(hash) && hash >= 0 && hash < 2 ** 32).toBe(true);
  return hash;
}
