import { describe, expect, it } from 'vitest';
import { ZoneHealth, type ZoneHealthOptions } from '../src/zone-health.ts';
import type { FailureClass } from '../src/zone.ts';

/** Ten zones a cycle of which those named fail. */
function setUp(options: Partial<ZoneHealthOptions> = {}) {
  const events: string[] = [];
  const health = new ZoneHealth(
    {
      suspects: { afterFailures: 1 },
      quarantine: { failures: 3, baseCycles: 2, maxCycles: 8, maxFraction: 0.2 },
      random: () => 0.5,
      ...options,
    },
    (zoneId, isOn) => events.push(`${isOn ? '+' : '-'}${zoneId}`),
  );
  const zones = Array.from({ length: 10 }, (_, n) => `z${n}`);
  let cycle = 0;

  /** Returns the lanes of the cycle, by zone. */
  const run = (failing: readonly string[], failureRate = failing.length / 10) => {
    cycle += 1;
    const lanes = Object.fromEntries(zones.map((id) => [id, health.laneOf(id, cycle)]));
    const failed = new Map<string, FailureClass>();
    for (const id of zones) {
      if (lanes[id] === 'quarantined') health.missed(id, cycle);
      else if (failing.includes(id)) {
        health.missed(id, cycle);
        failed.set(id, 'zone');
      } else health.succeeded(id);
    }
    health.endCycle({ cycle, planned: 10, failureRate, failed, isSourceRead: true });
    return lanes;
  };
  return { health, events, run, staleness: () => health.staleness };
}

describe('a zone that fails', () => {
  it('is a suspect until it succeeds', () => {
    const { run } = setUp();

    expect(run(['z1'])['z1']).toBe('healthy');
    expect(run(['z1'])).toMatchObject({ z0: 'healthy', z1: 'suspect' });
    expect(run([])['z1']).toBe('suspect');
    expect(run([])['z1']).toBe('healthy');
  });

  it('rests for 2, 4, 8 and again 8 cycles, and is tried between', () => {
    const { run } = setUp();

    const lanes = Array.from({ length: 35 }, () => run(['z1'])['z1']);

    const tried = lanes.flatMap((lane, n) => (lane === 'quarantined' ? [] : [n + 1]));
    expect(tried).toEqual([1, 2, 3, 6, 11, 20, 29]);
  });

  it('is free with its first success, and begins anew', () => {
    const { run, events, health } = setUp();
    for (let n = 0; n < 5; n += 1) run(['z1']);
    expect([events, health.quarantined]).toEqual([['+z1'], 1]);

    run([]);

    expect([events, health.quarantined]).toEqual([['+z1', '-z1'], 0]);
    const lanes = Array.from({ length: 6 }, () => run(['z1'])['z1']);
    expect(lanes.slice(0, 4)).toEqual(['healthy', 'suspect', 'suspect', 'quarantined']);
  });

  it('is free when somebody releases it', () => {
    const { run, health, events } = setUp();
    for (let n = 0; n < 4; n += 1) run(['z1']);

    expect(health.release('z2')).toBe(false);
    expect(health.release('z1')).toBe(true);
    expect(health.release('z1')).toBe(false);

    expect(run([])['z1']).toBe('healthy');
    expect(events).toEqual(['+z1', '-z1']);
  });

  it('is forgotten when the source gives it no more', () => {
    const { run, health, events } = setUp();
    for (let n = 0; n < 4; n += 1) run(['z1']);

    health.endCycle({
      ...{ cycle: 5, planned: 9, failureRate: 0, failed: new Map(), isSourceRead: true },
    });

    expect([events, health.quarantined]).toEqual([['+z1', '-z1'], 0]);
  });

  it('is remembered when the source broke before it came to it', () => {
    const { run, health } = setUp();
    for (let n = 0; n < 4; n += 1) run(['z1']);

    health.endCycle({
      ...{ cycle: 5, planned: 9, failureRate: 0, failed: new Map(), isSourceRead: false },
    });

    expect(health.quarantined).toBe(1);
  });
});

it('holds nothing against zones in a cycle in which half of them fail', () => {
  const { run } = setUp();
  const half = ['z0', 'z1', 'z2', 'z3', 'z4'];

  for (let n = 0; n < 10; n += 1) run(half);

  expect(new Set(Object.values(run([])))).toEqual(new Set(['healthy']));
});

it('rests at most a fifth of the zones; the others stay suspects', () => {
  const { run, health } = setUp();
  const failing = ['z0', 'z1', 'z2', 'z3'];
  for (let n = 0; n < 3; n += 1) run(failing);

  const lanes = run(failing);

  expect(health.quarantined).toBe(2);
  expect([lanes['z0'], lanes['z1'], lanes['z2'], lanes['z3']]).toEqual([
    ...['quarantined', 'quarantined', 'suspect', 'suspect'],
  ]);
});

it('has no lanes and no rest when they are switched off', () => {
  const { run } = setUp({ suspects: false, quarantine: false });

  for (let n = 0; n < 9; n += 1) run(['z1']);

  expect(run(['z1'])['z1']).toBe('healthy');
});

it('counts the cycles since the last success', () => {
  const { run, staleness } = setUp();
  run([]);
  expect(staleness()).toEqual({ maxCycles: 0, oldest: [] });
  run(['z4']);
  run(['z4', 'z7']);

  expect(staleness()).toEqual({ maxCycles: 2, oldest: ['z4', 'z7'] });
  run(['z7']);
  expect(staleness()).toEqual({ maxCycles: 2, oldest: ['z7'] });
});
