import type { QueueSettings } from '@holdfast/sync-queue';
import { describe, expect, test } from 'vitest';
import {
  openKit,
  SETTINGS,
  textOf,
  type CreateFixture,
  type StoreTraits,
  testWhere,
} from './kit.ts';

const shelf = (dead: Partial<QueueSettings['dead']>): Partial<QueueSettings> => {
  return { dead: { ...SETTINGS.dead, ...dead } };
};

export function describeDeadLetters(create: CreateFixture, traits: StoreTraits): void {
  describe('dead letters', () => {
    test('are listed oldest first, with what is known of them', async () => {
      const kit = await openKit(create);
      for (const text of ['a', 'b', 'c']) {
        await kit.enqueue({ text, priority: 5 });
        await kit.bury(await kit.take(), `reason of ${text}`);
        await kit.elapse(3);
      }

      const letters = await kit.dead();
      expect(letters.map((letter) => [textOf(letter), letter.reason])).toEqual([
        ...[
          ['a', 'reason of a'],
          ['b', 'reason of b'],
          ['c', 'reason of c'],
        ],
      ]);
      expect(letters[0]).toMatchObject({ attempt: 1, priority: 5 });
      expect(letters[0]!.key).toBeUndefined();
      expect(letters[0]!.diedAtMs).toBeGreaterThanOrEqual(letters[0]!.enqueuedAtMs);
    });

    test.each([1, 2, 3, 7])('are listed in pages of %i', async (limit) => {
      const kit = await openKit(create);
      const texts = Array.from({ length: 7 }, (_, index) => `i${index}`);
      await kit.kill(...texts);

      const seen: string[] = [];
      let after: string | undefined;
      do {
        const page = await kit.queue.listDead({ limit, after });
        expect(page.letters.length).toBeLessThanOrEqual(limit);
        seen.push(...page.letters.map(textOf));
        after = page.next;
      } while (after !== undefined);
      expect(seen).toEqual(texts);
    });

    test('pages go on behind letters that were purged meanwhile', async () => {
      const kit = await openKit(create);
      await kit.kill('a', 'b', 'c', 'd');
      const first = await kit.queue.listDead({ limit: 2 });
      await kit.queue.purge(first.letters.map(({ id }) => id));

      const second = await kit.queue.listDead({ limit: 2, after: first.next });
      expect(second.letters.map(textOf)).toEqual(['c', 'd']);
    });

    test('keep any reason', async () => {
      const kit = await openKit(create);
      const reason = 'zażółć "gęślą"\n\t😀 '.repeat(50);
      await kit.enqueue('a');
      await kit.bury(await kit.take(), reason);

      expect((await kit.dead())[0]!.reason).toBe(reason);
    });

    test('that are redriven have fresh tries and a growing attempt', async () => {
      const kit = await openKit(create);
      const letters = await kit.kill('a', 'b');
      const b = letters[1]!.id;

      expect(await kit.queue.redrive([b, b, 'nope'])).toEqual({ redriven: 1, full: 0 });
      await kit.expectStats({ ready: 1, count: 1, bytes: 1, dead: 1, deadBytes: 1 });
      expect(await kit.take()).toMatchObject([{ id: b, attempt: 2, tries: 1 }]);
    });

    test('that are redriven may die again', async () => {
      const kit = await openKit(create, { maxTries: 1 });
      const [letter] = await kit.kill('a');
      await kit.queue.redrive([letter!.id]);
      await kit.take(1, 30);
      await kit.elapse(50);

      expect((await kit.claim()).died).toEqual([{ id: letter!.id, attempt: 2 }]);
      expect(await kit.deadTexts()).toEqual(['a']);
    });

    testWhere(traits.boundsWhole)('are not redriven into a full queue', async () => {
      const kit = await openKit(create, { limits: { maxCount: 2, maxBytes: 100 } });
      const letters = await kit.kill('a', 'b');
      await kit.enqueue('x');

      const ids = letters.map(({ id }) => id);
      expect(await kit.queue.redrive(ids)).toEqual({ redriven: 1, full: 1 });
      await kit.expectStats({ ready: 2, count: 2, bytes: 2, dead: 1, deadBytes: 1 });
      expect(await kit.takeTexts()).toEqual(['x', 'a']);
    });

    test('that are purged are gone, and nothing else is', async () => {
      const kit = await openKit(create);
      await kit.enqueue('alive');
      const [alive] = await kit.take();
      const letters = await kit.kill('a', 'b', 'c');

      expect(await kit.queue.purge([letters[1]!.id, alive!.id, 'nope'])).toBe(1);
      expect(await kit.deadTexts()).toEqual(['a', 'c']);
      await kit.expectStats({ leased: 1, count: 1, bytes: 5, dead: 2, deadBytes: 2 });
      expect(await kit.settle('ack', [alive!])).toEqual(['settled']);
    });

    test('cannot be settled, extended or claimed', async () => {
      const kit = await openKit(create);
      const [letter] = await kit.kill('a');

      expect(await kit.settle('ack', [letter!])).toEqual(['stale']);
      expect(await kit.queue.extend([letter!], 1000)).toEqual([false]);
      expect(await kit.takeTexts()).toEqual([]);
    });
  });

  describe('the budget of the dead', () => {
    testWhere(traits.boundsWhole)(
      'keeps in the queue what finds no room: it comes back after a minute',
      async () => {
        const kit = await openKit(create, shelf({ maxCount: 1 }));
        await kit.kill('a');
        await kit.enqueue('b');

        expect(await kit.bury(await kit.take())).toEqual(['kept']);
        await kit.expectStats({ delayed: 1, count: 1, bytes: 1, dead: 1, deadBytes: 1 });
        const { nextInMs } = await kit.claim();
        expect(nextInMs).toBeGreaterThan(50_000);
        expect(nextInMs).toBeLessThanOrEqual(60_001);
      },
    );

    testWhere(traits.boundsWhole)('counts bytes, too', async () => {
      const kit = await openKit(create, shelf({ maxBytes: 10 }));
      await kit.enqueue('123456', '12345', '1234');

      expect(await kit.bury(await kit.take())).toEqual(['settled', 'kept', 'settled']);
      await kit.expectStats({ delayed: 1, count: 1, bytes: 5, dead: 2, deadBytes: 10 });
    });

    testWhere(traits.boundsWhole)(
      'keeps an item whose leases ran out when there is no room',
      async () => {
        const kit = await openKit(create, { ...shelf({ maxCount: 1 }), maxTries: 1 });
        await kit.kill('a');
        await kit.enqueue('b');
        await kit.take(1, 30);
        await kit.elapse(50);

        expect((await kit.claim()).died).toEqual([]);
        await kit.expectStats({ delayed: 1, count: 1, bytes: 1, dead: 1, deadBytes: 1 });
      },
    );

    testWhere(traits.boundsWhole)(
      'drops the oldest when it is told to, and counts them',
      async () => {
        const kit = await openKit(create, shelf({ maxCount: 2, whenFull: 'drop-oldest' }));
        for (const text of ['a', 'b', 'c', 'd']) {
          await kit.enqueue(text);
          expect(await kit.bury(await kit.take())).toEqual(['settled']);
          await kit.elapse(3);
        }

        expect(await kit.deadTexts()).toEqual(['c', 'd']);
        await kit.expectStats({
          ...{ dead: 2, deadBytes: 2 },
          dropped: { evicted: 0, deadOverflow: 2, deadExpired: 0 },
        });
      },
    );

    testWhere(traits.boundsWhole)('drops as many as the bytes need', async () => {
      const kit = await openKit(create, shelf({ maxBytes: 10, whenFull: 'drop-oldest' }));
      for (const text of ['aaaa', 'bbbb', 'c', 'dddddddd']) {
        await kit.enqueue(text);
        await kit.bury(await kit.take());
        await kit.elapse(3);
      }

      expect(await kit.deadTexts()).toEqual(['c', 'dddddddd']);
    });

    testWhere(traits.boundsWhole)('drops nothing for what cannot fit', async () => {
      const kit = await openKit(create, shelf({ maxBytes: 3, whenFull: 'drop-oldest' }));
      await kit.kill('a');
      await kit.enqueue('bbbb');

      expect(await kit.bury(await kit.take())).toEqual(['kept']);
      expect(await kit.deadTexts()).toEqual(['a']);
    });

    testWhere(traits.boundsWhole)(
      'a dropped letter lets the key go on that it has halted',
      async () => {
        const settings = shelf({ maxCount: 1, whenFull: 'drop-oldest' });
        const kit = await openKit(create, { ...settings, onPoison: 'halt-key' });
        await kit.kill({ text: 'a1', key: 'a' });
        await kit.enqueue({ text: 'a2', key: 'a' });
        await kit.kill('x');

        expect(await kit.takeTexts()).toEqual(['a2']);
      },
    );

    test('letters are kept for retentionMs', async () => {
      const kit = await openKit(create, shelf({ retentionMs: 80 }));
      await kit.kill('a');
      await kit.claim();
      await kit.expectStats({ dead: 1, deadBytes: 1 });
      await kit.elapse(120);
      await kit.claim();

      await kit.expectStats({ dropped: { evicted: 0, deadOverflow: 0, deadExpired: 1 } });
    });

    testWhere(traits.boundsWhole)('has room again behind a purge', async () => {
      const kit = await openKit(create, shelf({ maxCount: 1 }));
      const [letter] = await kit.kill('a');
      await kit.queue.purge([letter!.id]);
      await kit.enqueue('b');

      expect(await kit.bury(await kit.take())).toEqual(['settled']);
    });
  });
}
