import { seededRandom } from '@holdfast/internal';
import { testSeed } from '@holdfast/testkit';
import { expect, it } from 'vitest';
import type { KeepRule } from '../../src/duplicates/duplicates.ts';
import { removeDuplicates } from '../../src/duplicates/remove-duplicates.ts';
import { useDatabase } from './set-up.ts';

interface Row {
  readonly id: number;
  readonly a: number | null;
  /** Microseconds behind a moment. */
  readonly us: number | null;
  readonly text: string | null;
  readonly order: number | null;
}

const database = useDatabase();
const ROUNDS = 25;

/** The plainest way: rows in the order of the rule, the first of each key stays. */
function model(rows: readonly Row[], key: readonly (keyof Row)[], keep: KeepRule, nulls: boolean) {
  const isDown = keep === 'last' || (typeof keep === 'object' && keep.direction === 'desc');
  const turn = isDown ? -1 : 1;
  const ordered = rows.toSorted((one, two) => {
    if (typeof keep === 'string' || one.order === two.order) return turn * (one.id - two.id);
    if (one.order === null) return 1;
    if (two.order === null) return -1;
    return turn * (one.order - two.order);
  });
  const seen = new Set<string>();
  return ordered
    .filter((row) => {
      const values = key.map((name) => row[name]);
      if (!nulls && values.includes(null)) return true;
      const text = JSON.stringify(values);
      if (seen.has(text)) return false;
      seen.add(text);
      return true;
    })
    .map(({ id }) => id)
    .toSorted((a, b) => a - b);
}

it('leaves the rows that a plain program leaves, whatever the table', async () => {
  const random = seededRandom(testSeed());
  const any = (below: number): number => Math.floor(random() * below);
  const orNull = <T>(value: T): T | null => (any(5) === 0 ? null : value);
  const { pool } = database();
  for (let round = 0; round < ROUNDS; round += 1) {
    const rows = Array.from({ length: any(150) }, (_, at): Row => ({
      id: at * 7919 - 500,
      a: orNull(any(3)),
      us: orNull(any(3)),
      text: orNull(['', 'a', 'A', 'a '][any(4)]!),
      order: orNull(any(4)),
    }));
    const key = (['a', 'us', 'text'] as const).filter(() => any(3) > 0);
    if (key.length === 0) continue;
    const direction = any(2) === 0 ? 'asc' : 'desc';
    const keep = (['first', 'last', { orderBy: 'order', direction }] as const)[any(3)]!;
    const nullsEqual = any(2) === 0;
    const isArchived = any(2) === 0;
    await pool.query('DROP TABLE IF EXISTS t, gone');
    await pool.query(
      'CREATE TABLE t (id int4 PRIMARY KEY, a int4, us timestamptz, text text, "order" numeric)',
    );
    await pool.query(
      `INSERT INTO t SELECT id, a, '2024-01-01Z'::timestamptz + us * interval '1 us', text, "order"
       FROM json_to_recordset($1) AS r (id int4, a int4, us int4, text text, "order" numeric)`,
      [JSON.stringify(rows)],
    );

    const options = { pool, table: 't', key, keep, nullsEqual };
    const counted = await removeDuplicates({ ...options, dryRun: true });
    const report = await removeDuplicates({
      ...{ ...options, chunkRows: 1 + any(40) },
      ...(isArchived ? { archiveTo: 'gone' } : {}),
    });

    const expected = model(rows, key, keep, nullsEqual);
    const kept = await pool.query<{ id: number }>('SELECT id FROM t ORDER BY id');
    const what = JSON.stringify({ round, key, keep, nullsEqual });
    expect(
      kept.rows.map(({ id }) => id),
      what,
    ).toEqual(expected);
    const duplicates = rows.length - expected.length;
    expect(report, what).toMatchObject({ duplicates, deleted: duplicates, skipped: 0 });
    expect(counted, what).toMatchObject({ duplicates, groups: report.groups, deleted: 0 });
    if (!isArchived) continue;
    const gone = await pool.query<{ id: number }>('SELECT id FROM gone');
    const both = [...expected, ...gone.rows.map(({ id }) => id)];
    expect(
      both.toSorted((one, two) => one - two),
      what,
    ).toEqual(rows.map(({ id }) => id));
  }
});
