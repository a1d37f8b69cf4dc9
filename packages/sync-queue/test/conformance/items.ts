import { describe, expect, test } from 'vitest';
import {
  besides,
  itemOf,
  LONG_MS,
  openKit,
  textOf,
  type CreateFixture,
  type StoreTraits,
  testWhere,
} from './kit.ts';

export function describeItems(create: CreateFixture, traits: StoreTraits): void {
  describe('items', () => {
    testWhere(traits.ordersWhole)(
      'are delivered in the order of arrival, with payload, attempt, tries and time',
      async () => {
        const kit = await openKit(create);
        await kit.enqueue('b', 'a');
        await kit.enqueue('c');

        const [first, second] = await kit.take(2);
        expect([first!, second!].map(textOf)).toEqual(['b', 'a']);
        expect(first).toMatchObject({ attempt: 1, tries: 1, priority: 3, sampleRate: 1 });
        expect(first!.key).toBeUndefined();
        expect(first!.enqueuedAtMs).toBeGreaterThan(1_700_000_000_000);
        expect(await kit.takeTexts()).toEqual(['c']);
        expect(await kit.takeTexts()).toEqual([]);
      },
    );

    test.each([
      ['nothing', Buffer.alloc(0)],
      ['a zero byte', Buffer.from([0])],
      ['all bytes', Buffer.from(Array.from({ length: 256 }, (_, index) => index))],
      ['half a surrogate pair in UTF-8', Buffer.from([0xed, 0xa0, 0x80])],
      ['text with colons and braces', Buffer.from('{a}:b:{c}\r\n')],
      ['100 kB', Buffer.alloc(100_000, 7)],
      ['1 MB', Buffer.alloc(1_000_000, 250)],
    ])('keep their payload: %s', async (_name, payload) => {
      const kit = await openKit(create);
      await kit.queue.enqueue([{ ...itemOf(''), payload }]);

      await kit.expectStats({ ready: 1, count: 1, bytes: payload.length });
      const [item] = await kit.take();
      expect(Buffer.from(item!.payload).equals(payload)).toBe(true);
    });

    test('may be changed by the producer once they are taken', async () => {
      const kit = await openKit(create);
      const payload = Buffer.from('before');
      await kit.queue.enqueue([{ ...itemOf(''), payload }]);
      payload.fill('x');

      expect(await kit.takeTexts()).toEqual(['before']);
    });

    test('have ids that are never used again', async () => {
      const kit = await openKit(create);
      const ids = new Set<string>();
      for (let round = 0; round < 5; round += 1) {
        const { verdicts } = await kit.enqueue('a', 'b');
        for (const verdict of verdicts) if ('id' in verdict) ids.add(verdict.id);
        await kit.settle('ack', await kit.take());
      }

      expect(ids.size).toBe(10);
    });

    test('are claimed under the id that their producer was told', async () => {
      const kit = await openKit(create);
      const { verdicts } = await kit.enqueue('a', 'b');

      const claimed = await kit.take();
      expect(claimed.map(({ id }) => ({ status: 'accepted', id, sampleRate: 1 }))).toEqual(
        verdicts,
      );
    });

    test.each(['q', 'q:', 'q}{', 'q*', "q'; --", 'ключ', 'a/b/c', '😀', 'Q'])(
      'of a queue named %j stay in it',
      async (name) => {
        const kit = await openKit(create);
        const one = await besides(kit, {}, `${kit.name}${name}`);
        const other = await besides(kit, {}, `${kit.name}${name}x`);
        await one.enqueue('one');
        await other.enqueue('other');

        expect(await kit.takeTexts()).toEqual([]);
        expect(await one.takeTexts()).toEqual(['one']);
        expect(await other.takeTexts()).toEqual(['other']);
      },
    );

    test('of one queue are the same through every object that names it', async () => {
      const kit = await openKit(create);
      const again = await besides(kit, {}, kit.name);
      await kit.enqueue('a', 'b');

      expect(await again.takeTexts(1)).toEqual(['a']);
      expect(await kit.takeTexts(1)).toEqual(['b']);
      await again.expectStats({ leased: 2, count: 2, bytes: 2 });
    });

    test('are taken 250 in a call', async () => {
      const kit = await openKit(create);
      const texts = Array.from({ length: 250 }, (_, index) => `i${index}`);
      await kit.enqueue(...texts);

      const claimed = await kit.take(250);
      expect(claimed.map(textOf)).toEqual(texts);
      expect((await kit.queue.extend(claimed, LONG_MS)).every(Boolean)).toBe(true);
      expect(new Set(await kit.settle('ack', claimed))).toEqual(new Set(['settled']));
      await kit.expectStats({});
    });

    test('calls with nothing in them change nothing', async () => {
      const kit = await openKit(create);

      expect(await kit.enqueue()).toEqual({ verdicts: [], count: 0, bytes: 0, evicted: 0 });
      expect(await kit.queue.settle([])).toEqual([]);
      expect(await kit.queue.extend([], 1000)).toEqual([]);
      expect(await kit.queue.redrive([])).toEqual({ redriven: 0, full: 0 });
      expect(await kit.queue.purge([])).toBe(0);
      await kit.expectStats({});
    });

    test('the reply of every call says what the queue holds', async () => {
      const kit = await openKit(create);

      expect(await kit.enqueue('ab', 'cde')).toMatchObject({ count: 2, bytes: 5, evicted: 0 });
      await kit.settle('ack', await kit.take(1));
      expect(await kit.enqueue('f')).toMatchObject({ count: 2, bytes: 4 });
    });

    test('that are ready tell their age', async () => {
      const kit = await openKit(create);
      expect((await kit.queue.stats()).oldestReadyMs).toBeUndefined();
      await kit.enqueue('a');
      await kit.elapse(60);
      await kit.enqueue({ text: 'b', priority: 0 });

      const age = (await kit.queue.stats()).oldestReadyMs!;
      expect(age).toBeGreaterThanOrEqual(55);
      expect(age).toBeLessThan(LONG_MS);
    });
  });
}
