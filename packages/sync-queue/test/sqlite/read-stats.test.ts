import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@holdfast/internal';
import { sqliteStore } from '@holdfast/sync-queue/sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { openDatabase, type Database } from '../../src/sqlite/database.ts';
import { QUEUE_SCHEMA } from '../../src/sqlite/schema.ts';
import { SharedFile } from '../../src/sqlite/shared-file.ts';
import { SqliteQueue } from '../../src/sqlite/sqlite-queue.ts';
import { SQL } from '../../src/sqlite/statements.ts';
import { itemOf, LONG_MS, SETTINGS } from '../conformance/kit.ts';

/** Calls `before` each time that a statement is about to be read. */
function watched(database: Database, before: (sql: string) => void): Database {
  return {
    get inTransaction() {
      return database.inTransaction;
    },
    exec: (sql) => database.exec(sql),
    pragma: (source) => database.pragma(source),
    close: () => database.close(),
    prepare(sql) {
      const statement = database.prepare(sql);
      return {
        run: (parameters) => statement.run(parameters),
        all: (parameters) => statement.all(parameters),
        get(parameters) {
          before(sql);
          return statement.get(parameters);
        },
      };
    },
  };
}

test('all figures are of one moment, whatever another process does meanwhile', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sync-queue-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'q.db');
  const store = sqliteStore({ path });
  await store.open();
  const other = store.queue('q', SETTINGS);
  await other.enqueue(['a', 'b'].map(itemOf));
  const { items } = await other.claim({ maxItems: 1, leaseMs: LONG_MS });
  const outside = await openDatabase({
    ...{ path, schema: QUEUE_SCHEMA, encryptionKey: undefined, synchronous: 'FULL' },
  });
  let moved = 0;
  const file = new SharedFile(path, systemClock, async () => {
    const database = await openDatabase({
      ...{ path, schema: QUEUE_SCHEMA, encryptionKey: undefined, synchronous: 'FULL' },
    });
    return watched(database, (sql) => {
      if (sql !== SQL.timedCount || moved > 0) return;
      // As a consumer of another process would give it back.
      const give = "UPDATE sync_item SET state = 'ready' WHERE id = ?1";
      moved += outside.prepare(give).run([items[0]!.id]).changes;
    });
  });
  await file.open();
  const queue = new SqliteQueue(file, { name: 'q', settings: SETTINGS, now: () => 0 });

  const { ready, leased, count } = await queue.stats();

  expect(moved).toBe(1);
  expect({ ready, leased, count }).toEqual({ ready: 1, leased: 1, count: 2 });
  expect(await queue.stats()).toMatchObject({ ready: 2, leased: 0, count: 2 });
  await file.close();
  await store.close();
  outside.close();
});
