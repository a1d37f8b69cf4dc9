import type { Settlement } from '@holdfast/sync-queue';
import { describe, expect, test } from 'vitest';
import { LEASE_MS, LONG_MS, openKit, textOf, type CreateFixture } from './kit.ts';

const settlementsOf = (id: string, attempt: number): Settlement[] => [
  { id, attempt, status: 'ack' },
  { id, attempt, status: 'retry', delayMs: 0 },
  { id, attempt, status: 'release' },
  { id, attempt, status: 'dead', reason: 'bad' },
];

export function describeLeases(create: CreateFixture): void {
  describe('leases', () => {
    test('hide an item from others', async () => {
      const kit = await openKit(create);
      await kit.enqueue('a');

      expect(await kit.takeTexts()).toEqual(['a']);
      expect(await kit.takeTexts()).toEqual([]);
      await kit.expectStats({ leased: 1, count: 1, bytes: 1 });
    });

    test('that ran out are taken back by any claim, with the next attempt', async () => {
      const kit = await openKit(create);
      await kit.enqueue('a', 'b');
      const stale = await kit.take(2, LEASE_MS);
      await kit.elapse(LEASE_MS + 20);

      const again = await kit.take();
      expect(again.map((item) => `${textOf(item)}${item.attempt}`)).toEqual(['a2', 'b2']);
      expect(await kit.settle('ack', stale)).toEqual(['stale', 'stale']);
      expect(await kit.settle('ack', again)).toEqual(['settled', 'settled']);
      await kit.expectStats({});
    });

    test('that ran out and were not taken back may still be settled', async () => {
      const kit = await openKit(create);
      await kit.enqueue('a');
      const claimed = await kit.take(1, LEASE_MS);
      await kit.elapse(LEASE_MS + 20);

      expect(await kit.settle('ack', claimed)).toEqual(['settled']);
      expect(await kit.takeTexts()).toEqual([]);
    });

    test('that are extended last, others do not', async () => {
      const kit = await openKit(create);
      await kit.enqueue('a', 'b');
      const claimed = await kit.take(2, LEASE_MS);
      expect(await kit.queue.extend(claimed.slice(0, 1), LONG_MS)).toEqual([true]);
      await kit.elapse(LEASE_MS + 20);

      expect(await kit.takeTexts()).toEqual(['b']);
      expect(await kit.queue.extend(claimed, LONG_MS)).toEqual([true, false]);
      expect(await kit.settle('ack', claimed)).toEqual(['settled', 'stale']);
    });

    test('may be extended to end sooner', async () => {
      const kit = await openKit(create);
      await kit.enqueue('a');
      await kit.queue.extend(await kit.take(), 30);
      await kit.elapse(60);

      expect(await kit.takeTexts()).toEqual(['a']);
    });

    test.each([0, 1, 2, 3])('of an earlier attempt settle nothing (way %i)', async (way) => {
      const kit = await openKit(create);
      await kit.enqueue('a');
      const [first] = await kit.take();
      await kit.retry([first!]);
      const [second] = await kit.take();

      expect(await kit.queue.settle([settlementsOf(first!.id, first!.attempt)[way]!])).toEqual([
        'stale',
      ]);
      await kit.expectStats({ leased: 1, count: 1, bytes: 1 });
      expect(await kit.settle('ack', [second!])).toEqual(['settled']);
    });

    test.each([0, 1, 2, 3])('of an attempt to come settle nothing (way %i)', async (way) => {
      const kit = await openKit(create);
      await kit.enqueue('a');
      const [item] = await kit.take();

      expect(await kit.queue.settle([settlementsOf(item!.id, 2)[way]!])).toEqual(['stale']);
      await kit.expectStats({ leased: 1, count: 1, bytes: 1 });
    });

    test.each([0, 1, 2, 3])('settle once (way %i)', async (way) => {
      const kit = await openKit(create);
      await kit.enqueue('a');
      const [item] = await kit.take();
      await kit.queue.settle([settlementsOf(item!.id, 1)[way]!]);

      const again = settlementsOf(item!.id, 1);
      expect(await kit.queue.settle(again)).toEqual(['stale', 'stale', 'stale', 'stale']);
    });

    test('settle once within one call', async () => {
      const kit = await openKit(create);
      await kit.enqueue('a');
      const [item] = await kit.take();

      expect(await kit.settle('ack', [item!, item!])).toEqual(['settled', 'stale']);
      await kit.expectStats({});
    });

    test('of ids that do not exist settle nothing and extend nothing', async () => {
      const kit = await openKit(create);
      const nobody = { id: '0000000000000000003', attempt: 1 };

      expect(await kit.settle('ack', [nobody])).toEqual(['stale']);
      expect(await kit.queue.extend([nobody], 1000)).toEqual([false]);
      expect(await kit.settle('ack', [{ id: 'no id at all', attempt: 1 }])).toEqual(['stale']);
    });

    test('one call settles in many ways', async () => {
      const kit = await openKit(create);
      await kit.enqueue('ack', 'retry', 'release', 'dead');
      const [ack, retry, release, dead] = await kit.take();
      const answers = await kit.queue.settle([
        { ...ack!, status: 'ack' },
        { ...retry!, status: 'retry', delayMs: LONG_MS },
        { ...release!, status: 'release' },
        { ...dead!, status: 'dead', reason: 'bad' },
      ]);

      expect(answers).toEqual(['settled', 'settled', 'settled', 'settled']);
      await kit.expectStats({ ready: 1, delayed: 1, count: 2, bytes: 12, dead: 1, deadBytes: 4 });
    });

    test('attempts grow with every delivery, however it ends', async () => {
      const kit = await openKit(create);
      await kit.enqueue('a');
      const attempts: number[] = [];
      for (const end of ['release', 'expire', 'retry', 'retry'] as const) {
        const [item] = await kit.take(1, end === 'expire' ? LEASE_MS : LONG_MS);
        attempts.push(item!.attempt);
        if (end === 'retry') await kit.retry([item!]);
        if (end === 'release') await kit.settle('release', [item!]);
        if (end === 'expire') await kit.elapse(LEASE_MS + 20);
      }

      expect(attempts).toEqual([1, 2, 3, 4]);
    });

    test('a retried item comes back after its delay', async () => {
      const kit = await openKit(create);
      await kit.enqueue('a');
      await kit.retry(await kit.take(), 100);

      await kit.expectStats({ delayed: 1, count: 1, bytes: 1 });
      expect(await kit.takeTexts()).toEqual([]);
      await kit.elapse(120);
      expect(await kit.take()).toMatchObject([{ attempt: 2, tries: 2 }]);
    });

    test('from the third attempt on a lease that ran out hides the item for a second', async () => {
      const kit = await openKit(create);
      await kit.enqueue('a');
      for (let attempt = 1; attempt <= 3; attempt += 1) {
        expect(await kit.take(1, 30)).toMatchObject([{ attempt }]);
        await kit.elapse(50);
      }

      const none = await kit.claim();
      expect(none.items).toEqual([]);
      expect(none.nextInMs).toBeGreaterThan(0);
      await kit.elapse(1050);
      expect(await kit.take()).toMatchObject([{ attempt: 4 }]);
    });

    test('when the last attempt runs out the item is dead, with its bytes, and is told', async () => {
      const kit = await openKit(create, { maxTries: 2 });
      await kit.enqueue('a');
      for (const attempt of [1, 2]) {
        expect(await kit.take(1, 30)).toMatchObject([{ attempt }]);
        await kit.elapse(50);
      }

      const last = await kit.claim();
      expect(last.items).toEqual([]);
      expect(last.died).toMatchObject([{ attempt: 2 }]);
      const [dead] = await kit.dead();
      expect(dead).toMatchObject({ id: last.died[0]!.id, attempt: 2 });
      expect(dead!.reason).toContain('leases ran out');
      expect(textOf(dead!)).toBe('a');
      await kit.expectStats({ dead: 1, deadBytes: 1 });
    });

    test('of claims at the same time are of different items', async () => {
      const kit = await openKit(create);
      await kit.enqueue(...Array.from({ length: 100 }, (_, index) => `i${index}`));

      const claims = await Promise.all(Array.from({ length: 20 }, () => kit.take(10)));
      expect(new Set(claims.flat().map(({ id }) => id)).size).toBe(100);
      expect(claims.flat()).toHaveLength(100);
    });
  });
}
