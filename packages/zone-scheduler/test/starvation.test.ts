import { sleep } from '@holdfast/internal';
import { createFakeClock } from '@holdfast/testkit';
import { expect, it } from 'vitest';
import { createBudget } from '../src/controllers/budget.ts';
import { adaptive } from '../src/controllers/adaptive.ts';
import { fixed } from '../src/controllers/fixed.ts';
import { createZoneScheduler } from '../src/create-zone-scheduler.ts';
import { setUp, zonesOf } from './set-up.ts';

const ids = (count: number): string[] => Array.from({ length: count }, (_, n) => `z${n}`);

it('suspects have their turns with the one slot that a budget grants, as do the healthy zones', async () => {
  const clock = createFakeClock();
  const budget = createBudget({ max: 2 });
  budget.register('other').request(1);
  const runs = new Map<string, number>();
  const scheduler = createZoneScheduler({
    // More than one slot gets through in a cycle.
    zones: () => zonesOf(ids(200)),
    handler: async ({ id }) => {
      runs.set(id, (runs.get(id) ?? 0) + 1);
      await sleep(10, { clock });
      if (id === 'z0') throw new Error('valve');
    },
    ...{ controller: fixed(8), quarantine: false, cycleMs: 1_000, timeoutMs: 300, clock },
    budget: budget.register('own'),
  });
  await scheduler.start();
  await clock.advance(9_500);

  // A round of all healthy zones takes two cycles.
  expect(runs.get('z0')).toBeGreaterThanOrEqual(4);
  expect(runs.get('z150')).toBeGreaterThanOrEqual(4);
  const closing = scheduler.close({ timeoutMs: 0 });
  await clock.advance(0);
  await closing;
});

it('a cycle whose budget others hold is not stuck', async () => {
  const budget = createBudget({ max: 2 });
  const other = budget.register('other');
  const { clock, scheduler, started, finish } = setUp(['a'], { budget: budget.register('own') });
  other.take();
  other.take();
  const report = scheduler.runCycle();
  await clock.advance(2_000);
  expect(started).toEqual([]);

  other.giveBack();
  await clock.advance(0);
  expect(started).toEqual(['a']);
  finish('a');

  expect(await report).toMatchObject({ outcome: 'ok', zones: { ok: 1, deferred: 0 } });
});

it('a cycle goes on at once when all probes of the idle downstream have failed', async () => {
  const { clock, scheduler, started, finish } = setUp(ids(20), {
    controller: adaptive({ probeZones: 4, windowMs: 500 }),
    timeoutMs: 5_000,
  });
  void scheduler.runCycle();
  await clock.advance(1);
  expect(started).toHaveLength(4);

  for (const id of [...started]) finish(id, new Error('valve'));
  await clock.advance(1);

  expect(started.length).toBeGreaterThan(4);
  const closing = scheduler.close({ timeoutMs: 0 });
  await clock.advance(0);
  await closing;
});
