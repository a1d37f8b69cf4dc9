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
import { tellEarly, type EarlyTeller } from '../fixtures/telling-early.ts';

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
function mountDisk(name: string): string | undefined {
  const target = join(folder, name);
  mkdirSync(target);
  if (!mount(target, 256)) return undefined;
  return target;
}

const disks = ['disk', 'disk of the control'].flatMap((name) => mountDisk(name) ?? []);
const [disk = '', controlDisk = ''] = disks;
afterAll(() => {
  for (const target of disks) spawnSync('umount', ['--lazy', target]);
});

interface FullDisk {
  readonly disk: string;
  readonly fills: number;
  /** The negative control. */
  readonly early?: EarlyTeller;
}

/** Lets the disk run full again and again under load, with a little more room each time, and accounts. */
async function fillDisk({ disk, fills, early }: FullDisk) {
  const path = join(disk, 'q.db');
  const opened = openQueue({ kind: 'sqlite', path }, { isPadded: true, wrap: early?.wrap });
  const load = startLoad(opened.queue, { ahead: 100_000, workMs: 30 });
  const { added, refused } = load.producing;
  const failures = (): number => early?.failed() ?? [...refused.values()].flat().length;
  for (let fill = 1; fill <= fills; fill += 1) {
    const before = failures();
    while (failures() < before + 10) await delay(5);
    resize(disk, 256 * (fill + 1));
    const held = added.length;
    while (added.length === held) await delay(5);
  }
  resize(disk, 65_536);
  await load.producing.stop();
  await early?.idle();
  const account = await load.finish();
  await opened.close();
  const database = new Database(path);
  const integrity = database.prepare('PRAGMA integrity_check').all([]);
  database.close();
  return { account, integrity };
}

test.runIf(disk !== '')(
  'on a full disk adds are refused, nothing that was acknowledged is lost, and with room it goes on',
  { timeout: isTorture ? 120_000 : 30_000 },
  async () => {
    const startedMs = performance.now();
    const fills = isTorture ? 10 : 2;
    const { account, integrity } = await fillDisk({ disk, fills });

    const seconds = Math.round((performance.now() - startedMs) / 1000);
    const name = 'sync-queue-sqlite: full disk';
    recordTorture({ name, size: fills, seed: testSeed(), result: account, seconds });
    expect(account).toMatchObject({ lost: 0, phantoms: 0 });
    expect(Object.keys(account.refused)).toEqual(['STORE_FAILED']);
    expect(integrity).toEqual([{ integrity_check: 'ok' }]);
  },
);

test.runIf(controlDisk !== '')(
  'negative control: on a full disk what was told to be added before the store had it is lost',
  { timeout: 30_000 },
  async () => {
    const { account } = await fillDisk({ disk: controlDisk, fills: 1, early: tellEarly() });

    expect(account.lost).toBeGreaterThan(0);
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

test(
  'negative control: an item that was told to be held before the lock was free is not held',
  { timeout: 30_000 },
  async () => {
    const path = join(folder, 'control.db');
    const early = tellEarly();
    const opened = openQueue({ kind: 'sqlite', path }, { wrap: early.wrap });
    const { queue } = opened;
    await queue.start();
    await holdLock(path, 60_000);

    expect(await queue.add(1)).toMatchObject({ status: 'accepted' });
    await early.idle();
    expect(await queue.stats()).toMatchObject({ count: 0 });
    await opened.close();
  },
);
