import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createOutbox, type Hlc, type Op, type Outbox } from '@holdfast/sync-queue';
import { sqliteOutboxStore } from '@holdfast/sync-queue/sqlite';
import { seededRandom } from '@holdfast/internal';
import {
  bundleProgram,
  isTorture,
  recordTorture,
  spawnNode,
  testSeed,
  type BuiltProgram,
} from '@holdfast/testkit';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WriterMessage } from './writer.ts';

const KILLS = isTorture ? 100 : 3;
const folder = mkdtempSync(join(tmpdir(), 'outbox-kills-'));
let program: BuiltProgram;
beforeAll(async () => {
  program = await bundleProgram(new URL('writer.ts', import.meta.url));
});
afterAll(async () => {
  await program.close();
  rmSync(folder, { recursive: true });
});

function open(path: string): Outbox {
  return createOutbox({
    store: sqliteOutboxStore({ path }),
    clientId: 'writer',
    limits: { maxCount: 1_000_000, maxBytes: 2 ** 30 },
    push: () => Promise.reject(new Error('no network')),
  });
}

/** All that is held, by ticket. */
async function heldIn(path: string): Promise<Map<string, Op | undefined>> {
  const outbox = open(path);
  const held = new Map<string, Op | undefined>();
  let after: string | undefined;
  for (;;) {
    const page = await outbox.pending({ limit: 1000, after });
    for (const { id, ops } of page) held.set(id, ops?.[0]);
    after = page.at(-1)?.id;
    if (page.length < 1000) break;
  }
  await outbox.close();
  return held;
}

/** Runs a writer and kills it in the middle; resolves with what it was told to be durable. */
async function killedWriter(args: readonly string[], afterMs: number): Promise<WriterMessage[]> {
  const writer = await spawnNode<WriterMessage>(program.path, args);
  const first = await writer.next();
  await delay(afterMs);
  await writer.kill();
  return [first, ...(await writer.rest())];
}

test(
  'SIGKILL in the middle of commits: every edit that was told to be durable is there, as it was',
  { timeout: isTorture ? 3_600_000 : 60_000 },
  async () => {
    const path = join(folder, 'outbox.db');
    const random = seededRandom(testSeed());
    const startedMs = performance.now();
    const told: WriterMessage[] = [];
    for (let kill = 0; kill < KILLS; kill += 1) {
      told.push(...(await killedWriter([path, String(kill)], 100 * random())));
    }

    const held = await heldIn(path);
    const lost = told.filter(({ durable, ticket }) => held.get(ticket)?.id !== durable).length;
    const seconds = Math.round((performance.now() - startedMs) / 1000);
    const result = { told: told.length, held: held.size, lost };
    recordTorture({ name: 'outbox-kills', size: KILLS, seed: testSeed(), result, seconds });
    expect(told.length).toBeGreaterThan(KILLS);
    expect(lost).toBe(0);
    // At most those whose answers were on their way.
    expect(held.size - told.length).toBeLessThanOrEqual(8 * KILLS);
  },
);

const CLOCK_KILLS = isTorture ? 20 : 3;

/** Kills writers whose wall clock is set back an hour further each time; counts runs with times before those of earlier ones. */
async function runsBackwards(path: string, beforeEach: () => void): Promise<number> {
  const random = seededRandom(testSeed());
  for (let run = 0; run < CLOCK_KILLS; run += 1) {
    beforeEach();
    await killedWriter([path, String(run), String(run * 3_600_000)], 100 * random());
  }
  const timesOf = new Map<string, Hlc[]>();
  for (const op of (await heldIn(path)).values()) {
    if (op === undefined) continue;
    const [run = ''] = op.id.split('/');
    timesOf.set(run, [...(timesOf.get(run) ?? []), op.at]);
  }
  let latest = '';
  let backwards = 0;
  for (let run = 0; run < CLOCK_KILLS; run += 1) {
    const times = (timesOf.get(String(run)) ?? []).sort();
    expect(times.length).toBeGreaterThan(0);
    if ((times[0] ?? '') <= latest) backwards += 1;
    latest = times.at(-1) ?? latest;
  }
  return backwards;
}

describe('SIGKILL, and a wall clock that is set back an hour before each start', () => {
  test('the times of a run are after all before', { timeout: 300_000 }, async () => {
    expect(await runsBackwards(join(folder, 'clock.db'), () => undefined)).toBe(0);
  });

  test('control: without what was reserved, they are before', { timeout: 300_000 }, async () => {
    const path = join(folder, 'forgetful.db');
    const forget = (): void => {
      if (!existsSync(path)) return;
      const database = new Database(path);
      database.exec("DELETE FROM outbox_meta WHERE name = 'hlc'");
      database.close();
    };
    expect(await runsBackwards(path, forget)).toBe(CLOCK_KILLS - 1);
  });
});

test('an outbox of another process holds the file until it is dead', async () => {
  const path = join(folder, 'locked.db');
  await using writer = await spawnNode<WriterMessage>(program.path, [path, '0']);
  await writer.next();
  const refused = open(path);
  await expect(refused.start()).rejects.toMatchObject({ code: 'OUTBOX_IN_USE' });
  await refused.close();

  await writer.kill();
  const outbox = open(path);
  await outbox.start();
  expect(outbox.snapshot().held).toBeGreaterThan(0);
  await outbox.close();
});
