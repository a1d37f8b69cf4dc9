import { sleep } from '@holdfast/internal';
import { createFakeClock, type FakeClock } from '@holdfast/testkit';
import { expect, it } from 'vitest';
import { createBudget, type BudgetShare } from '../src/controllers/budget.ts';
import { fixed } from '../src/controllers/fixed.ts';
import { createZoneScheduler } from '../src/create-zone-scheduler.ts';

/** Two schedulers of 60 zones each, that want 8 slots each, beside which one may have suspects. */
function setUp(clock: FakeClock, shares: readonly (BudgetShare | undefined)[]) {
  const inFlight = shares.map(() => 0);
  const most = { each: shares.map(() => 0), together: 0 };
  const schedulers = shares.map((budget, index) =>
    createZoneScheduler({
      zones: () => Array.from({ length: 60 }, (_, n) => ({ id: `z${n}` })),
      handler: async (zone, { signal }) => {
        inFlight[index] = (inFlight[index] ?? 0) + 1;
        most.each[index] = Math.max(most.each[index] ?? 0, inFlight[index]);
        most.together = Math.max(most.together, (inFlight[0] ?? 0) + (inFlight[1] ?? 0));
        try {
          await sleep(10, { clock, signal });
          if (Number(zone.id.slice(1)) < 20) throw new Error('valve');
        } finally {
          inFlight[index] = (inFlight[index] ?? 0) - 1;
        }
      },
      controller: fixed(8),
      suspects: { maxSlots: 4 },
      quarantine: false,
      cycleMs: 1_000,
      timeoutMs: 500,
      clock,
      budget,
    }),
  );
  return { schedulers, most };
}

it('keeps two schedulers together within one budget, suspects included, and shares it fairly', async () => {
  const clock = createFakeClock();
  const budget = createBudget({ max: 10 });
  const { schedulers, most } = setUp(clock, [budget.register('a'), budget.register('b')]);

  await Promise.all(schedulers.map((scheduler) => scheduler.start()));
  await clock.advance(3_500);

  expect(most.together).toBeLessThanOrEqual(10);
  expect(Math.min(...most.each)).toBeGreaterThanOrEqual(4);
  for (const scheduler of schedulers) {
    expect(scheduler.snapshot().counters).toMatchObject({ cycles: 4, deferred: 0 });
    await scheduler.close();
  }
  expect(budget.register('c').request(10)).toBe(10);
});

it('lets one have what the other does not want', async () => {
  const clock = createFakeClock();
  const budget = createBudget({ max: 9 });
  const [first] = setUp(clock, [budget.register('a'), undefined]).schedulers;
  budget.register('b');

  const report = first?.runCycle();
  await clock.advance(2_000);

  expect((await report)?.concurrency.max).toBe(8);
});

it('is exceeded without one (negative control)', async () => {
  const clock = createFakeClock();
  const { schedulers, most } = setUp(clock, [undefined, undefined]);

  await Promise.all(schedulers.map((scheduler) => scheduler.start()));
  await clock.advance(3_500);

  expect(most.together).toBeGreaterThan(10);
  for (const scheduler of schedulers) await scheduler.close();
});

it('asks for no more slots once nothing more will be started', async () => {
  const clock = createFakeClock();
  const budget = createBudget({ max: 10 }).register('own');
  const scheduler = createZoneScheduler({
    zones: () => Array.from({ length: 60 }, (_, n) => ({ id: `z${n}` })),
    handler: (_zone, { signal }) => sleep(5_000, { clock, signal }),
    ...{ controller: fixed(8), timeoutMs: 6_000, clock, budget },
  });
  await scheduler.start();
  await clock.advance(10);
  expect(budget.granted).toBe(8);

  scheduler.pause();
  await clock.advance(3_000);

  expect(budget.granted).toBe(1);
  const closing = scheduler.close({ timeoutMs: 0 });
  await clock.advance(0);
  await closing;
});
