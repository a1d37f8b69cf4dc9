import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryReceiptStore, type MemoryTransaction } from '@holdfast/sync-queue';
import { postgresReceiptStore, type PgTransaction } from '@holdfast/sync-queue/postgres';
import { sqliteReceiptStore, type SqliteTransaction } from '@holdfast/sync-queue/sqlite';
import { createFakeClock, createTestDatabase } from '@holdfast/testkit';
import Database from 'libsql';
import { describeReceipts } from './store-contract.ts';

describeReceipts<MemoryTransaction>('memory', async () => {
  const clock = createFakeClock();
  const store = memoryReceiptStore({ clock });
  const effects = (): string[] => (store.values.get('effects') as string[] | undefined) ?? [];
  return {
    ...{ store, second: store },
    add: async (tx, id) => {
      tx.set('effects', [...((tx.get('effects') as string[] | undefined) ?? []), id]);
    },
    effects: async () => effects(),
    age: (ms) => clock.advance(ms),
    close: async () => {},
  };
});

describeReceipts<SqliteTransaction>('sqlite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'receipts-'));
  const path = join(folder, 'r.db');
  const reader = new Database(path);
  reader.pragma('journal_mode = WAL');
  reader.exec('CREATE TABLE effect (n INTEGER PRIMARY KEY, id TEXT)');
  return {
    store: sqliteReceiptStore({ path, synchronous: 'NORMAL' }),
    second: sqliteReceiptStore({ path, synchronous: 'NORMAL' }),
    add: async (tx, id) => void tx.prepare('INSERT INTO effect (id) VALUES (?1)').run([id]),
    effects: async () =>
      (reader.prepare('SELECT id FROM effect ORDER BY n').all() as { id: string }[]).map(
        ({ id }) => id,
      ),
    age: async (ms) => void reader.prepare('UPDATE receipt SET saved_ms = saved_ms - ?').run([ms]),
    close: async () => {
      reader.close();
      rmSync(folder, { recursive: true });
    },
  };
});

describeReceipts<PgTransaction>('postgres', async () => {
  const database = await createTestDatabase();
  const pool = database.createPool({ max: 4 });
  await pool.query('CREATE TABLE effect (n serial PRIMARY KEY, id text)');
  const store = postgresReceiptStore({ pool });
  await store.createSchema();
  return {
    store,
    second: postgresReceiptStore({ pool: database.createPool({ max: 2 }) }),
    add: async (tx, id) => {
      await tx.query('INSERT INTO effect (id) VALUES ($1)', [id]);
    },
    effects: async () =>
      (await pool.query<{ id: string }>('SELECT id FROM effect ORDER BY n')).rows.map(
        ({ id }) => id,
      ),
    age: async (ms) => {
      const older = "saved_at - $1 * interval '1 millisecond'";
      await pool.query(`UPDATE holdfast_receipt SET saved_at = ${older}`, [ms]);
    },
    close: () => database.close(),
  };
});
