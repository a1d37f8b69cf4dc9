import { testSeed } from '@holdfast/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { consecutive, countWindow, timeWindow } from '../../src/index.ts';
import type { CallWindow, Trip } from '../../src/index.ts';

function record(window: CallWindow, calls: string, nowMs = 0): void {
  for (const call of calls) window.record(call === 'F', call === 's', nowMs);
}

/** Whether `trip` would open after these calls: F failed, s slow, . fine. */
function isTripped(trip: Trip, calls: string): boolean {
  const window = trip.createWindow();
  record(window, calls);
  return trip.isTripped(window);
}

describe('consecutive', () => {
  it.each([
    ['FF', false],
    ['FF.F', false],
    ['FF.FFF', true],
    ['FFF', true],
  ])('after %s: %s', (calls, expected) => {
    expect(isTripped(consecutive(3), calls)).toBe(expected);
  });
});

describe('countWindow', () => {
  const trip = countWindow({ size: 4, failureRate: 0.5, minimumCalls: 4 });

  it.each([
    ['FFF', false, 'too few calls'],
    ['FFF.', true, 'three of four'],
    ['F.F.', true, 'B29 exactly at the threshold'],
    ['F...', false, 'one of four'],
    ['FFFF....', false, 'only the last four count'],
    ['....FF', true, 'two of the last four'],
  ])('after %s: %s (%s)', (calls, expected) => {
    expect(isTripped(trip, calls)).toBe(expected);
  });

  it('B28 opens when more than half of five calls were slow', () => {
    const slow = countWindow({
      size: 5,
      minimumCalls: 5,
      failureRate: 1,
      slow: { overMs: 4_000, rate: 0.51 },
    });

    expect(isTripped(slow, 'ss...')).toBe(false);
    expect(isTripped(slow, 'sss..')).toBe(true);
    expect(slow.slowOverMs).toBe(4_000);
  });

  it('needs no more calls than it holds by default', () => {
    expect(isTripped(countWindow({ size: 3 }), 'FFF')).toBe(true);
    expect(isTripped(countWindow({ size: 100 }), 'F'.repeat(19))).toBe(false);
    expect(isTripped(countWindow({ size: 100 }), 'F'.repeat(20))).toBe(true);
  });
});

describe('timeWindow', () => {
  it('forgets by time, a bucket at a time', () => {
    const window = timeWindow({ spanMs: 100, buckets: 4 }).createWindow();
    record(window, 'F', 0);
    record(window, '..', 30);

    window.expire(99);
    expect(window).toMatchObject({ calls: 3, failures: 1 });
    window.expire(100);
    expect(window).toMatchObject({ calls: 2, failures: 0 });
    window.expire(124);
    expect(window).toMatchObject({ calls: 2 });
    window.expire(125);
    expect(window).toMatchObject({ calls: 0 });
  });

  it('forgets everything in an idle hour', () => {
    const window = timeWindow().createWindow();
    record(window, 'FFsFF', 5);
    record(window, 'F', 3_600_000);

    expect(window).toMatchObject({ calls: 1, failures: 1, slow: 0 });
  });

  it('counts a call of an earlier moment among the newest, and remembers it no shorter', () => {
    const window = timeWindow({ spanMs: 100, buckets: 4 }).createWindow();
    record(window, 'F', 80);
    record(window, 'F', 10);

    window.expire(174);
    expect(window.failures).toBe(2);
    window.expire(175);
    expect(window.failures).toBe(0);
  });

  it('works before the origin of the clock', () => {
    const window = timeWindow({ spanMs: 10, buckets: 3 }).createWindow();
    record(window, 'F', -25);
    record(window, 'F', -22);
    expect(window.failures).toBe(2);
    window.expire(-15);
    expect(window.failures).toBe(1);
  });

  it('opens at half of at least 20 calls by default', () => {
    expect(isTripped(timeWindow(), 'F'.repeat(19))).toBe(false);
    expect(isTripped(timeWindow(), 'F'.repeat(10) + '.'.repeat(10))).toBe(true);
    expect(isTripped(timeWindow(), 'F'.repeat(10) + '.'.repeat(11))).toBe(false);
  });
});

describe.each([
  ['consecutive', consecutive(3)],
  ['count', countWindow({ size: 7, slow: { overMs: 1, rate: 1 } })],
  ['time', timeWindow({ spanMs: 50, buckets: 5, slow: { overMs: 1, rate: 1 } })],
])('a %s window', (_name, trip) => {
  it('is the same after save and restore, whatever happened before and after', () => {
    const call = fc.record({
      isFailure: fc.boolean(),
      isSlow: fc.boolean(),
      afterMs: fc.integer({ min: 0, max: 30 }),
    });
    fc.assert(
      fc.property(fc.array(call), fc.array(call), fc.nat(60), (before, after, idleMs) => {
        const window = trip.createWindow();
        const restored = trip.createWindow();
        let nowMs = 7;
        const play = (calls: typeof before, windows: CallWindow[]): void => {
          for (const { isFailure, isSlow, afterMs } of calls) {
            nowMs += afterMs;
            for (const one of windows) one.record(isFailure, isSlow, nowMs);
          }
        };
        play(before, [window]);
        const saved = JSON.parse(JSON.stringify(window.save(nowMs))) as number[];
        restored.restore(saved, nowMs, nowMs + idleMs);
        nowMs += idleMs;
        window.expire(nowMs);
        const facts = ({ calls, failures, slow }: CallWindow): unknown => ({
          calls,
          failures,
          slow,
        });
        expect(facts(restored)).toEqual(facts(window));
        play(after, [window, restored]);
        expect(facts(restored)).toEqual(facts(window));
      }),
      { seed: testSeed() },
    );
  });

  it.each([[[-1]], [[1.5]], [['a']], ['no'], [Array(99).fill(0)]])(
    'refuses to restore %j',
    (saved) => {
      expect(() => trip.createWindow().restore(saved as never, 0, 0)).toThrow(
        /^restore\.window must be \d+ integers of at least 0, got /,
      );
    },
  );
});
