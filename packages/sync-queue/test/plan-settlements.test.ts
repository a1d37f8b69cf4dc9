import type { ClaimedItem, Outcome } from '@holdfast/sync-queue';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planSettlements } from '../src/plan-settlements.ts';
import { RetryBudget } from '../src/retry-budget.ts';

const policy = {
  maxAttempts: 3,
  backoff: (attempt: number) => attempt * 100,
  capMs: 5000,
  budget: undefined,
};

function item(id: string, tries: number): ClaimedItem {
  const facts = { priority: 3, key: undefined, enqueuedAtMs: 0, sampleRate: 1 } as const;
  return { id, attempt: tries + 5, tries, payload: Buffer.alloc(0), ...facts };
}

test('settles every item exactly once, whatever the handler says', () => {
  const outcome: fc.Arbitrary<Outcome> = fc.oneof(
    fc.record({ id: fc.constantFrom('a', 'b', 'c', 'x'), status: fc.constant('ack' as const) }),
    fc.record({
      id: fc.constantFrom('a', 'b', 'c', 'x'),
      status: fc.constant('retry' as const),
      afterMs: fc.oneof(fc.double(), fc.constant(undefined)),
    }),
    fc.record({
      id: fc.constantFrom('a', 'b', 'c', 'x'),
      status: fc.constant('dead' as const),
      reason: fc.string(),
    }),
  );
  const items = [item('a', 1), item('b', 3), item('c', 2)];
  fc.assert(
    fc.property(fc.array(outcome), (outcomes) => {
      const settlements = planSettlements(items, { status: 'resolved', outcomes }, policy);

      expect(settlements.map(({ id, attempt }) => [id, attempt])).toEqual(
        items.map(({ id, attempt }) => [id, attempt]),
      );
      for (const settlement of settlements) {
        if (settlement.status !== 'retry') continue;
        expect(settlement.id).not.toBe('b');
        expect(settlement.delayMs).toBeGreaterThanOrEqual(0);
        expect(Number.isFinite(settlement.delayMs)).toBe(true);
      }
    }),
  );
});

const CYCLE: Record<string, unknown> = { id: 'a', status: 'done' };
CYCLE['self'] = CYCLE;

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['a text', 'ack'],
  ['no id', { status: 'ack' }],
  ['an unknown status', { id: 'a', status: 'done' }],
  ['an unknown status that JSON cannot hold', { id: 'a', status: 1n }],
  ['a cycle', CYCLE],
])('%s in place of an outcome counts as left out', (_name, outcome) => {
  const outcomes = [outcome, { id: 'b', status: 'ack' }];

  expect(
    planSettlements([item('a', 3), item('b', 1)], { status: 'resolved', outcomes }, policy),
  ).toEqual([
    {
      id: 'a',
      attempt: 8,
      status: 'dead',
      reason: '3 attempts failed, last: the handler did not say what became of it',
    },
    { id: 'b', attempt: 6, status: 'ack' },
  ]);
});

test('one attempt is told as one', () => {
  const settlements = planSettlements(
    [item('a', 1)],
    { status: 'rejected', error: new Error('boom') },
    { ...policy, maxAttempts: 1 },
  );

  expect(settlements).toMatchObject([{ reason: '1 attempt failed, last: boom' }]);
});

test('a hole in the array is no outcome', () => {
  const outcomes = new Array<unknown>(2);
  outcomes[1] = { id: 'a', status: 'ack' };

  expect(planSettlements([item('a', 1)], { status: 'resolved', outcomes }, policy)).toEqual([
    { id: 'a', attempt: 6, status: 'ack' },
  ]);
});

test.each<[unknown, string]>([
  [undefined, 'the handler gave no reason'],
  ['', 'the handler gave no reason'],
  [true, 'true'],
  [42, '42'],
  [new Error('boom'), 'boom'],
  [Object.create(null), 'a value without a text'],
])('a reason that is no string is told as text: %#', (reason, expected) => {
  const outcomes = [{ id: 'a', status: 'dead', reason }];

  expect(planSettlements([item('a', 1)], { status: 'resolved', outcomes }, policy)).toEqual([
    { id: 'a', attempt: 6, status: 'dead', reason: expected },
  ]);
});

test('delays by the tries since the last redrive, not by the fencing token', () => {
  const result = { status: 'rejected' as const, error: new Error('x') };

  expect(planSettlements([item('a', 1), item('b', 2)], result, policy)).toMatchObject([
    { status: 'retry', delayMs: 100 },
    { status: 'retry', delayMs: 200 },
  ]);
});

test('an error may say when to come back, and an outcome may say it better', () => {
  const error = Object.assign(new Error('429'), { retryAfterMs: 7000 });

  expect(planSettlements([item('a', 1)], { status: 'rejected', error }, policy)).toMatchObject([
    { status: 'retry', delayMs: 7000 },
  ]);
  const outcomes = [{ id: 'a', status: 'retry', afterMs: 5, error }];
  expect(planSettlements([item('a', 1)], { status: 'resolved', outcomes }, policy)).toMatchObject([
    { delayMs: 5 },
  ]);
});

test('a retry for which the budget has nothing left comes after the longest delay', () => {
  const budget = new RetryBudget({ ratio: 0.5, burst: 1 });
  const failed = { status: 'rejected', error: new Error('x') } as const;
  const delayOf = (): unknown => planSettlements([item('a', 1)], failed, { ...policy, budget })[0];

  expect(delayOf()).toMatchObject({ delayMs: 100 });
  expect(delayOf()).toMatchObject({ delayMs: 5000 });
  const done = { status: 'resolved', outcomes: undefined } as const;
  planSettlements([item('b', 1), item('c', 1)], done, { ...policy, budget });
  expect(delayOf()).toMatchObject({ delayMs: 100 });
});
