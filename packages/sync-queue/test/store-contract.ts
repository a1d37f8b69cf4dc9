import { randomUUID } from 'node:crypto';
import type { Lease, NewItem, QueueStore, StoreStats } from '@holdfast/sync-queue';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

export interface StoreFixture {
  readonly store: QueueStore;
  /** Lets the store's time pass. */
  elapse(ms: number): Promise<void>;
  close(): Promise<void>;
}

const LIMITS = { maxCount: 100, maxBytes: 10_000 };
const LEASE_MS = 150;

/** What every store must do; one body, run by each. */
export function describeStore(name: string, createFixture: () => Promise<StoreFixture>): void {
  describe(`${name} store`, () => {
    let fixture: StoreFixture;
    let store: QueueStore;
    let queue: string;

    beforeEach(async () => {
      fixture = await createFixture();
      store = fixture.store;
      queue = `q/${randomUUID()}`;
      await store.open();
    });
    afterEach(async () => {
      await store.close();
      await fixture.close();
    });

    const items = (...ids: string[]): NewItem[] =>
      ids.map((id) => ({ id, payload: Buffer.from(`payload ${id}`), delayMs: 0 }));
    const enqueue = (...ids: string[]): ReturnType<QueueStore['enqueue']> =>
      store.enqueue(queue, items(...ids), LIMITS);
    const claim = (maxItems = 10, maxTries = 3): ReturnType<QueueStore['claim']> =>
      store.claim(queue, { maxItems, leaseMs: LEASE_MS, maxTries });
    const claimIds = async (maxItems = 10): Promise<string[]> =>
      (await claim(maxItems)).items.map(({ id }) => id);
    const settle = async (
      status: 'ack' | 'release',
      leases: readonly Lease[],
    ): Promise<readonly boolean[]> =>
      store.settle(
        queue,
        leases.map(({ id, attempt }) => ({ id, attempt, status })),
      );
    const bury = (leases: readonly Lease[], reason = 'bad'): Promise<readonly boolean[]> =>
      store.settle(
        queue,
        leases.map(({ id, attempt }) => ({ id, attempt, status: 'dead', reason })),
      );
    const expectStats = async (expected: Partial<StoreStats>): Promise<void> => {
      expect(await store.stats(queue)).toEqual({
        ...{ ready: 0, delayed: 0, leased: 0, dead: 0, bytes: 0 },
        ...expected,
      });
    };

    test('delivers in the order of arrival, with payload, attempt and time', async () => {
      await enqueue('b', 'a');
      await enqueue('c');

      const first = await claim(2);
      expect(first.items.map(({ id }) => id)).toEqual(['b', 'a']);
      const [item] = first.items;
      expect(Buffer.from(item!.payload).toString()).toBe('payload b');
      expect(item).toMatchObject({ attempt: 1, tries: 1 });
      expect(item!.enqueuedAtMs).toBeGreaterThan(1_700_000_000_000);
      expect(await claimIds()).toEqual(['c']);
      expect(await claimIds()).toEqual([]);
    });

    test('keeps any bytes as they are, the empty payload included', async () => {
      const payloads = [Buffer.alloc(0), Buffer.from([0, 255, 10, 13, 58]), Buffer.alloc(5000, 1)];
      await store.enqueue(
        queue,
        payloads.map((payload, index) => ({ id: String(index), payload, delayMs: 0 })),
        LIMITS,
      );

      const { items: claimed } = await claim();
      expect(claimed.map(({ payload }) => Buffer.from(payload))).toEqual(payloads);
      await expectStats({ leased: 3, bytes: 5005 });
    });

    test('keeps queues apart', async () => {
      await enqueue('a');

      const other = { maxItems: 10, leaseMs: LEASE_MS, maxTries: 3 };
      expect((await store.claim(`${queue}/other`, other)).items).toEqual([]);
      expect(await claimIds()).toEqual(['a']);
    });

    test('takes an id once while it holds it', async () => {
      expect(await enqueue('a', 'a', 'b')).toEqual(['accepted', 'duplicate', 'accepted']);
      const { items: claimed } = await claim();
      expect(await enqueue('a')).toEqual(['duplicate']);
      expect(await settle('ack', claimed)).toEqual([true, true]);

      expect(await enqueue('a')).toEqual(['accepted']);
      expect((await claim()).items).toMatchObject([{ id: 'a', attempt: 1 }]);
    });

    test('bounds the count: of what is ready, delayed, leased and dead together', async () => {
      const limits = { maxCount: 4, maxBytes: 10_000 };
      await enqueue('dead', 'leased');
      await bury((await claim(1)).items);
      const { items: leased } = await claim(1);
      const [delayed] = items('delayed');
      await store.enqueue(queue, [{ ...delayed!, delayMs: 60_000 }], limits);

      expect(await store.enqueue(queue, items('x', 'y'), limits)).toEqual(['accepted', 'full']);
      await settle('ack', leased);
      expect(await store.enqueue(queue, items('y', 'z'), limits)).toEqual(['accepted', 'full']);
    });

    test('bounds the bytes, and a smaller item still fits where a larger one does not', async () => {
      const of = (id: string, size: number): NewItem => {
        return { id, payload: Buffer.alloc(size), delayMs: 0 };
      };
      const limits = { maxCount: 100, maxBytes: 100 };

      expect(
        await store.enqueue(queue, [of('a', 60), of('b', 41), of('c', 40), of('d', 1)], limits),
      ).toEqual(['accepted', 'full', 'accepted', 'full']);
      await expectStats({ ready: 2, bytes: 100 });
      await settle('ack', (await claim(1)).items);
      await expectStats({ ready: 1, bytes: 40 });
    });

    test('a delayed item is ready when it is due, behind those that are ready', async () => {
      const [late] = items('late');
      await store.enqueue(queue, [{ ...late!, delayMs: 100 }], LIMITS);
      await enqueue('now');

      await expectStats({ ready: 1, delayed: 1, bytes: 23 });
      const first = await claim(1);
      expect(first.items).toMatchObject([{ id: 'now' }]);
      expect(first.nextInMs).toBeGreaterThan(0);
      // Rounded up, so that nobody looks too early.
      expect(first.nextInMs).toBeLessThanOrEqual(101);
      await enqueue('next');
      await fixture.elapse(100);
      expect(await claimIds()).toEqual(['next', 'late']);
    });

    test('a lease that ran out is taken back by any claim, to the front and with the next attempt', async () => {
      await enqueue('a', 'b', 'c', 'd');
      const { items: stale } = await claim(3);
      expect(stale.map(({ attempt }) => attempt)).toEqual([1, 1, 1]);
      await fixture.elapse(LEASE_MS + 10);

      const { items: again } = await claim();
      expect(again.map(({ id, attempt }) => `${id}${attempt}`)).toEqual(['a2', 'b2', 'c2', 'd1']);
      expect(await settle('ack', stale)).toEqual([false, false, false]);
      await expectStats({ leased: 4, bytes: 36 });
      expect(await settle('ack', again)).toEqual([true, true, true, true]);
      await expectStats({});
    });

    test('a lease that ran out and was not taken back may still be settled', async () => {
      await enqueue('a');
      const { items: claimed } = await claim();
      await fixture.elapse(LEASE_MS + 10);

      expect(await settle('ack', claimed)).toEqual([true]);
      expect(await claimIds()).toEqual([]);
    });

    test('an extended lease is kept, a lost one is not', async () => {
      await enqueue('a', 'b');
      const { items: claimed } = await claim();
      expect(await store.extend(queue, claimed.slice(0, 1), 60_000)).toEqual([true]);
      await fixture.elapse(LEASE_MS + 10);

      expect(await claimIds()).toEqual(['b']);
      expect(await store.extend(queue, claimed, LEASE_MS)).toEqual([true, false]);
      expect(await settle('ack', claimed)).toEqual([true, false]);
    });

    test('no attempt but the last settles an item, and none twice', async () => {
      await enqueue('a');
      const { items: first } = await claim();
      await store.settle(queue, [{ id: 'a', attempt: 1, status: 'retry', delayMs: 0 }]);
      const { items: second } = await claim();

      expect(second).toMatchObject([{ id: 'a', attempt: 2, tries: 2 }]);
      for (const status of ['ack', 'release'] as const) {
        expect(await settle(status, first)).toEqual([false]);
      }
      expect(await bury(first)).toEqual([false]);
      expect(await settle('ack', [{ id: 'a', attempt: 3 }])).toEqual([false]);
      expect(await settle('ack', second)).toEqual([true]);
      expect(await settle('ack', second)).toEqual([false]);
    });

    test('a retried item comes back after its delay, a released one at once and first', async () => {
      await enqueue('a', 'b', 'c');
      const { items: claimed } = await claim(2);
      await store.settle(queue, [
        { ...claimed[0]!, status: 'retry', delayMs: 100 },
        { ...claimed[1]!, status: 'release' },
      ]);

      expect(await claimIds()).toEqual(['b', 'c']);
      await fixture.elapse(100);
      expect(await claimIds()).toEqual(['a']);
    });

    test('an item whose leases all ran out is dead, with its bytes', async () => {
      await enqueue('a');
      for (const attempt of [1, 2]) {
        expect((await claim(10, 2)).items).toMatchObject([{ id: 'a', attempt }]);
        await fixture.elapse(LEASE_MS + 10);
      }

      const last = await claim(10, 2);
      expect(last.items).toEqual([]);
      expect(last.died).toEqual([{ id: 'a', attempt: 2 }]);
      const [dead] = await store.listDead(queue, 10);
      expect(dead).toMatchObject({ id: 'a', attempt: 2 });
      expect(dead!.reason).toContain('leases ran out');
      expect(Buffer.from(dead!.payload).toString()).toBe('payload a');
      await expectStats({ dead: 1, bytes: 9 });
    });

    test('lists the oldest dead letters first, with reason and times', async () => {
      await enqueue('a', 'b', 'c');
      for (const id of ['a', 'b', 'c']) {
        await bury((await claim(1)).items, `reason of ${id}`);
        await fixture.elapse(2);
      }

      const dead = await store.listDead(queue, 2);
      expect(dead.map(({ id, reason }) => [id, reason])).toEqual([
        ['a', 'reason of a'],
        ['b', 'reason of b'],
      ]);
      expect(dead[0]!.diedAtMs).toBeGreaterThanOrEqual(dead[0]!.enqueuedAtMs);
    });

    test('a redriven item has fresh tries and a growing attempt', async () => {
      await enqueue('a', 'b');
      await bury((await claim()).items);

      expect(await store.redrive(queue, { ids: ['b', 'b', 'nope'] })).toBe(1);
      const { items: again } = await claim();
      expect(again).toMatchObject([{ id: 'b', attempt: 2, tries: 1 }]);
      await settle('ack', again);
      expect(await store.redrive(queue, { oldest: 10 })).toBe(1);
      await expectStats({ ready: 1, bytes: 9 });
    });

    test('purging deletes dead letters and nothing else', async () => {
      await enqueue('a', 'b', 'c', 'd');
      await bury((await claim(3)).items);

      expect(await store.purge(queue, { ids: ['b', 'd'] })).toBe(1);
      expect(await store.purge(queue, { oldest: 1 })).toBe(1);
      await expectStats({ ready: 1, dead: 1, bytes: 18 });
    });

    test('takes calls of 250 items', async () => {
      const ids = Array.from({ length: 250 }, (_, index) => `i${index}`);
      const limits = { maxCount: 1000, maxBytes: 1_000_000 };
      await store.enqueue(queue, items(...ids), limits);

      const { items: claimed } = await claim(250);
      expect(claimed.map(({ id }) => id)).toEqual(ids);
      expect((await store.extend(queue, claimed, LEASE_MS)).every(Boolean)).toBe(true);
      expect((await settle('ack', claimed)).every(Boolean)).toBe(true);
      await expectStats({});
    });
  });
}
