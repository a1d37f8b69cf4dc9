import type { NewItem } from '@holdfast/sync-queue';
import { describe, expect, test } from 'vitest';
import {
  besides,
  comparable,
  itemOf,
  LONG_MS,
  openKit,
  SETTINGS,
  textOf,
  type CreateFixture,
  type Kit,
  type Spec,
  type StoreTraits,
  testWhere,
} from './kit.ts';

const once = (text: string, idempotencyKey = 'i'): Spec => ({ text, idempotencyKey });

export function describeIdempotency(create: CreateFixture, traits: StoreTraits): void {
  describe('an idempotency key', () => {
    test('is taken once, and its repetition is told the id of the first', async () => {
      const kit = await openKit(create);
      const { verdicts } = await kit.enqueue(once('a'), once('b'), once('c', 'other'));

      expect(verdicts.map(({ status }) => status)).toEqual(['accepted', 'duplicate', 'accepted']);
      expect((verdicts[1] as { id: string }).id).toBe((verdicts[0] as { id: string }).id);
      expect(comparable(await kit.takeTexts(), traits)).toEqual(['a', 'c']);
    });

    test('is remembered while the item is leased, retried, and when it is done or dead', async () => {
      const kit = await openKit(create);
      await kit.enqueue(once('a'), once('b', 'j'));
      const [a, b] = await kit.take();
      expect(await kit.add(once('a'))).toEqual(['duplicate']);
      await kit.settle('ack', [a!]);
      await kit.bury([b!]);

      expect(await kit.add(once('a'), once('b', 'j'))).toEqual(['duplicate', 'duplicate']);
    });

    test('is forgotten after its window', async () => {
      const kit = await openKit(create, { idempotency: { windowMs: 60, maxKeys: 10 } });
      await kit.enqueue(once('a'));
      await kit.elapse(90);

      expect(await kit.add(once('a'))).toEqual(['accepted']);
      expect(await kit.add(once('a'))).toEqual(['duplicate']);
    });

    testWhere(traits.boundsWhole)(
      'is forgotten when there are more than maxKeys, the oldest first',
      async () => {
        const kit = await openKit(create, { idempotency: { windowMs: LONG_MS, maxKeys: 3 } });
        for (const key of ['1', '2', '3', '4']) {
          await kit.enqueue(once(key, key));
          await kit.elapse(2);
        }

        expect(await kit.add(once('4', '4'), once('3', '3'), once('2', '2'))).toEqual([
          ...['duplicate', 'duplicate', 'duplicate'],
        ]);
        expect(await kit.add(once('1', '1'))).toEqual(['accepted']);
      },
    );

    test('counts for its queue alone', async () => {
      const kit = await openKit(create);
      await kit.enqueue(once('a'));

      expect(await (await besides(kit, {})).add(once('a'))).toEqual(['accepted']);
    });

    testWhere(traits.boundsWhole)('of an item that found no room is free', async () => {
      const kit = await openKit(create, { limits: { maxCount: 1, maxBytes: 10 } });
      await kit.enqueue('x');
      expect(await kit.add(once('a'))).toEqual(['full']);
      await kit.settle('ack', await kit.take());

      expect(await kit.add(once('a'))).toEqual(['accepted']);
    });

    testWhere(traits.boundsWhole)('finds its item in a full queue, too', async () => {
      const kit = await openKit(create, { limits: { maxCount: 1, maxBytes: 10 } });
      await kit.enqueue(once('a'));

      expect(await kit.add(once('a'))).toEqual(['duplicate']);
    });

    test('is taken once by calls at the same time', async () => {
      const kit = await openKit(create);
      const statuses = await Promise.all(Array.from({ length: 20 }, () => kit.add(once('a'))));

      expect(statuses.flat().filter((status) => status === 'accepted')).toHaveLength(1);
      await kit.expectStats({ ready: 1, count: 1, bytes: 1 });
    });

    test.each(['', ' ', 'ключ', 'a:b', '{x}', 'x'.repeat(300)])('may be %j', async (key) => {
      const kit = await openKit(create);

      expect(await kit.add(once('a', key), once('b', `${key}.`), once('c', key))).toEqual([
        ...['accepted', 'accepted', 'duplicate'],
      ]);
    });
  });
}

export function describeCoalescing(create: CreateFixture, traits: StoreTraits): void {
  const replace = (text: string, key = 'c'): Spec => ({ text, coalesce: { key, mode: 'replace' } });
  const keepFirst = (text: string): Spec => ({ text, coalesce: { key: 'c', mode: 'keep-first' } });
  const fold = (text: string, revision?: number): NewItem =>
    itemOf({ text, coalesce: { key: 'c', mode: 'fold', revision } });

  describe('coalescing', () => {
    test('replaces the payload of what was never claimed', async () => {
      const kit = await openKit(create);

      expect(await kit.add(replace('first'), replace('second'))).toEqual(['accepted', 'coalesced']);
      await kit.expectStats({ ready: 1, count: 1, bytes: 6 });
      expect(await kit.takeTexts()).toEqual(['second']);
    });

    test('keeps the place of the first', async () => {
      const kit = await openKit(create);
      await kit.enqueue(replace('a'), 'b', replace('A'));

      expect(comparable(await kit.takeTexts(), traits)).toEqual(['A', 'b']);
    });

    test('tells the id of the first', async () => {
      const kit = await openKit(create);
      const { verdicts } = await kit.enqueue(replace('a'), replace('b'));
      const [item] = await kit.take();

      expect(verdicts[1]).toEqual({ status: 'coalesced', id: item!.id });
    });

    test('keep-first leaves the payload as it is', async () => {
      const kit = await openKit(create);

      expect(await kit.add(keepFirst('a'), keepFirst('b'))).toEqual(['accepted', 'coalesced']);
      expect(await kit.takeTexts()).toEqual(['a']);
    });

    test('what was claimed once is not changed any more', async () => {
      const kit = await openKit(create);
      await kit.enqueue(replace('a'));
      const claimed = await kit.take();

      expect(await kit.add(replace('b'))).toEqual(['accepted']);
      await kit.retry(claimed);
      expect(await kit.add(replace('c'))).toEqual(['coalesced']);
      expect((await kit.takeTexts()).sort()).toEqual(['a', 'c']);
    });

    test('changes what is delayed, which stays delayed', async () => {
      const kit = await openKit(create);
      await kit.enqueue({ ...replace('a'), delayMs: 100 });

      expect(await kit.add(replace('b'))).toEqual(['coalesced']);
      expect(await kit.takeTexts()).toEqual([]);
      await kit.elapse(130);
      expect(await kit.takeTexts()).toEqual(['b']);
    });

    test('changes what waits behind its key', async () => {
      const kit = await openKit(create);
      await kit.enqueue({ text: 'head', key: 'k' }, { ...replace('a'), key: 'k' });

      expect(await kit.add({ ...replace('b'), key: 'k' })).toEqual(['coalesced']);
      await kit.settle('ack', await kit.take());
      expect(await kit.takeTexts()).toEqual(['b']);
    });

    test('keeps keys apart', async () => {
      const kit = await openKit(create);

      expect(await kit.add(replace('a', 'x'), replace('b', 'y'))).toEqual(['accepted', 'accepted']);
    });

    testWhere(traits.boundsWhole)('keeps the bound on bytes', async () => {
      const kit = await openKit(create, { limits: { maxCount: 10, maxBytes: 10 } });
      await kit.enqueue(replace('12345'));

      expect(await kit.add(replace('12345678901'))).toEqual(['full']);
      expect(await kit.add(replace('1234567890'))).toEqual(['coalesced']);
      await kit.expectStats({ ready: 1, count: 1, bytes: 10 });
      expect(await kit.takeTexts()).toEqual(['1234567890']);
    });

    test('works in a queue that is full of items', async () => {
      const kit = await openKit(create, { limits: { maxCount: 1, maxBytes: 10 } });
      await kit.enqueue(replace('a'));

      expect(await kit.add(replace('b'))).toEqual(['coalesced']);
    });

    test('a dead item is not coalesced with, and a redriven one neither', async () => {
      const kit = await openKit(create);
      const [letter] = await kit.kill(replace('a'));
      expect(await kit.add(replace('b'))).toEqual(['accepted']);
      await kit.queue.redrive([letter!.id]);

      expect(await kit.add(replace('c'))).toEqual(['coalesced']);
      expect((await kit.takeTexts()).sort()).toEqual(['a', 'c']);
    });

    test('takes the idempotency key of the later one', async () => {
      const kit = await openKit(create);
      const later = { ...replace('b'), idempotencyKey: 'i' };
      await kit.enqueue(replace('a'), later);

      expect(await kit.add(later, replace('c'))).toEqual(['duplicate', 'coalesced']);
      expect(await kit.takeTexts()).toEqual(['c']);
    });

    test('fold asks the producer to fold, and takes what it gives for the revision it has seen', async () => {
      const kit = await openKit(create);
      expect((await kit.queue.enqueue([fold('1')])).verdicts).toMatchObject([
        { status: 'accepted' },
      ]);
      const asked = await kit.queue.enqueue([fold('2')]);
      const verdict = asked.verdicts[0] as {
        status: string;
        held: { revision: number; payload: Uint8Array };
      };
      expect(verdict.status).toBe('fold');
      expect(textOf(verdict.held)).toBe('1');

      const folded = await kit.queue.enqueue([fold('1+2', verdict.held.revision)]);
      expect(folded.verdicts).toMatchObject([{ status: 'coalesced' }]);
      expect(await kit.takeTexts()).toEqual(['1+2']);
    });

    test('fold refuses a revision that is not the present one', async () => {
      const kit = await openKit(create);
      await kit.queue.enqueue([fold('1')]);
      await kit.queue.enqueue([fold('1+2', 1)]);

      const late = await kit.queue.enqueue([fold('1+3', 1)]);
      expect(late.verdicts).toMatchObject([{ status: 'fold', held: { revision: 2 } }]);
      expect(await kit.takeTexts()).toEqual(['1+2']);
    });

    test('fold says when what was to be folded into is gone', async () => {
      const kit = await openKit(create);
      await kit.queue.enqueue([fold('1')]);
      await kit.take();

      const { verdicts } = await kit.queue.enqueue([fold('1+2', 1)]);
      expect(verdicts).toEqual([{ status: 'fold', held: undefined }]);
      await kit.expectStats({ leased: 1, count: 1, bytes: 1 });
    });
  });
}

export function describeEviction(create: CreateFixture, traits: StoreTraits): void {
  const evicting = (create_: CreateFixture, more: object = {}): Promise<Kit> =>
    openKit(create_, {
      limits: { maxCount: 3, maxBytes: 100 },
      overflow: { kind: 'evict', victims: 'oldest', to: 'drop' },
      ...more,
    });
  const of = (text: string, priority: number): Spec => ({ text, priority: priority as 0 });

  describe('eviction', () => {
    testWhere(traits.boundsWhole)('makes room by the oldest of the lowest priority', async () => {
      const kit = await evicting(create);
      await kit.enqueue(of('5', 5), of('7a', 7), of('7b', 7));

      expect(await kit.enqueue(of('0', 0))).toMatchObject({ evicted: 1, count: 3 });
      expect(await kit.takeTexts()).toEqual(['0', '5', '7b']);
      expect((await kit.queue.stats()).dropped).toEqual({
        evicted: 1,
        deadOverflow: 0,
        deadExpired: 0,
      });
    });

    testWhere(traits.boundsWhole)('makes room by the newest where it is told to', async () => {
      const kit = await evicting(create, {
        overflow: { kind: 'evict', victims: 'newest', to: 'drop' },
      });
      await kit.enqueue(of('5', 5), of('7a', 7), of('7b', 7));
      await kit.enqueue(of('0', 0));

      expect(await kit.takeTexts()).toEqual(['0', '5', '7a']);
    });

    testWhere(traits.boundsWhole)('never evicts what is as urgent or more', async () => {
      const kit = await evicting(create);
      await kit.enqueue(of('3', 3), of('2', 2), of('0', 0));

      expect(await kit.add(of('x', 3), of('y', 7))).toEqual(['full', 'full']);
      expect(await kit.takeTexts()).toEqual(['0', '2', '3']);
    });

    testWhere(traits.boundsWhole)('evicts as many as the bytes need, or none', async () => {
      const kit = await evicting(create, { limits: { maxCount: 10, maxBytes: 10 } });
      await kit.enqueue(of('aaa', 7), of('bbb', 6), of('cccc', 1));

      expect(await kit.add(of('x'.repeat(7), 2))).toEqual(['full']);
      await kit.expectStats({ ready: 3, count: 3, bytes: 10 });
      expect(await kit.add(of('x'.repeat(6), 2))).toEqual(['accepted']);
      expect(await kit.takeTexts()).toEqual(['cccc', 'xxxxxx']);
    });

    test('never evicts what is leased', async () => {
      const kit = await evicting(create);
      await kit.enqueue(of('7', 7), of('7', 7), of('7', 7));
      const leased = await kit.take();

      expect(await kit.add(of('0', 0))).toEqual(['full']);
      expect(await kit.settle('ack', leased)).toEqual(['settled', 'settled', 'settled']);
    });

    testWhere(traits.boundsWhole)('evicts items of the same call', async () => {
      const kit = await evicting(create);
      const specs = [of('7', 7), of('6', 6), of('5', 5), of('0', 0), of('1', 1)];

      expect(await kit.enqueue(...specs)).toMatchObject({ evicted: 2, count: 3, bytes: 3 });
      expect(await kit.takeTexts()).toEqual(['0', '1', '5']);
    });

    testWhere(traits.boundsWhole)('lets the next one of an evicted key follow', async () => {
      const kit = await evicting(create);
      await kit.enqueue({ ...of('a1', 7), key: 'a' }, { ...of('a2', 2), key: 'a' }, of('1', 1));
      await kit.enqueue(of('0', 0));

      expect(await kit.takeTexts()).toEqual(['0', '1', 'a2']);
    });

    testWhere(traits.boundsWhole)(
      'puts what it evicts among the dead where it is told to',
      async () => {
        const kit = await evicting(create, {
          overflow: { kind: 'evict', victims: 'oldest', to: 'dead' },
        });
        await kit.enqueue(of('7', 7), of('6', 6), of('5', 5), of('0', 0));

        expect(await kit.dead()).toMatchObject([{ priority: 7, attempt: 0 }]);
        expect((await kit.dead())[0]!.reason).toContain('evicted');
        await kit.expectStats({
          ...{ ready: 3, count: 3, bytes: 3, dead: 1, deadBytes: 1 },
          dropped: { evicted: 1, deadOverflow: 0, deadExpired: 0 },
        });
      },
    );

    test('evicts nothing when there is no room among the dead', async () => {
      const kit = await evicting(create, {
        overflow: { kind: 'evict', victims: 'oldest', to: 'dead' },
        dead: { ...SETTINGS.dead, maxCount: 1 },
      });
      await kit.enqueue(of('7', 7), of('6', 6), of('5', 5));

      expect(await kit.add(of('0', 0), of('0', 0))).toEqual(['accepted', 'full']);
      await kit.expectStats({
        ...{ ready: 3, count: 3, bytes: 3, dead: 1, deadBytes: 1 },
        dropped: { evicted: 1, deadOverflow: 0, deadExpired: 0 },
      });
    });

    test('an evicted item is not coalesced with', async () => {
      const kit = await evicting(create);
      await kit.enqueue(
        { ...of('7', 7), coalesce: { key: 'c', mode: 'replace' } },
        of('1', 1),
        of('1', 1),
      );
      await kit.enqueue(of('0', 0));
      await kit.settle('ack', await kit.take());

      expect(await kit.add({ text: 'x', coalesce: { key: 'c', mode: 'replace' } })).toEqual([
        'accepted',
      ]);
    });
  });
}

export function describeSampling(create: CreateFixture, traits: StoreTraits): void {
  const overflow = { kind: 'sample', above: 0.5, minPriority: 4, floor: 0.1 } as const;
  const limits = { maxCount: 10, maxBytes: 1000 };
  const of = (priority: number, draw: number): Spec => {
    return { text: 'x', priority: priority as 0, draw };
  };

  describe('sampling', () => {
    testWhere(traits.boundsWhole)('takes all below the fill at which it begins', async () => {
      const kit = await openKit(create, { limits, overflow });
      const statuses = await kit.add(...Array.from({ length: 6 }, () => of(7, 0.999)));

      expect(statuses).toEqual(Array.from({ length: 6 }, () => 'accepted'));
      expect((await kit.take()).every(({ sampleRate }) => sampleRate === 1)).toBe(true);
    });

    testWhere(traits.boundsWhole)(
      'takes a share that falls with the room, and tells it',
      async () => {
        const kit = await openKit(create, { limits, overflow });
        await kit.enqueue(...Array.from({ length: 8 }, () => of(0, 0)));

        // 8 of 10: 2 of the upper 5 places are free.
        const { verdicts } = await kit.enqueue(of(7, 0.41), of(7, 0.39));
        expect(verdicts[0]).toMatchObject({ status: 'sampled-out' });
        expect((verdicts[0] as { sampleRate: number }).sampleRate).toBeCloseTo(0.4, 6);
        expect(verdicts[1]).toMatchObject({ status: 'accepted' });
        expect((verdicts[1] as { sampleRate: number }).sampleRate).toBeCloseTo(0.4, 6);
        const sampled = (await kit.take()).find(({ priority }) => priority === 7);
        expect(sampled!.sampleRate).toBeCloseTo(0.4, 6);
      },
    );

    test('leaves urgent items alone, up to the bound', async () => {
      const kit = await openKit(create, { limits, overflow });
      const statuses = await kit.add(...Array.from({ length: 11 }, () => of(3, 0.999)));

      expect(statuses).toEqual([...Array.from({ length: 10 }, () => 'accepted'), 'full']);
    });

    testWhere(traits.boundsWhole)(
      'never takes less than the floor, while there is room',
      async () => {
        const kit = await openKit(create, { limits: { maxCount: 1000, maxBytes: 100 }, overflow });
        await kit.enqueue({ text: 'x'.repeat(99), priority: 0 });

        expect(await kit.add(of(7, 0.11), of(7, 0.09), of(7, 0.09))).toEqual([
          ...['sampled-out', 'accepted', 'full'],
        ]);
      },
    );

    test('an item that is sampled out leaves nothing behind', async () => {
      const kit = await openKit(create, { limits, overflow });
      await kit.enqueue(...Array.from({ length: 9 }, () => of(0, 0)));
      const item = { ...of(7, 0.9), key: 'k', idempotencyKey: 'i' };
      expect(await kit.add(item)).toEqual(['sampled-out']);
      await kit.settle('ack', await kit.take());

      expect(await kit.add(item)).toEqual(['accepted']);
      expect(await kit.takeTexts()).toEqual(['x']);
    });
  });
}
