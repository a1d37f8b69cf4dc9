import { createHlcClock } from '@holdfast/sync-queue';
import { createFakeClock } from '@holdfast/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatHlc, parseHlc } from '../../src/outbox/hlc.ts';

const START = Date.UTC(2026, 0, 1);

/** A wall clock that is set at will. */
function setUp(maxDriftMs = 1000) {
  const wall = { ms: START };
  const clock = { ...createFakeClock(), wallNow: () => wall.ms };
  return { wall, hlc: createHlcClock({ node: 'a', maxDriftMs, clock }) };
}

type Step = { readonly set: number } | { readonly observe: number } | { readonly tick: number };

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.integer({ min: -4_000_000, max: 4_000_000 }).map((set) => ({ set })),
  fc.integer({ min: -5000, max: 5000 }).map((observe) => ({ observe })),
  fc.integer({ min: 1, max: 5 }).map((tick) => ({ tick })),
);

test('always goes on, and never beyond the bound of what a wall clock has shown', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 40 }), (list) => {
      const { wall, hlc } = setUp(1000);
      let last = '';
      let latestMs = wall.ms;
      for (const step of list) {
        if ('set' in step) wall.ms = START + step.set;
        latestMs = Math.max(latestMs, wall.ms);
        const made: string[] = [];
        if ('tick' in step) for (let n = 0; n < step.tick; n += 1) made.push(hlc.tick());
        if ('observe' in step) {
          const remote = formatHlc({ ms: wall.ms + step.observe, counter: 7, node: 'z' });
          const observe = (): string => hlc.observe(remote);
          if (step.observe > 1000) {
            expect(observe).toThrow(expect.objectContaining({ code: 'HLC_DRIFT' }));
          } else {
            const seen = observe();
            expect(seen > remote).toBe(true);
            made.push(seen);
          }
        }
        for (const at of made) {
          expect(at > last).toBe(true);
          expect(parseHlc(at).ms).toBeLessThanOrEqual(latestMs + 1000);
          last = at;
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('goes on in the next millisecond when the counter is used up', () => {
  const { hlc } = setUp();
  hlc.resume(formatHlc({ ms: START, counter: 65_535, node: 'a' }));

  expect(parseHlc(hlc.tick())).toMatchObject({ ms: START + 1, counter: 0 });
});

test('stamps in the time of the server, so that a clock that is an hour off neither wins nor is refused', () => {
  const { wall, hlc } = setUp();
  wall.ms = START + 3_600_000;

  hlc.correct(START, 100);

  expect(parseHlc(hlc.tick()).ms).toBe(START + 50);
});

test('resumes after a time that is far ahead, and takes one that is long past', () => {
  const { hlc } = setUp();
  const kept = formatHlc({ ms: START + 3_600_000, counter: 3, node: 'a' });

  hlc.resume(kept);
  expect(hlc.tick() > kept).toBe(true);
  expect(hlc.observe(formatHlc({ ms: 1, counter: 0, node: 'b' })) > kept).toBe(true);
});

test('a horizon is after what was given, and restarts from it do not add up', () => {
  const { wall, hlc } = setUp();
  const first = hlc.tick();
  let kept = hlc.horizon(1000);
  expect(kept > first).toBe(true);
  expect(parseHlc(kept)).toEqual({ ms: START + 1000, counter: 0, node: 'a' });

  for (let restart = 1; restart <= 10; restart += 1) {
    const again = createHlcClock({
      node: 'a',
      clock: { ...createFakeClock(), wallNow: () => START },
    });
    again.resume(kept);
    expect(again.tick() > kept).toBe(true);
    kept = again.horizon(1000);
    expect(parseHlc(kept).ms).toBe(START + 1000 + restart);
  }

  wall.ms = START - 3_600_000;
  const late = hlc.tick();
  expect(hlc.horizon(1000) > late).toBe(true);
  expect(() => hlc.horizon(-1)).toThrow('aheadMs must be');
});

test('refuses what is no time', () => {
  const { hlc } = setUp();

  expect(() => hlc.observe('yesterday')).toThrow('a hybrid logical timestamp is expected');
  expect(() => createHlcClock({ node: '' })).toThrow('node must be');
  expect(() => createHlcClock({ node: 'a', drift: 1 } as never)).toThrow('drift is not an option');
});
