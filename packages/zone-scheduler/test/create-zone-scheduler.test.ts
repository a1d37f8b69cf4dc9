import { createDeferred, sleep } from '@holdfast/internal';
import { createFakeClock } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import { createZoneScheduler, fixed } from '../src/index.ts';
import type { Zone } from '../src/zone.ts';
import { counts, done, setUp, zonesOf } from './set-up.ts';

describe('ticking', () => {
  it('runs the first cycle at once and each next one on its tick', async () => {
    const { clock, scheduler, reports, closeNow } = setUp(['a'], { handler: done });

    await scheduler.start();
    await clock.advance(0);
    expect(reports).toHaveLength(1);
    await clock.advance(999);
    expect(reports).toHaveLength(1);
    await clock.advance(1);
    expect(reports).toHaveLength(2);
    await clock.advance(100_000);

    expect(reports).toHaveLength(102);
    expect(reports.map((report) => report.cycle)).toEqual(
      reports.map((_report, index) => index + 1),
    );
    expect(reports.every((report) => report.lagMs === 0 && report.missedTicks === 0)).toBe(true);
    await closeNow();
    expect(clock.pending()).toBe(0);
  });

  it('ends a cycle on time: cuts what runs and defers the rest, which goes first in the next one', async () => {
    const { clock, scheduler, reports, started, finish, contextOf, closeNow } = setUp(
      ['a', 'b', 'c', 'd', 'e'],
      { timeoutMs: 700, maxZombies: 100 },
    );

    await scheduler.start();
    await clock.advance(600);
    finish('a');
    await clock.advance(50);
    finish('b');
    await clock.advance(1);
    // c started at 600 and d at 650: the end of the cycle is nearer than their timeout.
    expect([contextOf('c').deadlineMs, contextOf('d').deadlineMs]).toEqual([2_000, 2_000]);
    await clock.advance(349);

    expect(reports).toHaveLength(1);
    expect(reports[0]).toMatchObject({
      durationMs: 1_000,
      zones: counts({ planned: 5, ok: 2, timedOut: 2, deferred: 1 }),
    });
    expect(reports[0]?.failures.map((failure) => failure.message)).toEqual([
      'zone "c" did not settle within 400 ms',
      'zone "d" did not settle within 350 ms',
    ]);
    expect(started.slice(4)).toEqual(['e', 'a']);
    await closeNow();
  });

  it('keeps the turn of deferred zones only while the source still gives them', async () => {
    let ids = ['a', 'b', 'c', 'd', 'e', 'f'];
    const { clock, scheduler, reports, started, closeNow } = setUp([], {
      zones: () => zonesOf(ids),
      controller: fixed(1),
      timeoutMs: 400,
      maxZombies: 100,
    });
    await scheduler.start();
    await clock.advance(999);
    expect(started).toEqual(['a', 'b', 'c']);
    expect(scheduler.snapshot().gauges.deferred).toBe(0);

    ids = ['g', 'f', 'd'];
    await clock.advance(1_000);

    expect(reports[0]?.zones).toMatchObject({ deferred: 3 });
    expect(started.slice(3)).toEqual(['f', 'd', 'g']);
    await closeNow();
  });

  it('keeps the turn of deferred zones when the next source fails before it comes to them', async () => {
    let sources = 0;
    const { clock, scheduler, started, closeNow } = setUp([], {
      zones: function* () {
        sources += 1;
        if (sources === 2) throw new Error('no list');
        yield* zonesOf(['a', 'b', 'c']);
      },
      controller: fixed(1),
      timeoutMs: 600,
      maxZombies: 100,
    });

    await scheduler.start();
    await clock.advance(1_500);
    expect(scheduler.snapshot().gauges.deferred).toBe(1);
    await clock.advance(500);

    expect(started).toEqual(['a', 'b', 'c']);
    await closeNow();
  });

  it('is late by one timeout at most when the source is slow to give the rest', async () => {
    const clock = createFakeClock();
    const { scheduler, reports, closeNow } = setUp(
      [],
      {
        zones: async function* () {
          for (let n = 1; n <= 20; n += 1) {
            await sleep(240, { clock });
            yield { id: `z${n}` };
          }
        },
        handler: done,
      },
      clock,
    );

    await scheduler.start();
    await clock.advance(1_300);

    expect(reports[0]).toMatchObject({
      durationMs: 1_300,
      zones: { planned: 5, ok: 4, deferred: 1 },
      sourceError: { code: 'ZONE_SOURCE_TIMEOUT' },
    });
    await closeNow();
  });

  it('counts the ticks that pass while a cycle is late, and never makes up for them', async () => {
    let isBroken = true;
    async function* zones(): AsyncGenerator<Zone> {
      yield { id: 'a' };
      if (isBroken) await new Promise(() => undefined);
    }
    const { clock, scheduler, reports, closeNow } = setUp([], {
      zones,
      handler: done,
      timeoutMs: 3_500,
    });
    const missed: unknown[] = [];
    scheduler.on('missed', (event) => missed.push(event));

    await scheduler.start();
    await clock.advance(3_499);
    expect(reports).toHaveLength(0);
    isBroken = false;
    await clock.advance(1);

    expect(missed).toEqual([{ ticks: 2 }]);
    expect(reports).toHaveLength(2);
    expect(reports[0]?.sourceError?.code).toBe('ZONE_SOURCE_TIMEOUT');
    expect(reports[1]).toMatchObject({ cycle: 2, lagMs: 500, missedTicks: 2 });
    await clock.advance(500);
    expect(reports[2]).toMatchObject({ cycle: 3, lagMs: 0, missedTicks: 0 });
    expect(scheduler.snapshot().counters.missedTicks).toBe(2);
    await closeNow();
  });

  it('misses a tick rather than run two cycles together', async () => {
    const { clock, scheduler, reports, started, finish, closeNow } = setUp(['a', 'b'], {
      timeoutMs: 5_000,
    });

    const byHand = scheduler.runCycle();
    await clock.advance(0);
    await scheduler.start();
    await clock.advance(1_500);
    expect(started).toEqual(['a', 'b']);
    finish('a');
    finish('b');
    await byHand;
    await clock.advance(500);

    expect(started).toEqual(['a', 'b', 'a', 'b']);
    expect(scheduler.snapshot().counters.missedTicks).toBe(2);
    expect(reports[0]).toMatchObject({ cycle: 1, missedTicks: 0 });
    await closeNow();
    expect(reports[1]).toMatchObject({ cycle: 2, missedTicks: 2 });
  });

  it('may be started twice', async () => {
    const { clock, scheduler, reports, closeNow } = setUp(['a'], { handler: done });

    await Promise.all([scheduler.start(), scheduler.start()]);
    await clock.advance(0);

    expect(reports).toHaveLength(1);
    await closeNow();
  });
});

describe('runCycle', () => {
  it('rejects while another cycle runs', async () => {
    const { clock, scheduler, finish } = setUp(['a']);
    const first = scheduler.runCycle();

    await expect(scheduler.runCycle()).rejects.toMatchObject({
      name: 'CycleRunningError',
      code: 'CYCLE_RUNNING',
      message: 'cycle 1 is still running',
      cycle: 1,
    });
    await clock.advance(0);
    finish('a');

    await expect(first).resolves.toMatchObject({ cycle: 1 });
    await clock.advance(0);
  });
});

describe('pausing', () => {
  it('starts nothing more, lets what runs settle and lets ticks pass', async () => {
    const { clock, scheduler, reports, started, finish, closeNow } = setUp(['a', 'b', 'c']);
    await scheduler.start();
    await clock.advance(10);

    scheduler.pause();
    finish('a');
    finish('b');
    await clock.advance(0);
    expect(reports[0]?.zones).toEqual(counts({ planned: 3, ok: 2, deferred: 1 }));
    await clock.advance(5_000);
    expect(started).toEqual(['a', 'b']);
    expect(scheduler.snapshot()).toMatchObject({ isPaused: true, gauges: { deferred: 1 } });

    scheduler.resume();
    await clock.advance(990);
    expect(started).toEqual(['a', 'b', 'c', 'a']);
    expect(scheduler.snapshot().counters.missedTicks).toBe(0);
    await closeNow();
  });
});

it.each(['defer', 'skip'] as const)(
  'a cycle that the caller ends, with %s, is aborted and no overrun',
  async (overrun) => {
    const { clock, scheduler, reports, finish } = setUp(['a', 'b', 'c'], {
      overrun,
      alerts: { forCycles: 1 },
    });
    const alerts: unknown[] = [];
    scheduler.on('alert', (alert) => alerts.push(alert));
    await scheduler.start();

    await clock.advance(10);
    scheduler.pause();
    finish('a');
    finish('b');
    await clock.advance(0);
    scheduler.resume();
    await clock.advance(990);
    const closed = scheduler.close();
    finish('a');
    finish(overrun === 'defer' ? 'c' : 'b');
    await clock.advance(0);

    await closed;
    expect(reports).toHaveLength(2);
    for (const { outcome, zones } of reports) {
      expect({ outcome, left: zones.deferred + zones.skipped }).toEqual({
        outcome: 'aborted',
        left: 1,
      });
    }
    expect(alerts).toEqual([]);
  },
);

it('a cycle of which nothing was left when the caller ended it went as it went', async () => {
  const { clock, scheduler, reports, finish, closeNow } = setUp(['a', 'b']);
  await scheduler.start();
  await clock.advance(10);

  scheduler.pause();
  finish('a');
  finish('b');
  await clock.advance(0);

  expect(reports).toMatchObject([{ outcome: 'ok' }]);
  await closeNow();
});

it('runs a cycle by hand also while it is paused', async () => {
  const { scheduler } = setUp(['a', 'b'], { handler: done });
  scheduler.pause();

  const report = await scheduler.runCycle();

  expect(report).toMatchObject({ outcome: 'ok', zones: { ok: 2 } });
});

it('misses no tick while it is paused', async () => {
  const { clock, scheduler, reports, closeNow } = setUp([], {
    zones: () => new Promise(() => undefined),
    timeoutMs: 2_500,
  });
  await scheduler.start();
  await clock.advance(10);

  scheduler.pause();
  await clock.advance(5_000);

  expect(reports).toHaveLength(1);
  expect(scheduler.snapshot().counters.missedTicks).toBe(0);
  await closeNow();
});

describe('closing', () => {
  it('starts nothing more and waits for what runs', async () => {
    const { clock, scheduler, reports, started, finish } = setUp(['a', 'b', 'c']);
    await scheduler.start();
    await clock.advance(10);

    const report = scheduler.close();
    expect(scheduler.snapshot().state).toBe('closing');
    await clock.advance(20);
    finish('a');
    finish('b', new Error('no'));
    await clock.advance(0);

    expect(await report).toEqual({ finished: 2, aborted: 0, zombies: [], durationMs: 20 });
    expect(reports[0]?.zones).toEqual(counts({ planned: 3, ok: 1, failed: 1, deferred: 1 }));
    expect(started).toEqual(['a', 'b']);
    expect(scheduler.snapshot().state).toBe('closed');
    expect(clock.pending()).toBe(0);
    await clock.advance(10_000);
    expect(reports).toHaveLength(1);
  });

  it('aborts after its timeout what ignores it, and names it', async () => {
    const { clock, scheduler, reports, contextOf, finish } = setUp(['a', 'b', 'c']);
    await scheduler.start();
    await clock.advance(0);
    const { signal } = contextOf('a');
    signal.addEventListener('abort', () => finish('a', signal.reason));

    const report = scheduler.close({ timeoutMs: 50 });
    await clock.advance(50);

    expect(await report).toMatchObject({ finished: 0, aborted: 2, zombies: ['b'], durationMs: 50 });
    expect(signal.reason).toMatchObject({ code: 'SCHEDULER_CLOSED' });
    expect(reports[0]?.zones).toEqual(counts({ planned: 3, failed: 2, deferred: 1 }));
    expect(clock.pending()).toBe(0);
  });

  it('waits for zombies as well, not longer than its timeout', async () => {
    const { clock, scheduler, finish } = setUp(['a', 'b']);
    const cycle = scheduler.runCycle();
    await clock.advance(300);
    await cycle;

    const report = scheduler.close({ timeoutMs: 1_000 });
    await clock.advance(10);
    finish('a');
    await clock.advance(0);
    expect(scheduler.snapshot().state).toBe('closing');
    finish('b');
    await clock.advance(0);

    expect(await report).toEqual({ finished: 0, aborted: 0, zombies: [], durationMs: 10 });
  });

  it('gives up on a source that hangs', async () => {
    const { clock, scheduler, reports } = setUp([], { zones: () => new Promise(() => undefined) });
    await scheduler.start();
    await clock.advance(0);

    const report = scheduler.close({ timeoutMs: 0 });
    await clock.advance(0);

    expect(await report).toMatchObject({ finished: 0, aborted: 0 });
    expect(reports[0]?.sourceError?.code).toBe('SCHEDULER_CLOSED');
    expect(clock.pending()).toBe(0);
  });

  it('may be done twice, together, before the start and in any order', async () => {
    const { clock, scheduler } = setUp(['a']);

    const first = scheduler.close();
    expect(scheduler.close({ timeoutMs: 1 })).toBe(first);
    await expect(scheduler.start()).rejects.toMatchObject({ code: 'SCHEDULER_CLOSED' });
    await expect(scheduler.runCycle()).rejects.toMatchObject({
      name: 'SchedulerClosedError',
      message: 'the zone scheduler is closed',
    });
    await scheduler[Symbol.asyncDispose]();

    expect(await first).toEqual({ finished: 0, aborted: 0, zombies: [], durationMs: 0 });
    expect(clock.pending()).toBe(0);
  });

  it('while a cycle is started by hand ends that cycle', async () => {
    const { clock, scheduler, finish } = setUp(['a', 'b', 'c']);
    const cycle = scheduler.runCycle();
    await clock.advance(0);

    const closed = scheduler.close();
    finish('a');
    finish('b');

    expect((await cycle).zones).toEqual(counts({ planned: 3, ok: 2, deferred: 1 }));
    expect(await closed).toMatchObject({ finished: 2, aborted: 0 });
  });
});

it('is not changed by a listener that throws', async () => {
  const { clock, scheduler, reports, closeNow } = setUp(['a', 'b', 'c']);
  for (const event of ['cycle', 'missed', 'zombie'] as const) {
    scheduler.on(event, () => {
      throw new Error('bad listener');
    });
  }

  await scheduler.start();
  await clock.advance(2_000);

  expect(reports.length).toBeGreaterThanOrEqual(2);
  await closeNow();
});

it('shows its state as plain JSON', async () => {
  const { clock, scheduler, closeNow } = setUp(['a', 'b', 'c', 'a']);
  expect(scheduler.snapshot().state).toBe('idle');
  await scheduler.start();
  await clock.advance(350);

  const snapshot = scheduler.snapshot();

  expect(snapshot).toEqual({
    state: 'running',
    isPaused: false,
    counters: { cycles: 0, missedTicks: 0, ...counts({}) },
    gauges: { inFlight: 1, zombies: 2, deferred: 0, quarantined: 0, limit: 2 },
    isDownstreamDown: false,
    explanation: {
      ...{ limit: 2, binding: 'fixed', feedForward: null, cap: null },
      ...{ noLoadMs: null, inflation: null },
    },
    shards: {
      ...{ total: 1, owned: 1, unowned: 0, isSettling: false, members: 1 },
      ...{ trustedForMs: null, mismatch: undefined },
    },
  });
  expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot);
  expect((await closeNow()).zombies).toEqual(['a', 'b', 'c']);
});

describe('under lasting trouble', () => {
  it('comes to every zone, also when no cycle ever gets through', async () => {
    const ids = Array.from({ length: 40 }, (_, n) => `z${n}`);
    const runs = new Map(ids.map((id) => [id, 0]));
    const clock = createFakeClock();
    const scheduler = createZoneScheduler({
      zones: () => ids.map((id) => ({ id })),
      handler: async ({ id }, { signal }) => {
        runs.set(id, (runs.get(id) ?? 0) + 1);
        await sleep(20, { clock, signal }).catch(() => undefined);
      },
      controller: fixed(2),
      cycleMs: 110,
      timeoutMs: 100,
      clock,
    });

    await scheduler.start();
    await clock.advance(110 * 100);
    const closing = scheduler.close();
    await clock.advance(1_000);
    await closing;

    // Some 12 starts a cycle: everybody's turn comes at least in each fifth one.
    expect(Math.min(...runs.values())).toBeGreaterThanOrEqual(15);
  });

  it('is not fooled by a source that fills one object again and again', async () => {
    const seen: string[] = [];
    const { clock, scheduler } = setUp([], {
      *zones() {
        const zone = { id: '' };
        for (const id of ['x', 'y', 'a', 'b', 'c', 'd']) {
          zone.id = id;
          yield zone;
        }
      },
      handler: async ({ id }) => {
        seen.push(id);
        await sleep(1, { clock });
      },
      controller: fixed(1),
    });

    const running = scheduler.runCycle();
    await clock.advance(100);
    const report = await running;

    expect(seen).toEqual(['x', 'y', 'a', 'b', 'c', 'd']);
    expect(report.zones).toMatchObject({ planned: 6, ok: 6 });
    await scheduler.close();
  });

  it('starts nothing when a listener closes it because ticks were missed', async () => {
    const clock = createFakeClock();
    let lateMs = 0;
    // As when the event loop was blocked: the timer fires, and the time is a later one.
    const lateClock = { ...clock, now: () => clock.now() + lateMs };
    const started: number[] = [];
    const scheduler = createZoneScheduler({
      zones: () => [{ id: 'a' }],
      handler: (_zone, { cycle }) => {
        started.push(cycle);
        return Promise.resolve();
      },
      controller: fixed(1),
      cycleMs: 100,
      clock: lateClock,
    });
    scheduler.on('missed', () => void scheduler.close());

    await scheduler.start();
    await clock.advance(99);
    lateMs = 350;
    await clock.advance(1);
    await clock.advance(1_000);

    expect(started).toEqual([1]);
    expect(scheduler.snapshot().counters.missedTicks).toBe(3);
  });

  it('does not ask a source again that still hangs', async () => {
    let asked = 0;
    const wake = createDeferred<void>();
    const { clock, reports, scheduler, closeNow } = setUp([], {
      async *zones() {
        asked += 1;
        await wake.promise;
        yield { id: 'a' };
      },
      handler: done,
    });

    await scheduler.start();
    await clock.advance(4_500);
    expect(asked).toBe(1);
    wake.resolve();
    await clock.advance(1_000);
    await closeNow();

    const errors = reports.map(({ sourceError, zones }) => sourceError?.code ?? zones.ok);
    expect(asked).toBe(2);
    expect(errors.slice(0, 5)).toEqual(Array.from({ length: 5 }, () => 'ZONE_SOURCE_TIMEOUT'));
    expect(errors.at(-1)).toBe(1);
  });
});
