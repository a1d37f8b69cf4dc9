import { createTestDatabase, testSeed, type TestDatabase } from '@holdfast/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ByteWriter } from '../../src/rows/byte-writer.ts';
import { codecOf } from '../../src/rows/codecs.ts';
import type { ColumnSpec, PgType } from '../../src/rows/pg-types.ts';
import { createRowFormat, type RowFormat } from '../../src/rows/row-format.ts';
import { binaryCopy, copyIn } from './copy-in.ts';
import { isoTimes, TYPES, VALUES } from './values.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

type Row = Readonly<Record<string, unknown>>;

function column(name: string, type: PgType): ColumnSpec {
  return { name, type, nul: 'reject', isKey: false };
}

const columns = [column('id', 'int4'), ...TYPES.map((type) => column(nameOf(type), type))];
const withUnknown = [...columns, column('address', 'unknown')];
const binary = createRowFormat(columns);
const text = createRowFormat(withUnknown);

function nameOf(type: PgType): string {
  return `c_${type.replace('[]', '_array')}`;
}

const rows = fc.array(
  fc.record({
    ...Object.fromEntries(TYPES.map((type) => [nameOf(type), VALUES[type]])),
    address: fc.constantFrom(null, '::1', '10.0.0.0/8'),
  }),
  { minLength: 1, maxLength: 20 },
);

test('a row arrives the same by binary COPY, by text COPY and by INSERT', async () => {
  const definitions = columns.map(({ name, type }) => `${name} ${type}`).join(', ');
  const client = await database.pool.connect();
  try {
    await client.query(`SET TIME ZONE 'Asia/Kolkata'`);
    for (const table of ['by_binary', 'by_text', 'by_insert']) {
      await client.query(`CREATE TEMP TABLE ${table} (${definitions}, address inet)`);
    }
    await fc.assert(
      fc.asyncProperty(rows, async (given) => {
        const numbered = given.map((row, id): Row => ({ id, ...row }));
        await client.query('TRUNCATE by_binary, by_text, by_insert');
        const names = columns.map(({ name }) => name).join(', ');
        await copyIn(
          client,
          `COPY by_binary (${names}) FROM STDIN (FORMAT binary)`,
          binaryCopy(encode(binary, numbered)),
        );
        await copyIn(
          client,
          `COPY by_text (${names}, address) FROM STDIN (FORMAT text)`,
          encode(text, numbered),
        );
        const places = withUnknown.map((_, index) => `$${index + 1}`).join(', ');
        for (const row of numbered) {
          const values = withUnknown.map(({ name, type }) =>
            row[name] === null ? null : codecOf(type).text(row[name]),
          );
          await client.query(`INSERT INTO by_insert VALUES (${places})`, values);
        }
        for (const { name } of columns) {
          const { rows: differing } = await client.query<Row>(
            `SELECT i.id, i.${name}::text AS inserted, b.${name}::text AS binary, t.${name}::text AS text
             FROM by_insert i JOIN by_binary b USING (id) JOIN by_text t USING (id)
             WHERE i.${name}::text IS DISTINCT FROM b.${name}::text
                OR i.${name}::text IS DISTINCT FROM t.${name}::text`,
          );
          expect(differing, name).toEqual([]);
        }
        const { rows: counts } = await client.query<Row>(
          `SELECT count(*)::int FROM by_insert JOIN by_binary USING (id) JOIN by_text t USING (id)`,
        );
        expect(counts).toEqual([{ count: given.length }]);
      }),
      { numRuns: 25, seed: testSeed() },
    );
  } finally {
    client.release();
  }
});

test('every type arrives as it was written', async () => {
  const values: Partial<Record<PgType, readonly [value: unknown, stored: string]>> = {
    bool: [false, 'false'],
    int2: [-32_768, '-32768'],
    int4: ['2147483647', '2147483647'],
    int8: [2n ** 53n + 1n, '9007199254740993'],
    float4: [0.1, '0.1'],
    float8: [-0, '-0'],
    numeric: [
      '-123456789012345678901234567890.1234567890',
      '-123456789012345678901234567890.1234567890',
    ],
    text: ['\\N {a} "b" \\ \n \u{1F600}', '\\N {a} "b" \\ \n \u{1F600}'],
    uuid: ['A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
    date: [new Date('2024-02-29T23:59:59.999Z'), '2024-02-29'],
    timestamp: ['2026-01-01T00:00:00.123456+05:30', '2025-12-31 18:30:00.123456'],
    timestamptz: ['2026-01-01T00:00:00.123456+05:30', '2026-01-01 00:00:00.123456+05:30'],
    json: [[[1, 2], [3]], '[[1,2],[3]]'],
    jsonb: [{ a: [null, 'x"y'] }, '{"a": [null, "x\\"y"]}'],
    bytea: [new Uint8Array([0, 92, 34, 255]), '\\x005c22ff'],
    'int4[]': [
      [
        [1, null],
        [3, 4],
      ],
      '{{1,NULL},{3,4}}',
    ],
    'text[]': [['NULL', null, '', 'a"b\\'], '{"NULL",NULL,"","a\\"b\\\\"}'],
    'float8[]': [[], '{}'],
    'json[]': [[[1], 'a', null], '{[1],"\\"a\\"",NULL}'],
  };
  const used = Object.keys(values) as PgType[];
  const row = Object.fromEntries(used.map((type) => [nameOf(type), values[type]![0]]));
  const client = await database.pool.connect();
  try {
    await client.query(`SET TIME ZONE 'Asia/Kolkata'`);
    const definitions = used.map((type) => `${nameOf(type)} ${type}`).join(', ');
    await client.query(`CREATE TEMP TABLE given (${definitions}, address inet)`);
    const specs = used.map((type) => column(nameOf(type), type));
    await copyIn(
      client,
      `COPY given (${used.map(nameOf).join(', ')}) FROM STDIN (FORMAT binary)`,
      binaryCopy(encode(createRowFormat(specs), [row])),
    );
    await copyIn(
      client,
      'COPY given FROM STDIN (FORMAT text)',
      encode(createRowFormat([...specs, column('address', 'unknown')]), [
        { ...row, address: '::1' },
      ]),
    );

    const { rows: stored } = await client.query<Row>(
      `SELECT ${used.map((type) => `${nameOf(type)}::text`).join(', ')} FROM given`,
    );
    const expected = Object.fromEntries(used.map((type) => [nameOf(type), values[type]![1]]));
    expect(stored).toEqual([expected, expected]);
  } finally {
    client.release();
  }
});

const SEND: Readonly<Partial<Record<PgType, string>>> = {
  bool: 'boolsend',
  int2: 'int2send',
  int4: 'int4send',
  int8: 'int8send',
  float4: 'float4send',
  float8: 'float8send',
  numeric: 'numeric_send',
  text: 'textsend',
  uuid: 'uuid_send',
  date: 'date_send',
  timestamp: 'timestamp_send',
  timestamptz: 'timestamptz_send',
  json: 'json_send',
  bytea: 'byteasend',
};

// Without jsonb, which the server writes with other spaces and in another order.
const SENDING = TYPES.filter((type) => !type.startsWith('jsonb'));

test.each(SENDING)('%s has the bytes that PostgreSQL itself gives it', async (type) => {
  const codec = codecOf(type);
  const values = fc.array(
    VALUES[type].filter((value) => value !== null),
    { minLength: 1, maxLength: 50 },
  );
  await fc.assert(
    fc.asyncProperty(values, async (given) => {
      const { rows: sent } = await database.pool.query<{ bytes: Buffer }>(
        `SELECT ${SEND[type] ?? 'array_send'}(value::${type}) AS bytes
         FROM unnest($1::text[]) WITH ORDINALITY AS given (value, place) ORDER BY place`,
        [given.map((value) => codec.text(value))],
      );
      given.forEach((value, index) => {
        const out = new ByteWriter(1);
        codec.write(out, value);
        const here = out.bytes.toString('hex', 4, out.length);
        expect(here, codec.text(value).slice(0, 200)).toBe(sent[index]!.bytes.toString('hex'));
      });
    }),
    { numRuns: 5, seed: testSeed() },
  );
});

test('ISO times mean the same here and in PostgreSQL', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(isoTimes, { minLength: 1, maxLength: 100 }), async (times) => {
      const { rows: stored } = await database.pool.query<{ iso: string }>(
        `SELECT to_char(iso::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS iso
         FROM unnest($1::text[]) WITH ORDINALITY AS given (iso, place) ORDER BY place`,
        [times],
      );
      const codec = codecOf('timestamptz');
      const here = times.map((iso) => {
        const out = new ByteWriter();
        codec.write(out, iso);
        const [seconds, fraction] = (codec.read(out.bytes, 4, 8) as string).split(/[.Z]/);
        return `${seconds}.${fraction!.padEnd(6, '0')}Z`;
      });
      expect(here).toEqual(stored.map(({ iso }) => iso));
    }),
    { numRuns: 20, seed: testSeed() },
  );
});

test('the calendar has the same days here and in PostgreSQL', async () => {
  const client = await database.pool.connect();
  try {
    await client.query(
      `CREATE FUNCTION pg_temp.is_date(given text) RETURNS boolean LANGUAGE plpgsql AS
       $$ BEGIN PERFORM given::date; RETURN true; EXCEPTION WHEN others THEN RETURN false; END $$`,
    );
    const texts: string[] = [];
    for (const year of ['0001', '1582', '1900', '1999', '2000', '2023', '2024', '9999']) {
      for (let month = 0; month <= 13; month += 1) {
        for (let day = 0; day <= 32; day += 1) {
          texts.push(`${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`);
        }
      }
    }
    const { rows: stored } = await client.query<{ has: boolean }>(
      `SELECT pg_temp.is_date(day) AS has
       FROM unnest($1::text[]) WITH ORDINALITY AS given (day, place) ORDER BY place`,
      [texts],
    );

    const refused = texts.filter((day) => !accepts('date', day));

    expect(refused).toEqual(texts.filter((_, index) => !stored[index]!.has));
    expect(texts.filter((day) => !accepts('timestamptz', `${day}T00:00:00Z`))).toEqual(refused);
  } finally {
    client.release();
  }
});

test.each([binary, text])('what $name reads, it writes with the same bytes', (format) => {
  fc.assert(
    fc.property(rows, (given) => {
      const numbered = given.map((row, id): Row => ({ id, ...row }));
      for (const row of numbered) {
        const bytes = encode(format, [row]);
        const again = encode(format, [format.read(bytes, 0, bytes.length)]);
        expect(again.equals(bytes)).toBe(true);
      }
    }),
    { numRuns: 50, seed: testSeed() },
  );
});

function encode(format: RowFormat, given: readonly object[]): Buffer {
  const out = new ByteWriter(16);
  for (const row of given) format.write(out, row);
  return out.bytes.subarray(0, out.length);
}

function accepts(type: PgType, value: unknown): boolean {
  try {
    codecOf(type).write(new ByteWriter(), value);
    return true;
  } catch {
    return false;
  }
}
