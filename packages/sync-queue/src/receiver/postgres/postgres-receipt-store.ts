import {
  checkOut,
  requireFunction,
  requireObject,
  requireOptions,
  requireText,
} from '@holdfast/internal';
import type {
  FinalOutcome,
  Receipt,
  ReceiptSession,
  ReceiptStore,
  StreamName,
} from '../receipt-store.ts';
import type { ReceiptClientLike, ReceiptPoolLike, PgTransaction } from './pg-ports.ts';
import { receiptStatements, type ReceiptStatements } from './pg-receipt-statements.ts';

export interface PostgresReceiptStoreOptions {
  /** You end it. */
  readonly pool: ReceiptPoolLike;
  /** Where the tables are. Default: the first of the connection's search path. */
  readonly schema?: string | undefined;
  /** Of the tables' names. Default `holdfast`: `holdfast_stream` and `holdfast_receipt`. */
  readonly prefix?: string | undefined;
}

export interface PostgresReceiptStore extends ReceiptStore<PgTransaction> {
  /** Creates the tables where they are missing. */
  createSchema(): Promise<void>;
}

interface ReceiptRow {
  readonly key: string;
  readonly seq: string;
  readonly digest: string;
  readonly outcome: FinalOutcome;
}

/**
 * Receipts in PostgreSQL, in the transactions that hold the effects: READ COMMITTED, one for each request, with a
 * savepoint for each unit.
 *
 * @throws {TypeError} when an option is missing, unknown or wrong.
 */
export function postgresReceiptStore(options: PostgresReceiptStoreOptions): PostgresReceiptStore {
  requireOptions('postgresReceiptStore', options, { pool: true, schema: true, prefix: true });
  const { pool, schema } = options;
  requireFunction('pool.connect', (requireObject('pool', pool) as { connect: unknown }).connect);
  const prefix = requireText('prefix', options.prefix ?? 'holdfast');
  const sql = receiptStatements({ schema, prefix });

  return {
    transact: (stream, work) =>
      inTransaction(pool, async (client) => work(await openSession(client, sql, stream))),
    async pruneOlderThan(maxAgeMs) {
      const prune = (client: ReceiptClientLike): Promise<{ readonly rows: { gone: number }[] }> =>
        client.query<{ gone: number }>(sql.pruneAll, [maxAgeMs]);
      const { rows } = await inTransaction(pool, prune);
      return rows[0]?.gone ?? 0;
    },
    async createSchema() {
      await inTransaction(pool, (client) => client.query(sql.createSchema));
    },
    close: () => Promise.resolve(),
  };
}

async function openSession(
  client: ReceiptClientLike,
  sql: ReceiptStatements,
  { clientId, streamId }: StreamName,
): Promise<ReceiptSession<PgTransaction>> {
  const stream = [clientId, streamId];
  await client.query(sql.addStream, stream);
  const { rows } = await client.query<{ acked_seq: string; pruned_seq: string }>(
    sql.lockStream,
    stream,
  );
  const [row] = rows;
  return {
    tx: client,
    marks: { ackedSeq: Number(row?.acked_seq ?? 0), prunedSeq: Number(row?.pruned_seq ?? 0) },
    async find(keys) {
      const found = await client.query<ReceiptRow>(sql.find, [...stream, keys]);
      return new Map(found.rows.map((receipt) => [receipt.key, toReceipt(receipt)]));
    },
    async savepoint(work) {
      await client.query('SAVEPOINT holdfast_unit');
      try {
        const result = await work();
        await client.query('RELEASE SAVEPOINT holdfast_unit');
        return result;
      } catch (error) {
        await client.query('ROLLBACK TO SAVEPOINT holdfast_unit');
        throw error;
      }
    },
    async save(receipts) {
      const column = (of: (receipt: Receipt) => unknown): unknown[] => receipts.map(of);
      await client.query(sql.save, [
        ...stream,
        column(({ key }) => key),
        column(({ seq }) => seq),
        column(({ digest }) => digest),
        column(({ outcome }) => JSON.stringify(outcome)),
      ]);
    },
    async acknowledge(seq) {
      await client.query(sql.acknowledge, [...stream, seq]);
      await client.query(sql.markAcked, [...stream, seq]);
    },
    async prune({ maxCount, maxAgeMs }) {
      await client.query(sql.prune, [...stream, maxCount, maxAgeMs]);
    },
  };
}

function toReceipt({ key, seq, digest, outcome }: ReceiptRow): Receipt {
  return { key, seq: Number(seq), digest, outcome };
}

/** Runs `work` on one connection; one that has failed in any way but by `work` is destroyed. */
async function inTransaction<T>(
  pool: ReceiptPoolLike,
  work: (client: ReceiptClientLike) => Promise<T>,
): Promise<T> {
  let lost: Error | undefined;
  const onError = (error: Error): void => void (lost = error);
  // Without a listener, a connection that dies while it is checked out would end the process.
  const client = await checkOut(pool, (taken) => {
    taken.on('error', onError);
    return taken;
  });
  try {
    await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((failure: unknown) => {
      lost ??= failure instanceof Error ? failure : new Error(String(failure));
    });
    throw error;
  } finally {
    client.removeListener('error', onError);
    client.release(lost);
  }
}
