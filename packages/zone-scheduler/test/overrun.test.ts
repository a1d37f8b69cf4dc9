import { sleep } from '@holdfast/internal';
import { describe, expect, it } from 'vitest';
import { fixed } from '../src/controllers/fixed.ts';
import type { Zone } from '../src/zone.ts';
import { counts, done, setUp, zonesOf } from './set-up.ts';

const ids = (count: number): string[] => Array.from({ length: count }, (_, n) => `z${n}`);

describe('a cycle that is not done at its end', () => {
  it('with skip: leaves the rest, and begins the next one from the front', async () => {
    const { clock, scheduler, reports, started, closeNow } = setUp(['a', 'b', 'c'], {
      ...{ controller: fixed(1), overrun: 'skip', timeoutMs: 600, maxZombies: 9, suspects: false },
    });

    await scheduler.start();
    await clock.advance(1_001);

    expect(reports[0]).toMatchObject({
      outcome: 'overrun',
      zones: counts({ planned: 3, timedOut: 2, skipped: 1 }),
    });
    // The first two still run though they were aborted; else `a` would be the first again.
    expect(started).toEqual(['a', 'b', 'c']);
    await closeNow();
  });

  it('with finish: goes on, and misses the ticks that pass', async () => {
    const { clock, scheduler, reports, closeNow } = setUp(ids(6), {
      controller: fixed(1),
      overrun: 'finish',
      handler: (_zone, { signal }) => sleep(250, { clock, signal }),
    });
    const missed: number[] = [];
    scheduler.on('missed', ({ ticks }) => missed.push(ticks));

    await scheduler.start();
    await clock.advance(1_600);

    expect(reports[0]).toMatchObject({ outcome: 'ok', durationMs: 1_500, zones: { ok: 6 } });
    await clock.advance(500);
    expect(missed).toEqual([]);
    await clock.advance(2_000);
    expect(reports[1]).toMatchObject({ missedTicks: 0 });
    await closeNow();
  });

  it('starts nothing that could not be done in time, once it knows how long zones take', async () => {
    const { clock, scheduler, reports, started, closeNow } = setUp(ids(100), {
      controller: fixed(2),
      handler: (zone, { signal }) => {
        started.push(zone.id);
        return sleep(45, { clock, signal });
      },
    });

    await scheduler.start();
    await clock.advance(999);

    // 22 rounds of two in 990 ms; a 23rd would be aborted after 10 ms.
    expect(reports[0]?.zones).toEqual(counts({ planned: 100, ok: 44, deferred: 56 }));
    expect(started).toHaveLength(44);
    await closeNow();
  });

  it('goes by the cycles before while it knows too few zones of its own', async () => {
    const { clock, scheduler, reports, closeNow } = setUp(ids(30), {
      ...{ controller: fixed(4), cycleMs: 500 },
      handler: (_zone, { signal }) => sleep(100, { clock, signal }),
    });
    const alerts: unknown[] = [];
    scheduler.on('alert', ({ kind }) => alerts.push(kind));

    await scheduler.start();
    await clock.advance(10_001);

    // Five rounds of four would do, were the last one not done just when the cycle is over.
    const [first, ...later] = reports.map(({ zones }) => zones);
    expect(first).toEqual(counts({ planned: 30, ok: 16, timedOut: 4, deferred: 10 }));
    expect(later).toHaveLength(19);
    for (const zones of later) expect(zones).toMatchObject({ ok: 16, timedOut: 0, deferred: 14 });
    expect(alerts).not.toContain('failure-rate');
    await closeNow();
  });

  it('notices that zones have become faster', async () => {
    const { clock, scheduler, reports, closeNow } = setUp(ids(30), {
      ...{ controller: fixed(4), cycleMs: 500, timeoutMs: 450 },
      handler: (_zone, { cycle, signal }) => sleep(cycle <= 10 ? 400 : 10, { clock, signal }),
    });

    await scheduler.start();
    await clock.advance(10_001);

    expect(reports[9]?.zones).toMatchObject({ ok: 4, timedOut: 0 });
    expect(reports[19]?.zones).toMatchObject({ ok: 30 });
    await closeNow();
  });

  it('holds a time-out against no zone that had less than its time', async () => {
    const { clock, scheduler, reports, closeNow } = setUp(['a', 'b', 'slow'], {
      controller: fixed(1),
      handler: ({ id }, { signal }) => sleep(id === 'slow' ? 900 : 100, { clock, signal }),
      timeoutMs: 950,
      quarantine: { failures: 1, maxFraction: 1 },
    });

    await scheduler.start();
    await clock.advance(1_001);

    expect(reports[0]?.zones).toEqual(counts({ planned: 3, ok: 2, timedOut: 1 }));
    await clock.advance(1_000);
    expect(reports[1]?.zones.quarantined).toBe(0);
    await closeNow();
  });

  it('holds it against one that hangs at the end of a cycle for the second time', async () => {
    const { clock, scheduler, reports, closeNow } = setUp(['a', 'b', 'hung'], {
      controller: fixed(1),
      handler: ({ id }, { signal }) => sleep(id === 'hung' ? 100_000 : 100, { clock, signal }),
      timeoutMs: 950,
      quarantine: { failures: 1, baseCycles: 5, maxFraction: 1 },
    });

    await scheduler.start();
    await clock.advance(3_001);

    const counted = reports.map(({ zones: { timedOut, quarantined } }) => [timedOut, quarantined]);
    expect(counted).toEqual([
      [1, 0],
      [1, 0],
      [0, 1],
    ]);
    await closeNow();
  });
});

describe('a zone', () => {
  it('with every: runs in each so many-th cycle, and not all of them in the same', async () => {
    const runs = new Map<string, number[]>();
    const { clock, scheduler, reports, closeNow } = setUp([], {
      zones: () => ids(40).map((id): Zone => ({ id, every: 4 })),
      handler: (zone, { cycle }) => {
        runs.set(zone.id, [...(runs.get(zone.id) ?? []), cycle]);
        return done();
      },
    });

    await scheduler.start();
    await clock.advance(7_500);

    expect(reports).toHaveLength(8);
    for (const cycles of runs.values()) {
      expect(cycles).toHaveLength(2);
      expect((cycles[1] ?? 0) - (cycles[0] ?? 0)).toBe(4);
    }
    expect(runs.size).toBe(40);
    for (const { zones, notPlanned } of reports) {
      expect(zones.planned).toBeGreaterThan(2);
      expect(zones.planned + notPlanned.notDue).toBe(40);
    }
    await closeNow();
  });

  it('with a timeout of its own has that', async () => {
    const { clock, scheduler } = setUp([], {
      zones: () => [{ id: 'quick', timeoutMs: 50 }, { id: 'usual' }],
    });

    const report = scheduler.runCycle();
    await clock.advance(300);

    expect((await report).failures).toMatchObject([
      { zoneId: 'quick', durationMs: 50 },
      { zoneId: 'usual', durationMs: 300 },
    ]);
  });

  it('with a higher priority goes before those that have been read', async () => {
    const { clock, scheduler, started, finish } = setUp([], {
      controller: fixed(1),
      zones: () => [
        { id: 'a' },
        { id: 'late', priority: 2 },
        { id: 'b' },
        { id: 'now', priority: 0 },
      ],
    });

    void scheduler.runCycle();
    for (const id of ['a', 'now', 'b', 'late']) {
      await clock.advance(1);
      finish(id);
    }

    expect(started).toEqual(['a', 'now', 'b', 'late']);
  });

  it.each<[object, string]>([
    [{ id: 'x', priority: 3 }, 'zone.priority must be an integer from 0 to 2, got 3'],
    [{ id: 'x', weight: 0 }, 'zone.weight must be above 0, got 0'],
    [{ id: 'x', weight: -1 }, 'zone.weight must be above 0, got -1'],
    [{ id: 'x', weight: '2' }, 'zone.weight must be a number, got "2"'],
    [{ id: 'x', timeoutMs: 0 }, 'zone.timeoutMs must be an integer of at least 1, got 0'],
    [{ id: 'x', every: 1.5 }, 'zone.every must be an integer of at least 1, got 1.5'],
  ])('that is wrong as %o fails by itself', async (wrong, message) => {
    const { scheduler } = setUp([], {
      zones: () => [...zonesOf(['a']), wrong as Zone],
      handler: done,
    });

    const report = await scheduler.runCycle();

    expect(report.zones).toEqual(counts({ planned: 2, ok: 1, failed: 1 }));
    expect(report.failures[0]).toMatchObject({ zoneId: 'x', class: 'bug' });
    expect(report.failures[0]?.message).toContain(message);
  });

  it('ignores what is no field of a zone, and does not hand it to the handler', async () => {
    let seen: Zone | undefined;
    const { scheduler } = setUp([], {
      zones: () => [{ id: 'x', valve: 'shut', data: 1 } as Zone],
      handler: (zone) => {
        seen = zone;
        return done();
      },
    });

    const report = await scheduler.runCycle();

    expect(report.zones).toEqual(counts({ planned: 1, ok: 1 }));
    expect(seen).toEqual({ id: 'x', data: 1 });
  });
});
