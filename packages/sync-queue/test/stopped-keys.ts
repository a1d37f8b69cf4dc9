import type { Claim, StoredQueue } from '@holdfast/sync-queue';
import { expect } from 'vitest';
import { itemOf, LONG_MS, SETTINGS, textOf } from './conformance/kit.ts';

export const ROOMY = { ...SETTINGS, limits: { maxCount: 10_000, maxBytes: 1_000_000 } };

/** A claim steps over so many items of stopped keys, and the next one, due at once, goes on where it stopped. */
export async function stepOverStoppedKeys(
  queue: StoredQueue,
  mostSteps: number,
): Promise<readonly Claim[]> {
  const keys = Array.from({ length: 2.5 * mostSteps }, (_, index) => `k${index}`);
  for (let start = 0; start < keys.length; start += 250) {
    const some = keys.slice(start, start + 250);
    await queue.enqueue(some.map((key) => itemOf({ text: `1 of ${key}`, key })));
    await queue.enqueue(some.map((key) => itemOf({ text: `2 of ${key}`, key })));
  }
  await Promise.all(keys.map((key) => queue.setPaused({ kind: 'key', key }, true)));
  await queue.enqueue([itemOf('free'), itemOf({ text: 'late', priority: 7 })]);

  const claims: Claim[] = [];
  const steps: number[] = [];
  let waiting = keys.length;
  do {
    claims.push(await queue.claim({ maxItems: 10, leaseMs: LONG_MS }));
    const stats = await queue.stats();
    steps.push(stats.waiting - waiting);
    waiting = stats.waiting;
  } while (claims.at(-1)!.items.length === 0);

  expect(steps).toEqual([mostSteps, mostSteps, mostSteps / 2]);
  expect(claims.map(({ nextInMs }) => nextInMs === 0)).toEqual([true, true, false]);
  expect(claims.at(-1)!.items.map(textOf)).toEqual(['free', 'late']);

  await queue.setPaused({ kind: 'key', key: 'k7' }, false);
  const [first] = (await queue.claim({ maxItems: 10, leaseMs: LONG_MS })).items;
  expect(textOf(first!)).toBe('1 of k7');
  await queue.settle([{ ...first!, status: 'ack' }]);
  const [second] = (await queue.claim({ maxItems: 10, leaseMs: LONG_MS })).items;
  expect(textOf(second!)).toBe('2 of k7');
  return claims;
}
