import {
  createBatchWriter,
  ledgerTableStatement,
  type BatchWriterOptions,
} from '@holdfast/batch-writer';
import { createTestDatabase } from '@holdfast/testkit';
import { expect, test } from 'vitest';
import { createFakePool } from './fake-pool.ts';
import { expectAccounted, writeNow } from './oracle.ts';
import { reading, setUp } from './set-up.ts';

test('a batch that times out twice is sent in halves; a row alone is tried again, and not blamed', async () => {
  let isBlocked = true;
  const never = new Promise<number>(() => undefined);
  const pool = createFakePool(({ ids }) =>
    ids.length > 2 || (isBlocked && ids.includes('5')) ? never : ids.length,
  );
  const { clock, writer } = setUp(pool, {
    ...{ batch: { maxRows: 8 }, lanes: 1, flushTimeoutMs: 100 },
    retry: { baseMs: 1, capMs: 1, jitter: 'none' },
  });

  for (let id = 0; id < 8; id++) writeNow(writer, reading(id));
  for (let step = 0; step < 30; step++) await clock.advance(101);
  const sizes = pool.calls.map(({ ids }) => ids.length);
  const { isolations } = writer.snapshot();
  isBlocked = false;
  await clock.advance(101);
  const report = await writer.close();

  expect(sizes.slice(0, 11)).toEqual([8, 8, 4, 4, 2, 2, 4, 4, 2, 2, 1]);
  expect(sizes.length).toBeGreaterThan(15);
  expect(new Set(sizes.slice(11))).toEqual(new Set([1]));
  expect(isolations).toBe(4);
  expect(report).toMatchObject({ accepted: 8, stored: 8, rejected: 0 });
  expectAccounted(report);
});

test('a guard that rejects with errors of its own does not keep a slow batch from being halved', async () => {
  let calls = 0;
  const never = new Promise<number>(() => undefined);
  const pool = createFakePool(({ ids }) => (ids.length > 4 ? never : ids.length));
  const { clock, writer } = setUp(pool, {
    ...{ batch: { maxRows: 8 }, lanes: 1, flushTimeoutMs: 100 },
    retry: { baseMs: 1, capMs: 1, jitter: 'none' },
    guard: {
      async execute(work, options) {
        calls += 1;
        try {
          return await work({ signal: options?.signal ?? new AbortController().signal });
        } catch (cause) {
          throw new Error('guarded', { cause });
        }
      },
    },
  });

  for (let id = 0; id < 8; id++) writeNow(writer, reading(id));
  for (let step = 0; step < 6; step++) await clock.advance(101);
  const report = await writer.close();

  expect(report).toMatchObject({ accepted: 8, stored: 8, rejected: 0 });
  expect(pool.calls.map(({ ids }) => ids.length)).toEqual([8, 8, 4, 4]);
  expect(calls).toBe(5);
});

interface Row {
  readonly id: number;
  readonly value: number;
}

test.each<[path: string, options: Partial<BatchWriterOptions<Row>>]>([
  ['COPY', {}],
  ['COPY with a ledger', { exactlyOnce: { ledger: 'ledger' } }],
  ['INSERT', { key: ['id'], onConflict: { update: ['value'] } }],
])(
  '%s: a batch that always takes longer than flushTimeoutMs is stored in parts, once',
  async (_path, options) => {
    await using database = await createTestDatabase();
    await database.pool.query(`CREATE TABLE rows (id int4 NOT NULL, value int4);
    ${options.key === undefined ? '' : 'CREATE UNIQUE INDEX ON rows (id);'}
    ${ledgerTableStatement('ledger')};
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_sleep(0.05); RETURN NEW; END $$;
    CREATE TRIGGER wait AFTER INSERT ON rows FOR EACH ROW EXECUTE FUNCTION wait()`);
    const writer = createBatchWriter<Row>({
      ...{ pool: database.pool, table: 'rows', columns: { id: 'int4', value: 'int4' } },
      ...{ flushTimeoutMs: 400, lanes: 1, retry: { baseMs: 1, capMs: 20 } },
      ...options,
    });
    for (let id = 0; id < 20; id++) writeNow(writer, { id, value: id });
    const report = await writer.close();

    expect(report).toMatchObject({ accepted: 20, stored: 20, rejected: 0, returned: [] });
    expectAccounted(report);
    expect(writer.snapshot().isolations).toBeGreaterThan(0);
    const { rows } = await database.pool.query<{ id: number }>('SELECT id FROM rows ORDER BY id');
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 20 }, (_, id) => id));
  },
);
