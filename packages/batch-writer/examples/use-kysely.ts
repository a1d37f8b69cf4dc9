import { createBatchWriter } from '@holdfast/batch-writer';
import { Kysely, PostgresDialect, type ColumnType, type Generated, type Insertable } from 'kysely';
import type { Pool } from 'pg';

export interface Database {
  readonly readings: {
    readonly id: Generated<string>;
    readonly node_id: number;
    readonly ts: ColumnType<Date, Date | string>;
    readonly value: number | null;
  };
}

/** Stores readings as Kysely knows them, and asks Kysely which are there: one pool for both. */
export async function storeTyped(
  pool: Pool,
  readings: Iterable<Insertable<Database['readings']>>,
): Promise<{ readonly ts: Date; readonly value: number | null }[]> {
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  await using writer = createBatchWriter<Insertable<Database['readings']>>({
    pool,
    table: 'readings',
    // `id` is left to the database.
    columns: { node_id: 'int8', ts: 'timestamptz', value: 'float8' },
    key: ['node_id', 'ts'],
  });
  await writer.writeMany(readings);
  await writer.flush();
  return await db.selectFrom('readings').select(['ts', 'value']).orderBy('ts').execute();
}
