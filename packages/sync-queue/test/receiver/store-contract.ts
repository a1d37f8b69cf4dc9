import {
  createReceiver,
  type ApplyOutcome,
  type Op,
  type PushRequest,
  type ReceiptStore,
  type Receiver,
} from '@holdfast/sync-queue';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

export interface ReceiptFixture<Tx> {
  readonly store: ReceiptStore<Tx>;
  /** Another connection to the same receipts. */
  readonly second: ReceiptStore<Tx>;
  /** Writes one row, an effect. */
  add(tx: Tx, id: string): Promise<void>;
  /** Every effect that is committed. */
  effects(): Promise<string[]>;
  /** Makes every receipt older. */
  age(ms: number): Promise<void>;
  close(): Promise<void>;
}

export const unit = (seq: number, ids: readonly string[] = [`d${seq}`], key = `k${seq}`) => ({
  key,
  seq,
  body: JSON.stringify(
    ids.map((id) => ({ kind: 'insert', entity: 'note', id, doc: {}, at: '000000000001-0000-a' })),
  ),
});

export const request = (ops: PushRequest['ops'], more: Partial<PushRequest> = {}): PushRequest => ({
  ...{ clientId: 'c', streamId: 's', ackedSeq: 0, ops },
  ...more,
});

/** What every receipt store must do; one body, run by each. */
export function describeReceipts<Tx>(
  name: string,
  createFixture: () => Promise<ReceiptFixture<Tx>>,
): void {
  describe(`receipts in ${name}`, () => {
    let fixture: ReceiptFixture<Tx>;
    let receiver: Receiver;
    let other: Receiver;
    let applied = 0;

    const apply = async (op: Op, { tx }: { tx: Tx }): Promise<ApplyOutcome> => {
      applied += 1;
      await fixture.add(tx, op.id);
      if (op.id === 'throws') throw new Error('broken');
      if (op.id === 'bad') return { status: 'rejected', reason: 'bad' };
      if (op.id === 'stale') return { status: 'conflict', theirs: { a: 1 }, version: '7' };
      if (op.id === 'later') return { status: 'retry', afterMs: 5 };
      return { status: 'applied', version: '1' };
    };

    beforeEach(async () => {
      fixture = await createFixture();
      applied = 0;
      const receipts = { maxPerStream: 3 };
      receiver = createReceiver({ store: fixture.store, apply, receipts });
      other = createReceiver({ store: fixture.second, apply, receipts });
    });
    afterEach(async () => {
      await receiver.close();
      await other.close();
      await fixture.close();
    });

    const statuses = async (sent: PushRequest, by = receiver): Promise<string[]> =>
      (await by.receive(sent)).verdicts.map((verdict) =>
        verdict.status === 'rejected' ? verdict.reason : verdict.status,
      );

    test('the same request twice gives the same verdicts and one effect', async () => {
      const sent = request([unit(1), unit(2, ['bad']), unit(3, ['stale'])]);
      const first = await receiver.receive(sent);
      const second = await receiver.receive(sent);

      expect(second.verdicts).toEqual(first.verdicts);
      expect(first.verdicts).toEqual([
        { key: 'k1', status: 'applied', results: [{ version: '1' }] },
        { key: 'k2', status: 'rejected', reason: 'bad' },
        { key: 'k3', status: 'conflict', theirs: { a: 1 }, version: '7', index: 0 },
      ]);
      expect(await fixture.effects()).toEqual(['d1']);
      expect(receiver.snapshot()).toMatchObject({ applied: 1, repeated: 3 });
    });

    test('the same request at once on two connections gives the same verdicts and one effect', async () => {
      for (let round = 0; round < 10; round += 1) {
        const sent = request([unit(1), unit(2)], { streamId: `s${round}` });
        const [a, b] = await Promise.all([receiver.receive(sent), other.receive(sent)]);
        expect(a.verdicts).toEqual(b.verdicts);
      }
      expect(await fixture.effects()).toHaveLength(20);
      expect(applied).toBe(20);
    });

    test('what was put off, or has failed, leaves no effect and no receipt', async () => {
      const sent = request([unit(1, ['later']), unit(2, ['throws']), unit(3)]);

      expect(await statuses(sent)).toEqual(['retry', 'retry', 'applied']);
      expect(await statuses(sent)).toEqual(['retry', 'retry', 'applied']);
      expect(await fixture.effects()).toEqual(['d3']);
      expect(applied).toBe(5);
    });

    test.each([
      ['a rejection without a reason', { status: 'rejected' }],
      ['a conflict without their document', { status: 'conflict', version: '7' }],
      ['results are wrong', { status: 'applied', version: 7 }],
      ['afterMs is no time', { status: 'retry', afterMs: -1 }],
    ])('%s of apply is its failure, which takes nothing else along', async (problem, outcome) => {
      const careless = createReceiver({
        store: fixture.second,
        apply: async (op, { tx }) => {
          await fixture.add(tx, op.id);
          return (op.id === 'careless' ? outcome : { status: 'applied' }) as ApplyOutcome;
        },
      });
      const failures: string[] = [];
      careless.on('applyFailed', ({ error }) => failures.push(String(error)));

      const sent = request([unit(1, ['careless']), unit(2)]);
      expect(await statuses(sent, careless)).toEqual(['retry', 'applied']);
      expect(failures).toEqual([
        `TypeError: apply must resolve with an outcome as it is described, got ${problem}`,
      ]);
      expect(await fixture.effects()).toEqual(['d2']);
    });

    test('a group is applied as a whole or not at all', async () => {
      expect(await statuses(request([unit(1, ['a', 'bad', 'b']), unit(2, ['c', 'd'])]))).toEqual([
        'bad',
        'applied',
      ]);
      expect(await fixture.effects()).toEqual(['c', 'd']);
    });

    test('other bytes under a used key are rejected', async () => {
      await receiver.receive(request([unit(1)]));

      expect(await statuses(request([unit(2, ['other'], 'k1')]))).toEqual([
        'another body was sent under this key',
      ]);
      expect(await fixture.effects()).toEqual(['d1']);
    });

    test('receipts go when the client has acknowledged them, and a late copy is not applied again', async () => {
      const late = request([unit(1), unit(2)]);
      await receiver.receive(late);
      await receiver.receive(request([unit(3)], { ackedSeq: 2 }));

      expect(await statuses(late)).toEqual(['acknowledged before', 'acknowledged before']);
      expect(await fixture.effects()).toEqual(['d1', 'd2', 'd3']);
    });

    test('receipts beyond the bound go first, and what they were for is not applied again', async () => {
      const first = request([unit(1), unit(2)]);
      await receiver.receive(first);
      await receiver.receive(request([unit(3), unit(4), unit(5)]));

      expect(await statuses(first)).toEqual(['its receipt has expired', 'its receipt has expired']);
      expect(await statuses(request([unit(5)]))).toEqual(['applied']);
      expect(await fixture.effects()).toHaveLength(5);
    });

    test('old receipts are pruned of all clients', async () => {
      const hourMs = 3_600_000;
      const receipts = { maxAgeMs: hourMs };
      const ageing = createReceiver({ store: fixture.second, apply, receipts });
      await ageing.receive(request([unit(1)], { clientId: 'x' }));
      await ageing.receive(request([unit(1)], { clientId: 'y' }));
      await fixture.age(hourMs / 2);
      expect(await ageing.prune()).toBe(0);
      await fixture.age(hourMs);

      expect(await ageing.prune()).toBe(2);
      expect(await statuses(request([unit(1)], { clientId: 'x' }))).toEqual([
        'its receipt has expired',
      ]);
    });

    test('negative control: without receipts the same request has two effects', async () => {
      const forgetful: ReceiptStore<Tx> = {
        ...fixture.store,
        transact: (stream, work) =>
          fixture.store.transact(stream, (session) =>
            work({ ...session, find: async () => new Map(), save: async () => {} }),
          ),
      };
      const doubling = createReceiver({ store: forgetful, apply });
      await doubling.receive(request([unit(1)]));
      await doubling.receive(request([unit(1)]));
      expect(await fixture.effects()).toEqual(['d1', 'd1']);
    });
  });
}
