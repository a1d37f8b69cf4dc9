import { expect, it } from 'vitest';
import type { Controller } from '../src/controller.ts';
import { fixed } from '../src/controllers/fixed.ts';
import { setUp } from './set-up.ts';

const broken = (): never => {
  throw new Error('no number');
};

/** 3 slots, until it breaks. */
function createController(broken: { part: keyof Controller | undefined }, part: Controller) {
  return {
    ...fixed(3),
    get limit() {
      return broken.part === 'limit' ? part.limit : 3;
    },
    plan: () => broken.part === 'plan' && part.plan({ remaining: 1, leftMs: 1 }),
    observe: () => broken.part === 'observe' && part.plan({ remaining: 1, leftMs: 1 }),
    explain: () => (broken.part === 'explain' ? part.explain() : fixed(3).explain()),
    windowMs: 100,
  } as unknown as Controller;
}

it.each(['plan', 'observe', 'explain', 'limit'] as const)(
  'a controller whose `%s` throws costs no tick: the last good limit is kept, and the report tells',
  async (part) => {
    const breaking: { part: keyof Controller | undefined } = { part: undefined };
    const thrower = {
      ...fixed(3),
      plan: broken,
      explain: broken,
      get limit(): number {
        return broken();
      },
    };
    const { clock, scheduler, reports, started, finish } = setUp(['a', 'b', 'c', 'd'], {
      controller: createController(breaking, thrower),
    });
    await scheduler.start();
    const runCycle = async (): Promise<void> => {
      await clock.advance(160);
      const inFlight = started.length;
      for (const id of [...started]) finish(id);
      await clock.advance(150);
      for (const id of started.slice(inFlight)) finish(id);
      await clock.advance(680);
      expect([inFlight, started.splice(0).length]).toEqual([3, 4]);
    };

    await runCycle();
    breaking.part = part;
    await runCycle();
    await runCycle();
    breaking.part = undefined;
    await runCycle();

    expect(reports.map(({ zones }) => zones.ok)).toEqual([4, 4, 4, 4]);
    expect(reports.map(({ outcome }) => outcome)).toEqual(['ok', 'partial', 'partial', 'ok']);
    expect(reports[1]?.controllerError).toEqual({ message: 'no number' });
    expect(reports[3]).toMatchObject({
      controllerError: undefined,
      concurrency: { explanation: { limit: 3 } },
    });
    await scheduler.close();
  },
);

it.each([0, NaN, 2.5, 4])('a limit of %s is none', async (limit) => {
  const { clock, scheduler, started, finish } = setUp(['a', 'b'], {
    controller: { ...fixed(3), limit },
  });

  const report = scheduler.runCycle();
  await clock.advance(1);
  expect(started).toEqual(['a']);
  finish('a');
  await clock.advance(1);
  finish('b');

  expect((await report).controllerError?.message).toMatch(/^limit must be an integer from 1 to 3/);
});
