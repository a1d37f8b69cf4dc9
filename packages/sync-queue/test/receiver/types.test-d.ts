import {
  createReceiver,
  memoryReceiptStore,
  type ApplyContext,
  type MemoryTransaction,
  type Op,
  type PushReply,
  type ReceiptStore,
  type Receiver,
} from '@holdfast/sync-queue';
import {
  postgresReceiptStore,
  type PgTransaction,
  type ReceiptPoolLike,
} from '@holdfast/sync-queue/postgres';
import { sqliteReceiptStore, type SqliteTransaction } from '@holdfast/sync-queue/sqlite';
import type { Pool } from 'pg';
import { expectTypeOf } from 'vitest';

declare const pool: Pool;

const receiver = createReceiver({
  store: memoryReceiptStore(),
  apply: async (op, context) => {
    expectTypeOf(op).toEqualTypeOf<Op>();
    expectTypeOf(context).toEqualTypeOf<ApplyContext<MemoryTransaction>>();
    return Promise.resolve({ status: 'applied', version: '1' });
  },
});
expectTypeOf(receiver).toEqualTypeOf<Receiver>();
// A request is checked, so it may be anything.
expectTypeOf<Receiver['receive']>().parameter(0).toBeUnknown();
expectTypeOf(receiver.receive(null)).resolves.toEqualTypeOf<PushReply>();
receiver.on('applyFailed', ({ key }) => expectTypeOf(key).toEqualTypeOf<string>());

// The store says with what effects are written.
expectTypeOf(sqliteReceiptStore).returns.toEqualTypeOf<ReceiptStore<SqliteTransaction>>();
createReceiver({
  store: sqliteReceiptStore({ path: '' }),
  apply: async (_op, { tx }) => {
    expectTypeOf(tx).toEqualTypeOf<SqliteTransaction>();
    return Promise.resolve({ status: 'retry', afterMs: 5 });
  },
});
expectTypeOf<Pool>().toExtend<ReceiptPoolLike>();
createReceiver({
  store: postgresReceiptStore({ pool }),
  apply: async (op, { tx }) => {
    expectTypeOf(tx).toEqualTypeOf<PgTransaction>();
    await tx.query('DELETE FROM log WHERE id = $1', [op.id]);
    return { status: 'conflict', theirs: null };
  },
});

// Edits are told apart by their kind.
createReceiver({
  store: memoryReceiptStore(),
  apply: async (op) => {
    if (op.kind === 'insert')
      expectTypeOf(op.doc).toEqualTypeOf<Readonly<Record<string, unknown>>>();
    if (op.kind === 'call') expectTypeOf(op.name).toEqualTypeOf<string>();
    // @ts-expect-error a delete has no document
    if (op.kind === 'delete') expectTypeOf(op.doc);
    return Promise.resolve({ status: 'rejected', reason: op.kind });
  },
});

// @ts-expect-error there is no receiver without `apply`
createReceiver({ store: memoryReceiptStore() });
// @ts-expect-error a rejection needs its reason
createReceiver({ store: memoryReceiptStore(), apply: async () => ({ status: 'rejected' }) });
// @ts-expect-error whether it was applied must be known here
createReceiver({ store: memoryReceiptStore(), apply: async () => ({ status: 'unknown' }) });
createReceiver({
  // @ts-expect-error SQLite's transaction is not PostgreSQL's
  store: sqliteReceiptStore({ path: '' }),
  apply: async (_op, { tx }: ApplyContext<PgTransaction>) => {
    await tx.query('SELECT 1');
    return { status: 'applied' };
  },
});
