import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SpoolOptions } from '@holdfast/batch-writer';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { connectionLost, createFakePool, type FakePool } from './fake-pool.ts';
import { expectAccounted, writeNow } from './oracle.ts';
import { reading, setUp, type Bench } from './set-up.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'spool-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const spoolIn = (options: Partial<SpoolOptions> = {}): SpoolOptions => ({ dir, ...options });

function createFailingPool(): FakePool & { isDown: boolean } {
  const state = { isDown: true };
  const pool = createFakePool(({ ids }) => {
    if (state.isDown) throw connectionLost();
    return ids.length;
  });
  return Object.defineProperty(pool as FakePool & { isDown: boolean }, 'isDown', {
    get: () => state.isDown,
    set: (is: boolean) => (state.isDown = is),
  });
}

const files = (): string[] => readdirSync(dir).filter((name) => name.endsWith('.batch'));

test('goes to disk when memory is full, and everything is stored in order when the database is back', async () => {
  const pool = createFailingPool();
  const { clock, writer } = setUp(pool, {
    spool: spoolIn(),
    batch: { maxRows: 10 },
    buffer: { maxRows: 20 },
    retry: { baseMs: 10, capMs: 10 },
  });

  for (let id = 0; id < 200; id++) await writer.write(reading(id));
  const { spooledRows, bufferedRows } = writer.snapshot();
  expect(spooledRows + bufferedRows).toBe(200);
  expect(bufferedRows).toBeLessThanOrEqual(20);
  expect(spooledRows).toBeGreaterThanOrEqual(180);
  pool.isDown = false;
  await clock.advance(20);
  await writer.flush();

  const stored = pool.calls.filter((_call, index) => index > 0).flatMap(({ ids }) => ids);
  expect(stored.slice(-200)).toEqual(Array.from({ length: 200 }, (_, id) => String(id)));
  const report = await writer.close();
  expect(report).toMatchObject({ accepted: 200, stored: 200, spooled: 0, returned: [] });
  expectAccounted(report);
  expect(readdirSync(dir)).toEqual([]);
});

test('files hold as many rows while the database is away as batches do, in all lanes', async () => {
  const { clock, writer } = setUp(createFailingPool(), {
    lanes: 2,
    spool: spoolIn({ fsync: false }),
    batch: { maxRows: 10 },
    buffer: { maxRows: 60 },
  });

  for (let id = 0; id < 600; id++) await writer.write(reading(id));

  const { spooledRows } = writer.snapshot();
  expect(spooledRows).toBeGreaterThanOrEqual(540);
  expect(files().length).toBeLessThanOrEqual(spooledRows / 5);
  const closing = writer.close({ timeoutMs: 10 });
  await clock.advance(10);
  expectAccounted(await closing);
});

test('close leaves what it could not send on disk, and the next writer sends it first', async () => {
  const pool = createFailingPool();
  const first = setUp(pool, { spool: spoolIn(), batch: { maxRows: 4 } });
  for (let id = 0; id < 10; id++) writeNow(first.writer, reading(id));
  const closed = first.writer.close({ timeoutMs: 50 });
  await first.clock.advance(50);
  const report = await closed;
  expect(report).toMatchObject({ accepted: 10, stored: 0, spooled: 10, returned: [] });
  expectAccounted(report);
  expect(files()).toHaveLength(3);

  pool.isDown = false;
  const before = pool.calls.length;
  const second = setUp(pool, { spool: spoolIn() });
  writeNow(second.writer, reading(10));
  const after = await second.writer.close();

  expect(after).toMatchObject({ accepted: 1, recovered: 10, stored: 11, spooled: 0 });
  expectAccounted(after);
  const ids = pool.calls.slice(before).flatMap((call) => call.ids);
  expect(ids).toEqual(Array.from({ length: 11 }, (_, id) => String(id)));
});

test('a writer with another number of lanes sends what was left before anything else', async () => {
  const pool = createFailingPool();
  const first = setUp(pool, { spool: spoolIn(), lanes: 3 });
  for (let id = 0; id < 30; id++) writeNow(first.writer, reading(id, 1));
  const closed = first.writer.close({ timeoutMs: 0 });
  await first.clock.advance(0);
  expect(await closed).toMatchObject({ spooled: 30 });

  pool.isDown = false;
  const before = pool.calls.length;
  const second = setUp(pool, { spool: spoolIn(), lanes: 2 });
  for (let id = 0; id < 30; id++) writeNow(second.writer, reading(id, 2));
  const report = await second.writer.close();

  expect(report).toMatchObject({ accepted: 30, recovered: 30, stored: 60, spooled: 0 });
  const values = pool.calls.slice(before).flatMap((call) => call.values[1]!);
  const firstThenSecond = Array.from({ length: 60 }, (_, index) => (index < 30 ? '1' : '2'));
  expect(values).toEqual(firstThenSecond);
});

test('waits for memory when the disk is full as well', async () => {
  const pool = createFailingPool();
  const { clock, writer } = setUp(pool, {
    spool: spoolIn({ maxBytes: 1024 }),
    batch: { maxRows: 10 },
    buffer: { maxRows: 20 },
    retry: { baseMs: 10, capMs: 10 },
  });
  let taken = 0;
  const writing = (async () => {
    for (; taken < 200; taken++) await writer.write(reading(taken));
  })();
  await vi.waitFor(() => expect(writer.snapshot().waiters).toBe(1), { timeout: 20_000 });
  expect(taken).toBeLessThan(100);
  expect(writer.snapshot().spooledBytes).toBeLessThanOrEqual(1024);

  pool.isDown = false;
  await clock.advance(20);
  await writing;
  expect(await writer.close()).toMatchObject({ accepted: 200, stored: 200, spooled: 0 });
});

test('a file that was changed halts the writer and stays; taken away, the writer goes on', async () => {
  const pool = createFailingPool();
  const first = setUp(pool, { spool: spoolIn() });
  writeNow(first.writer, reading(1));
  const closed = first.writer.close({ timeoutMs: 0 });
  await first.clock.advance(0);
  await closed;
  const [file] = files();
  writeFileSync(join(dir, file!), 'HFB1 this is not what was written');
  writeFileSync(join(dir, '000000000009-0of1-5-100.batch.tmp'), 'torn');

  pool.isDown = false;
  const { writer } = setUp(pool, { spool: spoolIn() });
  writeNow(writer, reading(2));
  await expect(writer.flush()).rejects.toMatchObject({
    code: 'WRITER_HALTED',
    cause: { code: 'SPOOL_DAMAGED' },
  });
  expect(readdirSync(dir).sort()).toEqual([file, 'lock']);
  rmSync(join(dir, file!));
  writer.resume();
  await writer.flush();

  expect(writer.snapshot()).toMatchObject({ stored: 1, rejected: 1, state: 'open' });
  const report = await writer.close();
  expect(report).toMatchObject({ accepted: 1, recovered: 1, stored: 1, rejected: 1, spooled: 0 });
  expectAccounted(report);
});

/** Three batches of one row each on disk, and a writer that is to send them. */
async function recover(): Promise<Bench> {
  const pool = createFailingPool();
  const first = setUp(pool, { spool: spoolIn(), batch: { maxRows: 1 } });
  for (const id of [1, 2, 3]) writeNow(first.writer, reading(id));
  const closed = first.writer.close({ timeoutMs: 0 });
  await first.clock.advance(0);
  expect(await closed).toMatchObject({ spooled: 3 });
  pool.isDown = false;
  return setUp(pool, { spool: spoolIn() });
}

test('a file that somebody takes away halts the writer; put back, its rows are stored', async () => {
  const { writer } = await recover();
  const [, second = ''] = files();
  const away = join(dir, 'away');
  renameSync(join(dir, second), away);
  await expect(writer.flush()).rejects.toMatchObject({
    code: 'WRITER_HALTED',
    cause: { code: 'SPOOL_DAMAGED', file: join(dir, second) },
  });
  expect(writer.snapshot()).toMatchObject({ stored: 1, spooledRows: 2 });

  renameSync(away, join(dir, second));
  writer.resume();
  const report = await writer.close();
  expect(report).toMatchObject({ recovered: 3, stored: 3, rejected: 0, spooled: 0 });
  expectAccounted(report);
});

test('rows of a file that stays away count as rejected, not as spooled', async () => {
  const { writer } = await recover();
  const [, second = ''] = files();
  rmSync(join(dir, second));
  await expect(writer.flush()).rejects.toMatchObject({ cause: { code: 'SPOOL_DAMAGED' } });

  writer.resume();
  await writer.flush();
  expect(writer.snapshot()).toMatchObject({ stored: 2, rejected: 1, spooledRows: 0 });
  const report = await writer.close();
  expect(report).toMatchObject({ recovered: 3, stored: 2, rejected: 1, spooled: 0 });
  expectAccounted(report);
});

test('rows of a file that is gone when the writer closes are not left to the next one', async () => {
  const { writer } = await recover();
  for (const file of files().slice(1)) rmSync(join(dir, file));
  await expect(writer.flush()).rejects.toMatchObject({ cause: { code: 'SPOOL_DAMAGED' } });
  const report = await writer.close();

  expect(report).toMatchObject({ recovered: 3, stored: 1, rejected: 2, spooled: 0 });
  expectAccounted(report);
});

test('one writer at a time has the folder', async () => {
  const { writer } = setUp(createFakePool(), { spool: spoolIn() });

  expect(() => setUp(createFakePool(), { spool: spoolIn() })).toThrow(
    expect.objectContaining({ code: 'SPOOL_LOCKED', dir }),
  );
  await writer.close();
  await setUp(createFakePool(), { spool: spoolIn() }).writer.close();
  // Of a process that has ended.
  writeFileSync(join(dir, 'lock'), `${process.pid} 1`);
  await setUp(createFakePool(), { spool: spoolIn() }).writer.close();
});

test('rows of another shape are not taken for rows of this table', async () => {
  const pool = createFailingPool();
  const first = setUp(pool, { spool: spoolIn() });
  writeNow(first.writer, reading(1));
  const closed = first.writer.close({ timeoutMs: 0 });
  await first.clock.advance(0);
  await closed;

  pool.isDown = false;
  const { writer } = setUp(pool, { spool: spoolIn(), columns: { id: 'int4', value: 'float4' } });
  await expect(writer.flush()).rejects.toMatchObject({ cause: { code: 'SPOOL_DAMAGED' } });
  expect(await writer.close()).toMatchObject({ spooled: 1 });
});
