import { createBatchWriter, ledgerTableStatement, type BatchWriter } from '@holdfast/batch-writer';
import { createTestDatabase, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { writeNow } from './oracle.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query('CREATE SCHEMA own');
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.pool.query(
    'DROP TABLE IF EXISTS rows, own.ledger; CREATE TABLE rows (id int4 NOT NULL)',
  );
});

function createWriter(): BatchWriter<{ id: number }> {
  return createBatchWriter<{ id: number }>({
    ...{ pool: database.pool, table: 'rows', columns: { id: 'int4' } },
    exactlyOnce: { ledger: 'own.ledger' },
  });
}

const BATCH = 'batch uuid, from_row int4, to_row int4';

test.each([
  ['missing', '', 'there is no such table'],
  ['without a column', `CREATE TABLE own.ledger (${BATCH})`, 'there is no column "stored"'],
  [
    'with a column of another type',
    `CREATE TABLE own.ledger (${BATCH}, stored int8)`,
    'column "stored" is of type bigint, not int4',
  ],
])('a ledger that is %s halts the writer, which says what to do', async (_what, sql, wrong) => {
  await database.pool.query(sql);
  const writer = createWriter();
  writeNow(writer, { id: 1 });

  await expect(writer.flush()).rejects.toMatchObject({
    code: 'WRITER_HALTED',
    cause: {
      code: 'TABLE_MISMATCH',
      message:
        `table "own"."ledger": exactlyOnce.ledger must name the table of a ledger, and ${wrong}: ` +
        'ledgerTableStatement("own.ledger") gives the statement that creates one',
    },
  });
  await database.pool.query(
    `DROP TABLE IF EXISTS own.ledger; ${ledgerTableStatement('own.ledger')}`,
  );
  writer.resume();

  expect(await writer.close()).toMatchObject({ accepted: 1, stored: 1, returned: [] });
});
