import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createBatchWriter,
  ledgerTableStatement,
  type BatchWriter,
  type BatchWriterOptions,
} from '@holdfast/batch-writer';
import { createTestDatabase, type PoolClient, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Batch } from '../../src/blocks/batch.ts';
import { resolveTable, shapeOf } from '../../src/resolve-table.ts';
import { ledgerInsert } from '../../src/sending/ledger.ts';
import { decodeBatchFile } from '../../src/spool/batch-file.ts';
import { connectionLost, createFakePool } from '../fake-pool.ts';
import { expectAccounted, writeNow } from '../oracle.ts';

let database: TestDatabase;
let dir: string;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query(
    `CREATE TABLE rows (id int4 NOT NULL); ${ledgerTableStatement('ledger')}`,
  );
  dir = mkdtempSync(join(tmpdir(), 'spool-'));
});
afterAll(async () => {
  await database.close();
  rmSync(dir, { recursive: true, force: true });
});

interface Row {
  readonly id: number;
}

const optionsWith = (pool: BatchWriterOptions<Row>['pool']): BatchWriterOptions<Row> => ({
  pool,
  table: 'rows',
  columns: { id: 'int4' },
  exactlyOnce: { ledger: 'ledger' },
  lanes: 1,
  spool: { dir },
});

/** A batch of 100 rows in the spool, as a process leaves it that ends. */
async function leaveOnDisk(): Promise<Batch> {
  await database.pool.query('TRUNCATE rows, ledger');
  const down = createFakePool(() => {
    throw connectionLost();
  });
  const dead = createBatchWriter<Row>(optionsWith(down));
  for (let id = 0; id < 100; id++) writeNow(dead, { id });
  expect(await dead.close({ timeoutMs: 20 })).toMatchObject({ spooled: 100 });
  const [file] = readdirSync(dir);
  const shape = shapeOf(resolveTable(optionsWith(down)));
  return decodeBatchFile(file!, readFileSync(join(dir, file!)), shape).batch;
}

/** The session that writes some of it, and has not committed. */
async function beginOrphan(batch: Batch, from: number, to: number): Promise<PoolClient> {
  const orphan = await database.pool.connect();
  orphan.on('error', () => undefined);
  await orphan.query('BEGIN');
  await orphan.query(ledgerInsert('ledger', batch, { from, to }, to - from));
  await orphan.query('INSERT INTO rows SELECT generate_series($1::int4, $2::int4)', [from, to - 1]);
  return orphan;
}

async function untilWaitsForOrphan(): Promise<void> {
  await vi.waitFor(
    async () => {
      const waiting = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`;
      expect((await database.pool.query(waiting)).rowCount).toBe(1);
    },
    { timeout: 20_000 },
  );
}

function retried(writer: BatchWriter<Row>, times: number): Promise<void> {
  let left = times;
  return new Promise((resolve) => {
    writer.on('retry', () => {
      if (--left === 0) resolve();
    });
  });
}

async function expectEachOnce(): Promise<void> {
  const { rows } = await database.pool.query<Row>('SELECT id FROM rows ORDER BY id');
  expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, id) => id));
}

test.each<[string, number, number]>([
  ['the first half', 0, 50],
  ['the second half', 50, 100],
])(
  'a part of a batch that a dead process is still committing is waited for, not written again: %s',
  async (_name, from, to) => {
    const batch = await leaveOnDisk();
    const orphan = await beginOrphan(batch, from, to);
    // With one snapshot for a whole transaction.
    const pool = database.createPool({ options: '-c default_transaction_isolation=serializable' });
    const writer = createBatchWriter<Row>(optionsWith(pool));
    const closed = writer.close();
    await untilWaitsForOrphan();
    await orphan.query('COMMIT');
    orphan.release();
    const report = await closed;

    expectAccounted(report);
    expect(report).toMatchObject({ recovered: 100, stored: 100 });
    await expectEachOnce();
  },
);

test('a part that a dead process never commits is waited for no longer than flushTimeoutMs, then its session is ended', async () => {
  const batch = await leaveOnDisk();
  const orphan = await beginOrphan(batch, 0, 50);
  const ended = new Promise((resolve) => orphan.once('error', resolve));
  const retries: unknown[] = [];
  const writer = createBatchWriter<Row>({ ...optionsWith(database.pool), flushTimeoutMs: 300 });
  writer.on('retry', ({ error }) => retries.push(error));
  const report = await writer.close();
  await ended;
  orphan.release(true);

  expect(retries[0]).toMatchObject({ code: 'COMMIT_PENDING' });
  expectAccounted(report);
  expect(report).toMatchObject({ recovered: 100, stored: 100 });
  await expectEachOnce();
});

test('a session that the role may not end is waited for, which halts nothing', async () => {
  await database.pool.query(`DROP ROLE IF EXISTS mere_writer; CREATE ROLE mere_writer;
    GRANT SELECT, INSERT, DELETE ON rows, ledger TO mere_writer`);
  const batch = await leaveOnDisk();
  const orphan = await beginOrphan(batch, 0, 50);
  const pool = database.createPool({ options: '-c role=mere_writer' });
  const writer = createBatchWriter<Row>({ ...optionsWith(pool), flushTimeoutMs: 100 });
  const halts: unknown[] = [];
  writer.on('halted', ({ error }) => halts.push(error));
  await retried(writer, 3);
  await orphan.query('COMMIT');
  orphan.release();
  const report = await writer.close();

  expect(halts).toEqual([]);
  expect(report).toMatchObject({ recovered: 100, stored: 100 });
  await expectEachOnce();
});
