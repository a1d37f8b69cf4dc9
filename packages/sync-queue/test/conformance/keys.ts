import { describe, expect, test } from 'vitest';
import {
  comparable,
  LEASE_MS,
  LONG_MS,
  openKit,
  textOf,
  type CreateFixture,
  type Kit,
  type Spec,
  type StoreTraits,
  testWhere,
} from './kit.ts';

/** `k1`: an item of the key k. */
const keyed = (...texts: string[]): Spec[] => texts.map((text) => ({ text, key: text[0]! }));

const ackNext = async (kit: Kit): Promise<string[]> => {
  const items = await kit.take();
  await kit.settle('ack', items);
  return items.map(({ payload }) => Buffer.from(payload).toString());
};

export function describeKeys(create: CreateFixture, traits: StoreTraits): void {
  describe('keys', () => {
    test('of one key only the head is delivered', async () => {
      const kit = await openKit(create);
      await kit.enqueue(...keyed('a1', 'a2', 'b1', 'a3', 'b2'));

      await kit.expectStats({ ready: 2, waiting: 3, count: 5, bytes: 10 });
      expect(comparable(await kit.takeTexts(), traits)).toEqual(['a1', 'b1']);
      expect(await kit.takeTexts()).toEqual([]);
      await kit.expectStats({ leased: 2, waiting: 3, count: 5, bytes: 10 });
    });

    test('the next follows when the head is acknowledged', async () => {
      const kit = await openKit(create);
      await kit.enqueue(...keyed('a1', 'a2', 'a3'));

      expect(await ackNext(kit)).toEqual(['a1']);
      expect(await ackNext(kit)).toEqual(['a2']);
      expect(await ackNext(kit)).toEqual(['a3']);
      await kit.expectStats({});
    });

    test('a claim names the key', async () => {
      const kit = await openKit(create);
      await kit.enqueue({ text: 'x', key: 'ключ\n:{}' }, 'y');

      const keys = (await kit.take()).map((item) => [textOf(item), item.key]);
      expect(Object.fromEntries(keys)).toEqual({ x: 'ключ\n:{}', y: undefined });
    });

    test.each([
      ['a', 'ab'],
      ['a', 'a:'],
      ['', ' '],
      ['k', 'K'],
      ['a*', 'ab'],
      ['\u00e9', 'e\u0301'],
    ])('%j and %j are two keys', async (one, other) => {
      const kit = await openKit(create);
      await kit.enqueue(
        ...[one, other].flatMap((key) => [
          { text: `${key}|1`, key },
          { text: `${key}|2`, key },
        ]),
      );

      for (const turn of [1, 2]) {
        const texts = comparable([`${one}|${turn}`, `${other}|${turn}`], traits);
        expect(comparable(await ackNext(kit), traits)).toEqual(texts);
      }
    });

    test('items without a key do not wait for each other', async () => {
      const kit = await openKit(create);
      await kit.enqueue('x', 'y', ...keyed('a1', 'a2'));

      const texts = comparable(['x', 'y', 'a1'], traits);
      expect(comparable(await kit.takeTexts(), traits)).toEqual(texts);
    });

    test('a retried head keeps its place before the next ones', async () => {
      const kit = await openKit(create);
      await kit.enqueue(...keyed('a1', 'a2'));
      await kit.retry(await kit.take(), 60);

      expect(await kit.takeTexts()).toEqual([]);
      await kit.expectStats({ delayed: 1, waiting: 1, count: 2, bytes: 4 });
      await kit.elapse(80);
      expect(await ackNext(kit)).toEqual(['a1']);
      expect(await ackNext(kit)).toEqual(['a2']);
    });

    test('a released head keeps its place, too', async () => {
      const kit = await openKit(create);
      await kit.enqueue(...keyed('a1', 'a2'));
      await kit.settle('release', await kit.take());

      expect(await ackNext(kit)).toEqual(['a1']);
    });

    test('a head whose lease ran out keeps its place, too', async () => {
      const kit = await openKit(create);
      await kit.enqueue(...keyed('a1', 'a2'));
      await kit.take(1, LEASE_MS);
      await kit.elapse(LEASE_MS + 20);

      expect(await ackNext(kit)).toEqual(['a1']);
      expect(await ackNext(kit)).toEqual(['a2']);
    });

    test('a delayed head holds up its key', async () => {
      const kit = await openKit(create);
      await kit.enqueue({ text: 'a1', key: 'a', delayMs: 80 }, { text: 'a2', key: 'a' });

      expect(await kit.takeTexts()).toEqual([]);
      await kit.elapse(100);
      expect(await ackNext(kit)).toEqual(['a1']);
      expect(await ackNext(kit)).toEqual(['a2']);
    });

    test('a delayed item behind its head is due when both are over', async () => {
      const kit = await openKit(create);
      await kit.enqueue({ text: 'a1', key: 'a' }, { text: 'a2', key: 'a', delayMs: 120 });
      expect(await ackNext(kit)).toEqual(['a1']);

      expect(await kit.takeTexts()).toEqual([]);
      await kit.expectStats({ delayed: 1, count: 1, bytes: 2 });
      await kit.elapse(150);
      expect(await kit.takeTexts()).toEqual(['a2']);
    });

    testWhere(traits.ordersWhole)('the next one joins at the end of what is ready', async () => {
      const kit = await openKit(create);
      await kit.enqueue(...keyed('a1', 'a2'), 'x', 'y');
      const [head] = await kit.take(1);
      await kit.elapse(3);
      await kit.settle('ack', [head!]);

      expect(await kit.takeTexts()).toEqual(['x', 'y', 'a2']);
    });

    testWhere(traits.ordersWhole)('priorities order heads, not the items of a key', async () => {
      const kit = await openKit(create);
      await kit.enqueue(
        { text: 'a1', key: 'a', priority: 7 },
        { text: 'a2', key: 'a', priority: 0 },
        { text: 'b1', key: 'b', priority: 3 },
      );

      expect(await kit.takeTexts()).toEqual(['b1', 'a1']);
    });

    test.each([2, 3, 10])(
      'with keyConcurrency %i so many are delivered at a time',
      async (keyConcurrency) => {
        const kit = await openKit(create, { keyConcurrency });
        const texts = Array.from({ length: 12 }, (_, index) => `a${index}`);
        await kit.enqueue(...keyed(...texts));

        const first = await kit.take();
        expect(first).toHaveLength(keyConcurrency);
        await kit.settle('ack', first.slice(0, 1));
        expect(await kit.takeTexts()).toEqual([`a${keyConcurrency}`]);
        await kit.expectStats({
          leased: keyConcurrency,
          waiting: 12 - keyConcurrency - 1,
          count: 11,
          bytes: texts.join('').length - 2,
        });
      },
    );

    test('a thousand blocked items do not hide what is behind them', async () => {
      const kit = await openKit(create, { limits: { maxCount: 2000, maxBytes: 100_000 } });
      for (let part = 0; part < 4; part += 1) {
        await kit.enqueue(...Array.from({ length: 250 }, () => ({ text: 'stuck', key: 'stuck' })));
      }
      await kit.take(1);
      await kit.enqueue('free');

      expect(await kit.takeTexts()).toEqual(['free']);
    });
  });

  describe('a dead item', () => {
    test('lets the next one of its key follow', async () => {
      const kit = await openKit(create);
      await kit.enqueue(...keyed('a1', 'a2'));
      await kit.bury(await kit.take());

      expect(await kit.takeTexts()).toEqual(['a2']);
      expect(await kit.dead()).toMatchObject([{ key: 'a' }]);
    });

    test('halts its key with onPoison halt-key', async () => {
      const kit = await openKit(create, { onPoison: 'halt-key' });
      await kit.enqueue(...keyed('a1', 'a2', 'b1'));
      const a1 = (await kit.take()).filter(({ key }) => key === 'a');
      await kit.bury(a1);

      expect(await kit.takeTexts()).toEqual([]);
      await kit.expectStats({
        ...{ leased: 1, waiting: 1, count: 2, bytes: 4, dead: 1, deadBytes: 2 },
        paused: [{ kind: 'key', key: 'a' }],
      });
    });

    test('that halts its key makes new items of it wait', async () => {
      const kit = await openKit(create, { onPoison: 'halt-key' });
      await kit.kill(...keyed('a1'));

      expect(await kit.add(...keyed('a2'))).toEqual(['accepted']);
      expect(await kit.takeTexts()).toEqual([]);
    });

    test('that halts its key goes first when it is redriven', async () => {
      const kit = await openKit(create, { onPoison: 'halt-key' });
      const [dead] = await kit.kill(...keyed('a1'));
      await kit.enqueue(...keyed('a2', 'a3'));

      expect(await kit.queue.redrive([dead!.id])).toEqual({ redriven: 1, full: 0 });
      expect(await ackNext(kit)).toEqual(['a1']);
      expect(await ackNext(kit)).toEqual(['a2']);
      expect(await ackNext(kit)).toEqual(['a3']);
      await kit.expectStats({});
    });

    testWhere(traits.boundsWhole)('that halts its key finds room in a full queue', async () => {
      const limits = { maxCount: 2, maxBytes: 100 };
      const kit = await openKit(create, { onPoison: 'halt-key', limits });
      const [dead] = await kit.kill(...keyed('a1'));
      await kit.enqueue(...keyed('a2', 'a3'));

      expect(await kit.queue.redrive([dead!.id])).toEqual({ redriven: 1, full: 0 });
      await kit.expectStats({ ready: 1, waiting: 2, count: 3, bytes: 6 });
      expect(await ackNext(kit)).toEqual(['a1']);
    });

    test('that halts its key lets it go on when it is purged', async () => {
      const kit = await openKit(create, { onPoison: 'halt-key' });
      const [dead] = await kit.kill(...keyed('a1'));
      await kit.enqueue(...keyed('a2'));
      await kit.queue.purge([dead!.id]);

      expect(await kit.takeTexts()).toEqual(['a2']);
      await kit.expectStats({ leased: 1, count: 1, bytes: 2 });
    });

    test('stays dead when its key is resumed without it', async () => {
      const kit = await openKit(create, { onPoison: 'halt-key' });
      await kit.kill(...keyed('a1'));
      await kit.enqueue(...keyed('a2'));
      await kit.queue.setPaused({ kind: 'key', key: 'a' }, false);

      expect(await kit.takeTexts()).toEqual(['a2']);
      expect(await kit.deadTexts()).toEqual(['a1']);
    });

    test('whose leases ran out halts its key, too', async () => {
      const kit = await openKit(create, { onPoison: 'halt-key', maxTries: 1 });
      await kit.enqueue(...keyed('a1', 'a2'));
      await kit.take(1, 30);
      await kit.elapse(50);

      expect(await kit.takeTexts()).toEqual([]);
      expect(await kit.deadTexts()).toEqual(['a1']);
    });

    test('without a key halts nothing', async () => {
      const kit = await openKit(create, { onPoison: 'halt-key' });
      await kit.kill('x');
      await kit.enqueue('y');

      expect(await kit.takeTexts()).toEqual(['y']);
    });

    test('that is redriven behind living ones of its key goes before those that wait', async () => {
      const kit = await openKit(create);
      await kit.enqueue(...keyed('a1', 'a2', 'a3'));
      const [a1] = await kit.take();
      await kit.bury([a1!]);
      const running = await kit.take();
      await kit.queue.redrive([a1!.id]);
      await kit.settle('ack', running);

      expect(await ackNext(kit)).toEqual(['a1']);
      expect(await ackNext(kit)).toEqual(['a3']);
    });
  });

  describe('a paused key', () => {
    test('delivers nothing until it is resumed', async () => {
      const kit = await openKit(create);
      await kit.enqueue(...keyed('a1', 'a2', 'b1'));
      await kit.queue.setPaused({ kind: 'key', key: 'a' }, true);

      expect(await kit.takeTexts()).toEqual(['b1']);
      expect(await kit.takeTexts()).toEqual([]);
      await kit.queue.setPaused({ kind: 'key', key: 'a' }, false);
      expect(await ackNext(kit)).toEqual(['a1']);
      expect(await ackNext(kit)).toEqual(['a2']);
    });

    test('that has no items yet is paused for those that come', async () => {
      const kit = await openKit(create);
      await kit.queue.setPaused({ kind: 'key', key: 'a' }, true);
      await kit.enqueue(...keyed('a1', 'b1'));

      expect(await kit.takeTexts()).toEqual(['b1']);
      await kit.expectStats({
        ...{ leased: 1, waiting: 1, count: 2, bytes: 4 },
        paused: [{ kind: 'key', key: 'a' }],
      });
    });

    test('lets what is leased be done, and what fails come back only when it is resumed', async () => {
      const kit = await openKit(create);
      await kit.enqueue(...keyed('a1', 'a2', 'b1', 'b2'));
      const taken = await kit.take();
      const [a, b] = ['a', 'b'].map((key) => taken.find((item) => item.key === key));
      await kit.queue.setPaused({ kind: 'key', key: 'a' }, true);
      await kit.queue.setPaused({ kind: 'key', key: 'b' }, true);
      await kit.retry([a!]);
      await kit.settle('ack', [b!]);

      expect(await kit.takeTexts()).toEqual([]);
      await kit.queue.setPaused({ kind: 'key', key: 'a' }, false);
      await kit.queue.setPaused({ kind: 'key', key: 'b' }, false);
      expect((await kit.takeTexts()).sort()).toEqual(['a1', 'b2']);
    });

    test('keeps its order over many pauses', async () => {
      const kit = await openKit(create);
      await kit.enqueue(...keyed('a1', 'a2', 'a3'));
      const seen: string[] = [];
      for (let round = 0; round < 3; round += 1) {
        await kit.queue.setPaused({ kind: 'key', key: 'a' }, true);
        expect(await kit.takeTexts()).toEqual([]);
        await kit.queue.setPaused({ kind: 'key', key: 'a' }, false);
        seen.push(...(await ackNext(kit)));
      }

      expect(seen).toEqual(['a1', 'a2', 'a3']);
    });

    test('may be paused and resumed twice', async () => {
      const kit = await openKit(create);
      await kit.enqueue(...keyed('a1'));
      for (const isPaused of [true, true, false, false]) {
        await kit.queue.setPaused({ kind: 'key', key: 'a' }, isPaused);
      }

      expect(await kit.takeTexts()).toEqual(['a1']);
      expect(await kit.takeTexts(1, LONG_MS)).toEqual([]);
    });
  });
}
