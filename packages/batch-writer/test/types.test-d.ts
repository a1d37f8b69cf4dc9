import {
  createBatchWriter,
  type BatchWriter,
  type CloseReport,
  type DecodedRow,
  type PgPoolLike,
  type RejectedRow,
} from '@holdfast/batch-writer';
import type { Pool } from '@holdfast/testkit';
import { expectTypeOf } from 'vitest';

interface Row {
  readonly id: number;
  readonly ts: Date;
}

declare const pool: Pool;
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
