import { createDeferred } from '@holdfast/internal';
import { createFakeClock } from '@holdfast/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { fixed } from '../src/controllers/fixed.ts';
import { createZoneScheduler } from '../src/create-zone-scheduler.ts';
import type { Zone, ZoneSource } from '../src/zone.ts';
import { counts, done, hang, setUp, zonesOf } from './set-up.ts';

describe('the pump', () => {
  it('never runs more zones than the limit, and starts the next one when one settles', async () => {
    const { clock, scheduler, started, finish } = setUp(['a', 'b', 'c', 'd']);

    const report = scheduler.runCycle();
    await clock.advance(1);
    expect(started).toEqual(['a', 'b']);
    finish('a');
    await clock.advance(1);
    expect(started).toEqual(['a', 'b', 'c']);
    finish('c', new Error('broken pump'));
    finish('b');
    await clock.advance(1);
    finish('d');

    expect(await report).toEqual({
      cycle: 1,
      outcome: 'partial',
      startedAtMs: Date.UTC(2026, 0, 1),
      lagMs: 0,
      durationMs: 3,
      missedTicks: 0,
      zones: counts({ planned: 4, ok: 3, failed: 1 }),
      notPlanned: { elsewhere: 0, notDue: 0 },
      failureRate: 0.25,
      failures: [{ zoneId: 'c', class: 'zone', message: 'broken pump', durationMs: 1 }],
      failuresTruncated: 0,
      byError: [{ class: 'zone', key: 'broken pump', count: 1 }],
      latency: { p50Ms: expect.closeTo(1, 1) as number, p90Ms: 2, p99Ms: 2, maxMs: 2 },
      concurrency: {
        mean: 5 / 3,
        max: 2,
        explanation: {
          ...{ limit: 2, binding: 'fixed', feedForward: null, cap: null },
          ...{ noLoadMs: null, inflation: null },
        },
        suspectSlots: 0,
      },
      staleness: { maxCycles: 1, oldest: ['c'] },
      sourceError: undefined,
    });
    expect(clock.pending()).toBe(0);
  });

  it('reads no more zones ahead than maxReadAhead', async () => {
    let given = 0;
    function* zones(): Generator<Zone> {
      for (;;) {
        given += 1;
        if (given > 6) return;
        yield { id: `z${given}` };
      }
    }
    const { clock, scheduler, finish } = setUp([], { zones, maxReadAhead: 1 });

    void scheduler.runCycle();
    await clock.advance(1);
    // Two run and one waits for a place.
    expect(given).toBe(3);
    finish('z1');
    await clock.advance(1);

    expect(given).toBe(4);
  });

  it('runs 50 000 zones of a lazy source with no more promises alive than the limit', async () => {
    const clock = createFakeClock();
    let alive = 0;
    let most = 0;
    let asked = 0;
    let mostAhead = 0;
    let settled = 0;
    function* zones(): Generator<Zone<number>> {
      for (asked = 1; asked <= 50_000; asked += 1) {
        mostAhead = Math.max(mostAhead, asked - settled);
        yield { id: `z${asked}`, data: asked };
      }
    }
    const scheduler = createZoneScheduler<number>({
      zones,
      controller: fixed(200),
      maxReadAhead: 1_000,
      clock,
      handler: async () => {
        alive += 1;
        most = Math.max(most, alive);
        await Promise.resolve();
        alive -= 1;
        settled += 1;
      },
    });

    const report = await scheduler.runCycle();

    expect(report.zones).toEqual(counts({ planned: 50_000, ok: 50_000 }));
    expect(most).toBeLessThanOrEqual(200);
    expect(mostAhead).toBeLessThanOrEqual(1_202);
    expect(clock.pending()).toBe(0);
  });

  it('hands zone, data and context to the handler', async () => {
    const seen: unknown[] = [];
    const clock = createFakeClock({ startMs: 40 });
    const scheduler = createZoneScheduler({
      zones: () => [{ id: 'north', data: { bed: 3 } }],
      controller: fixed(1),
      clock,
      handler: async (zone, { cycle, signal, deadlineMs }) => {
        seen.push(zone.data?.bed, cycle, signal.aborted, deadlineMs);
      },
    });

    await scheduler.runCycle();
    await scheduler.runCycle();

    expect(seen).toEqual([3, 1, false, 5_040, 3, 2, false, 5_040]);
  });
});

describe('a zone that misbehaves harms no other', () => {
  it.each<[string, () => Promise<void>, object]>([
    ['rejects', () => Promise.reject(new Error('no')), { message: 'no' }],
    [
      'throws at once',
      () => {
        throw Object.assign(new Error('no'), { code: 'E_NO' });
      },
      { message: 'no', code: 'E_NO' },
    ],
    ['rejects with undefined', () => Promise.reject(undefined), { message: 'undefined' }],
  ])('when its handler %s', async (_how, misbehave, failure) => {
    const { scheduler } = setUp(['a', 'bad', 'c'], {
      handler: (zone) => (zone.id === 'bad' ? misbehave() : done()),
    });

    const report = await scheduler.runCycle();

    expect(report.zones).toEqual(counts({ planned: 3, ok: 2, failed: 1 }));
    expect(report.failures).toEqual([{ zoneId: 'bad', class: 'zone', durationMs: 0, ...failure }]);
  });

  it('when its handler never settles: it times out, frees its place and aborts its signal', async () => {
    const { clock, scheduler, contextOf, started } = setUp(['a', 'b', 'c', 'd'], {
      controller: fixed(1),
    });
    const zombies: unknown[] = [];
    scheduler.on('zombie', (event) => zombies.push(event));
    const early = createDeferred<unknown>();

    const report = scheduler.runCycle();
    await clock.advance(0);
    const { signal } = contextOf('a');
    signal.addEventListener('abort', () => early.resolve(signal.reason));
    await clock.advance(300);

    expect(await early.promise).toMatchObject({
      name: 'ZoneTimeoutError',
      code: 'ZONE_TIMEOUT',
      message: 'zone "a" did not settle within 300 ms',
      zoneId: 'a',
      timeoutMs: 300,
    });
    expect(started).toEqual(['a', 'b']);
    expect(zombies).toEqual([{ zoneId: 'a', cycle: 1, runningMs: 300 }]);
    // One zombie more would be beyond maxZombies, so after the second the cycle waits, then gives up.
    await clock.advance(600);
    expect((await report).zones).toEqual(counts({ planned: 4, timedOut: 2, deferred: 2 }));
    expect((await report).failures[0]).toEqual({
      zoneId: 'a',
      class: 'timeout',
      message: 'zone "a" did not settle within 300 ms',
      code: 'ZONE_TIMEOUT',
      durationMs: 300,
    });
    expect(clock.pending()).toBe(0);
    expect(contextOf('b').signal.aborted).toBe(true);
  });

  it('when the source gives its id twice in one cycle', async () => {
    const { scheduler } = setUp(['a', 'b', 'a', 'a'], { handler: done });

    expect((await scheduler.runCycle()).zones).toEqual(
      counts({ planned: 4, ok: 2, duplicates: 2 }),
    );
  });

  it('when the source gives something that is not a zone', async () => {
    const zones = () => [{ id: 'a' }, null, { id: '' }, { id: 7 }, { id: 'b' }] as Zone[];
    const { scheduler } = setUp([], { zones, handler: done });

    const report = await scheduler.runCycle();

    expect(report.zones).toEqual(counts({ planned: 5, ok: 2, failed: 3 }));
    expect(report.failures).toEqual(
      [
        'zone must be an object, got null',
        'zone.id must be a non-empty string, got ""',
        'zone.id must be a non-empty string, got 7',
      ].map((message) => ({ zoneId: '', class: 'bug', message, durationMs: 0 })),
    );
  });

  it('when it rejects after it timed out: the rejection is handled', async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown): unknown => unhandled.push(reason);
    process.on('unhandledRejection', onUnhandled);
    onTestFinished(() => void process.off('unhandledRejection', onUnhandled));
    const { clock, scheduler, finish } = setUp(['a']);

    const report = scheduler.runCycle();
    await clock.advance(300);
    finish('a', new Error('too late'));
    await clock.advance(1);

    expect((await report).zones).toEqual(counts({ planned: 1, timedOut: 1 }));
    expect(unhandled).toEqual([]);
    expect(scheduler.snapshot().gauges.zombies).toBe(0);
  });

  it('keeps the first failures of many', async () => {
    const ids = Array.from({ length: 30 }, (_value, index) => `z${index}`);
    const { scheduler } = setUp(ids, {
      maxReportedFailures: 3,
      handler: () => Promise.reject(new Error('no')),
    });

    const report = await scheduler.runCycle();

    expect(report.failures.map((failure) => failure.zoneId)).toEqual(['z0', 'z1', 'z2']);
    expect(report.failuresTruncated).toBe(27);
  });
});

describe('a zombie', () => {
  it('is skipped until it settles, then runs again', async () => {
    const { clock, scheduler, started, finish } = setUp(['a']);

    const first = scheduler.runCycle();
    await clock.advance(300);
    await first;
    const second = await scheduler.runCycle();
    expect(second.zones).toEqual(counts({ planned: 1, stuck: 1 }));
    finish('a');
    await clock.advance(0);
    const third = scheduler.runCycle();
    await clock.advance(0);
    finish('a');

    expect((await third).zones).toEqual(counts({ planned: 1, ok: 1 }));
    expect(started).toEqual(['a', 'a']);
  });

  it('would be started twice by a scheduler that does not know it: negative control', async () => {
    const running = new Map<string, number>();
    const handler = (zone: Zone): Promise<void> => {
      running.set(zone.id, (running.get(zone.id) ?? 0) + 1);
      return hang();
    };

    for (let n = 0; n < 2; n += 1) {
      const { clock, scheduler } = setUp(['a'], { handler });
      const report = scheduler.runCycle();
      await clock.advance(300);
      await report;
    }

    expect(running.get('a')).toBe(2);
  });

  it('keeps its place when maxZombies is 0, and gives it back when it settles', async () => {
    const { clock, scheduler, started, finish } = setUp(['a', 'b'], {
      controller: fixed(1),
      maxZombies: 0,
    });

    const report = scheduler.runCycle();
    await clock.advance(400);
    expect(started).toEqual(['a']);
    finish('a');
    await clock.advance(0);
    expect(started).toEqual(['a', 'b']);
    finish('b');

    expect((await report).zones).toEqual(counts({ planned: 2, timedOut: 1, ok: 1 }));
    await clock.advance(0);
    expect(clock.pending()).toBe(0);
  });

  it('never lets more than limit and maxZombies handlers run together', async () => {
    const ids = Array.from({ length: 20 }, (_value, index) => `z${index}`);
    const { clock, scheduler, started } = setUp(ids, { controller: fixed(3), maxZombies: 2 });

    const report = scheduler.runCycle();
    await clock.advance(5_000);

    expect(started).toHaveLength(5);
    expect((await report).zones).toEqual(counts({ planned: 20, timedOut: 5, deferred: 15 }));
  });
});

describe('a source', () => {
  async function* asyncZones(ids: string[]): AsyncGenerator<Zone> {
    for (const zone of zonesOf(ids)) yield Promise.resolve(zone);
  }

  it.each<[string, ZoneSource]>([
    ['an array', () => zonesOf(['a', 'b'])],
    ['a promise of an array', () => Promise.resolve(zonesOf(['a', 'b']))],
    ['a set', () => new Set(zonesOf(['a', 'b']))],
    ['an async generator', () => asyncZones(['a', 'b'])],
  ])('may be %s', async (_what, zones) => {
    const { scheduler } = setUp([], { zones, handler: done });

    expect((await scheduler.runCycle()).zones).toEqual(counts({ planned: 2, ok: 2 }));
  });

  it('that is empty makes an empty cycle', async () => {
    const { scheduler, clock } = setUp([]);

    expect((await scheduler.runCycle()).zones).toEqual(counts({}));
    expect(clock.pending()).toBe(0);
  });

  it.each<[string, ZoneSource, number]>([
    [
      'throws at once',
      () => {
        throw new Error('no list');
      },
      0,
    ],
    ['rejects', () => Promise.reject(new Error('no list')), 0],
    [
      'throws half-way',
      function* () {
        yield { id: 'a' };
        throw new Error('no list');
      },
      1,
    ],
  ])('that %s is reported, and the zones before run', async (_how, zones, planned) => {
    const { scheduler } = setUp([], { zones, handler: done });

    const report = await scheduler.runCycle();

    expect(report.zones).toEqual(counts({ planned, ok: planned }));
    expect(report.sourceError).toEqual({ message: 'no list' });
  });

  it('that is no list at all is reported', async () => {
    const { scheduler } = setUp([], { zones: () => 5 as never });

    expect((await scheduler.runCycle()).sourceError?.message).toMatch(/iterable/);
  });

  it('that hangs is given up after the timeout, and closed when it wakes', async () => {
    const gate = createDeferred<void>();
    let isClosed = false;
    async function* zones(): AsyncGenerator<Zone> {
      try {
        yield { id: 'a' };
        await gate.promise;
        yield { id: 'b' };
      } finally {
        isClosed = true;
      }
    }
    const { clock, scheduler, started } = setUp([], {
      zones,
      handler: (zone) => {
        started.push(zone.id);
        return done();
      },
    });

    const report = scheduler.runCycle();
    await clock.advance(300);

    expect((await report).zones).toEqual(counts({ planned: 1, ok: 1 }));
    expect((await report).sourceError).toEqual({
      message: 'the source gave no further zone within 300 ms',
      code: 'ZONE_SOURCE_TIMEOUT',
    });
    gate.resolve();
    await clock.advance(1_000);
    expect([isClosed, started, clock.pending()]).toEqual([true, ['a'], 0]);
  });

  it('is not timed while it waits for room', async () => {
    const { clock, scheduler, finish } = setUp(['a', 'b'], {
      controller: fixed(1),
      timeoutMs: 300,
    });

    const report = scheduler.runCycle();
    await clock.advance(299);
    finish('a');
    await clock.advance(299);
    finish('b');

    expect((await report).sourceError).toBeUndefined();
    expect((await report).zones).toEqual(counts({ planned: 2, ok: 2 }));
  });
});

it('starts nothing twice when every zone hangs for several cycles', async () => {
  const { clock, scheduler, started } = setUp(['a', 'b', 'c'], { handler: hang, maxZombies: 9 });

  for (let n = 0; n < 3; n += 1) {
    const report = scheduler.runCycle();
    await clock.advance(1_000);
    await report;
  }

  expect(started).toEqual([]);
  expect(scheduler.snapshot().counters).toMatchObject({ planned: 9, timedOut: 3, stuck: 6 });
});
