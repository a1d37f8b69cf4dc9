import { describe, expect, test } from 'vitest';
import {
  comparable,
  itemOf,
  LONG_MS,
  openKit,
  type CreateFixture,
  type Kit,
  type Spec,
  type StoreTraits,
  testWhere,
} from './kit.ts';

const full = (kit: Kit): Promise<string[]> => kit.add('one more');

export function describeBounds(create: CreateFixture, traits: StoreTraits): void {
  describe('bounds', () => {
    test.each([1, 2, 7, 250])('a queue of %i items takes no more', async (maxCount) => {
      const kit = await openKit(create, { limits: { maxCount, maxBytes: 1_000_000 } });
      const statuses = await kit.add(...Array.from({ length: maxCount }, () => 'x'));

      expect(new Set(statuses)).toEqual(new Set(['accepted']));
      expect(await full(kit)).toEqual(['full']);
      await kit.expectStats({ ready: maxCount, count: maxCount, bytes: maxCount });
    });

    test('within one call the last ones find no room', async () => {
      const kit = await openKit(create, { limits: { maxCount: 2, maxBytes: 100 } });

      expect(await kit.add('a', 'b', 'c', 'd')).toEqual(['accepted', 'accepted', 'full', 'full']);
      expect(comparable(await kit.takeTexts(), traits)).toEqual(['a', 'b']);
    });

    testWhere(traits.boundsWhole)(
      'bytes are bounded to the byte, and a smaller item fits where a larger one does not',
      async () => {
        const kit = await openKit(create, { limits: { maxCount: 100, maxBytes: 100 } });

        expect(await kit.add('x'.repeat(60), 'x'.repeat(41), 'x'.repeat(40), 'x')).toEqual([
          ...['accepted', 'full', 'accepted', 'full'],
        ]);
        await kit.expectStats({ ready: 2, count: 2, bytes: 100 });
        expect(await kit.add('')).toEqual(['accepted']);
      },
    );

    testWhere(traits.boundsWhole)(
      'what would take the place of a held item is refused for its bytes alone',
      async () => {
        const kit = await openKit(create, { limits: { maxCount: 2, maxBytes: 10 } });
        const replacing = (text: string): Spec => {
          return { text, coalesce: { key: 'c', mode: 'replace' } };
        };
        await kit.enqueue(replacing('1234'), 'a');

        const { verdicts } = await kit.enqueue(replacing('1234567890'), 'b', replacing('12'));
        expect(verdicts).toMatchObject([
          { status: 'full', isReplacing: true },
          { status: 'full' },
          { status: 'coalesced' },
        ]);
        expect(verdicts[1]).not.toHaveProperty('isReplacing');
        await kit.expectStats({ ready: 2, count: 2, bytes: 3 });
      },
    );

    test('what is leased counts until it is done', async () => {
      const kit = await openKit(create, { limits: { maxCount: 1, maxBytes: 100 } });
      await kit.enqueue('a');
      const leased = await kit.take();

      expect(await full(kit)).toEqual(['full']);
      await kit.settle('ack', leased);
      expect(await full(kit)).toEqual(['accepted']);
    });

    test('what is delayed counts', async () => {
      const kit = await openKit(create, { limits: { maxCount: 1, maxBytes: 100 } });
      await kit.enqueue({ text: 'a', delayMs: LONG_MS });

      expect(await full(kit)).toEqual(['full']);
    });

    testWhere(traits.boundsWhole)('what waits behind its key counts', async () => {
      const kit = await openKit(create, { limits: { maxCount: 2, maxBytes: 100 } });
      await kit.enqueue({ text: 'a', key: 'k' }, { text: 'b', key: 'k' });

      expect(await full(kit)).toEqual(['full']);
    });

    test('what is retried counts', async () => {
      const kit = await openKit(create, { limits: { maxCount: 1, maxBytes: 100 } });
      await kit.enqueue('a');
      await kit.retry(await kit.take(), LONG_MS);

      expect(await full(kit)).toEqual(['full']);
    });

    test('dead letters do not count: they have a budget of their own', async () => {
      const kit = await openKit(create, { limits: { maxCount: 1, maxBytes: 100 } });
      await kit.kill('a');

      expect(await full(kit)).toEqual(['accepted']);
      await kit.expectStats({ ready: 1, count: 1, bytes: 8, dead: 1, deadBytes: 1 });
    });

    test('an item that is refused leaves nothing behind', async () => {
      const kit = await openKit(create, { limits: { maxCount: 1, maxBytes: 100 } });
      await kit.enqueue('a');
      await kit.add({
        text: 'b',
        key: 'k',
        idempotencyKey: 'i',
        coalesce: { key: 'c', mode: 'replace' },
      });
      await kit.settle('ack', await kit.take());

      await kit.expectStats({});
      const again = { text: 'b', key: 'k', idempotencyKey: 'i' };
      expect(await kit.add(again)).toEqual(['accepted']);
      expect(await kit.takeTexts()).toEqual(['b']);
    });

    test('an item that alone is larger than the queue is refused', async () => {
      const kit = await openKit(create, { limits: { maxCount: 10, maxBytes: 10 } });

      expect(await kit.queue.enqueue([{ ...itemOf(''), payload: Buffer.alloc(11) }])).toMatchObject(
        {
          verdicts: [{ status: 'full' }],
          count: 0,
        },
      );
    });

    test('hold for calls at the same time', async () => {
      const kit = await openKit(create, { limits: { maxCount: 25, maxBytes: 1000 } });
      const calls = Array.from({ length: 10 }, () => kit.add('a', 'b', 'c', 'd', 'e'));

      const statuses = (await Promise.all(calls)).flat();
      expect(statuses.filter((status) => status === 'accepted')).toHaveLength(25);
      await kit.expectStats({ ready: 25, count: 25, bytes: 25 });
    });
  });
}
