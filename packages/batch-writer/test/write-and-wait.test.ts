import { createBatchWriter, type OnConflict, type WritePath } from '@holdfast/batch-writer';
import { seededRandom } from '@holdfast/internal';
import { createTestDatabase, testSeed, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectAccounted } from './oracle.ts';

interface Row {
  readonly key: number;
  readonly rank: number;
  /** Of its own for each row. */
  readonly tag: number;
}

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

type Conflict = 'nothing' | 'error' | 'update' | 'newerThan';

const onConflicts: Readonly<Record<Conflict, OnConflict<Row>>> = {
  nothing: 'nothing',
  error: 'error',
  update: {},
  newerThan: { newerThan: 'rank' },
};

/** What the table holds when the rows are written one after the other. */
function oneAfterTheOther(stored: readonly Row[], rows: readonly Row[], conflict: Conflict) {
  const table = new Map(stored.map((row) => [row.key, row]));
  for (const row of rows) {
    const before = table.get(row.key);
    const wins =
      before === undefined ||
      conflict === 'update' ||
      (conflict === 'newerThan' && row.rank > before.rank);
    if (wins) table.set(row.key, row);
  }
  return [...table.values()].sort((a, b) => a.key - b.key);
}

test.each(
  (['nothing', 'error', 'update', 'newerThan'] as const).flatMap((conflict) =>
    (['auto', 'staging', 'unnest'] as const).map((path): [Conflict, WritePath] => [conflict, path]),
  ),
)(
  'each row is told what the table made of it, as if written one after the other: %s, %s',
  async (conflict, path) => {
    const random = seededRandom(testSeed());
    const below = (count: number): number => Math.floor(random() * count);
    for (let round = 0; round < 4; round++) {
      const rows = Array.from({ length: 100 }, (_, index) => ({
        key: below(60),
        rank: below(5),
        tag: index,
      }));
      const there = Array.from({ length: 20 }, (_, index) => ({
        key: index * 3,
        rank: 2,
        tag: -index - 1,
      }));
      await database.pool.query(
        'DROP TABLE IF EXISTS tagged; CREATE TABLE tagged (key int4 PRIMARY KEY, rank int4, tag int4)',
      );
      await database.pool.query(
        'INSERT INTO tagged SELECT * FROM unnest($1::int4[], $2::int4[], $3::int4[])',
        [there.map(({ key }) => key), there.map(({ rank }) => rank), there.map(({ tag }) => tag)],
      );
      const dead: number[] = [];
      const writer = createBatchWriter<Row>({
        pool: database.pool,
        table: 'tagged',
        columns: { key: 'int4', rank: 'int4', tag: 'int4' },
        key: ['key'],
        onConflict: onConflicts[conflict],
        path,
        onRejected: (some) => void dead.push(...some.map(({ row }) => Number(row.tag))),
      });
      const results = await Promise.all(rows.map((row) => writer.writeAndWait(row)));
      const report = await writer.close();

      expectAccounted(report);
      const found = await database.pool.query<Row>('SELECT * FROM tagged ORDER BY key');
      const expected = oneAfterTheOther(there, rows, conflict);
      expect(found.rows).toEqual(expected);
      const tagsOf = (status: string): number[] =>
        rows.flatMap(({ tag }, index) => (results[index]!.status === status ? [tag] : []));
      // One batch: what the table took is what it holds.
      expect(tagsOf('stored')).toEqual(
        expected.flatMap(({ tag }) => (tag < 0 ? [] : [tag])).sort((a, b) => a - b),
      );
      expect(report.stored).toBe(tagsOf('stored').length);
      expect(report.duplicate).toBe(tagsOf('duplicate').length);
      expect(report.superseded).toBe(tagsOf('superseded').length);
      expect(tagsOf('rejected')).toEqual(dead.sort((a, b) => a - b));
      // Nobody asked for rows to be swallowed.
      if (conflict === 'error') expect(report.duplicate).toBe(0);
      else expect(report.rejected).toBe(0);
    }
  },
);
