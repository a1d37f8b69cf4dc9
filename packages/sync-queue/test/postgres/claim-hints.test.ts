import { expect, test } from 'vitest';
import { ClaimHints, type ClaimOutcome } from '../../src/postgres/claim-hints.ts';

const SECOND_US = 1_000_000;
const outcome = (more: Partial<ClaimOutcome>): ClaimOutcome => {
  return {
    ...{ nowUs: 100 * SECOND_US, claimed: [], isDueComplete: true, isEmptied: false },
    ...{ oldestUs: undefined, ...more },
  };
};

/** Has looked at everything at 0. */
function looked(): ClaimHints {
  const hints = new ClaimHints();
  hints.plan(0);
  return hints;
}

test('a claim begins at what was claimed last of its priority', () => {
  const hints = looked();
  const claimed = [1, 2].map((at) => ({ priority: 3, readyUs: at * SECOND_US }));
  hints.learn(hints.plan(1), outcome({ claimed }));

  const { readyFromUs } = hints.plan(2);
  expect(readyFromUs[3]).toBe(2 * SECOND_US);
  expect(readyFromUs[2]).toBe(0);
});

test('when nothing was left it begins a margin before that claim', () => {
  const hints = looked();
  hints.learn(hints.plan(1), outcome({ isEmptied: true }));

  const { readyFromUs, dueFromUs } = hints.plan(2);
  expect(new Set(readyFromUs)).toEqual(new Set([99.75 * SECOND_US]));
  expect(dueFromUs).toBe(99.9 * SECOND_US);
});

test('once a second a claim looks at everything', () => {
  const hints = looked();
  hints.learn(hints.plan(1), outcome({ isEmptied: true }));

  expect(hints.plan(999).readyFromUs[0]).toBeGreaterThan(0);
  expect(hints.plan(1000)).toMatchObject({ readyFromUs: new Array(8).fill(0), dueFromUs: 0 });
  expect(hints.plan(1001).readyFromUs[0]).toBeGreaterThan(0);
});

test('what became ready again during a claim is not forgotten for what that has learnt', () => {
  const hints = looked();
  const plan = hints.plan(1);
  hints.lower(5);
  hints.learn(plan, outcome({ isEmptied: true }));

  expect(Math.max(...hints.plan(2).readyFromUs)).toBeLessThanOrEqual(5);
});

test('what a claim has taken back and left is looked for', () => {
  const hints = looked();
  hints.learn(hints.plan(1), outcome({ isEmptied: true, oldestUs: 7 }));

  expect(Math.max(...hints.plan(2).readyFromUs)).toBe(7);
});

test('what is timed is looked at from the start until a claim has seen to all of it', () => {
  const hints = looked();
  hints.learn(hints.plan(1), outcome({ isDueComplete: false }));

  expect(hints.plan(2).dueFromUs).toBe(0);
});
