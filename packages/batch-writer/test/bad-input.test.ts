import { createBatchWriter, type BatchWriterOptions } from '@holdfast/batch-writer';
import { createTestDatabase, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectAccounted, writeNow } from './oracle.ts';

interface Row {
  readonly id: number;
  readonly n: number;
}

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query(
    `CREATE TABLE plain (id int4 PRIMARY KEY, n int4);
     CREATE TABLE loose (id int4, n int4); CREATE UNIQUE INDEX ON loose (id) WHERE n > 0;
     CREATE TABLE made (id int4 PRIMARY KEY, n int4 GENERATED ALWAYS AS (id) STORED)`,
  );
});
afterAll(() => database.close());

const options = { table: 'plain', columns: { id: 'int4', n: 'int4' }, key: ['id'] } as const;

type Given = Partial<BatchWriterOptions<Row>>;

test.each<[string, Given, object]>([
  [
    'an unknown table',
    { table: 'nowhere' },
    { code: 'TABLE_MISMATCH', message: 'table "nowhere": there is no such table' },
  ],
  [
    'a schema within the name of the table',
    { table: 'public.plain' },
    {
      code: 'TABLE_MISMATCH',
      message:
        'table "public.plain": there is no such table with a dot in its name; its schema is the option schema',
    },
  ],
  [
    'an unknown column',
    { columns: { id: 'int4', m: 'int4' } as never },
    { code: 'TABLE_MISMATCH', message: 'table "plain": there is no column "m"' },
  ],
  [
    'a column of another type',
    { columns: { id: 'int4', n: 'int8' } },
    { code: 'TABLE_MISMATCH', message: 'table "plain": column "n" is of type integer, not int8' },
  ],
  [
    'a key that is not unique in the table',
    { table: 'loose' },
    {
      code: 'TABLE_MISMATCH',
      message: expect.stringContaining('is not that of a unique index') as string,
    },
  ],
  [
    'a column that the table makes',
    { table: 'made' },
    { code: 'TABLE_MISMATCH', message: expect.stringContaining('is generated always') as string },
  ],
])(
  '%s halts the writer with one clear error, and its rows come back',
  async (_name, given, cause) => {
    const writer = createBatchWriter<Row>({ ...options, pool: database.pool, ...given });
    const halts: unknown[] = [];
    writer.on('halted', ({ error }) => halts.push(error));
    writeNow(writer, { id: 1, n: 2 });

    await expect(writer.flush()).rejects.toMatchObject({ code: 'WRITER_HALTED', cause });
    expect(halts).toEqual([expect.objectContaining(cause)]);
    const report = await writer.close();
    expect(report).toMatchObject({ accepted: 1, returned: [{ id: 1 }], unknown: 0 });
    expectAccounted(report);
  },
);

test('a table that is made while the writer is halted gets the rows after resume', async () => {
  const writer = createBatchWriter<Row>({ ...options, pool: database.pool, table: 'later' });
  writeNow(writer, { id: 1, n: 2 });
  await expect(writer.flush()).rejects.toMatchObject({ code: 'WRITER_HALTED' });

  await database.pool.query('CREATE TABLE later (id int4 PRIMARY KEY, n int4)');
  writer.resume();
  await writer.flush();
  expect(await writer.close()).toMatchObject({ accepted: 1, stored: 1 });
});

test('a value that does not fit is thrown back with its column, and counts nowhere', async () => {
  const writer = createBatchWriter<Row>({ ...options, pool: database.pool });

  expect(() => writer.write({ id: 1, n: 'two' } as never)).toThrow(
    expect.objectContaining({ code: 'ROW_INVALID', column: 'n' }),
  );
  expect(() => writer.write({ n: 2 } as never)).toThrow(
    expect.objectContaining({ code: 'ROW_INVALID', column: 'id' }),
  );
  expect(() => writer.write(null as never)).toThrow();
  expect(await writer.close()).toMatchObject({ accepted: 0, stored: 0 });
});

test('a read-only server is tried for maxElapsedMs, then the writer halts and keeps the rows', async () => {
  const pool = database.createPool({ options: '-c default_transaction_read_only=on' });
  const retry = { baseMs: 5, capMs: 20, maxElapsedMs: 100 };
  const writer = createBatchWriter<Row>({ ...options, pool, retry });
  writeNow(writer, { id: 77, n: 2 });

  await expect(writer.flush()).rejects.toMatchObject({
    code: 'RETRY_EXHAUSTED',
    cause: { code: '25006' },
  });
  const report = await writer.close();
  expect(report).toMatchObject({ accepted: 1, returned: [{ id: 77, n: 2 }] });
  expectAccounted(report);
});

test('a pool that has been ended halts the writer and keeps the rows', async () => {
  const pool = database.createPool();
  const writer = createBatchWriter<Row>({ ...options, pool });
  await pool.end();
  writeNow(writer, { id: 78, n: 2 });

  await expect(writer.flush()).rejects.toMatchObject({
    code: 'WRITER_HALTED',
    cause: { code: 'POOL_CLOSED' },
  });
  expect(await writer.close()).toMatchObject({ accepted: 1, returned: [{ id: 78 }] });
});
