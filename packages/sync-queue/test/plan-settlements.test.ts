import type { ClaimedItem, Outcome } from '@holdfast/sync-queue';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planSettlements } from '../src/plan-settlements.ts';

const policy = { maxAttempts: 3, backoff: (attempt: number) => attempt * 100 };

function item(id: string, tries: number): ClaimedItem {
  return { id, attempt: tries + 5, tries, payload: Buffer.alloc(0), enqueuedAtMs: 0 };
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

test('an outcome of an unknown kind counts as a failure', () => {
  const outcomes = [{ id: 'a', status: 'done' } as never];

  expect(planSettlements([item('a', 3)], { status: 'resolved', outcomes }, policy)).toEqual([
    {
      id: 'a',
      attempt: 8,
      status: 'dead',
      reason: '3 attempts failed, last: unknown outcome {"id":"a","status":"done"}',
    },
  ]);
});

test('delays by the tries since the last redrive, not by the fencing token', () => {
  const result = { status: 'rejected' as const, error: new Error('x') };

  expect(planSettlements([item('a', 1), item('b', 2)], result, policy)).toMatchObject([
    { status: 'retry', delayMs: 100 },
    { status: 'retry', delayMs: 200 },
  ]);
});
