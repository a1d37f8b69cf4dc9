import { createBatchWriter } from '@holdfast/batch-writer';
import { createTestDatabase, testSeed, type TestDatabase } from '@holdfast/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

interface Everything {
  readonly id: number;
  readonly flag?: boolean | null;
  readonly small?: number;
  readonly big?: bigint;
  readonly single?: number;
  readonly double?: number;
  readonly exact?: string;
  readonly words?: string;
  readonly uid?: string;
  readonly day?: string;
  readonly ts?: Date | string;
  readonly doc?: unknown;
  readonly docb?: unknown;
  readonly raw?: Uint8Array;
}

const columns = {
  id: 'int4',
  flag: 'bool',
  small: 'int2',
  big: 'int8',
  single: 'float4',
  double: 'float8',
  exact: 'numeric',
  words: 'text',
  uid: 'uuid',
  day: 'date',
  ts: 'timestamptz',
  doc: 'json',
  docb: 'jsonb',
  raw: 'bytea',
} as const;

async function roundTrip(rows: readonly Everything[]): Promise<Record<string, string | null>[]> {
  const definitions = Object.entries(columns).map(([name, type]) => `${name} ${type}`);
  await database.pool.query(
    `DROP TABLE IF EXISTS everything; SET TIME ZONE 'Asia/Kolkata';
     CREATE TABLE everything (${definitions.join(', ')}, PRIMARY KEY (id))`,
  );
  const writer = createBatchWriter<Everything>({
    pool: database.pool,
    table: 'everything',
    columns,
    key: ['id'],
  });
  await writer.writeMany(rows);
  expect(await writer.close()).toMatchObject({ stored: rows.length, rejected: 0 });
  const texts = Object.keys(columns).map((name) =>
    name === 'ts'
      ? `to_char(ts AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.USZ') AS ts`
      : `${name}::text`,
  );
  const result = await database.pool.query<Record<string, string | null>>(
    `SELECT ${texts.join(', ')} FROM everything ORDER BY everything.id`,
  );
  return result.rows;
}

test('every type arrives as it was written', async () => {
  const rows = await roundTrip([
    {
      id: 1,
      flag: false,
      small: -5,
      big: 2n ** 63n - 1n,
      single: NaN,
      double: -Infinity,
      exact: '123456789012345678901234567890.123456789',
      words: 'NULL, {a} "b" \\ \n \u{1F600}',
      uid: 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
      day: '2024-02-29',
      ts: '2026-01-01T00:00:00.123456+05:30',
      doc: [[1, 2], [3]],
      docb: { a: [null, 'x"y'] },
      raw: new Uint8Array([0, 92, 34, 255]),
    },
    { id: 2 },
    { id: 3, flag: null, words: 'NULL', double: -0, ts: new Date(1), doc: 'text', docb: [] },
  ]);

  expect(rows[0]).toEqual({
    id: '1',
    flag: 'false',
    small: '-5',
    big: '9223372036854775807',
    single: 'NaN',
    double: '-Infinity',
    exact: '123456789012345678901234567890.123456789',
    words: 'NULL, {a} "b" \\ \n \u{1F600}',
    uid: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    day: '2024-02-29',
    ts: '2025-12-31T18:30:00.123456Z',
    doc: '[[1,2],[3]]',
    docb: '{"a": [null, "x\\"y"]}',
    raw: '\\x005c22ff',
  });
  const { id, ...rest } = rows[1]!;
  expect(id).toBe('2');
  expect(Object.values(rest)).toEqual(Array(13).fill(null));
  expect(rows[2]).toMatchObject({
    words: 'NULL',
    double: '-0',
    ts: '1970-01-01T00:00:00.001000Z',
    doc: '"text"',
    docb: '[]',
  });
});

test('random values arrive as they were written', async () => {
  const text = fc.string({ unit: 'binary' }).filter((value) => !value.includes('\u0000'));
  const values = fc.record({
    double: fc.double(),
    single: fc.float(),
    big: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    words: text,
    raw: fc.uint8Array(),
    doc: fc.jsonValue(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(values, { minLength: 1, maxLength: 50 }), async (given) => {
      const stored = await roundTrip(given.map((row, id) => ({ id, ...row })));

      given.forEach((row, index) => {
        const { double, single, big, words, raw, doc } = stored[index]!;
        expect(Number(double)).toBe(row.double);
        expect(Math.fround(Number(single))).toBe(row.single);
        expect(BigInt(big!)).toBe(row.big);
        expect(words).toBe(row.words);
        expect(raw).toBe(`\\x${Buffer.from(row.raw).toString('hex')}`);
        expect(doc).toBe(row.doc === null ? null : JSON.stringify(row.doc));
      });
    }),
    { numRuns: 20, seed: testSeed() },
  );
});
