import { isTorture, recordTorture, testSeed } from '@holdfast/testkit';
import { expect, test } from 'vitest';
import { simulate, type Schedule, type Verdict } from './simulation.ts';

const SCHEDULES = isTorture ? 2000 : 15;
const CONTROLS = isTorture ? 50 : 4;

async function run(count: number, without?: Schedule['without']): Promise<Verdict> {
  const total: Record<keyof Verdict, number> = {
    ...{ edits: 0, lost: 0, doubled: 0, endedTwice: 0, diverged: 0 },
    ...{ untold: 0, stalls: 0, crashes: 0, requests: 0 },
  };
  const startedMs = performance.now();
  for (let index = 0; index < count; index += 1) {
    const seed = testSeed() + index;
    const verdict = await simulate({ seed, without });
    for (const name of Object.keys(total) as (keyof Verdict)[]) total[name] += verdict[name];
    const { lost, doubled, endedTwice, diverged, untold } = verdict;
    const isBad = lost + doubled + endedTwice + diverged + untold > 0;
    if (isBad && without === undefined)
      process.stdout.write(`seed ${seed}: ${JSON.stringify(verdict)}\n`);
    if (isTorture && index % 100 === 99) process.stdout.write(`${index + 1} schedules\n`);
  }
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  const name = without === undefined ? 'outbox-oracle' : `outbox-oracle without ${without}`;
  recordTorture({ name, size: count, seed: testSeed(), result: total, seconds });
  return total;
}

test(
  'whatever fails: nothing is lost or applied twice, each ticket ends once, all see the same, each stall is told',
  { timeout: isTorture ? 7_200_000 : 120_000 },
  async () => {
    const total = await run(SCHEDULES);

    expect(total).toMatchObject({ lost: 0, doubled: 0, endedTwice: 0, diverged: 0, untold: 0 });
    expect(total.crashes).toBeGreaterThan(SCHEDULES);
    expect(total.stalls).toBeGreaterThan(0);
  },
);

test(
  'negative control: a receiver without receipts applies twice',
  { timeout: 600_000 },
  async () => {
    expect((await run(CONTROLS, 'receipts')).doubled).toBeGreaterThan(0);
  },
);

test(
  'negative control: an outbox that drops what it has sent loses',
  { timeout: 600_000 },
  async () => {
    expect((await run(CONTROLS, 'memory-of-sent')).lost).toBeGreaterThan(0);
  },
);
