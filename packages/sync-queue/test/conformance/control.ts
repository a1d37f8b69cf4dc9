import { describe, expect, test } from 'vitest';
import {
  LEASE_MS,
  LONG_MS,
  openKit,
  type CreateFixture,
  type Spec,
  type StoreTraits,
} from './kit.ts';

export function describeControl(create: CreateFixture, traits: StoreTraits): void {
  const of = (text: string, priority: number): Spec => ({ text, priority: priority as 0 });

  describe('a paused queue', () => {
    test('takes items and delivers none', async () => {
      const kit = await openKit(create);
      await kit.queue.setPaused({ kind: 'queue' }, true);

      expect(await kit.add('a')).toEqual(['accepted']);
      expect(await kit.takeTexts()).toEqual([]);
      await kit.expectStats({ ready: 1, count: 1, bytes: 1, paused: [{ kind: 'queue' }] });
      await kit.queue.setPaused({ kind: 'queue' }, false);
      expect(await kit.takeTexts()).toEqual(['a']);
    });

    test('lets what is leased be settled and extended', async () => {
      const kit = await openKit(create);
      await kit.enqueue('a', 'b');
      const leased = await kit.take();
      await kit.queue.setPaused({ kind: 'queue' }, true);

      expect(await kit.queue.extend(leased, LONG_MS)).toEqual([true, true]);
      expect(await kit.settle('ack', leased)).toEqual(['settled', 'settled']);
    });

    test('still takes back leases that ran out', async () => {
      const kit = await openKit(create);
      await kit.enqueue('a');
      await kit.take(1, LEASE_MS);
      await kit.queue.setPaused({ kind: 'queue' }, true);
      await kit.elapse(LEASE_MS + 20);
      await kit.claim();

      await kit.expectStats({ ready: 1, count: 1, bytes: 1, paused: [{ kind: 'queue' }] });
    });
  });

  describe('a paused priority', () => {
    test('is passed over until it is resumed', async () => {
      const kit = await openKit(create);
      await kit.enqueue(of('0', 0), of('3', 3), of('7', 7));
      await kit.queue.setPaused({ kind: 'priority', priority: 0 }, true);

      expect(await kit.takeTexts()).toEqual(['3', '7']);
      expect((await kit.queue.stats()).paused).toEqual([{ kind: 'priority', priority: 0 }]);
      await kit.queue.setPaused({ kind: 'priority', priority: 0 }, false);
      expect(await kit.takeTexts()).toEqual(['0']);
    });

    test.each([0, 1, 2, 3, 4, 5, 6, 7])('may be %i, and pauses no other', async (priority) => {
      const kit = await openKit(create);
      await kit.enqueue(...[0, 1, 2, 3, 4, 5, 6, 7].map((each) => of(`${each}`, each)));
      await kit.queue.setPaused({ kind: 'priority', priority: priority as 0 }, true);

      const others = ['0', '1', '2', '3', '4', '5', '6', '7'].filter(
        (text) => text !== `${priority}`,
      );
      expect(await kit.takeTexts()).toEqual(others);
    });
  });

  if (traits.boundsWhole) {
    describe('a rate', () => {
      test('lets so many be claimed, and says when there are more', async () => {
        const kit = await openKit(create, { rate: { count: 3, perMs: 60_000 } });
        await kit.enqueue('a', 'b', 'c', 'd', 'e');

        const first = await kit.claim();
        expect(first.items).toHaveLength(3);
        const second = await kit.claim();
        expect(second.items).toEqual([]);
        expect(second.nextInMs).toBeGreaterThan(10_000);
        expect(second.nextInMs).toBeLessThanOrEqual(20_001);
      });

      test('gives permits back as time passes', async () => {
        const kit = await openKit(create, { rate: { count: 2, perMs: 200 } });
        await kit.enqueue('a', 'b', 'c', 'd');
        expect(await kit.takeTexts()).toEqual(['a', 'b']);
        await kit.elapse(230);

        expect(await kit.takeTexts()).toEqual(['c', 'd']);
      });

      test('is not used up by claims that find nothing', async () => {
        const kit = await openKit(create, { rate: { count: 2, perMs: LONG_MS } });
        for (let count = 0; count < 5; count += 1) await kit.take();
        await kit.enqueue('a', 'b', 'c');

        expect(await kit.takeTexts()).toEqual(['a', 'b']);
      });

      test('counts deliveries, also of what comes back', async () => {
        const kit = await openKit(create, { rate: { count: 2, perMs: LONG_MS } });
        await kit.enqueue('a');
        await kit.retry(await kit.take());
        await kit.retry(await kit.take());

        expect(await kit.takeTexts()).toEqual([]);
      });
    });
  }

  describe('a watcher', () => {
    test('is told when items come, and no more when it has ended', async () => {
      const kit = await openKit(create);
      let news = (): void => undefined;
      const told = new Promise<void>((resolve) => (news = resolve));
      const end = kit.queue.watch(() => news());
      // Items that come before the watcher is ready are what the consumer's own look is for.
      const adding = setInterval(() => void kit.enqueue('a'), 20);
      await told;
      clearInterval(adding);
      await end();

      news = () => expect.unreachable();
      await kit.enqueue('b');
      await kit.elapse(50);
    });
  });
}
