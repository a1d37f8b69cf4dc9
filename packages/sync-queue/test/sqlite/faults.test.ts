import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isTorture, recordTorture, spawnNode, testSeed } from '@holdfast/testkit';
import Database from 'libsql';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { startLoad } from '../faults/load.ts';
import { openQueue } from '../fixtures/stores.ts';

const folder = mkdtempSync(join(tmpdir(), 'sync-queue-'));
afterAll(() => rmSync(folder, { recursive: true }));

function mount(target: string, kilobytes: number): boolean {
  const options = `size=${kilobytes}k`;
  return spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', target]).status === 0;
}

function resize(target: string, kilobytes: number): void {
  const { status } = spawnSync('mount', ['-o', `remount,size=${kilobytes}k`, target]);
  if (status !== 0) throw new Error(`cannot resize ${target}`);
}

/** A small disk of its own, where this process may mount one. */
const disk = join(folder, 'disk');
mkdirSync(disk);
const canMount = mount(disk, 256);
afterAll(() => {
  if (canMount) spawnSync('umount', ['--lazy', disk]);
});

test.runIf(canMount)(
  'on a full disk adds are refused, nothing that was acknowledged is lost, and with room it goes on',
  { timeout: isTorture ? 120_000 : 30_000 },
  async () => {
    const startedMs = performance.now();
    const path = join(disk, 'q.db');
    const opened = openQueue({ kind: 'sqlite', path }, { isPadded: true });
    const load = startLoad(opened.queue, { ahead: 100_000, workMs: 30 });
    const { added, refused } = load.producing;
    const fills = isTorture ? 10 : 2;
    for (let fill = 1; fill <= fills; fill += 1) {
      const before = [...refused.values()].flat().length;
      while ([...refused.values()].flat().length < before + 10) await delay(5);
      resize(disk, 256 * (fill + 1));
      const held = added.length;
      while (added.length === held) await delay(5);
    }
    resize(disk, 65_536);
    const account = await load.finish();
    await opened.close();
    const database = new Database(path);
    const integrity = database.prepare('PRAGMA integrity_check').all([]);
    database.close();

    const seconds = Math.round((performance.now() - startedMs) / 1000);
    const name = 'sync-queue-sqlite: full disk';
    recordTorture({ name, size: fills, seed: testSeed(), result: account, seconds });
    expect(account).toMatchObject({ lost: 0, phantoms: 0 });
    expect(Object.keys(account.refused)).toEqual(['STORE_FAILED']);
    expect(integrity).toEqual([{ integrity_check: 'ok' }]);
  },
);

async function holdLock(path: string, holdMs: number): Promise<void> {
  const holder = await spawnNode(new URL('../fixtures/lock-holder.ts', import.meta.url), [
    ...[path, String(holdMs)],
  ]);
  onTestFinished(() => holder.kill());
  await holder.next();
}

test('waits for the lock of another program', async () => {
  const path = join(folder, 'shared.db');
  const opened = openQueue({ kind: 'sqlite', path });
  const { queue } = opened;
  await queue.start();
  await holdLock(path, 300);

  await queue.add(1);
  expect(await queue.stats()).toMatchObject({ ready: 1 });
  await opened.close();
});

test(
  'tells an item that another program kept it from adding as not held',
  { timeout: 30_000 },
  async () => {
    const path = join(folder, 'blocked.db');
    const opened = openQueue({ kind: 'sqlite', path });
    const { queue } = opened;
    await queue.start();
    await holdLock(path, 60_000);

    await expect(queue.add(1)).rejects.toMatchObject({
      code: 'STORE_FAILED',
      outcome: 'not-applied',
    });
    expect(await queue.stats()).toMatchObject({ count: 0 });
    await opened.close();
  },
);
