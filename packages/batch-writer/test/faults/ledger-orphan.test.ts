import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  createBatchWriter,
  ledgerTableStatement,
  type BatchWriterOptions,
} from '@holdfast/batch-writer';
import { createTestDatabase, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resolveTable, shapeOf } from '../../src/resolve-table.ts';
import { ledgerInsert } from '../../src/sending/ledger.ts';
import { decodeBatchFile } from '../../src/spool/batch-file.ts';
import { connectionLost, createFakePool } from '../fake-pool.ts';
import { expectAccounted, writeNow } from '../oracle.ts';

let database: TestDatabase;
let dir: string;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query(
    `CREATE TABLE rows (id int4 NOT NULL); ${ledgerTableStatement('ledger')}`,
  );
  dir = mkdtempSync(join(tmpdir(), 'spool-'));
});
afterAll(async () => {
  await database.close();
  rmSync(dir, { recursive: true, force: true });
});

interface Row {
  readonly id: number;
}

const optionsWith = (pool: BatchWriterOptions<Row>['pool']): BatchWriterOptions<Row> => ({
  pool,
  table: 'rows',
  columns: { id: 'int4' },
  exactlyOnce: { ledger: 'ledger' },
  lanes: 1,
  spool: { dir },
});

test.each<[string, number, number]>([
  ['the first half', 0, 50],
  ['the second half', 50, 100],
])(
  'a part of a batch that a dead process is still committing is waited for, not written again: %s',
  async (_name, from, to) => {
    await database.pool.query('TRUNCATE rows, ledger');
    const down = createFakePool(() => {
      throw connectionLost();
    });
    const dead = createBatchWriter<Row>(optionsWith(down));
    for (let id = 0; id < 100; id++) writeNow(dead, { id });
    expect(await dead.close({ timeoutMs: 20 })).toMatchObject({ spooled: 100 });
    const [file] = readdirSync(dir);
    const shape = shapeOf(resolveTable(optionsWith(down)));
    const { batch } = decodeBatchFile(file!, readFileSync(join(dir, file!)), shape);

    const orphan = await database.pool.connect();
    await orphan.query('BEGIN');
    await orphan.query(ledgerInsert('ledger', batch, { from, to }, to - from));
    await orphan.query('INSERT INTO rows SELECT generate_series($1::int4, $2::int4)', [
      from,
      to - 1,
    ]);
    const writer = createBatchWriter<Row>(optionsWith(database.pool));
    const closed = writer.close();
    await delay(150);
    await orphan.query('COMMIT');
    orphan.release();
    const report = await closed;

    expectAccounted(report);
    expect(report).toMatchObject({ recovered: 100, stored: 100 });
    const { rows } = await database.pool.query<Row>('SELECT id FROM rows ORDER BY id');
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, id) => id));
  },
);
