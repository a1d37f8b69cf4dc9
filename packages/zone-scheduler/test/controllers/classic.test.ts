import { describe, expect, it } from 'vitest';
import { aimd } from '../../src/controllers/aimd.ts';
import { fixed } from '../../src/controllers/fixed.ts';
import { gradient2 } from '../../src/controllers/gradient2.ts';
import { littlesLaw } from '../../src/controllers/littles-law.ts';
import { vegas } from '../../src/controllers/vegas.ts';
import { windowOf } from './windows.ts';

describe('fixed', () => {
  it('stays', () => {
    const controller = fixed(7);
    controller.plan({ remaining: 5_000, leftMs: 1 });
    controller.observe(windowOf({ isPushedBack: true }));
    expect(controller.explain()).toMatchObject({ limit: 7, binding: 'fixed', cap: Infinity });
  });

  it('refuses what is no limit', () => {
    expect(() => fixed(0)).toThrow('limit must be an integer of at least 1, got 0');
  });
});

describe('littlesLaw', () => {
  it('is zones times average latency through the time that is left', () => {
    const controller = littlesLaw();
    controller.probe([100, 140]);
    controller.plan({ remaining: 5_000, leftMs: 12_000 });
    expect(controller.explain()).toMatchObject({ limit: 50, binding: 'feed-forward' });
  });

  it('gives a saturated database more and more, up to its maximum', () => {
    const controller = littlesLaw();
    controller.probe([120]);
    for (let n = 0; n < 40; n += 1) {
      controller.plan({ remaining: 5_000, leftMs: 12_000 });
      // 40 servers: what is above waits.
      controller.observe(windowOf({ meanMs: 120 * Math.max(1, controller.limit / 40) }));
    }
    expect(controller.explain()).toMatchObject({ limit: 500, binding: 'max' });
  });
});

describe('aimd', () => {
  it('adds one slot in a window that made use of half of the limit, else none', () => {
    const controller = aimd();
    controller.observe(windowOf({ maxInFlight: 10 }));
    expect(controller.limit).toBe(21);
    controller.observe(windowOf({ maxInFlight: 10 }));
    expect(controller.limit).toBe(21);
  });

  it.each([
    ['a timeout', { timedOut: 1 }],
    ['push-back', { isPushedBack: true }],
    ['a latency above its timeout', { meanMs: 5_001 }],
  ])('takes a tenth after %s', (_, what) => {
    const controller = aimd({ initial: 100 });
    controller.observe(windowOf(what));
    expect(controller.limit).toBe(90);
  });
});

describe('vegas', () => {
  const at = (initial: number): ReturnType<typeof vegas> => {
    const controller = vegas({ initial, random: () => 1 });
    controller.observe(windowOf({ meanMs: 100, maxInFlight: initial }));
    return controller;
  };

  it.each([
    // At 100 the logarithm is 2; queues 0, 5, 10 and 20.
    [100, 112],
    [105, 102],
    [110, 100],
    [125, 98],
  ])('at a latency of %d ms over the least one of 100 goes from 100 to %d', (meanMs, limit) => {
    const controller = at(100);
    controller.observe(windowOf({ meanMs, maxInFlight: 100 }));
    expect(controller.limit).toBe(limit);
  });

  it('falls after a timeout, and stays while the limit is not in use', () => {
    const controller = at(100);
    controller.observe(windowOf({ maxInFlight: 40 }));
    expect(controller.limit).toBe(100);
    controller.observe(windowOf({ timedOut: 1, maxInFlight: 100 }));
    expect(controller.limit).toBe(98);
  });
});

describe('gradient2', () => {
  it('adds its queue, smoothed, while the latency is as usual', () => {
    const controller = gradient2({ initial: 100 });
    controller.observe(windowOf({ maxInFlight: 100 }));
    // 0.8 * 100 + 0.2 * (100 + 4)
    expect(controller.limit).toBe(100);
    expect(controller.explain().cap).toBeCloseTo(100.8);
  });

  it('halves at most, smoothed, when the latency jumps', () => {
    const controller = gradient2({ initial: 100 });
    for (let n = 0; n < 10; n += 1) controller.observe(windowOf({ maxInFlight: 0 }));
    controller.observe(windowOf({ meanMs: 1_000, maxInFlight: 100 }));
    // 0.8 * 100 + 0.2 * (50 + 4)
    expect(controller.explain().cap).toBeCloseTo(90.8);
  });

  it('stays while the limit is not in use', () => {
    const controller = gradient2({ initial: 100 });
    controller.observe(windowOf({ maxInFlight: 49 }));
    expect(controller.explain().cap).toBe(100);
  });
});

it.each([aimd, vegas, gradient2])(
  '%o takes windows of fewer than ten successes together',
  (create) => {
    const controller = create({ initial: 30 });
    const before = controller.limit;
    controller.observe(windowOf({ completed: 9, maxInFlight: 30 }));
    expect(controller.limit).toBe(before);
    const { succeeded } = controller.snapshot() as { succeeded: number };
    expect(succeeded).toBe(9);
    controller.observe(windowOf({ completed: 1, maxInFlight: 30 }));
    expect(controller.snapshot()).toMatchObject({ succeeded: 0 });
  },
);

it.each([
  [() => littlesLaw({ alpha: 2 }), 'alpha must be above 0 and at most 1, got 2'],
  [() => littlesLaw({ bta: 1 } as never), 'bta is not an option of littlesLaw'],
  [() => aimd({ backoffRatio: 0.1 }), 'backoffRatio must be a finite number from 0.5'],
  [() => aimd({ min: 300 }), undefined],
  [() => vegas({ random: 1 as never }), 'random must be a function, got 1'],
  [() => gradient2({ queueSize: -1 }), 'queueSize must be an integer of at least 0, got -1'],
  [() => gradient2({ windowMs: 0 }), 'windowMs must be an integer of at least 10, got 0'],
])('checks options: %o', (create, message) => {
  if (message === undefined) expect(create().limit).toBe(300);
  else expect(create).toThrow(message);
});
