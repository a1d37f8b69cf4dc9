import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnNode, type NodeProcess } from '@holdfast/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockFolder } from '../src/spool/folder-lock.ts';
import type { RaceMessage } from './fixtures/folder-racer.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lock-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const PROCESSES = 3;
/** Of no process: 0 is the number of none. */
const LEFT_BEHIND = '0 1';

/** How many had the folder in each round, in which all find the same lock left behind. */
async function race(protocol: 'atomic' | 'naive', rounds: number): Promise<number[]> {
  const file = new URL('./fixtures/folder-racer.ts', import.meta.url);
  const racers: NodeProcess<RaceMessage>[] = [];
  try {
    for (let racer = 0; racer < PROCESSES; racer++) {
      racers.push(await spawnNode<RaceMessage>(file, [dir, protocol]));
    }
    await Promise.all(racers.map((racer) => racer.next()));
    const winners: number[] = [];
    for (let round = 0; round < rounds; round++) {
      writeFileSync(join(dir, 'lock'), LEFT_BEHIND);
      const atMs = Date.now() + 4;
      for (const racer of racers) racer.send(atMs);
      const answers = await Promise.all(racers.map((racer) => racer.next()));
      winners.push(answers.filter(({ hasIt }) => hasIt).length);
      for (const racer of racers) racer.send('release');
      await Promise.all(racers.map((racer) => racer.next()));
    }
    return winners;
  } finally {
    await Promise.all(racers.map((racer) => racer.kill()));
  }
}

test('of processes that take over the same lock at the same moment, one has it', async () => {
  const winners = await race('atomic', 400);

  expect(winners.filter((count) => count !== 1)).toEqual([]);
  expect(readdirSync(dir)).toEqual([]);
});

test('negative control: to remove the lock that was left behind, and to make one, lets two have it', async () => {
  const winners = await race('naive', 400);

  expect(Math.max(...winners)).toBeGreaterThan(1);
});

test('a process that takes a lock over keeps others out until it ends, not for longer', () => {
  writeFileSync(join(dir, 'lock'), LEFT_BEHIND);
  const digest = createHash('sha256').update(LEFT_BEHIND).digest('hex').slice(0, 16);
  const turn = join(dir, `lock.${digest}`);
  writeFileSync(turn, String(process.pid));
  expect(() => lockFolder(dir)).toThrow(expect.objectContaining({ code: 'SPOOL_LOCKED' }));

  writeFileSync(turn, '0 2');
  const release = lockFolder(dir);
  expect(readdirSync(dir)).toEqual(['lock']);
  release();
  expect(readdirSync(dir)).toEqual([]);
});
