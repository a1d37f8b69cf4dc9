import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createOutbox, type Outbox } from '@holdfast/sync-queue';
import { sqliteOutboxStore } from '@holdfast/sync-queue/sqlite';
import { seededRandom } from '@holdfast/internal';
import { isTorture, recordTorture, spawnNode, testSeed } from '@holdfast/testkit';
import { afterAll, expect, test } from 'vitest';
import type { WriterMessage } from './writer.ts';

const KILLS = isTorture ? 100 : 3;
const folder = mkdtempSync(join(tmpdir(), 'outbox-kills-'));
afterAll(() => rmSync(folder, { recursive: true }));

function open(path: string): Outbox {
  return createOutbox({
    store: sqliteOutboxStore({ path }),
    clientId: 'writer',
    limits: { maxCount: 1_000_000, maxBytes: 2 ** 30 },
    push: () => Promise.reject(new Error('no network')),
  });
}

async function heldIn(outbox: Outbox): Promise<Map<string, string>> {
  const held = new Map<string, string>();
  let after: string | undefined;
  for (;;) {
    const page = await outbox.pending({ limit: 1000, after });
    for (const { id, ops } of page) held.set(id, ops?.[0]?.id ?? '');
    after = page.at(-1)?.id;
    if (page.length < 1000) return held;
  }
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
      const writer = await spawnNode<WriterMessage>(new URL('writer.ts', import.meta.url), [
        path,
        String(kill),
      ]);
      told.push(await writer.next());
      await delay(100 * random());
      await writer.kill();
      told.push(...(await writer.rest()));
    }

    const outbox = open(path);
    const held = await heldIn(outbox);
    await outbox.close();
    const lost = told.filter(({ durable, ticket }) => held.get(ticket) !== durable).length;
    const seconds = Math.round((performance.now() - startedMs) / 1000);
    const result = { told: told.length, held: held.size, lost };
    recordTorture({ name: 'outbox-kills', size: KILLS, seed: testSeed(), result, seconds });
    expect(told.length).toBeGreaterThan(KILLS);
    expect(lost).toBe(0);
    // At most those whose answers were on their way.
    expect(held.size - told.length).toBeLessThanOrEqual(8 * KILLS);
  },
);

test('an outbox of another process holds the file until it is dead', async () => {
  const path = join(folder, 'locked.db');
  await using writer = await spawnNode<WriterMessage>(new URL('writer.ts', import.meta.url), [
    path,
    '0',
  ]);
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
