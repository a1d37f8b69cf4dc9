import { seededRandom } from '@holdfast/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adaptive } from '../../src/controllers/adaptive.ts';
import { aimd } from '../../src/controllers/aimd.ts';
import { gradient2 } from '../../src/controllers/gradient2.ts';
import { littlesLaw } from '../../src/controllers/littles-law.ts';
import { vegas } from '../../src/controllers/vegas.ts';
import type { Controller, WindowStats } from '../../src/controller.ts';
import { windowOf } from './windows.ts';

const CONTROLLERS: Record<string, (range: { min: number; max: number }) => Controller> = {
  adaptive,
  littlesLaw,
  aimd,
  // The jitter is in the snapshot, the random source is not.
  vegas: (range) => vegas({ ...range, random: () => 0.5 }),
  gradient2,
};

const latency = fc.double({ min: 0.01, max: 60_000, noNaN: true });
const range = fc
  .tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 1_000 }))
  .map(([min, more]) => ({ min, max: min + more }));

const window: fc.Arbitrary<WindowStats> = fc
  .record({
    succeeded: fc.integer({ min: 0, max: 2_000 }),
    failed: fc.integer({ min: 0, max: 500 }),
    timedOut: fc.integer({ min: 0, max: 50 }),
    latencies: fc.tuple(latency, latency, latency),
    durationMs: fc.double({ min: 1, max: 5_000, noNaN: true }),
    slotMs: fc.double({ min: 0, max: 1e7, noNaN: true }),
    maxInFlight: fc.integer({ min: 0, max: 1_000 }),
    isFull: fc.boolean(),
    loopDelayMs: fc.double({ min: 0, max: 500, noNaN: true }),
    hasWaiting: fc.boolean(),
    isPushedBack: fc.boolean(),
  })
  .map(({ succeeded, latencies, ...rest }) => {
    const [meanMs, p50Ms, p90Ms] = succeeded === 0 ? [NaN, NaN, NaN] : latencies;
    return {
      ...rest,
      ...{ meanMs, p50Ms, p90Ms },
      completed: succeeded + rest.failed + rest.timedOut,
    };
  });

type Step = (controller: Controller) => void;
const step: fc.Arbitrary<Step> = fc.oneof(
  window.map(
    (stats): Step =>
      (controller) =>
        controller.observe(stats),
  ),
  fc.array(latency, { maxLength: 20 }).map(
    (sample): Step =>
      (controller) =>
        controller.probe(sample),
  ),
  fc
    .record({
      remaining: fc.integer({ min: 0, max: 100_000 }),
      leftMs: fc.double({ min: -10_000, max: 60_000, noNaN: true }),
    })
    .map(
      (input): Step =>
        (controller) =>
          controller.plan(input),
    ),
);
const steps = fc.array(step, { maxLength: 40 });

describe.each(Object.entries(CONTROLLERS))('%s, whatever comes', (_, create) => {
  it('has an integer limit within its range', () => {
    fc.assert(
      fc.property(range, steps, (given, all) => {
        const controller = create(given);
        for (const one of all) {
          one(controller);
          expect(Number.isInteger(controller.limit)).toBe(true);
          expect(controller.limit).toBeGreaterThanOrEqual(given.min);
          expect(controller.limit).toBeLessThanOrEqual(given.max);
          expect(controller.explain().limit).toBe(controller.limit);
        }
      }),
    );
  });

  it('decides the same from then on after a restart with its snapshot', () => {
    fc.assert(
      fc.property(range, steps, steps, (given, before, after) => {
        const [one, other] = [create(given), create(given)];
        for (const apply of before) apply(one);
        other.restore(JSON.parse(JSON.stringify(one.snapshot())));
        for (const apply of after) {
          apply(one);
          apply(other);
          expect(other.explain()).toEqual(one.explain());
        }
      }),
    );
  });
});

describe('adaptive is monotone', () => {
  it('more zones left, or less time, never mean fewer slots', () => {
    const input = fc.record({
      remaining: fc.integer({ min: 0, max: 10_000 }),
      leftMs: fc.integer({ min: -1_000, max: 20_000 }),
    });
    fc.assert(
      fc.property(
        steps,
        input,
        fc.nat(5_000),
        fc.nat(5_000),
        (all, plan, moreZones, lessTimeMs) => {
          const [one, other] = [adaptive(), adaptive()];
          for (const apply of all) [one, other].forEach(apply);
          one.plan(plan);
          other.plan({
            remaining: plan.remaining + moreZones,
            leftMs: plan.leftMs - lessTimeMs,
          });
          expect(other.limit).toBeGreaterThanOrEqual(one.limit);
        },
      ),
    );
  });

  it('a window with failures or push-back instead of successes never lifts the cap', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 500 }), fc.boolean(), (all, count, isPushed) => {
        const controller = adaptive();
        for (const apply of all) apply(controller);
        const { cap } = controller.explain();
        controller.observe(
          windowOf({
            ...{ completed: count, failed: isPushed ? 0 : count, isPushedBack: isPushed },
            ...(isPushed ? {} : { meanMs: NaN, p50Ms: NaN, p90Ms: NaN, slotMs: count }),
          }),
        );
        expect(controller.explain().cap).toBeLessThanOrEqual(cap);
      }),
    );
  });

  it('does not let failures into the latencies', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000 }), fc.nat(100), (seed, failed) => {
        const random = seededRandom(seed);
        const [one, other] = [adaptive(), adaptive()];
        for (const controller of [one, other]) controller.probe([100, 110, 120]);
        for (let n = 0; n < 10; n += 1) {
          const meanMs = 90 + 40 * random();
          const stats = windowOf({ meanMs, slotMs: 40_000 });
          one.observe(stats);
          other.observe({ ...stats, failed, completed: stats.completed + failed });
        }
        expect(other.explain()).toMatchObject({
          noLoadMs: one.explain().noLoadMs,
          inflation: one.explain().inflation,
        });
      }),
    );
  });
});
