import {
  createBatchWriter,
  describeTable,
  upsertLatest,
  type BatchWriter,
  type CloseReport,
  type DecodedRow,
  type PgPoolLike,
  type RejectedRow,
} from '@holdfast/batch-writer';
import type { Pool } from '@holdfast/testkit';
import type { ColumnType, Generated, Insertable, Kysely } from 'kysely';
import { expectTypeOf } from 'vitest';

interface Row {
  readonly id: number;
  readonly ts: Date;
}

declare const pool: Pool;
declare const kysely: Kysely<unknown>;
expectTypeOf<Pool>().toExtend<PgPoolLike>();

const options = { pool, table: 't', columns: { id: 'int4', ts: 'timestamptz' } } as const;

const writer = createBatchWriter<Row>({ ...options, key: ['id'], onConflict: { newerThan: 'ts' } });
expectTypeOf(writer).toEqualTypeOf<BatchWriter<Row>>();
expectTypeOf(writer.write({ id: 1, ts: new Date() })).toEqualTypeOf<true | Promise<void>>();
expectTypeOf(writer.close()).resolves.toEqualTypeOf<CloseReport<Row>>();
expectTypeOf<CloseReport<Row>['returned']>().toEqualTypeOf<readonly DecodedRow<Row>[]>();
writer.on('rejected', ({ rows }) => {
  expectTypeOf(rows).toEqualTypeOf<readonly RejectedRow<Row>[]>();
});

// @ts-expect-error a column of the row has no type
createBatchWriter<Row>({ pool, table: 't', columns: { id: 'int4' }, key: ['id'] });
// @ts-expect-error the key is not a column
createBatchWriter<Row>({ ...options, key: ['name'] });
// @ts-expect-error newer by a column that is not there
createBatchWriter<Row>({ ...options, key: ['id'], onConflict: { newerThan: 'at' } });
// @ts-expect-error a row with the types of a decoded one, which no writer made
void writer.write({ id: 'one', ts: new Date() });
void writer.close().then(({ returned }) => writer.writeMany(returned));
// @ts-expect-error no such event
writer.on('nothing', () => undefined);

/** As generators for Kysely write them. */
interface Readings {
  readonly id: Generated<bigint>;
  readonly node_id: number;
  readonly ts: ColumnType<Date, Date | string, never>;
  readonly value: number | null;
  readonly stored_at: ColumnType<Date, never, never>;
}
type NewReading = Insertable<Readings>;

const columns = { node_id: 'int8', ts: 'timestamptz', value: 'float8' } as const;
const typed = createBatchWriter<NewReading>({
  pool,
  table: 'readings',
  columns,
  key: ['node_id', 'ts'],
  onConflict: { newerThan: 'ts' },
});
expectTypeOf(typed).toEqualTypeOf<BatchWriter<NewReading>>();
void typed.write({ node_id: 1, ts: '2026-01-01T00:00:00Z' });
createBatchWriter<NewReading>({ pool, table: 'readings', columns: { ...columns, id: 'int8' } });
upsertLatest<NewReading>({ pool, table: 'r', columns, key: ['node_id'], newerThan: 'ts' });
expectTypeOf(
  describeTable<NewReading>(pool, { table: 'readings', columns: ['node_id'] }),
).resolves.toHaveProperty('node_id');

// @ts-expect-error a column that a row must have is missing
createBatchWriter<NewReading>({ pool, table: 'readings', columns: { ts: 'timestamptz' } });
// @ts-expect-error no such column
createBatchWriter<NewReading>({ pool, table: 'readings', columns: { ...columns, at: 'int8' } });
// @ts-expect-error generated always: it is in no row
createBatchWriter<NewReading>({ pool, table: 'r', columns: { ...columns, stored_at: 'date' } });
// @ts-expect-error an instance of Kysely is no pool
createBatchWriter<NewReading>({ pool: kysely, table: 'readings', columns });
