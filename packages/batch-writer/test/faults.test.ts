import { setImmediate as turn } from 'node:timers/promises';
import { createBatchWriter, type BatchWriter } from '@holdfast/batch-writer';
import {
  createTestDatabase,
  startFaultProxy,
  startPostgresServer,
  type CutRule,
  type FaultProxy,
  type Pool,
  type TestDatabase,
} from '@holdfast/testkit';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { expectAccounted } from './oracle.ts';

interface Row {
  readonly id: number;
}

let database: TestDatabase;
let proxy: FaultProxy;
let pool: Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  const { hostname, port } = new URL(database.url);
  proxy = await startFaultProxy({ host: hostname, port: Number(port) });
  pool = database.createPool({ connectionString: proxy.urlFor(database.url), max: 2 });
});
afterAll(async () => {
  await pool.end();
  await proxy.close();
  await database.close();
});
beforeEach(async () => {
  await database.pool.query(
    'DROP TABLE IF EXISTS keyed, keyless; CREATE TABLE keyed (id int4 PRIMARY KEY); CREATE TABLE keyless (id int4)',
  );
});

const ids = Array.from({ length: 200 }, (_, id) => id);

function createWriter(): BatchWriter<Row> {
  return createBatchWriter<Row>({
    pool,
    table: 'keyed',
    columns: { id: 'int4' },
    key: ['id'],
    lanes: 1,
    flushTimeoutMs: 2000,
    retry: { baseMs: 5 },
  });
}

async function storedIds(table: string): Promise<number[]> {
  const { rows } = await database.pool.query<Row>(`SELECT id FROM ${table} ORDER BY id`);
  return rows.map(({ id }) => id);
}

/** The server's answer: cut before it, the rows are stored and nobody was told. */
const afterStored: CutRule = { pattern: 'COPY 200', when: 'before' };
/** The statement's text: cut before it, the server has not seen a row. */
const beforeStored: CutRule = { pattern: 'COPY "keyed"', when: 'before' };

/** Opens the connection that the fault is set on. */
async function warmUp(): Promise<void> {
  const clients = [await pool.connect()];
  for (const client of clients) client.release();
}

test('a connection cut before the server has the rows: they are stored by the retry', async () => {
  await warmUp();
  const writer = createWriter();
  const { fired } = proxy.set('open', { kind: 'cut', rule: beforeStored, direction: 'toServer' });

  await writer.writeMany(ids.map((id) => ({ id })));
  const report = await writer.close();
  await fired;

  expect(report).toMatchObject({ accepted: 200, stored: 200, duplicate: 0 });
  expectAccounted(report);
  expect(await storedIds('keyed')).toEqual(ids);
});

test('a connection cut before the answer: the server is asked, and the rows count as stored', async () => {
  await warmUp();
  const writer = createWriter();
  const { fired } = proxy.set('open', { kind: 'cut', rule: afterStored, direction: 'toClient' });

  await writer.writeMany(ids.map((id) => ({ id })));
  const report = await writer.close();
  await fired;

  expect(report).toMatchObject({ accepted: 200, stored: 200, duplicate: 0 });
  expectAccounted(report);
  expect(await storedIds('keyed')).toEqual(ids);
});

test('negative control: without the key the same cut doubles every row', async () => {
  await warmUp();
  const rule: CutRule = { pattern: 'INSERT 0 200', when: 'before' };
  const { fired } = proxy.set('open', { kind: 'cut', rule, direction: 'toClient' });
  const insert = async (): Promise<void> => {
    const client = await pool.connect();
    client.on('error', () => undefined);
    let isBroken = true;
    try {
      await client.query('INSERT INTO keyless SELECT * FROM unnest($1::int4[])', [ids]);
      isBroken = false;
    } finally {
      client.release(isBroken);
    }
  };

  await expect(insert()).rejects.toThrow();
  await insert();
  await fired;

  expect(await storedIds('keyless')).toHaveLength(400);
});

test('a server that falls silent costs one timeout, not the writer', async () => {
  await warmUp();
  const writer = createWriter();
  const errors: unknown[] = [];
  writer.on('retry', ({ error }) => errors.push(error));
  const fault = proxy.set('open', { kind: 'drop', direction: 'toClient' });

  await writer.writeMany(ids.map((id) => ({ id })));
  const report = await writer.close();
  fault.lift();

  expect(errors[0]).toMatchObject({ code: 'FLUSH_TIMEOUT' });
  expectAccounted(report);
  expect(report.stored + report.duplicate).toBe(200);
  expect(await storedIds('keyed')).toEqual(ids);
});

test('every row accepted while the server is stopped and started is stored once', async () => {
  await using server = await startPostgresServer();
  const own = database.createPool({ connectionString: server.url, max: 3 });
  await own.query('CREATE TABLE keyed (id int4 PRIMARY KEY)');
  const writer = createBatchWriter<Row>({
    pool: own,
    table: 'keyed',
    columns: { id: 'int4' },
    key: ['id'],
    batch: { maxRows: 20, lingerMs: 1 },
    retry: { baseMs: 20, capMs: 200 },
  });
  let accepted = 0;
  const done = new AbortController();
  const producing = (async () => {
    while (!done.signal.aborted) {
      for (let burst = 0; burst < 10; burst++) await writer.write({ id: accepted++ });
      await turn();
    }
  })();

  await next(writer, 'flushed');
  const retried = next(writer, 'retry');
  await server.stop();
  await retried;
  await server.start();
  await writer.flush();
  done.abort();
  await producing;
  const report = await writer.close();

  expect(writer.snapshot().retries).toBeGreaterThan(0);
  expect(report).toMatchObject({ accepted, rejected: 0, returned: [] });
  expectAccounted(report);
  const { rows } = await own.query<Row>('SELECT id FROM keyed ORDER BY id');
  expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: accepted }, (_, id) => id));
  await own.end();
});

/** Resolves at the next event of that name. */
function next(writer: BatchWriter<Row>, event: 'flushed' | 'retry'): Promise<void> {
  return new Promise((resolve) => {
    const off = writer.on(event, () => {
      off();
      resolve();
    });
  });
}
