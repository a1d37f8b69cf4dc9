import { createFakeClock, type FakeClock } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import type { Controller, PlanInput, WindowStats } from '../src/controller.ts';
import { fixed } from '../src/controllers/fixed.ts';
import { setUp } from './set-up.ts';

interface Recorder extends Controller {
  readonly probes: (readonly number[])[];
  readonly plans: PlanInput[];
  readonly windows: WindowStats[];
  limit: number;
}

function record(options: { readonly limit: number; readonly probeZones?: number }): Recorder {
  const probes: (readonly number[])[] = [];
  const plans: PlanInput[] = [];
  const windows: WindowStats[] = [];
  return {
    ...fixed(options.limit),
    max: 10,
    limit: options.limit,
    probeZones: options.probeZones ?? 0,
    windowMs: 100,
    probe: (latencies) => probes.push(latencies),
    plan: (input) => plans.push(input),
    observe: (window) => windows.push(window),
    ...{ probes, plans, windows },
  };
}

const ids = (count: number): string[] => Array.from({ length: count }, (_, n) => `z${n}`);

describe('the probe of a cycle', () => {
  it('is as many zones as the controller wants, and nothing else until their median is known', async () => {
    const controller = record({ limit: 9, probeZones: 4 });
    const { clock, scheduler, started, finish } = setUp(ids(8), { controller });

    void scheduler.runCycle();
    await clock.advance(10);
    expect(started).toEqual(['z0', 'z1', 'z2', 'z3']);
    finish('z1');
    await clock.advance(10);
    finish('z3');
    await clock.advance(10);
    expect(started).toHaveLength(4);
    expect(controller.probes).toEqual([]);
    finish('z0');
    await clock.advance(0);

    // The third of four: whatever the last one takes, the median is between 20 and 30.
    expect(controller.probes).toEqual([[10, 20, 30, 30]]);
    expect(started).toHaveLength(8);
  });

  it('leaves out what failed', async () => {
    const controller = record({ limit: 9, probeZones: 3 });
    const { clock, scheduler, started, finish } = setUp(ids(5), { controller });

    void scheduler.runCycle();
    await clock.advance(5);
    finish('z0', new Error('refused'));
    finish('z1', new Error('refused'));
    await clock.advance(5);
    expect(started).toHaveLength(3);
    finish('z2');
    await clock.advance(0);

    expect(controller.probes).toEqual([[10]]);
    expect(started).toHaveLength(5);
  });

  it('ends with the first window when zones hang, and says nothing then', async () => {
    const controller = record({ limit: 5, probeZones: 2 });
    const { clock, scheduler, started } = setUp(ids(6), { controller });

    void scheduler.runCycle();
    await clock.advance(100);

    expect(controller.probes).toEqual([]);
    expect(started).toHaveLength(5);
  });

  it('of fewer zones than it wants is told at the end', async () => {
    const controller = record({ limit: 5, probeZones: 16 });
    const { clock, scheduler, finish } = setUp(ids(2), { controller });

    const report = scheduler.runCycle();
    await clock.advance(7);
    finish('z0');
    finish('z1');

    await report;
    expect(controller.probes).toEqual([[7, 7]]);
  });
});

describe('the windows of a cycle', () => {
  it('say what the healthy zones did', async () => {
    const controller = record({ limit: 2 });
    const { clock, scheduler, finish, contextOf } = setUp(ids(5), { controller });

    void scheduler.runCycle();
    await clock.advance(40);
    finish('z0');
    finish('z1', new Error('no'));
    await clock.advance(30);
    contextOf('z2').pushBack();
    await clock.advance(30);

    expect(controller.windows).toEqual([
      {
        ...{ durationMs: 100, completed: 2, failed: 1, timedOut: 0 },
        ...{ meanMs: 40, p50Ms: 40, p90Ms: 40, slotMs: 200, maxInFlight: 2 },
        ...{ isFull: true, hasWaiting: true, loopDelayMs: 0, isPushedBack: true },
      },
    ]);
    await clock.advance(100);
    expect(controller.windows[1]).toMatchObject({ completed: 0, meanMs: NaN, isPushedBack: false });
    finish('z2');
    finish('z3');
    await clock.advance(100);
    // The last one runs, and none waits.
    expect(controller.windows[2]).toMatchObject({ completed: 2, hasWaiting: false });
  });

  it('tell how late the event loop ran their timer, without the turn that is waited after it', async () => {
    const controller = record({ limit: 2 });
    const inTime = createFakeClock();
    // Each turn of a busy event loop takes so long.
    const clock: FakeClock = {
      ...inTime,
      setTimer: (fire, delayMs) => inTime.setTimer(fire, delayMs + 60),
    };
    const { scheduler } = setUp(ids(5), { controller }, clock);

    void scheduler.runCycle();
    await clock.advance(300);

    expect(controller.windows[0]).toMatchObject({ durationMs: 220, loopDelayMs: 60 });
  });

  it('are followed by a plan of what is left', async () => {
    const controller = record({ limit: 2 });
    const { clock, scheduler, finish } = setUp(ids(5), { controller, targetFraction: 0.5 });

    void scheduler.runCycle();
    await clock.advance(40);
    finish('z0');
    await clock.advance(60);

    expect(controller.plans).toEqual([
      { remaining: 0, leftMs: 500 },
      { remaining: 5, leftMs: 500 },
      { remaining: 4, leftMs: 400 },
    ]);
  });

  it('and plans reckon with the weight of zones', async () => {
    const controller = record({ limit: 2 });
    const { clock, scheduler, finish } = setUp([], {
      controller,
      zones: () => [{ id: 'heavy', weight: 4 }, { id: 'light', weight: 0.5 }, { id: 'usual' }],
    });

    void scheduler.runCycle();
    await clock.advance(80);
    finish('heavy');
    await clock.advance(20);

    expect(controller.windows[0]).toMatchObject({ completed: 4, meanMs: 20 });
    expect(controller.plans.at(-1)).toMatchObject({ remaining: 1.5 });
  });

  it('bring a new limit into force at once', async () => {
    const controller = record({ limit: 1 });
    const { clock, scheduler, started } = setUp(ids(6), { controller });

    void scheduler.runCycle();
    await clock.advance(99);
    expect(started).toHaveLength(1);
    controller.limit = 4;
    await clock.advance(1);

    expect(started).toHaveLength(4);
  });

  it('reckon with the zones of the cycle before while the source is read', async () => {
    const controller = record({ limit: 5 });
    let isSlow = false;
    const { clock, scheduler } = setUp([], {
      controller,
      handler: () => Promise.resolve(),
      zones: async function* () {
        for (const id of ids(5)) {
          if (isSlow && id === 'z1') await new Promise<void>(() => undefined);
          yield { id };
        }
      },
    });
    const first = scheduler.runCycle();
    await clock.advance(1);
    await first;
    isSlow = true;
    controller.plans.length = 0;

    void scheduler.runCycle();
    await clock.advance(100);

    expect(controller.plans.map(({ remaining }) => remaining)).toEqual([5, 4]);
  });
});

it('runs suspects beside the healthy zones, in slots that would finish them all if they hang', async () => {
  const { clock, scheduler, started, finish } = setUp([], {
    controller: record({ limit: 2 }),
    zones: () => ['bad', 'a', 'b', 'c', 'd', 'e'].map((id) => ({ id })),
  });
  const first = scheduler.runCycle();
  for (const id of ['bad', 'a', 'b', 'c', 'd', 'e']) {
    await clock.advance(1);
    finish(id, id === 'bad' ? new Error('valve') : undefined);
  }
  await clock.advance(1);
  expect((await first).zones).toMatchObject({ ok: 5, failed: 1 });
  started.length = 0;

  void scheduler.runCycle();
  await clock.advance(1);

  expect(started.sort()).toEqual(['a', 'b', 'bad']);
});
