import type { NewUnit, OutboxRows, OutboxStore } from '@holdfast/sync-queue';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

export interface StoreFixture {
  readonly store: OutboxStore;
  close(): Promise<void>;
}

export const newUnit = (id: string, changes: Partial<NewUnit> = {}): NewUnit => ({
  ...{ id, key: `key ${id}`, state: 'ready', priority: 3, lanes: [id], isGroup: false },
  ...{ hasDependents: false, attempt: 0, rounds: 0, payload: Buffer.from(`payload ${id}`) },
  ...{
    wire: null,
    wireSeq: null,
    enqueuedAtMs: 1,
    sinceMs: 2.5,
    reason: null,
    quarantinedAtMs: null,
  },
  ...changes,
});

const ids = (units: readonly { readonly id: string }[]): string[] => units.map(({ id }) => id);

/** What every store of an outbox must do; one body, run by each. */
export function describeOutboxStore(
  name: string,
  createFixture: () => Promise<StoreFixture>,
): void {
  describe(`${name} outbox store`, () => {
    let fixture: StoreFixture;
    let store: OutboxStore;

    beforeEach(async () => {
      fixture = await createFixture();
      store = fixture.store;
      await store.open();
    });
    afterEach(async () => {
      await store.close();
      await fixture.close();
    });

    const insert = (...units: NewUnit[]): Promise<number[]> =>
      store.write((rows) => units.map((unit) => rows.insert(unit)));
    const read = <T>(work: (rows: OutboxRows) => T): Promise<T> => store.read(work);

    test('keeps a unit as it is, and changes only what is changed', async () => {
      const unit = newUnit('a', {
        lanes: ['x', 'y'],
        isGroup: true,
        payload: Buffer.from([0, 255]),
      });
      const [seq] = await insert(unit);
      const kept = await read((rows) => rows.at(seq!));
      expect({ ...kept, payload: Buffer.from(kept!.payload) }).toEqual({ ...unit, seq });

      await store.write((rows) =>
        rows.update(seq!, {
          ...{ state: 'sent', wire: Buffer.from([1]), wireSeq: 7, hasDependents: true, attempt: 2 },
          ...{ key: 'k', reason: 'r', quarantinedAtMs: 5, rounds: 1, priority: 0 },
        }),
      );
      const changed = await read((rows) => rows.find('a'));
      expect(changed).toMatchObject({ state: 'sent', wireSeq: 7, hasDependents: true, attempt: 2 });
      expect(changed).toMatchObject({ key: 'k', reason: 'r', quarantinedAtMs: 5, priority: 0 });
      expect(Buffer.from(changed!.wire!)).toEqual(Buffer.from([1]));
      await store.write((rows) => rows.update(seq!, { wire: null, wireSeq: null }));
      expect(await read((rows) => rows.find('a'))).toMatchObject({ wire: null, wireSeq: null });
    });

    test('counts units, bytes and the quarantine', async () => {
      const [a] = await insert(newUnit('a'), newUnit('b', { payload: Buffer.alloc(100) }));
      expect(await read((rows) => rows.totals())).toEqual({ count: 2, bytes: 109, quarantined: 0 });
      await store.write((rows) =>
        rows.update(a!, { state: 'quarantined', payload: Buffer.alloc(10) }),
      );
      expect(await read((rows) => rows.totals())).toEqual({ count: 2, bytes: 110, quarantined: 1 });
      await store.write((rows) => rows.remove(a!));
      expect(await read((rows) => rows.totals())).toEqual({ count: 1, bytes: 100, quarantined: 0 });
    });

    test('gives the ready ones by priority and by age', async () => {
      await insert(
        newUnit('a', { priority: 5 }),
        newUnit('b', { priority: 1 }),
        newUnit('c', { priority: 1 }),
        newUnit('d', { state: 'blocked' }),
      );
      expect(ids(await read((rows) => rows.ready('priority', 10)))).toEqual(['b', 'c', 'a']);
      expect(ids(await read((rows) => rows.ready('age', 2)))).toEqual(['a', 'b']);
    });

    test('keeps the order of a lane', async () => {
      const [a, b, c] = await insert(newUnit('a'), newUnit('b'), newUnit('c'));
      await store.write((rows) => {
        for (const seq of [c!, a!, b!]) rows.joinLanes(seq, ['a', 'b', 'c']);
      });
      expect(ids(await read((rows) => rows.lane('a', 'front', 2)))).toEqual(['c', 'a']);
      expect(ids(await read((rows) => rows.lane('a', 'end', 2)))).toEqual(['b', 'a']);
    });

    test('forgets a removed unit everywhere', async () => {
      const [a, b, c] = await insert(newUnit('a'), newUnit('b'), newUnit('c'));
      await store.write((rows) => {
        rows.joinLanes(b!, ['b']);
        rows.link(a!, b!, 'order');
        rows.link(a!, b!, 'needs');
        rows.link(a!, b!, 'order');
        rows.link(b!, c!, 'order');
      });
      expect(await read((rows) => rows.parents(b!))).toEqual([{ seq: a, kind: 'needs' }]);
      expect(await read((rows) => rows.children(b!))).toEqual([{ seq: c, kind: 'order' }]);
      await store.write((rows) => rows.remove(b!));
      expect(await read((rows) => [rows.children(a!), rows.parents(c!)])).toEqual([[], []]);
      expect(await read((rows) => rows.lane('b', 'front', 9))).toEqual([]);
      expect(await read((rows) => rows.find('b'))).toBeUndefined();
    });

    test('knows what was sent, what is the oldest, and which number is the lowest', async () => {
      const [a, b, c] = await insert(
        newUnit('a', { state: 'parked' }),
        newUnit('b', { state: 'sent', wireSeq: 9 }),
        newUnit('c', { state: 'quarantined', wireSeq: 4 }),
      );
      expect(await read((rows) => rows.sent().map(({ seq, id }) => [seq, id]))).toEqual([[b, 'b']]);
      expect((await read((rows) => rows.oldestWaiting()))?.id).toBe('b');
      expect(await read((rows) => rows.lowestWireSeq())).toBe(4);
      expect(await read((rows) => rows.lastSeq())).toBe(c);
      expect(ids(await read((rows) => rows.list({ afterSeq: a!, limit: 5 })))).toEqual(['b', 'c']);
      const query = { state: 'quarantined', afterSeq: 0, limit: 5 } as const;
      expect(ids(await read((rows) => rows.list(query)))).toEqual(['c']);
      await store.write((rows) => [b!, c!].forEach((seq) => rows.remove(seq)));
      expect(await read((rows) => rows.lowestWireSeq())).toBeUndefined();
      expect(await read((rows) => rows.lastSeq())).toBe(c);
    });

    test('work that throws leaves nothing behind, and others of the same turn are done', async () => {
      const [seq] = await insert(newUnit('kept'));
      const failing = store.write((rows) => {
        rows.insert(newUnit('x'));
        rows.joinLanes(seq!, ['kept']);
        rows.setMeta('m', '1');
        rows.update(seq!, { attempt: 9, payload: Buffer.alloc(99) });
        rows.link(seq!, seq!, 'order');
        rows.remove(seq!);
        throw new Error('refused');
      });
      const other = store.write((rows) => rows.insert(newUnit('y')));

      await expect(failing).rejects.toThrow('refused');
      await other;
      expect(ids(await read((rows) => rows.list({ afterSeq: 0, limit: 9 })))).toEqual([
        'kept',
        'y',
      ]);
      expect(await read((rows) => rows.at(seq!))).toMatchObject({ attempt: 0 });
      expect(await read((rows) => rows.meta('m'))).toBeUndefined();
      expect(await read((rows) => rows.lane('kept', 'front', 9))).toEqual([]);
      expect(await read((rows) => rows.parents(seq!))).toEqual([]);
      expect(await read((rows) => rows.totals().bytes)).toBe('payload kept'.length + 9);
    });

    test('is for one outbox at a time, and keeps what it holds while it is closed', async () => {
      await insert(newUnit('a'));
      await store.write((rows) => rows.setMeta('m', '1'));
      await expect(store.open()).rejects.toMatchObject({ code: 'OUTBOX_IN_USE' });
      await store.close();
      await store.open();
      expect(await read((rows) => rows.meta('m'))).toBe('1');
      expect(await read((rows) => rows.totals().count)).toBe(1);
    });
  });
}
