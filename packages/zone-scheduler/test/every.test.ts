import { createFakeClock } from '@holdfast/testkit';
import { sleep } from '@holdfast/internal';
import { describe, expect, it } from 'vitest';
import { fixed } from '../src/controllers/fixed.ts';
import type { Zone } from '../src/zone.ts';
import { done, setUp, zonesOf } from './set-up.ts';

const others = zonesOf(Array.from({ length: 30 }, (_, n) => `z${n}`));

describe('a zone that is due in each so many-th cycle', () => {
  const setUpFailing = (every: number, failures: number) =>
    setUp([], {
      zones: () => [...others, { id: 'rare', every }],
      handler: ({ id }) => (id === 'rare' ? Promise.reject(new Error('valve')) : done()),
      quarantine: { failures, baseCycles: 5 },
    });

  it('is stale by its own turns, and not by the cycles of the others', async () => {
    const { clock, scheduler, reports } = setUpFailing(6, 10);
    const alerts: string[] = [];
    scheduler.on('alert', ({ kind, value }) => alerts.push(`${kind} ${value}`));

    await scheduler.start();
    await clock.advance(17_500);
    expect(reports.at(-1)?.staleness).toEqual({ maxCycles: 3, oldest: ['rare'] });
    expect(alerts).toEqual([]);
    await clock.advance(6_000);

    expect(alerts).toEqual(['stale 4']);
    await scheduler.close();
  });

  it('is planned only when it is due, also while it is quarantined', async () => {
    const { clock, scheduler, reports } = setUpFailing(3, 1);

    await scheduler.start();
    await clock.advance(11_500);

    expect(reports.map(({ notPlanned }) => notPlanned.notDue)).toEqual(
      reports.map(({ zones }) => 31 - zones.planned),
    );
    expect(reports.filter(({ zones }) => zones.planned === 31)).toHaveLength(4);
    await scheduler.close();
  });

  it('keeps its turn when it is deferred behind those that wait for longer', async () => {
    const clock = createFakeClock();
    const ran: string[] = [];
    const list: Zone[] = [
      ...zonesOf(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']),
      { id: 'rare', every: 7 },
    ];
    const { scheduler } = setUp([], {
      zones: () => list,
      handler: async ({ id }) => {
        ran.push(id);
        await sleep(300, { clock });
      },
      ...{ clock, controller: fixed(1), timeoutMs: 900, cycleMs: 1_000, suspects: false },
    });

    await scheduler.start();
    await clock.advance(70_000);

    // Three zones fit into a cycle. As often as it was due: ten times in 70 cycles, the last of which may still wait.
    expect(ran.filter((id) => id === 'rare').length).toBeGreaterThanOrEqual(9);
    const closing = scheduler.close();
    await clock.advance(1_000);
    await closing;
  });
});
