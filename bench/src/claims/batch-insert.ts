import { createBatchWriter } from '@holdfast/batch-writer';
import { startPostgresServer } from '@holdfast/testkit';
import { Pool } from 'pg';
import type { CreateClaim } from '../claim.ts';

interface Sample {
  readonly node_id: number;
  readonly metric: string;
  readonly ts: string;
  readonly value: number;
}

const TABLE = `
  create table %s (
    node_id bigint, metric text, ts timestamptz, value double precision,
    primary key (node_id, metric, ts)
  )`;

/** The same rows into two equal tables: batches of 1,000 against one INSERT … ON CONFLICT DO NOTHING a row. */
export const batchInsert: CreateClaim = async ({ smoke }) => {
  const operations = smoke ? 200 : 5_000;
  // As in operation: each commit is flushed to disk.
  const server = await startPostgresServer({ fsync: true });
  const pool = new Pool({ connectionString: server.url });
  await pool.query(TABLE.replace('%s', 'ours'));
  await pool.query(TABLE.replace('%s', 'peer'));
  const writer = createBatchWriter<Sample>({
    pool,
    table: 'ours',
    columns: { node_id: 'int8', metric: 'text', ts: 'timestamptz', value: 'float8' },
    key: ['node_id', 'metric', 'ts'],
    batch: { maxRows: 1_000 },
  });
  let round = 0;
  const rows = (): Sample[] => {
    round += 1;
    return Array.from({ length: operations }, (_, n) => ({
      node_id: n % 200,
      metric: 'air_temp',
      ts: new Date(Date.UTC(2026, 0, round, 0, 0, 0, n)).toISOString(),
      value: n / 10,
    }));
  };
  return {
    claim: 'rows a second in batches of 1,000, against one INSERT a row over one connection',
    target: 20,
    operations,
    async ours() {
      await writer.writeMany(rows());
      await writer.flush();
    },
    async peer() {
      const client = await pool.connect();
      try {
        for (const { node_id, metric, ts, value } of rows()) {
          await client.query('insert into peer values ($1, $2, $3, $4) on conflict do nothing', [
            node_id,
            metric,
            ts,
            value,
          ]);
        }
      } finally {
        client.release();
      }
    },
    async close() {
      await writer.close();
      await pool.end();
      await server.close();
    },
  };
};
