import { createBatchWriter, type BatchWriterOptions } from '@holdfast/batch-writer';
import { expect, test } from 'vitest';
import { createFakePool } from './fake-pool.ts';
import { writeNow } from './oracle.ts';

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
    'columns.id must be one of bool, int2, int4, int8, float4, float8, numeric, text, uuid, date, timestamptz, json, jsonb, bytea, got "integer"',
  ],
  [{ key: [] }, 'key must be an array of at least one column of a unique index'],
  [{ key: 'id' }, 'key must be an array of at least one column of a unique index'],
  [{ key: ['nope'] }, 'key must name columns, got "nope"'],
  [{ key: ['toString'] }, 'key must name columns, got "toString"'],
  [{ key: ['id', 'id'] }, 'key must not name a column twice'],
  [{ onConflict: 'update' }, 'onConflict must be "nothing" or { latestBy: column }'],
  [{ onConflict: { latestBy: 'at' } }, 'onConflict.latestBy must name columns, got "at"'],
  [
    { onConflict: { latestBy: 'id' } },
    'onConflict.latestBy must not be a column of the key, got "id"',
  ],
  [
    { onConflict: { latestBy: 'tag' } },
    'the type of onConflict.latestBy must be one of int2, int4, int8, float4, float8, date, timestamptz, got "text"',
  ],
  [{ maxRows: 0 }, 'maxRows must be an integer from 1 to 50000, got 0'],
  [{ maxRows: '5' }, 'maxRows must be an integer from 1 to 50000, got "5"'],
  [{ lingerMs: -1 }, 'lingerMs must be a finite number of at least 0, got -1'],
  [{ lanes: 65 }, 'lanes must be an integer from 1 to 64, got 65'],
  [{ buffer: 5 }, 'buffer must be an object, got 5'],
  [{ buffer: { maxRows: 0 } }, 'buffer.maxRows must be an integer of at least 1, got 0'],
  [{ buffer: { maxBytes: 1 } }, 'buffer.maxBytes must be an integer of at least 1024, got 1'],
  [{ buffer: { maxWaiters: -1 } }, 'buffer.maxWaiters must be an integer of at least 0, got -1'],
  [{ buffer: { whenFull: 'drop' } }, 'buffer.whenFull must be one of wait, reject, got "drop"'],
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

test('a table whose name needs quotes stays one identifier', async () => {
  const pool = createFakePool();
  const writer = createBatchWriter<{ 'the "id"': number }>({
    pool,
    schema: 'a"; DROP TABLE x; --',
    table: 'b',
    columns: { 'the "id"': 'int4' },
    key: ['the "id"'],
  });

  writeNow(writer, { 'the "id"': 1 });
  await writer.close();

  expect(pool.calls[0]?.text).toBe(
    [
      'INSERT INTO "a""; DROP TABLE x; --"."b" AS stored ("the ""id""")',
      'SELECT * FROM unnest($1::int4[])',
      'ON CONFLICT ("the ""id""") DO NOTHING',
    ].join('\n'),
  );
});
