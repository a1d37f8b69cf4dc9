import { createGate, type PoolClient } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import { rowLockStatement } from '../src/rows/row-lock-statement.ts';
import { begin, database, isWaiting, take, useItems } from './row-lock-set-up.ts';

useItems();

describe('withRowLock, when others hold the rows', () => {
  it.each(['nowait', 60] as const)(
    'with wait %s gives up on a row that is held, and leaves the transaction as it was',
    async (wait) => {
      const [holder, tx] = [await begin(), await begin()];
      await tx.query(`set local lock_timeout = '7s'`);
      await tx.query('update items set value = 1 where id = 20');
      await holder.query('select 1 from items where id = 2 for update');

      await expect(take(tx, { ids: [1, 2], wait })).rejects.toMatchObject({
        code: 'ROW_LOCK_TIMEOUT',
        table: 'items',
        ids: [1, 2],
        wait,
        cause: { code: '55P03' },
        message: `rows 1, 2 of items could not be locked ${wait === 'nowait' ? 'at once' : 'within 60 ms'}`,
      });

      expect((await tx.query('show lock_timeout')).rows).toEqual([{ lock_timeout: '7s' }]);
      expect((await tx.query('select value from items where id = 20')).rows).toEqual([
        { value: 1 },
      ]);
      // Row 1 was locked before the wait for row 2, and is free again.
      await expect(take(holder, { ids: [1], wait: 'nowait' })).resolves.toMatchObject({
        gap: { missing: [] },
      });
    },
  );

  it('gets a row that is freed within the time, and restores the time-out of the session then, too', async () => {
    const [holder, tx] = [await begin(), await begin()];
    await tx.query(`set lock_timeout = '7s'`);
    await holder.query('select 1 from items where id = 2 for update');

    const locked = take(tx, { ids: [2, 1], wait: 20_000 });
    await isWaiting(tx);
    await holder.query('commit');

    await expect(locked).resolves.toMatchObject({ rows: [{ id: 2 }, { id: 1 }] });
    expect((await tx.query('show lock_timeout')).rows).toEqual([{ lock_timeout: '7s' }]);
    // Still locked: the savepoint has been released, not rolled back.
    const other = await begin();
    await expect(take(other, { ids: [2], wait: 'skip', require: 'any' })).resolves.toMatchObject({
      gap: { skipped: [2] },
    });
    await tx.query('commit');
    expect((await tx.query('show lock_timeout')).rows).toEqual([{ lock_timeout: '7s' }]);
  });

  it.each([
    ['update', 'key share', false],
    ['no key update', 'key share', true],
    ['no key update', 'share', false],
    ['share', 'share', true],
    ['share', 'no key update', false],
    ['key share', 'no key update', true],
    ['key share', 'update', false],
  ] as const)('with %s lets %s pass: %s', async (mode, others, passes) => {
    const [holder, tx] = [await begin(), await begin()];
    await take(holder, { ids: [1], mode });

    const { gap } = await take(tx, { ids: [1], mode: others, wait: 'skip', require: 'any' });

    expect(gap.skipped).toEqual(passes ? [] : [1]);
  });
});

describe('the order of the locks', () => {
  it('comes from a sort below the locks, whichever way the rows are found', async () => {
    const tx = await begin();
    const target = { table: 'items', idColumn: 'id', mode: 'no key update', clause: '' } as const;
    for (const off of ['enable_sort', 'enable_indexscan', 'enable_bitmapscan', 'enable_seqscan']) {
      await tx.query(`set local ${off} = off`);
      const { rows } = await tx.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
        `explain (format json) ${rowLockStatement(target)}`,
        [['3', '1', '2']],
      );
      const locks = nodesOf(rows[0]!['QUERY PLAN'][0].Plan).filter(
        (node) => node['Node Type'] === 'LockRows',
      );
      expect(locks).toHaveLength(1);
      const below = locks[0]!.Plans![0]!;
      expect(['Sort', 'Index Scan']).toContain(below['Node Type']);
      if (below['Node Type'] === 'Sort') expect(below['Sort Key']).toEqual(['items.id']);
      else expect(below['Scan Direction']).toBe('Forward');
    }
  });

  it('lets callers with reversed ids never deadlock', async () => {
    const pool = database.createPool({ max: 8 });
    const up = Array.from({ length: 20 }, (_, n) => n + 1);
    const down = up.toReversed();
    const holdOften = async (ids: number[]): Promise<void> => {
      for (let round = 0; round < 40; round += 1) {
        const client = await pool.connect();
        try {
          await client.query('begin');
          await take(client, { ids });
          await client.query('update items set value = value + 1 where id = any ($1)', [ids]);
          await client.query('commit');
        } finally {
          client.release();
        }
      }
    };

    await Promise.all([up, down, up, down, up, down, up, down].map(holdOften));

    const { rows } = await pool.query('select distinct value from items');
    expect(rows).toEqual([{ value: 8 * 40 }]);
  });

  it('would deadlock without it, which is the negative control', async () => {
    const [first, second] = [await begin(), await begin()];
    for (const client of [first, second]) await client.query(`set local deadlock_timeout = '10ms'`);
    const gate = createGate();
    // Each row for itself, in the order of the caller.
    const lockInTurn = async (client: PoolClient, ids: [number, number]): Promise<void> => {
      await client.query('select 1 from items where id = $1 for no key update', [ids[0]]);
      await gate.pass();
      await client.query('select 1 from items where id = $1 for no key update', [ids[1]]);
    };

    const both = Promise.allSettled([lockInTurn(first, [1, 2]), lockInTurn(second, [2, 1])]);
    await gate.arrived(2);
    gate.open();
    const outcomes = await both;

    expect(outcomes.filter(({ status }) => status === 'rejected')).toMatchObject([
      { reason: { code: '40P01' } },
    ]);
  });
});

interface Plan {
  readonly 'Node Type': string;
  readonly 'Sort Key'?: string[];
  readonly 'Scan Direction'?: string;
  readonly Plans?: Plan[];
}

function nodesOf(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}
