import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { systemClock } from '@holdfast/internal';
import { spawnNode } from '@holdfast/testkit';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { connectionLost, createFakePool, pgError } from './fake-pool.ts';
import type { FullDisk } from './fixtures/full-disk.ts';
import { expectAccounted, writeNow } from './oracle.ts';
import { reading, setUp } from './set-up.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'spool-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const files = (): string[] => readdirSync(dir).filter((name) => name.endsWith('.batch'));
const down = () =>
  createFakePool(() => {
    throw connectionLost();
  });

async function leaveOnDisk(rows: number, lanes: number): Promise<void> {
  const { clock, writer } = setUp(down(), { lanes, spool: { dir } });
  for (let id = 0; id < rows; id++) writeNow(writer, reading(id));
  const closed = writer.close({ timeoutMs: 0 });
  await clock.advance(0);
  expect(await closed).toMatchObject({ spooled: rows });
}

test('a batch of the spool that was settled in part is kept although the disk has no room for another copy of it', async () => {
  await leaveOnDisk(40, 1);
  const pool = createFakePool(({ ids }) => {
    if (ids.includes('10')) {
      throw pgError('23514', 'check failed', {
        where: `COPY readings, line ${ids.indexOf('10') + 1}`,
      });
    }
    if (ids.includes('11')) throw connectionLost();
    return ids.length;
  });
  const { clock, writer } = setUp(pool, { spool: { dir, maxBytes: 1024 } });
  await vi.waitFor(() => expect(pool.calls).toHaveLength(3), { timeout: 20_000 });
  const closed = writer.close({ timeoutMs: 50 });
  await clock.advance(50);
  const report = await closed;

  // The rejected row is not in the dead letter yet: it is refused again.
  expect(report).toMatchObject({ recovered: 40, stored: 10, spooled: 30, returned: [] });
  expectAccounted(report);
  expect(files()).toHaveLength(1);
  const next = setUp(createFakePool(), { spool: { dir } });
  expect(await next.writer.close()).toMatchObject({ recovered: 30, stored: 30 });
});

test('what another number of lanes has left keeps saying so when it is written to disk again', async () => {
  await leaveOnDisk(30, 3);
  const left = files().map((name) => /of\d+/.exec(name)![0]);
  const pool = down();
  const { clock, writer } = setUp(pool, { lanes: 2, spool: { dir } });
  await vi.waitFor(() => expect(pool.calls).not.toHaveLength(0), { timeout: 20_000 });
  const closed = writer.close({ timeoutMs: 50 });
  await clock.advance(50);

  expect(await closed).toMatchObject({ recovered: 30, spooled: 30 });
  expect(files().map((name) => /of\d+/.exec(name)![0])).toEqual(left);
});

test('the ledger remembers a batch for as long as a file of it is on disk', async () => {
  const forgotten = new Set<string>();
  const early: string[] = [];
  const look = (): void => {
    for (const name of readdirSync(dir)) {
      const content = readFileSync(join(dir, name), 'latin1');
      early.push(...[...forgotten].filter((id) => content.includes(id)));
    }
  };
  const pool = createFakePool(async ({ text, ids }) => {
    for (const [, list] of text.matchAll(/DELETE FROM "ledger" WHERE batch IN \(([^)]*)\)/g)) {
      for (const [id] of list!.matchAll(/[0-9a-f-]{36}/g)) forgotten.add(id);
    }
    await turn();
    look();
    return ids.length;
  });
  const { writer } = setUp(pool, {
    clock: systemClock,
    spool: { dir },
    exactlyOnce: { ledger: 'ledger' },
    batch: { maxRows: 10, lingerMs: 0 },
    buffer: { maxRows: 20 },
  });
  for (let id = 0; id < 600; id++) await writer.write(reading(id));
  const report = await writer.close();

  expect(report).toMatchObject({ accepted: 600, stored: 600, spooled: 0 });
  expect(forgotten.size).toBeGreaterThan(20);
  expect(early).toEqual([]);
});

test('a lock that a crash has left empty does not keep the next writer out', async () => {
  writeFileSync(join(dir, 'lock'), '');

  const { writer } = setUp(createFakePool(), { spool: { dir } });
  await writer.close();
  expect(readdirSync(dir)).toEqual([]);
});

test.skipIf(process.platform !== 'linux')(
  'a disk that takes only a part of a batch has none of it: the rows are returned, the part is removed',
  async () => {
    const file = new URL('./fixtures/full-disk.ts', import.meta.url);
    await using program = await spawnNode<FullDisk>(file, [dir, '50000']);
    const { failures, report, files: left } = await program.next();

    expect(failures).toBe(1);
    expect(report).toMatchObject({ accepted: 100, spooled: 0, returned: 100 });
    expect(left).toEqual([]);
  },
);
