import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOutbox, type Outbox, type OutboxOptions } from '@holdfast/sync-queue';
import { sqliteOutboxStore } from '@holdfast/sync-queue/sqlite';
import { isTorture, recordTorture } from '@holdfast/testkit';
import Database from 'libsql';
import { afterAll, expect, test } from 'vitest';
import { OUTBOX_SCHEMA } from '../../src/outbox/sqlite/outbox-schema.ts';
import { SqliteRows } from '../../src/outbox/sqlite/sqlite-rows.ts';
import { describeOutboxStore, newUnit } from './store-contract.ts';
import { insert, patch, setUp } from './set-up.ts';

const folder = mkdtempSync(join(tmpdir(), 'outbox-'));
let files = 0;
const newPath = (): string => join(folder, `${(files += 1)}.db`);

afterAll(() => rmSync(folder, { recursive: true }));

for (const [name, encryptionKey] of [
  ['sqlite', undefined],
  ['encrypted sqlite', 'correct horse battery staple'],
] as const) {
  describeOutboxStore(name, async () => ({
    store: sqliteOutboxStore({ path: newPath(), encryptionKey, synchronous: 'NORMAL' }),
    close: async () => {},
  }));
}

const limits = { maxCount: 1000, maxBytes: 1_000_000 };

function open(path: string, options: Partial<OutboxOptions> = {}, encryptionKey?: string): Outbox {
  return createOutbox({
    store: sqliteOutboxStore({ path, encryptionKey }),
    clientId: 'c',
    limits,
    push: async () => Promise.reject(new Error('no network')),
    ...options,
  });
}

test('keeps what it holds over a restart, and sends what was sent before as it was', async () => {
  const path = newPath();
  const first = setUp({ store: sqliteOutboxStore({ path }), online: undefined });
  first.losesAnswer = true;
  await first.outbox.enqueue(insert('1', { a: 1 }));
  first.losesAnswer = false;
  await first.outbox.sync();
  first.losesAnswer = true;
  await first.outbox.enqueue(patch('1', { a: 2 }));
  await first.outbox.sync();
  await first.outbox.enqueue(patch('1', { a: 3 }));
  await first.outbox.close();

  const second = setUp({
    store: sqliteOutboxStore({ path }),
    push: async (request) => {
      first.requests.push(request);
      return first.receiver.receive(request);
    },
  });
  expect(await second.outbox.sync()).toMatchObject({ left: 0 });
  expect(first.docOf('1')).toEqual({ a: 3 });
  expect(first.receiver.snapshot()).toMatchObject({ applied: 3, repeated: 1 });
  await second.outbox.close();
});

test('a file: path with parameters names the same outbox', async () => {
  const path = newPath();
  const first = open(`file:${path}?mode=rwc`);
  await first.enqueue(insert('1'));

  const refused = open(path);
  await expect(refused.start()).rejects.toMatchObject({ code: 'OUTBOX_IN_USE' });
  await Promise.all([first.close(), refused.close()]);
  const second = open(path);
  expect(await second.pending()).toHaveLength(1);
  await second.close();
});

test('a second outbox on the file is refused, in this process, and lets go when the first is closed', async () => {
  const path = newPath();
  const first = open(path);
  await first.enqueue(insert('1'));
  const second = open(path);

  await expect(second.start()).rejects.toMatchObject({ code: 'OUTBOX_IN_USE', store: path });
  await expect(second.enqueue(insert('2'))).rejects.toMatchObject({ code: 'OUTBOX_IN_USE' });
  await second.close();
  expect(await first.pending()).toHaveLength(1);
  await first.close();
  const third = open(path);
  expect(await third.pending()).toHaveLength(1);
  await third.close();
});

test('an outbox that could not open its file, for another has it, opens it when that one is closed', async () => {
  const path = newPath();
  const first = open(path);
  await first.start();
  const second = open(path);
  await expect(second.start()).rejects.toMatchObject({ code: 'OUTBOX_IN_USE' });
  expect(second.snapshot().state).toBe('idle');
  await first.close();

  await second.enqueue(insert('1'));

  expect(await second.pending()).toHaveLength(1);
  await second.close();
});

test('a wrong key and a newer schema are told as such, and nothing is changed', async () => {
  const path = newPath();
  const first = open(path, {}, 'right');
  await first.enqueue(insert('1'));
  await first.close();
  const wrong = open(path, {}, 'wrong');
  await expect(wrong.start()).rejects.toMatchObject({ code: 'STORE_KEY_WRONG', path });
  await wrong.close();
  const again = open(path, {}, 'right');
  expect(await again.pending()).toHaveLength(1);
  await again.close();

  const plain = newPath();
  const older = open(plain);
  await older.enqueue(insert('1'));
  await older.close();
  const database = new Database(plain);
  database.exec("UPDATE outbox_meta SET value = '9' WHERE name = 'schema'");
  database.close();
  const newer = open(plain);
  await expect(newer.start()).rejects.toMatchObject({ code: 'STORE_SCHEMA_NEWER', version: 9 });
  await newer.close();
});

test('a file of version 1, whose totals were kept by triggers alone, goes on with them', async () => {
  const path = newPath();
  const [first = ''] = OUTBOX_SCHEMA.steps;
  const database = new Database(path);
  database.exec(first);
  const rows = new SqliteRows((sql) => database.prepare(sql));
  rows.begin();
  rows.insert(newUnit('old'));
  rows.end();
  database.close();

  const outbox = open(path);
  await outbox.start();
  expect(outbox.snapshot()).toMatchObject({ held: 1, heldBytes: 'payload old'.length });
  await Promise.all([outbox.enqueue(insert('1')), outbox.enqueue(insert('2'))]);
  const [, held] = await outbox.pending();
  expect(outbox.snapshot().held).toBe(3);
  await outbox.cancel(held?.id ?? '');
  await outbox.close();

  const again = open(path);
  await again.start();
  expect(again.snapshot().held).toBe(2);
  await again.close();
});

test('counts what callers and the outbox insert in turn, committed or not, as the rows are', async () => {
  const path = newPath();
  const store = sqliteOutboxStore({ path });
  await store.open();
  const guest = new Database(path);
  const total = (): Promise<unknown> => store.read((rows) => rows.totals());
  const count = async (): Promise<unknown> =>
    store.read((rows) => {
      const units = rows.list({ afterSeq: 0, limit: 1000 });
      const quarantined = units.filter(({ state }) => state === 'quarantined').length;
      const bytes = units.reduce((sum, { payload }) => sum + payload.length, 0);
      return { count: units.length, bytes, quarantined };
    });
  for (let round = 0; round < 6; round += 1) {
    guest.exec('BEGIN IMMEDIATE');
    store.within?.(guest).insert(newUnit(`guest ${round}`));
    guest.exec(round % 2 === 0 ? 'COMMIT' : 'ROLLBACK');
    expect(await total()).toEqual(await count());
    const writes = [
      store.write((rows) => rows.insert(newUnit(`a ${round}`, { state: 'quarantined' }))),
      store.write((rows) => {
        rows.remove(rows.insert(newUnit(`b ${round}`)));
        return rows.totals();
      }),
      store.write((rows) => {
        rows.insert(newUnit(`c ${round}`));
        if (round > 2) throw new Error('half way');
      }),
      store.write((rows) => {
        rows.insert(newUnit(`d ${round}`));
        return rows.totals();
      }),
      store.write(() => {
        throw new Error('before anything');
      }),
    ];
    const [, , , seen] = await Promise.allSettled(writes);
    expect(await total()).toEqual(await count());
    expect(seen).toEqual({ status: 'fulfilled', value: await count() });
  }
  guest.close();
  await store.close();
});

test('an edit is part of a transaction of the caller: durable with it, cancelled with it', async () => {
  const path = newPath();
  const outbox = open(path);
  await outbox.start();
  const database = new Database(path);
  database.exec('CREATE TABLE note (id TEXT)');

  database.exec('BEGIN IMMEDIATE');
  database.exec("INSERT INTO note VALUES ('1')");
  const rolledBack = outbox.enqueueWithin(database, insert('1'));
  const waiting = outbox.enqueue(insert('other'));
  await new Promise((resolve) => setTimeout(resolve, 20));
  database.exec('ROLLBACK');
  expect(await rolledBack.settled).toEqual({ status: 'cancelled' });
  await waiting;

  database.exec('BEGIN IMMEDIATE');
  database.exec("INSERT INTO note VALUES ('2')");
  const committed = outbox.enqueueWithin(database, insert('2'));
  database.exec('COMMIT');

  expect((await outbox.pending()).map(({ ops }) => ops?.[0]?.id)).toEqual(['other', '2']);
  expect(database.prepare('SELECT id FROM note').all()).toEqual([{ id: '2' }]);
  expect(() => outbox.enqueueWithin(database, insert('3'))).toThrow('must be in a transaction');
  expect(committed.isCoalesced).toBe(false);
  database.close();
  await outbox.close();
});

const MANY = isTorture ? 100_000 : 10_000;

test('starts with many units at once, and does not load them', { timeout: 240_000 }, async () => {
  const path = newPath();
  const store = sqliteOutboxStore({ path, synchronous: 'NORMAL' });
  const big = { maxCount: 1_000_000, maxBytes: 1_000_000_000 };
  const filled = open(path, { store, limits: big });
  for (let start = 0; start < MANY; start += 2000) {
    await Promise.all(
      Array.from({ length: 2000 }, (_, index) =>
        filled.enqueue(insert(String(start + index), { start })),
      ),
    );
  }
  await filled.close();

  const before = process.memoryUsage();
  const startedMs = performance.now();
  const outbox = open(path, { limits: big });
  await outbox.start();
  const seconds = (performance.now() - startedMs) / 1000;
  const after = process.memoryUsage();
  const megabytes = (after.rss - before.rss) / 2 ** 20;
  const result = { startMs: Math.round(seconds * 1000), megabytes: Math.round(megabytes) };
  recordTorture({ name: 'outbox-restart', size: MANY, seed: 0, result, seconds });

  expect(outbox.snapshot()).toMatchObject({ held: MANY });
  expect(megabytes).toBeLessThan(50);
  await outbox.close();
});
