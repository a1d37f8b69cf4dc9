import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createQueue, memoryStore } from '@holdfast/sync-queue';
import { sqliteStore } from '@holdfast/sync-queue/sqlite';
import Database from 'libsql';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { transactWithin } from '../../src/sqlite/database.ts';

const folder = mkdtempSync(join(tmpdir(), 'sync-queue-'));
let path: string;
let files = 0;

beforeEach(() => (path = join(folder, `${(files += 1)}.db`)));
afterAll(() => rmSync(folder, { recursive: true }));

const options = {
  name: 'q',
  limits: { maxCount: 2, maxBytes: 1000 },
  overflow: 'reject',
} as const;

test.each([
  ['COMMIT', 1],
  ['ROLLBACK', 0],
])('an item of a transaction that ends by %s', async (end, ready) => {
  await using queue = createQueue({ ...options, store: sqliteStore({ path }) });
  await queue.start();
  const database = new Database(path);
  database.exec('BEGIN IMMEDIATE');
  await queue.add('a', { transaction: database });

  expect(await queue.stats()).toMatchObject({ ready: 0 });
  database.exec(end);
  database.close();
  expect(await queue.stats()).toMatchObject({ ready });
});

test('a connection without a transaction is refused, and nothing is added', async () => {
  await using queue = createQueue({ ...options, store: sqliteStore({ path }) });
  await queue.start();
  const database = new Database(path);

  await expect(queue.add('a', { transaction: database })).rejects.toMatchObject({
    code: 'TRANSACTION_INVALID',
    message:
      'transaction must be a connection of libsql after BEGIN, got one without an open transaction',
  });
  database.close();
  expect(await queue.stats()).toMatchObject({ ready: 0 });
});

test.each([
  ['file:secret.db', 'a string'],
  [{}, 'an object without prepare and exec'],
  [null, 'null'],
  [5, 'a number'],
])('%j is refused as a transaction', async (transaction, got) => {
  const errors: unknown[] = [];
  await using queue = createQueue({ ...options, store: sqliteStore({ path }) });
  queue.on('storeError', (event) => errors.push(event));

  await expect(queue.add('a', { transaction })).rejects.toMatchObject({
    code: 'TRANSACTION_INVALID',
    message: expect.stringContaining(`after BEGIN, got ${got}`) as string,
  });
  expect(errors).toEqual([]);
});

test('a transaction on another file is told as such, and goes on', async () => {
  await using queue = createQueue({ ...options, store: sqliteStore({ path }) });
  const database = new Database(join(folder, 'other.db'));
  database.exec('CREATE TABLE t (a); BEGIN; INSERT INTO t VALUES (1)');

  await expect(queue.add('a', { transaction: database })).rejects.toMatchObject({
    code: 'TRANSACTION_INVALID',
    message: expect.stringContaining('got one to another file') as string,
  });
  database.exec('COMMIT');
  expect(database.prepare('SELECT count(*) AS n FROM t').get()).toMatchObject({ n: 1 });
  database.close();
});

test('a transaction on the file of another store is refused, and nothing is added there', async () => {
  const elsewhere = join(folder, 'of another store.db');
  await using other = createQueue({ ...options, store: sqliteStore({ path: elsewhere }) });
  await using queue = createQueue({ ...options, store: sqliteStore({ path }) });
  await other.start();
  const database = new Database(elsewhere);
  database.exec('BEGIN');

  await expect(queue.add('a', { transaction: database })).rejects.toMatchObject({
    code: 'TRANSACTION_INVALID',
    message: expect.stringContaining('got one to another file') as string,
  });
  database.exec('COMMIT');
  database.close();
  expect(await other.stats()).toMatchObject({ count: 0 });
});

test.each(['by another name', 'as an attached database'])(
  'a transaction that has the file %s is one of it',
  async (how) => {
    await using queue = createQueue({ ...options, store: sqliteStore({ path }) });
    await queue.start();
    const linked = `${path}-linked`;
    symlinkSync(path, linked);
    const database = new Database(how === 'by another name' ? linked : `${path}-app`);
    if (how !== 'by another name') database.exec(`ATTACH '${path}' AS queues`);
    database.exec('BEGIN');
    await queue.add('a', { transaction: database });
    database.exec('COMMIT');
    database.close();

    expect(await queue.stats()).toMatchObject({ ready: 1 });
  },
);

test('an item that cannot be written leaves nothing in the transaction, and is told as not held', async () => {
  await using queue = createQueue({ ...options, store: sqliteStore({ path }) });
  await queue.start();
  const database = new Database(path);
  database.exec(`CREATE TRIGGER broken AFTER UPDATE ON sync_queue
    BEGIN SELECT RAISE(ABORT, 'no more'); END`);
  database.exec('BEGIN IMMEDIATE');

  await expect(queue.add('a', { transaction: database })).rejects.toMatchObject({
    code: 'STORE_FAILED',
    outcome: 'not-applied',
  });
  database.exec('COMMIT');
  expect(database.prepare('SELECT count(*) AS n FROM sync_item').get()).toMatchObject({ n: 0 });
  database.close();
});

test('nothing of the caller is taken back when not even a savepoint can be made', () => {
  const done: string[] = [];
  const failure = new Error('out of memory');
  const database = {
    inTransaction: true,
    exec(sql: string) {
      done.push(sql);
      throw failure;
    },
  } as unknown as Parameters<typeof transactWithin>[0];

  const adding = (): unknown => transactWithin(database, () => 1);
  expect(adding).toThrow(expect.objectContaining({ outcome: 'not-applied', cause: failure }));
  expect(done).toEqual(['SAVEPOINT sync_queue']);
});

test.each([{}, 'x', null, { query: () => undefined }])(
  'memory takes no transaction, whatever it is: %j',
  async (transaction) => {
    await using queue = createQueue({ ...options, store: memoryStore() });

    await expect(queue.add('a', { transaction })).rejects.toMatchObject({
      code: 'TRANSACTION_UNSUPPORTED',
    });
  },
);
