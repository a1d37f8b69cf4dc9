import { createBatchWriter, type BatchWriterOptions } from '@holdfast/batch-writer';
import type { Pool, PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import createPgPromise from 'pg-promise';
import createPostgres from 'postgres';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { COLUMNS, KEY, NAMES, encodeForCopy, valuesOf, type Sample } from './samples.ts';

/** One way to write all samples into its table. */
export interface InsertSide {
  /** What is done before the clock runs. */
  prepare?(samples: readonly Sample[]): void;
  insert(samples: readonly Sample[]): Promise<void>;
  close(): Promise<void>;
}

const nothing = (): Promise<void> => Promise.resolve();
const LIST = NAMES.join(', ');

export function ours(
  pool: Pool,
  table: string,
  options: Pick<BatchWriterOptions<Sample>, 'lanes' | 'batch' | 'exactlyOnce'>,
): InsertSide {
  const writer = createBatchWriter<Sample>({ pool, table, columns: COLUMNS, key: KEY, ...options });
  return {
    async insert(samples) {
      await writer.writeMany(samples);
      await writer.flush();
    },
    async close() {
      const { rejected, returned } = await writer.close();
      if (rejected + returned.length > 0) throw new Error('not all samples were written');
    },
  };
}

/** One COPY of everything, encoded before the clock runs: what the server can take from one connection. */
export function rawCopy(pool: Pool, table: string): InsertSide {
  let encoded: Buffer[] = [];
  return {
    prepare(samples) {
      const all = encodeForCopy(samples);
      encoded = [];
      for (let at = 0; at < all.length; at += 65_536) encoded.push(all.subarray(at, at + 65_536));
    },
    insert: () =>
      withClient(pool, async (client) => {
        const stream = client.query(copyFrom(`COPY ${table} (${LIST}) FROM STDIN`));
        await pipeline(Readable.from(encoded, { objectMode: true }), stream);
      }),
    close: nothing,
  };
}

export function rowByRow(pool: Pool, table: string): InsertSide {
  const text = `INSERT INTO ${table} (${LIST}) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`;
  return {
    insert: (samples) =>
      withClient(pool, async (client) => {
        for (const sample of samples) {
          await client.query({ name: `row-${table}`, text, values: valuesOf(sample) });
        }
      }),
    close: nothing,
  };
}

export function pgPromise(url: string, table: string, batch: number): InsertSide {
  const pgp = createPgPromise();
  const db = pgp({ connectionString: url, max: 1 });
  const columns = new pgp.helpers.ColumnSet([...NAMES], { table });
  return {
    async insert(samples) {
      for (const part of inParts(samples, batch)) {
        await db.none(`${pgp.helpers.insert(part, columns)} ON CONFLICT DO NOTHING`);
      }
    },
    close: async () => pgp.end(),
  };
}

export function postgresJs(url: string, table: string, batch: number): InsertSide {
  const sql = createPostgres(url, { max: 1 });
  return {
    async insert(samples) {
      for (const part of inParts(samples, batch)) {
        await sql`INSERT INTO ${sql(table)} ${sql(part, ...NAMES)} ON CONFLICT DO NOTHING`;
      }
    },
    close: () => sql.end(),
  };
}

/** As it is written by hand with `pg`: an array a column. */
export function unnest(pool: Pool, table: string, batch: number): InsertSide {
  const arrays = NAMES.map((name, index) => `$${index + 1}::${COLUMNS[name]}[]`).join(', ');
  const text = `INSERT INTO ${table} (${LIST}) SELECT * FROM unnest(${arrays}) ON CONFLICT DO NOTHING`;
  return {
    insert: (samples) =>
      withClient(pool, async (client) => {
        for (const part of inParts(samples, batch)) {
          await client.query(
            text,
            NAMES.map((name) => part.map((sample) => sample[name])),
          );
        }
      }),
    close: nothing,
  };
}

function inParts<T>(all: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < all.length; at += size) parts.push(all.slice(at, at + size));
  return parts;
}

async function withClient(pool: Pool, work: (client: PoolClient) => Promise<void>): Promise<void> {
  const client = await pool.connect();
  try {
    await work(client);
  } finally {
    client.release();
  }
}
