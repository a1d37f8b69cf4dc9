import { sleep } from '@holdfast/internal';
import { createFakeClock } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import type { Alert } from '../src/alert.ts';
import { fixed } from '../src/controllers/fixed.ts';
import { createZoneScheduler } from '../src/create-zone-scheduler.ts';
import type { CycleReport } from '../src/cycle-report.ts';
import type { ZoneSchedulerOptions } from '../src/options.ts';
import type { FailureClass } from '../src/zone.ts';

const refused = (): Error => Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });

/** 200 zones of 10 ms on a database that can be taken down, one cycle a second. */
function setUp(options: Partial<ZoneSchedulerOptions> = {}) {
  const clock = createFakeClock();
  const database = { isDown: false };
  const calls: number[] = [];
  const reports: CycleReport[] = [];
  const alerts: Alert[] = [];
  const downs: boolean[] = [];
  const scheduler = createZoneScheduler({
    zones: () => Array.from({ length: 200 }, (_, n) => ({ id: `z${n}` })),
    handler: async (_zone, { signal }) => {
      calls.push(clock.now());
      if (database.isDown) throw refused();
      await sleep(10, { clock, signal });
    },
    controller: fixed(10),
    breaker: { probeEveryMs: 100 },
    cycleMs: 1_000,
    timeoutMs: 300,
    clock,
    ...options,
  });
  scheduler.on('cycle', (report) => reports.push(report));
  scheduler.on('alert', (alert) => alerts.push(alert));
  scheduler.on('downstream', ({ isDown }) => downs.push(isDown));
  return { clock, database, calls, reports, alerts, downs, scheduler };
}

describe('a downstream that is down', () => {
  it('stops the cycle after a sample, is probed, and costs three cycles one alert and no zone its health', async () => {
    const { clock, database, calls, reports, alerts, downs, scheduler } = setUp();
    await scheduler.start();
    await clock.advance(999);
    database.isDown = true;
    calls.length = 0;
    await clock.advance(3_000);

    // 50 to be sure, then one each 100 ms, in 3 seconds.
    expect(calls.length).toBeLessThanOrEqual(50 + 31);
    expect(reports.slice(1).map(({ outcome }) => outcome)).toEqual(['aborted', 'aborted']);
    expect(scheduler.snapshot()).toMatchObject({ isDownstreamDown: true });

    database.isDown = false;
    await clock.advance(2_000);

    expect(reports.at(-1)).toMatchObject({ outcome: 'ok', zones: { ok: 200 } });
    expect(downs).toEqual([true, false]);
    expect(scheduler.snapshot().counters.quarantined).toBe(0);
    expect(alerts.filter(({ kind }) => kind === 'downstream').map(({ level }) => level)).toEqual([
      ...['critical', 'resolved'],
    ]);
    await scheduler.close();
  });

  it('goes on within the cycle when it comes back', async () => {
    const { clock, database, reports, scheduler } = setUp();
    database.isDown = true;
    await scheduler.start();
    await clock.advance(250);
    database.isDown = false;
    await clock.advance(500);

    expect(reports).toHaveLength(1);
    const { ok, failed, deferred } = reports[0]!.zones;
    expect([ok + failed, deferred]).toEqual([200, 0]);
    // The sample, what was in flight beside it, and three probes.
    expect(failed).toBeLessThanOrEqual(50 + 10 + 3);
    await scheduler.close();
  });

  it('ends a cycle by hand after the time of one', async () => {
    const { clock, database, scheduler } = setUp();
    database.isDown = true;

    const report = scheduler.runCycle();
    await clock.advance(1_100);

    expect(await report).toMatchObject({ outcome: 'aborted', zones: { planned: 200, ok: 0 } });
    expect((await report).zones.deferred).toBeGreaterThan(100);
  });

  it('is not seen in dead zones, which time out together when the others are long done', async () => {
    const { clock, downs, reports, scheduler } = setUp({
      controller: fixed(100),
      maxZombies: 200,
      handler: (zone, { signal }) =>
        sleep(Number(zone.id.slice(1)) % 3 === 0 ? 9_999 : 10, { clock, signal }),
    });

    await scheduler.start();
    await clock.advance(999);

    expect(reports[0]).toMatchObject({ zones: { ok: 133, timedOut: 67 } });
    expect(downs).toEqual([]);
    await scheduler.close();
  });

  it('takes every zone with it when nobody looks (negative control)', async () => {
    const { clock, database, calls, scheduler } = setUp({ breaker: false });
    database.isDown = true;

    await scheduler.start();
    await clock.advance(2_999);

    expect(calls.length).toBe(600);
    await scheduler.close();
  });
});

it.each<[string, () => unknown, string]>([
  [
    'throws',
    () => {
      throw new Error('what is this?');
    },
    'what is this?',
  ],
  [
    'throws at length',
    () => {
      throw new Error('x'.repeat(5_000));
    },
    `${'x'.repeat(199)}…`,
  ],
  [
    'gives no class',
    () => 'gateway',
    'what it returns must be one of zone, downstream, timeout, ownership, bug, got "gateway"',
  ],
  [
    'gives a promise',
    () => Promise.reject(new Error('nobody listens')),
    'what it returns must be one of zone, downstream, timeout, ownership, bug, got an object',
  ],
])(
  'asks the classifier of the options whose fault it is, and survives one that %s',
  async (_, misbehave, why) => {
    const { clock, scheduler } = setUp({
      handler: (zone) => Promise.reject(new Error(`valve ${zone.id}`)),
      classify: (_error, zone) => (zone.id === 'z7' ? (misbehave() as FailureClass) : 'zone'),
    });

    const report = scheduler.runCycle();
    await clock.advance(100);

    const { failures, byError, zones } = await report;
    expect(failures.find(({ zoneId }) => zoneId === 'z7')).toMatchObject({
      ...{ class: 'bug', code: 'CLASSIFY_FAILED' },
      message: `classify failed: ${why}; the zone's error was: valve z7`,
    });
    expect(failures[0]).toMatchObject({ zoneId: 'z0', class: 'zone', message: 'valve z0' });
    expect(byError).toContainEqual({ class: 'bug', key: 'CLASSIFY_FAILED', count: 1 });
    expect(zones.failed).toBe(zones.planned);
  },
);

describe('zones that fail again and again', () => {
  it('rest, are told, and hold up nobody', async () => {
    const { clock, reports, alerts, scheduler } = setUp({
      handler: async (zone, { signal }) => {
        if (Number(zone.id.slice(1)) < 30) await new Promise<never>(() => undefined);
        await sleep(1, { clock, signal });
      },
      controller: fixed(40),
      maxZombies: 1_000,
    });
    const quarantined: string[] = [];
    scheduler.on('quarantine', ({ zoneId, isOn }) => isOn && quarantined.push(zoneId));

    await scheduler.start();
    await clock.advance(999);

    // They hang for ever, so that none of them is started twice.
    expect(reports[0]?.zones).toMatchObject({ ok: 170, timedOut: 30 });
    await clock.advance(8_000);
    expect(reports[1]?.zones).toMatchObject({ ok: 170, stuck: 30 });
    expect(alerts.find(({ kind }) => kind === 'stale')).toMatchObject({ level: 'warning' });
    const closing = scheduler.close({ timeoutMs: 0 });
    await clock.advance(1);
    expect((await closing).zombies).toHaveLength(30);
  });

  it('rest for longer and longer, and come back by themselves', async () => {
    let isBroken = true;
    const { clock, reports, scheduler } = setUp({
      handler: (zone) =>
        isBroken && zone.id === 'z5' ? Promise.reject(new Error('valve')) : Promise.resolve(),
    });
    const events: string[] = [];
    scheduler.on('quarantine', ({ zoneId, isOn }) => events.push(`${zoneId} ${isOn}`));
    await scheduler.start();
    await clock.advance(9_500);
    const before = reports.map(({ zones }) => zones.quarantined);
    isBroken = false;
    await clock.advance(10_000);

    expect(before.slice(0, 4)).toEqual([0, 0, 0, 1]);
    expect(before.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(5);
    expect(events).toEqual(['z5 true', 'z5 false']);
    expect(reports.at(-1)).toMatchObject({ outcome: 'ok', staleness: { maxCycles: 0 } });
    await scheduler.close();
  });
});
