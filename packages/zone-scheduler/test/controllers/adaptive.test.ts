import { describe, expect, it } from 'vitest';
import { adaptive } from '../../src/controllers/adaptive.ts';
import type { Controller } from '../../src/controller.ts';
import { windowOf } from './windows.ts';

const PROBES = Array.from({ length: 16 }, () => 100);

/** Knows an idle downstream of 100 ms, and 5 000 zones that are due in 12 s. */
function planned(options: Parameters<typeof adaptive>[0] = {}): Controller {
  const controller = adaptive(options);
  controller.probe(PROBES);
  controller.plan({ remaining: 5_000, leftMs: 12_100 });
  return controller;
}

describe('feed-forward', () => {
  it('takes the slots that finish in time by the slot time of the probes', () => {
    // The last zones need their 100 ms: 5 000 * 100 / (12 100 - 100) = 41.7
    expect(planned().explain()).toEqual({
      limit: 42,
      binding: 'feed-forward',
      feedForward: 500_000 / 12_000,
      cap: 500,
      noLoadMs: 100,
      inflation: NaN,
    });
  });

  it('follows what is left', () => {
    const controller = planned();

    controller.plan({ remaining: 2_000, leftMs: 2_100 });

    expect(controller.limit).toBe(100);
  });

  it('hurries no more than if half a window were left', () => {
    const controller = planned();

    controller.plan({ remaining: 100, leftMs: -3_000 });

    // 100 * 100 / 500
    expect(controller.limit).toBe(20);
  });

  it('counts the slots that hung zones hold', () => {
    const controller = planned();

    controller.observe(
      windowOf({ completed: 400, timedOut: 20, slotMs: 380 * 100 + 20 * 5_000, p90Ms: 100 }),
    );
    controller.plan({ remaining: 5_000, leftMs: 12_100 });

    // The sums of the probes count half: (800 + 138 000) / (8 + 400) = 340.2 ms; * 5 000 / 12 000 = 141.7
    expect(controller.limit).toBe(142);
  });

  it('begins with the initial limit, and keeps it while nothing is known', () => {
    const controller = adaptive({ initial: 30 });
    expect(controller.explain()).toMatchObject({ limit: 30, binding: 'probe', noLoadMs: NaN });

    controller.probe([]);
    controller.plan({ remaining: 5_000, leftMs: 12_000 });

    expect(controller.limit).toBe(30);
  });

  it.each([
    [10, 12_100, 4, 'min'],
    [5_000_000, 12_100, 500, 'max'],
  ])('for %d zones stays within its range', (remaining, leftMs, limit, binding) => {
    const controller = planned();
    controller.plan({ remaining, leftMs });
    expect(controller.explain()).toMatchObject({ limit, binding });
  });
});

describe('probe', () => {
  it('takes the order statistic of the whole set: of 16, the mean of the 8th and the 9th', () => {
    const controller = adaptive();

    controller.probe([160, 10, 150, 20, 140, 30, 130, 40, 120, 50, 110, 60, 100, 70, 90, 80]);

    expect(controller.explain().noLoadMs).toBe(85);
  });

  it('takes the mean of the first samples, then three tenths of each, less of a small one', () => {
    const controller = planned();

    controller.probe(PROBES.map(() => 200));
    expect(controller.explain().noLoadMs).toBeCloseTo(150);

    controller.probe(PROBES.map(() => 150));
    controller.probe(PROBES.map(() => 250));
    expect(controller.explain().noLoadMs).toBeCloseTo(180);

    controller.probe([280, 280, 280, 280]);
    // 180 + 100 * 0.3 * 4 / 16
    expect(controller.explain().noLoadMs).toBeCloseTo(187.5);
  });

  it('does not believe a slower one while whole windows are faster: the downstream was not idle', () => {
    const controller = planned();
    for (let n = 0; n < 3; n += 1) controller.probe(PROBES);
    for (let n = 0; n < 10; n += 1) controller.observe(windowOf({ meanMs: n < 7 ? 300 : 105 }));

    controller.probe(PROBES.map(() => 300));
    // 100 + 0.3 * (105 - 100)
    expect(controller.explain().noLoadMs).toBeCloseTo(101.5);

    for (let n = 0; n < 10; n += 1) controller.observe(windowOf({ meanMs: 300 }));
    controller.probe(PROBES.map(() => 300));
    expect(controller.explain().noLoadMs).toBeCloseTo(101.5 + 0.3 * (300 - 101.5));
  });

  it('forgets nothing when none succeeded', () => {
    const controller = planned();
    controller.probe([]);
    expect(controller.explain().noLoadMs).toBe(100);
  });
});

describe('cap', () => {
  /** Latency 4 times that of the probes, at 400 zones a second. */
  const saturated = windowOf({ meanMs: 400, maxInFlight: 160 });

  it('falls to 1.2 times the bandwidth-delay product', () => {
    const controller = planned();

    controller.observe(saturated);

    // 160 000 slot-ms through 4 are 40 000; (800 + 40 000) / (8 + 400) = 100 ms; * 0.4 a ms * 1.2
    expect(controller.explain().inflation).toBe(2.5);
    expect(controller.explain().cap).toBeCloseTo(48);
  });

  it.each([
    [1, 'is not cut by a latency that the probes of the first cycle, so few, may have missed', 500],
    [6, 'is cut by it when those of more cycles would not have', 55],
  ])('after %i cycles %s', (cycles, _, cap) => {
    const controller = planned();
    for (let n = 1; n < cycles; n += 1) controller.probe(PROBES);

    for (let n = 0; n < 3; n += 1) controller.observe(windowOf({ meanMs: 135 }));

    expect(controller.explain().inflation).toBeCloseTo(1.306, 3);
    expect(controller.explain().cap).toBeCloseTo(cap, 0);
  });

  it('does not give a slow database more: without the wait its slot time is the old one', () => {
    const controller = planned();
    for (let n = 0; n < 20; n += 1) {
      controller.observe(saturated);
      controller.plan({ remaining: 5_000, leftMs: 6_000 });
    }

    // 0.4 a millisecond * 100 ms * 1.2
    expect(controller.explain()).toMatchObject({ limit: 48, binding: 'cap' });
  });

  it('is given back when the latency does not fall with it: the downstream is slower, not full', () => {
    const controller = planned();
    const slowMs = 150;
    for (let n = 0; n < 40; n += 1) {
      // Each run takes 150 ms, whatever is in work.
      const inWork = controller.limit;
      const completed = Math.round((inWork * 1_000) / slowMs);
      controller.observe(
        windowOf({ completed, meanMs: slowMs, p90Ms: slowMs * 1.6, slotMs: inWork * 1_000 }),
      );
      controller.plan({ remaining: 5_000, leftMs: 12_100 });
      expect(controller.limit).toBeGreaterThan(25);
    }

    // 5 000 * 150 / (12 100 - 240)
    expect(controller.explain()).toMatchObject({ limit: 64, binding: 'feed-forward' });
    expect(controller.explain().noLoadMs).toBeCloseTo(150);
  });

  it('is not given back for the load of others, which hides whether ours matters', () => {
    const controller = planned();
    let greatest = 0;
    for (let n = 0; n < 40; n += 1) {
      // 80 servers, which others keep full.
      const inWork = controller.limit;
      const meanMs = (100 * (inWork + 150)) / 80;
      const completed = Math.round((inWork * 1_000) / meanMs);
      controller.observe(
        windowOf({ completed, meanMs, p90Ms: meanMs * 1.6, slotMs: inWork * 1_000 }),
      );
      controller.plan({ remaining: 5_000, leftMs: 12_100 });
      if (n >= 5) greatest = Math.max(greatest, controller.limit);
    }

    expect(controller.explain().noLoadMs).toBe(100);
    expect(greatest).toBeLessThan(42);
  });

  it('stays when the latency falls with it', () => {
    const controller = planned();
    const servers = 24;
    for (let n = 0; n < 40; n += 1) {
      const inWork = controller.limit;
      const meanMs = Math.max(100, (100 * inWork) / servers);
      const completed = Math.round((inWork * 1_000) / meanMs);
      controller.observe(
        windowOf({ completed, meanMs, p90Ms: meanMs * 1.6, slotMs: inWork * 1_000 }),
      );
      controller.plan({ remaining: 5_000, leftMs: 12_100 });
    }

    expect(controller.explain().noLoadMs).toBe(100);
    expect(controller.limit).toBeLessThanOrEqual(1.3 * servers);
  });

  it('falls to seven tenths of the limit in one window at most', () => {
    const controller = planned();
    controller.plan({ remaining: 50_000, leftMs: 12_200 });
    expect(controller.limit).toBeGreaterThan(400);
    const before = controller.limit;

    controller.observe(saturated);

    expect(controller.explain().cap).toBeCloseTo(before * 0.7);
  });

  it('grows by a quarter in a window that was full and healthy, else not', () => {
    const controller = planned();
    for (let n = 0; n < 20; n += 1) controller.observe(saturated);
    for (let n = 0; n < 8; n += 1) controller.observe(windowOf({ isFull: false }));
    const { cap, inflation } = controller.explain();
    expect(inflation).toBeLessThan(1.2);

    controller.observe(windowOf({ isFull: false }));
    expect(controller.explain().cap).toBe(cap);

    controller.observe(windowOf());
    expect(controller.explain().cap).toBeCloseTo(cap * 1.25);
  });

  it('bears a quarter more latency when the deviation is usual, but not three fifths', () => {
    const controller = planned();
    for (let n = 0; n < 40; n += 1)
      controller.observe(windowOf({ meanMs: n % 2 === 0 ? 70 : 130 }));
    for (let n = 0; n < 10; n += 1) controller.observe(windowOf({ meanMs: 125 }));
    expect(controller.explain().cap).toBe(500);

    for (let n = 0; n < 10; n += 1) controller.observe(windowOf({ meanMs: 160 }));
    expect(controller.explain().cap).toBeLessThan(100);
  });

  it.each([
    ['maxHealthyMs', { maxHealthyMs: 80 }, windowOf()],
    ['maxLoopDelayMs', { maxLoopDelayMs: 20 }, windowOf({ loopDelayMs: 21 })],
  ])('treats a window above %s as saturated', (_, options, window) => {
    const controller = planned(options);
    controller.observe(window);
    expect(controller.explain().cap).toBeLessThan(60);
  });

  it('bears more latency where it spreads widely on an idle downstream, and no more for a spread that comes with it', () => {
    const slow = { meanMs: 160, p90Ms: 960, completed: 20 };
    const spread = planned();
    for (let n = 0; n < 10; n += 1) spread.observe(windowOf({ p90Ms: 600 }));
    const even = planned();
    for (let n = 0; n < 10; n += 1) even.observe(windowOf());
    const before = [spread, even].map((controller) => controller.explain().cap);

    for (const controller of [spread, even]) {
      for (let n = 0; n < 6; n += 1) controller.observe(windowOf(slow));
    }

    expect(before).toEqual([500, 500]);
    expect(spread.explain().cap).toBe(500);
    expect(even.explain().cap).toBeLessThan(100);
  });

  it('does not take for the latency of the downstream what the event loop has not looked at', () => {
    const controller = planned();
    controller.observe(windowOf());
    const { inflation, noLoadMs } = controller.explain();

    controller.observe(windowOf({ loopDelayMs: 5_000, durationMs: 6_000, meanMs: 5_100 }));
    controller.plan({ remaining: 3_000, leftMs: 6_100 });

    // 3 000 * 100 / (6 100 - 100): the last ones will not take 5 s.
    expect(controller.explain()).toMatchObject({ inflation, noLoadMs });
    expect(controller.explain().feedForward).toBeCloseTo(50, -1);
  });

  it('is cut at each push-back, however good the latency', () => {
    const controller = planned();
    const { limit } = controller;

    controller.observe(windowOf({ isPushedBack: true }));

    expect(controller.explain().cap).toBeCloseTo(limit * 0.7);
    expect(controller.limit).toBe(29);
  });

  it('is not lifted by probes that drift above maxHealthyMs', () => {
    const controller = adaptive({ maxHealthyMs: 150 });
    for (let n = 0; n < 50; n += 1) controller.probe(PROBES.map(() => 400));

    controller.observe(windowOf({ meanMs: 400 }));

    expect(controller.explain()).toMatchObject({ noLoadMs: 150 });
    expect(controller.explain().inflation).toBeGreaterThan(1.2);
  });
});

describe('failures', () => {
  it('learns nothing from refusals: 2 ms are not a fast database', () => {
    const controller = planned();
    const before = controller.explain();

    controller.observe(
      windowOf({ completed: 4_000, failed: 4_000, meanMs: NaN, p50Ms: NaN, slotMs: 8_000 }),
    );

    expect(controller.explain()).toEqual({ ...before, cap: before.limit });
  });

  it('falls to what was borne before when an overload makes most time out', () => {
    const controller = planned();
    controller.observe(windowOf());
    controller.plan({ remaining: 50_000, leftMs: 12_100 });
    expect(controller.limit).toBe(417);
    for (let n = 0; n < 20; n += 1) {
      controller.observe(windowOf({ completed: 90, timedOut: 80, meanMs: 4_000, slotMs: 400_000 }));
      controller.plan({ remaining: 50_000, leftMs: 6_000 });
    }

    // 0.4 a millisecond * 100 ms * 1.2
    expect(controller.limit).toBe(48);
  });

  it('does not grow while all time out', () => {
    const controller = planned();
    const { limit } = controller;
    for (let n = 0; n < 30; n += 1) {
      controller.observe(
        windowOf({ completed: 9, timedOut: 9, meanMs: NaN, p50Ms: NaN, slotMs: 42_000 }),
      );
      controller.plan({ remaining: 5_000 - n * 9, leftMs: 12_000 - n * 1_000 });
      expect(controller.limit).toBeLessThanOrEqual(limit);
    }
  });

  it('does not grow while nothing ends at all', () => {
    const controller = planned();
    const { limit } = controller;

    controller.observe(windowOf({ completed: 0, meanMs: NaN, p50Ms: NaN, slotMs: 42_000 }));
    controller.plan({ remaining: 5_000, leftMs: 3_000 });

    expect(controller.limit).toBe(limit);
  });
});

describe('the end of a cycle', () => {
  it.each([
    ['the last zone hangs', { completed: 0, slotMs: 1_000, durationMs: 1_000 }],
    ['the last one fails', { completed: 1, failed: 1, slotMs: 1_000 }],
  ])('leaves the next one its slots when %s', (_when, window) => {
    const controller = planned();
    controller.observe(windowOf());
    controller.plan({ remaining: 1, leftMs: 500 });
    expect(controller.limit).toBe(4);

    controller.observe(windowOf({ ...window, meanMs: NaN, p90Ms: NaN, isFull: false }));
    controller.plan({ remaining: 5_000, leftMs: 12_100 });

    expect(controller.limit).toBe(42);
  });

  it('begins a cycle without those that failed in the one before: they are suspects now', () => {
    const controller = planned();
    for (let n = 0; n < 5; n += 1) {
      controller.observe(windowOf({ completed: 440, timedOut: 40, slotMs: 240_000 }));
    }
    controller.plan({ remaining: 5_000, leftMs: 12_100 });
    expect(controller.limit).toBeGreaterThan(200);

    controller.probe(PROBES);
    controller.plan({ remaining: 5_000, leftMs: 12_100 });

    expect(controller.limit).toBe(42);
  });

  it.each([
    ['nothing ends', { completed: 0, slotMs: 4_000 }],
    ['all time out', { completed: 30, timedOut: 30, slotMs: 150_000 }],
  ])('takes nothing from the last ones of a cycle, for which no zone waits: %s', (_, last) => {
    const controller = planned();
    controller.observe(windowOf());
    controller.plan({ remaining: 4, leftMs: 1_000 });
    expect(controller.limit).toBe(4);
    const { cap } = controller.explain();

    controller.observe(windowOf({ ...last, meanMs: NaN, p50Ms: NaN, hasWaiting: false }));
    controller.plan({ remaining: 5_000, leftMs: 12_100 });

    expect(controller.explain()).toMatchObject({ cap, binding: 'feed-forward' });
  });

  it('takes many refusals for what they are, though each holds a slot for an instant', () => {
    const controller = planned();
    controller.observe(windowOf());
    controller.plan({ remaining: 5_000, leftMs: 2_000 });
    const before = controller.limit;

    controller.observe(windowOf({ completed: 400, failed: 400, slotMs: 800, isFull: false }));
    controller.plan({ remaining: 4_600, leftMs: 1_000 });

    expect(controller.limit).toBeLessThanOrEqual(before);
  });
});

describe('restart', () => {
  it('goes on where the snapshot was taken', () => {
    const controller = planned();
    controller.observe(windowOf({ meanMs: 300 }));
    const next = adaptive();

    next.restore(JSON.parse(JSON.stringify(controller.snapshot())));

    expect(next.explain()).toEqual(controller.explain());
    expect(next.snapshot()).toEqual(controller.snapshot());
  });

  it.each([
    [null, 'snapshot must be one of a controller of the kind adaptive'],
    [{ kind: 'vegas' }, 'snapshot must be one of a controller of the kind adaptive'],
    [{ cap: -1 }, 'snapshot.cap must be a number of at least 1'],
    [{ idle: ['fast'] }, 'snapshot.idle must be a list of at most 3 numbers'],
    // As one from before the response knew of probes.
    [{ response: undefined, slow: [] }, 'snapshot.response must be a list of at most 102 numbers'],
    [{ rates: [1, -1] }, 'snapshot.rates must be a list of at most 5 numbers'],
  ])('refuses %o and stays as it is', (wrong, message) => {
    const controller = planned();
    const before = controller.snapshot() as object;
    const given = wrong === null || 'kind' in wrong ? wrong : { ...before, ...wrong };

    expect(() => controller.restore(given)).toThrow(new TypeError(message));
    expect(controller.snapshot()).toEqual(before);
  });
});

it.each([
  [{ min: 0 }, 'min must be an integer of at least 1, got 0'],
  [{ min: 10, max: 9 }, 'max must be an integer of at least 10, got 9'],
  [{ initial: 2 }, 'initial must be an integer from 4 to 500, got 2'],
  [{ probeZones: 0 }, 'probeZones must be an integer of at least 1, got 0'],
  [{ windowMs: 1 }, 'windowMs must be an integer of at least 10, got 1'],
  [{ growth: 0.9 }, 'growth must be a finite number of at least 1, got 0.9'],
  [{ bdpGain: '2' }, 'bdpGain must be a number of at least 1, got "2"'],
  [{ maxCut: 2 }, 'maxCut must be above 0 and at most 1, got 2'],
  [{ tolerance: 0 }, 'tolerance must be above 0, got 0'],
  [{ deviationScale: NaN }, 'deviationScale must be a finite number of at least 0, got NaN'],
  [{ maxHealthyMs: 0 }, 'maxHealthyMs must be above 0, got 0'],
  [{ maxLoopDelayMs: -1 }, 'maxLoopDelayMs must be above 0, got -1'],
  [{ mni: 1 }, 'mni is not an option of adaptive'],
])('refuses the wrong option %o', (wrong, message) => {
  expect(() => adaptive(wrong as never)).toThrow(message);
});
