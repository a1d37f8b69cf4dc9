import { describe, expect, test } from 'vitest';
import {
  LEASE_MS,
  LONG_MS,
  openKit,
  type CreateFixture,
  type Spec,
  type StoreTraits,
  testWhere,
} from './kit.ts';
import type { Priority } from '@holdfast/sync-queue';

const of = (text: string, priority: number, more: Partial<Spec> = {}): Spec => {
  return { text, priority: priority as Priority, ...more };
};

export function describeOrder(create: CreateFixture, traits: StoreTraits): void {
  describe('order', () => {
    test('the most urgent first, and of one priority the first', async () => {
      const kit = await openKit(create);
      await kit.enqueue(of('7', 7), of('3', 3), of('0', 0), of('3b', 3), of('1', 1), of('0b', 0));

      expect(await kit.takeTexts()).toEqual(['0', '0b', '1', '3', '3b', '7']);
    });

    test('all eight priorities, one claim each', async () => {
      const kit = await openKit(create);
      await kit.enqueue(...[5, 2, 7, 0, 6, 1, 4, 3].map((priority) => of(`${priority}`, priority)));

      const taken: string[] = [];
      for (let count = 0; count < 8; count += 1) taken.push(...(await kit.takeTexts(1)));
      expect(taken).toEqual(['0', '1', '2', '3', '4', '5', '6', '7']);
    });

    test('a claim gives the priority of each item', async () => {
      const kit = await openKit(create);
      await kit.enqueue(of('a', 6), of('b', 0));

      expect((await kit.take()).map(({ priority }) => priority)).toEqual([0, 6]);
    });

    testWhere(traits.ordersWhole)('with agingMs 0 priorities do not matter', async () => {
      const kit = await openKit(create, { agingMs: 0 });
      await kit.enqueue(of('a', 7));
      await kit.elapse(5);
      await kit.enqueue(of('b', 0));
      await kit.elapse(5);
      await kit.enqueue(of('c', 3));

      expect(await kit.takeTexts()).toEqual(['a', 'b', 'c']);
    });

    testWhere(traits.ordersWhole)(
      'an item that has waited for priority × agingMs goes before a more urgent one that comes then',
      async () => {
        const kit = await openKit(create, { agingMs: 40 });
        await kit.enqueue(of('old', 2));
        await kit.elapse(2 * 40 + 20);
        await kit.enqueue(of('urgent', 0));

        expect(await kit.takeTexts()).toEqual(['old', 'urgent']);
      },
    );

    testWhere(traits.ordersWhole)('one that has not waited for so long does not', async () => {
      const kit = await openKit(create, { agingMs: 20_000 });
      await kit.enqueue(of('old', 2));
      await kit.elapse(30);
      await kit.enqueue(of('urgent', 0));

      expect(await kit.takeTexts()).toEqual(['urgent', 'old']);
    });

    test('a released item is the first again', async () => {
      const kit = await openKit(create);
      await kit.enqueue('a', 'b', 'c');
      const [a, b] = await kit.take(2);
      await kit.settle('release', [b!, a!]);

      expect(await kit.takeTexts()).toEqual(['a', 'b', 'c']);
    });

    test('a retried item joins at the end', async () => {
      const kit = await openKit(create);
      await kit.enqueue('a', 'b');
      const claimed = await kit.take(1);
      await kit.elapse(3);
      await kit.retry(claimed);

      expect(await kit.takeTexts()).toEqual(['b', 'a']);
    });

    test('an item whose lease ran out is the first again', async () => {
      const kit = await openKit(create);
      await kit.enqueue('a', 'b', 'c', 'd');
      await kit.take(3, LEASE_MS);
      await kit.elapse(LEASE_MS + 20);

      expect(await kit.takeTexts()).toEqual(['a', 'b', 'c', 'd']);
    });

    testWhere(traits.ordersWhole)('a due item joins at the end', async () => {
      const kit = await openKit(create);
      await kit.enqueue({ text: 'late', delayMs: 60 });
      await kit.enqueue('now');
      await kit.elapse(80);
      await kit.enqueue('next');

      // The claim finds it due: behind what was ready then.
      expect(await kit.takeTexts()).toEqual(['now', 'next', 'late']);
    });

    test('due items join in the order of their times', async () => {
      const kit = await openKit(create);
      await kit.enqueue(
        { text: 'b', delayMs: 80 },
        { text: 'a', delayMs: 40 },
        { text: 'c', delayMs: 120 },
      );
      await kit.elapse(150);

      expect(await kit.takeTexts()).toEqual(['a', 'b', 'c']);
    });

    test('items delayed by the same time keep their order', async () => {
      const kit = await openKit(create);
      const texts = Array.from({ length: 30 }, (_, index) => `i${index}`);
      await kit.enqueue(...texts.map((text) => ({ text, delayMs: 40 })));
      await kit.elapse(60);

      expect(await kit.takeTexts()).toEqual(texts);
    });

    test.each([1, 3, 100])('is kept over claims of %i', async (size) => {
      const kit = await openKit(create);
      const specs = Array.from({ length: 40 }, (_, index) => of(`i${index}`, index % 8));
      await kit.enqueue(...specs);
      const taken: string[] = [];
      for (
        let texts = await kit.takeTexts(size);
        texts.length > 0;
        texts = await kit.takeTexts(size)
      ) {
        taken.push(...texts);
      }

      const expected = [...specs].sort((a, b) => (a.priority ?? 0) - (b.priority ?? 0));
      expect(taken).toEqual(expected.map(({ text }) => text));
    });
  });

  describe('delay', () => {
    test('hides an item until it is due', async () => {
      const kit = await openKit(create);
      await kit.enqueue({ text: 'a', delayMs: 100 });

      await kit.expectStats({ delayed: 1, count: 1, bytes: 1 });
      expect(await kit.takeTexts()).toEqual([]);
      await kit.elapse(120);
      expect(await kit.takeTexts()).toEqual(['a']);
    });

    test('a claim says when the next item is due', async () => {
      const kit = await openKit(create);
      expect((await kit.claim()).nextInMs).toBeUndefined();
      await kit.enqueue({ text: 'a', delayMs: 5000 }, { text: 'b', delayMs: LONG_MS });

      const { nextInMs } = await kit.claim();
      expect(nextInMs).toBeGreaterThan(0);
      // Rounded up, so that nobody looks too early.
      expect(nextInMs).toBeLessThanOrEqual(5001);
    });

    test('a claim says when the next lease runs out', async () => {
      const kit = await openKit(create);
      await kit.enqueue('a');

      const { nextInMs } = await kit.claim(1, 5000);
      expect(nextInMs).toBeGreaterThan(0);
      expect(nextInMs).toBeLessThanOrEqual(5001);
    });

    test('an acknowledged item is due no more', async () => {
      const kit = await openKit(create);
      await kit.enqueue('a');
      await kit.settle('ack', await kit.take());

      expect((await kit.claim()).nextInMs).toBeUndefined();
    });
  });
}
