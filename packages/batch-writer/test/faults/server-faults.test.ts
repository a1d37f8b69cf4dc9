import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import {
  createBatchWriter,
  ledgerTableStatement,
  type BatchWriter,
  type BatchWriterOptions,
} from '@holdfast/batch-writer';
import {
  createTestDatabase,
  startFaultProxy,
  startPgbouncerServer,
  startPostgresServer,
  type Pool,
  type TestDatabase,
} from '@holdfast/testkit';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { expectAccounted, writeNow } from '../oracle.ts';

interface Row {
  readonly id: number;
  readonly text: string;
}

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());
beforeEach(() => createTables(database.pool));

/** Without a key, so that whatever is written twice is seen. */
async function createTables(pool: Pool): Promise<void> {
  await pool.query(
    `DROP TABLE IF EXISTS rows, ledger;
     CREATE TABLE rows (id int4 NOT NULL, text text NOT NULL CHECK (text <> 'bad'));
     ${ledgerTableStatement('ledger')}`,
  );
}

function createWriter(pool: Pool, options: Partial<BatchWriterOptions<Row>>): BatchWriter<Row> {
  return createBatchWriter<Row>({
    pool,
    table: 'rows',
    columns: { id: 'int4', text: 'text' },
    batch: { maxRows: 20, lingerMs: 1 },
    retry: { baseMs: 5, capMs: 50 },
    ...options,
  });
}

async function expectEachOnce(pool: Pool, count: number): Promise<void> {
  const { rows } = await pool.query<Row>('SELECT id FROM rows ORDER BY id');
  expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: count }, (_, id) => id));
}

/** Resolves at the next event of that name. */
function next(writer: BatchWriter<Row>, event: 'flushed'): Promise<void> {
  return new Promise((resolve) => {
    const off = writer.on(event, () => {
      off();
      resolve();
    });
  });
}

/** Sessions in a statement or a transaction, but for the one that asks. */
async function sessionsAtWork(): Promise<number | null> {
  const { rowCount } = await database.pool.query(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()`,
  );
  return rowCount;
}

/** Writes until told to end; resolves with the number of rows. */
function produce(writer: BatchWriter<Row>): () => Promise<number> {
  const over = new AbortController();
  let id = 0;
  const writing = (async () => {
    while (!over.signal.aborted) {
      for (let row = 0; row < 10; row++) await writer.write({ id: id++, text: 'good' });
      await turn();
    }
  })();
  return async () => {
    over.abort();
    await writing;
    return id;
  };
}

test('sessions that the server ends at random cost no row and double none', async () => {
  const pool = database.createPool({ application_name: 'victim', max: 2 });
  const writer = createWriter(pool, {});
  const end = produce(writer);
  let ended = 0;
  while (ended < 40) {
    const { rowCount } = await database.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim' ORDER BY random() LIMIT 1`,
    );
    ended += rowCount ?? 0;
    // So that the next one is ended at work, too.
    await next(writer, 'flushed');
  }
  const accepted = await end();
  const report = await writer.close();

  expectAccounted(report);
  expect(report).toMatchObject({ accepted, stored: accepted, returned: [] });
  expect(writer.snapshot().retries).toBeGreaterThan(0);
  await expectEachOnce(database.pool, accepted);
});

test('a server that crashes and comes back, with the spool taking what memory cannot hold: each row once', async () => {
  await using server = await startPostgresServer();
  const pool = database.createPool({ connectionString: server.url, max: 3 });
  await createTables(pool);
  const dir = mkdtempSync(join(tmpdir(), 'spool-'));
  const writer = createWriter(pool, {
    exactlyOnce: { ledger: 'ledger' },
    spool: { dir },
    buffer: { maxRows: 100 },
  });
  let mostSpooled = 0;
  const end = produce(writer);
  for (let crash = 0; crash < 2; crash++) {
    for (let batch = 0; batch < 5; batch++) await next(writer, 'flushed');
    await server.kill();
    await vi.waitFor(() => expect(writer.snapshot().spooledRows).toBeGreaterThan(200), {
      timeout: 20_000,
    });
    mostSpooled = Math.max(mostSpooled, writer.snapshot().spooledRows);
    await server.start();
  }
  const accepted = await end();
  const report = await writer.close();

  expectAccounted(report);
  expect(mostSpooled).toBeGreaterThan(0);
  expect(report).toMatchObject({ accepted, stored: accepted, spooled: 0, returned: [] });
  await expectEachOnce(pool, accepted);
  await pool.end();
  rmSync(dir, { recursive: true, force: true });
});

test.each<[string, 'toServer' | 'toClient' | undefined]>([
  ['in both directions', undefined],
  ['on the way to the server', 'toServer'],
  ['on the way back', 'toClient'],
])(
  'a black hole %s costs flushTimeoutMs, and each row is stored once',
  async (_name, direction) => {
    const { hostname: host, port } = new URL(database.url);
    await using proxy = await startFaultProxy({ host, port: Number(port) });
    const pool = database.createPool({ connectionString: proxy.urlFor(database.url), max: 1 });
    const writer = createWriter(pool, { lanes: 1, flushTimeoutMs: 300 });
    const errors: unknown[] = [];
    writer.on('retry', ({ error }) => errors.push(error));
    writeNow(writer, { id: 0, text: 'good' });
    await writer.flush();

    const fault = proxy.set('open', { kind: 'freeze', direction });
    const startedMs = performance.now();
    writeNow(writer, { id: 1, text: 'good' });
    await writer.flush();
    const tookMs = performance.now() - startedMs;
    // What was held back arrives after all.
    fault.lift();
    await vi.waitFor(async () => expect(await sessionsAtWork()).toBe(0), { timeout: 20_000 });
    const report = await writer.close();

    expect(errors[0]).toMatchObject(
      direction === 'toClient'
        ? { code: 'FLUSH_TIMEOUT' }
        : { code: 'FLUSH_TIMEOUT', timeoutMs: 300 },
    );
    expect(tookMs).toBeGreaterThanOrEqual(299);
    expectAccounted(report);
    expect(report).toMatchObject({ accepted: 2, stored: 2 });
    await expectEachOnce(database.pool, 2);
    await pool.end();
  },
);

test('a transaction pooler: bad rows in the middle of large batches leave no session stuck', async () => {
  await using bouncer = await startPgbouncerServer(database.url, {
    mode: 'transaction',
    poolSize: 2,
  });
  const pool = database.createPool({ connectionString: bouncer.url, max: 4 });
  const rejected: number[] = [];
  const writer = createWriter(pool, {
    lanes: 4,
    batch: { maxRows: 1000 },
    onRejected: (rows) => void rejected.push(...rows.map(({ row }) => Number(row.id))),
  });
  const text = 'x'.repeat(4200);
  const bad = [500, 1500, 2100, 3900, 4001, 5555];
  for (let id = 0; id < 6000; id++) {
    await writer.write({ id, text: bad.includes(id) ? 'bad' : text });
  }
  const report = await writer.close();

  expectAccounted(report);
  expect(report).toMatchObject({ accepted: 6000, stored: 5994, rejected: 6 });
  expect(rejected.sort((a, b) => a - b)).toEqual(bad);
  // The writer's connections are still open; others get the sessions of the server.
  const others = database.createPool({ connectionString: bouncer.url, max: 4 });
  const sessions = await Promise.all([others.connect(), others.connect()]);
  for (const session of sessions) await session.query('BEGIN');
  for (const session of sessions) {
    await session.query('COMMIT');
    session.release();
  }
  await others.end();
  await pool.end();
});
