import { memoryStore, type Priority } from '@holdfast/sync-queue';
import { createFakeClock } from '@holdfast/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { itemOf, SETTINGS } from '../conformance/kit.ts';

const AGING_MS = 40;

interface Step {
  readonly elapseMs: number;
  /** Items of priority 0 that come, and how many items are taken: never more, so that priority 0 alone would do. */
  readonly urgent: number;
  readonly taken: number;
  /** Priorities of other items that come. */
  readonly others: readonly number[];
}

interface Born {
  readonly priority: number;
  readonly atMs: number;
  /** Its place among the items that were taken; Infinity: never. */
  place: number;
}

async function play(steps: readonly Step[], agingMs: number): Promise<Born[]> {
  const clock = createFakeClock();
  const limits = { maxCount: 100_000, maxBytes: 1e9 };
  const queue = memoryStore({ clock }).queue('q', { ...SETTINGS, limits, agingMs });
  const born = new Map<string, Born>();
  let places = 0;
  for (const { elapseMs, urgent, taken, others } of steps) {
    const priorities = [...others, ...Array.from({ length: urgent }, () => 0)] as Priority[];
    const reply = await queue.enqueue(
      priorities.map((priority) => itemOf({ text: 'x', priority })),
    );
    reply.verdicts.forEach((verdict, index) => {
      if (verdict.status !== 'accepted') throw new Error(verdict.status);
      const priority = priorities[index]!;
      born.set(verdict.id, { priority, atMs: clock.now(), place: Infinity });
    });
    const { items } = await queue.claim({ maxItems: taken, leaseMs: 1e9 });
    for (const { id } of items) born.get(id)!.place = places++;
    await clock.advance(elapseMs);
  }
  return [...born.values()];
}

/** Items that were taken before an older one although they came later than its aging allows. */
function countUnfair(born: readonly Born[]): number {
  const ends = born.filter(({ priority }) => priority > 0);
  return ends.filter((old) =>
    born.some(({ place, atMs }) => place < old.place && atMs > old.atMs + old.priority * AGING_MS),
  ).length;
}

const stepOf = fc.integer({ min: 1, max: 5 }).chain((urgent) =>
  fc.record({
    elapseMs: fc.integer({ min: 1, max: 30 }),
    urgent: fc.constant(urgent),
    taken: fc.integer({ min: 0, max: urgent }),
    others: fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 2 }),
  }),
);

test('with priority 0 saturated, items of priority p are overtaken only by what came within p × agingMs', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(stepOf, { minLength: 5, maxLength: 60 }), async (steps) => {
      expect(countUnfair(await play(steps, AGING_MS))).toBe(0);
    }),
    { numRuns: 300 },
  );
});

const SATURATED: readonly Step[] = Array.from({ length: 200 }, (_, index) => ({
  ...{ elapseMs: 10, urgent: 4, taken: 4 },
  others: index === 0 ? [1, 7] : [],
}));

test('under a load of priority 0 that never ends each item has its turn', async () => {
  const born = await play(SATURATED, AGING_MS);
  const others = born.filter(({ priority }) => priority > 0);

  // Four items are taken in 10 ms: behind those that came within p × 40 ms.
  expect(others.map(({ place }) => place)).toEqual([20, 117]);
});

test('negative control: strictly by priority they starve', async () => {
  const born = await play(SATURATED, Infinity);

  expect(born.filter(({ priority }) => priority > 0).map(({ place }) => place)).toEqual([
    Infinity,
    Infinity,
  ]);
  expect(countUnfair(born)).toBe(2);
});
