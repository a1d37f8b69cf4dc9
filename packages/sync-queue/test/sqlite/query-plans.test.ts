import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { OUTBOX_SCHEMA } from '../../src/outbox/sqlite/outbox-schema.ts';
import { SQL as OUTBOX_SQL } from '../../src/outbox/sqlite/sqlite-rows.ts';
import { RECEIPT_SCHEMA } from '../../src/receiver/sqlite/receipt-schema.ts';
import { SQL as RECEIPT_SQL } from '../../src/receiver/sqlite/sqlite-receipt-store.ts';
import { openDatabase } from '../../src/sqlite/database.ts';
import type { Schema } from '../../src/sqlite/migrate.ts';
import { QUEUE_SCHEMA } from '../../src/sqlite/schema.ts';
import { SQL as QUEUE_SQL } from '../../src/sqlite/statements.ts';

const folder = mkdtempSync(join(tmpdir(), 'sync-queue-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Steps that take longer the more the file holds, of each statement that has such: SQLite, "EXPLAIN QUERY PLAN". */
async function longSteps(
  schema: Schema,
  statements: Readonly<Record<string, string>>,
): Promise<Record<string, string[]>> {
  const path = join(folder, `${Object.keys(statements).length}.db`);
  const database = await openDatabase({
    ...{ path, schema, encryptionKey: undefined, synchronous: 'FULL' },
  });
  const long: Record<string, string[]> = {};
  for (const [name, sql] of Object.entries(statements)) {
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all([]) as { detail: string }[];
    const steps = plan.map(({ detail }) => detail).filter((step) => /SCAN|TEMP B-TREE/.test(step));
    if (steps.length > 0) long[name] = steps;
  }
  database.close();
  return long;
}

test('no statement of the queue looks at more than it is about', async () => {
  expect(await longSteps(QUEUE_SCHEMA, QUEUE_SQL)).toEqual({ names: ['SCAN sync_queue'] });
});

test('no statement of the outbox looks at more than it is about', async () => {
  expect(await longSteps(OUTBOX_SCHEMA, OUTBOX_SQL)).toEqual({
    // Of an index that holds what is ready in this order: as many rows as are asked for.
    readyByPriority: ['SCAN outbox_unit USING INDEX outbox_ready'],
  });
});

test('no statement of the receipts looks at more than it is about', async () => {
  expect(await longSteps(RECEIPT_SCHEMA, RECEIPT_SQL)).toEqual({
    // Of the keys of one request.
    find: ['SCAN json_each VIRTUAL TABLE INDEX 1:'],
    // `receiver.prune()`, which is about all clients.
    allTooOld: ['SCAN receipt'],
  });
});

test('negative control: a condition that is said in other words is not found in an index', async () => {
  const dead = QUEUE_SQL.dead.replace("AND state IN ('delayed', 'leased', 'dead')", '');

  expect(await longSteps(QUEUE_SCHEMA, { dead })).toEqual({
    dead: ['SCAN sync_item', 'USE TEMP B-TREE FOR ORDER BY'],
  });
});
