import { createBatchWriter, upsertLatest, type BatchWriterOptions } from '@holdfast/batch-writer';
import { expect, test } from 'vitest';
import { createFakePool } from './fake-pool.ts';

const good = {
  pool: createFakePool(),
  table: 't',
  columns: { id: 'int4', ts: 'timestamptz', tag: 'text' },
  key: ['id'],
};

test.each<[Record<string, unknown>, string]>([
  [{ pool: undefined }, 'pool must be an object, got undefined'],
  [{ pool: {} }, 'pool.connect must be a function, got undefined'],
  [{ table: '' }, 'table must be a non-empty string, got ""'],
  [{ schema: '' }, 'schema must be a non-empty string, got ""'],
  [{ columns: undefined }, 'columns must be an object, got undefined'],
  [
    { columns: { id: 'integer' } },
    'columns.id must be a type such as "int8", "text[]" or "unknown", got "integer": describeTable() tells what a table has',
  ],
  [{ key: [] }, 'key must be an array of at least one column of a unique index'],
  [{ key: 'id' }, 'key must be an array of at least one column of a unique index'],
  [{ key: ['nope'] }, 'key must name columns, got "nope"'],
  [{ key: ['toString'] }, 'key must name columns, got "toString"'],
  [{ key: ['id', 'id'] }, 'key must not name a column twice'],
  [{ onConflict: 'update' }, 'onConflict must be "error", "nothing" or { update, newerThan }'],
  [{ onConflict: { newerThan: 'at' } }, 'onConflict.newerThan.column must name columns, got "at"'],
  [
    { onConflict: { newerThan: 'id' } },
    'onConflict.newerThan.column must be among the updated columns, got "id"',
  ],
  [
    { onConflict: { newerThan: 'tag' } },
    'onConflict.newerThan.column must be an integer, a float, a date or a timestamp, got "tag" of type text',
  ],
  [
    { onConflict: { latestBy: 'ts' } },
    'onConflict.latestBy is not an option; those of onConflict are update, newerThan',
  ],
  [
    { onConflict: { update: ['id'] } },
    'onConflict.update must not name a column of the key, got "id"',
  ],
  [{ onConflict: 'nothing', key: undefined }, 'onConflict needs a key'],
  [
    { maxRows: 5 },
    'maxRows is not an option of createBatchWriter; its options are pool, table, schema, columns, key, onConflict, validate, path, exactlyOnce, batch, lanes, buffer, spool, retry, flushTimeoutMs, guard, onRejected, clock, random',
  ],
  [{ batch: { maxRows: 0 } }, 'batch.maxRows must be an integer from 1 to 1000000, got 0'],
  [{ batch: { maxRows: '5' } }, 'batch.maxRows must be an integer from 1 to 1000000, got "5"'],
  [{ batch: { maxBytes: 0 } }, 'batch.maxBytes must be an integer from 1024 to 268435456, got 0'],
  [{ batch: { lingerMs: -1 } }, 'batch.lingerMs must be a finite number of at least 0, got -1'],
  [{ path: 'insert' }, 'path must be one of auto, copy, staging, unnest, got "insert"'],
  [
    { path: 'copy' },
    'path "copy" needs onConflict "error": COPY has no ON CONFLICT; "auto" copies what it can',
  ],
  [
    { path: 'unnest', columns: { id: 'int4', tags: 'text[]' } },
    'path "unnest" bears neither array columns, which unnest() flattens, nor columns of type "unknown"',
  ],
  [{ exactlyOnce: true }, 'exactlyOnce must be one of xact-status, off, got true'],
  [{ exactlyOnce: { ledger: '' } }, 'exactlyOnce.ledger must be a non-empty string, got ""'],
  [{ spool: { dir: '' } }, 'spool.dir must be a non-empty string, got ""'],
  [
    { spool: { dir: 'd', maxBytes: 0 } },
    'spool.maxBytes must be an integer of at least 1024, got 0',
  ],
  [{ buffer: { whenFull: 'spool' } }, 'buffer.whenFull "spool" needs spool'],
  [{ validate: {} }, 'validate must be a Standard Schema: an object with "~standard".validate'],
  [{ lanes: 0 }, 'lanes must be an integer from 1 to 64, got 0'],
  [{ lanes: 65 }, 'lanes must be an integer from 1 to 64, got 65'],
  [{ buffer: 5 }, 'buffer must be an object, got 5'],
  [{ buffer: { maxRows: 0 } }, 'buffer.maxRows must be an integer of at least 1, got 0'],
  [{ buffer: { maxBytes: 1 } }, 'buffer.maxBytes must be an integer of at least 1024, got 1'],
  [{ buffer: { maxWaiters: -1 } }, 'buffer.maxWaiters must be an integer of at least 0, got -1'],
  [
    { buffer: { whenFull: 'drop' } },
    'buffer.whenFull must be one of wait, reject, drop-oldest, spool, got "drop"',
  ],
  [{ retry: { baseMs: -5 } }, 'retry.baseMs must be a finite number of at least 0, got -5'],
  [{ retry: { capMs: 5 } }, 'retry.capMs must be a finite number of at least 100, got 5'],
  [
    { retry: { jitter: 'some' } },
    'retry.jitter must be one of none, full, equal, decorrelated, got "some"',
  ],
  [
    { retry: { maxElapsedMs: -1 } },
    'retry.maxElapsedMs must be a finite number of at least 0, got -1',
  ],
  [{ flushTimeoutMs: 0 }, 'flushTimeoutMs must be a finite number of at least 1, got 0'],
  [{ guard: {} }, 'guard.execute must be a function, got undefined'],
  [{ onRejected: true }, 'onRejected must be a function, got true'],
])('%o is refused', (options, message) => {
  const bad = { ...good, ...options } as unknown as BatchWriterOptions<{ id: number }>;
  expect(() => createBatchWriter(bad)).toThrow(expect.objectContaining({ message }));
});

test('refuses to be created without options', () => {
  expect(() => createBatchWriter(undefined as never)).toThrow(
    'options must be an object, got undefined',
  );
});

test('close refuses a bad timeout and a listener must be a function', async () => {
  const writer = createBatchWriter(good as unknown as BatchWriterOptions<{ id: number }>);

  expect(() => writer.close({ timeoutMs: -1 })).toThrow(
    'timeoutMs must be a finite number of at least 0, got -1',
  );
  expect(() => writer.on('flushed', 5 as never)).toThrow('listener must be a function, got 5');
  await writer.close();
});

test('close may be called twice and a closed writer may be flushed and resumed', async () => {
  const writer = createBatchWriter(good as unknown as BatchWriterOptions<{ id: number }>);

  const [first, second] = await Promise.all([writer.close(), writer.close()]);
  expect(second).toBe(first);
  writer.resume();
  await writer.flush();
});

test.each([undefined, null, 5, 'a', [1]])('write refuses %o: it is no row', async (row) => {
  const writer = createBatchWriter<{ id: number }>({
    ...{ pool: createFakePool(), table: 't', columns: { id: 'int4' } },
  });

  expect(() => writer.write(row as never)).toThrow(
    expect.objectContaining({
      name: 'TypeError',
      message: expect.stringContaining('row must be an object, got') as string,
    }),
  );
  expect(await writer.close()).toMatchObject({ accepted: 0 });
});

test('upsertLatest names its own option when there is no key', () => {
  expect(() => upsertLatest({ ...good, key: undefined, newerThan: 'ts' } as never)).toThrow(
    'key must be an array of at least one column of a unique index',
  );
});
