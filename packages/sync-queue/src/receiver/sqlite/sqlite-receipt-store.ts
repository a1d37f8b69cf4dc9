import { resolve } from 'node:path';
import { requireOptions } from '@holdfast/internal';
import { StoreFailedError } from '../../errors.ts';
import { openDatabase, type Database } from '../../sqlite/database.ts';
import { resolveFileOptions } from '../../sqlite/file-options.ts';
import type {
  FinalOutcome,
  Receipt,
  ReceiptSession,
  ReceiptStore,
  StreamName,
} from '../receipt-store.ts';
import { RECEIPT_SCHEMA } from './receipt-schema.ts';

export interface SqliteReceiptStoreOptions {
  /** The file; made when it does not exist. Its folder must exist. It may hold tables of the application as well. */
  readonly path: string;
  /** Encrypts the whole file. Default: not encrypted. */
  readonly encryptionKey?: string | undefined;
  /** Default `FULL`: what was answered survives a power cut. */
  readonly synchronous?: 'FULL' | 'NORMAL' | undefined;
}

/** What the effects of an op are written with; nothing else may use it. */
export type SqliteTransaction = Pick<Database, 'prepare'>;

export const SQL = {
  addStream:
    'INSERT INTO receipt_stream (client_id, stream_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING',
  stream:
    'SELECT acked_seq, pruned_seq FROM receipt_stream WHERE client_id = ?1 AND stream_id = ?2',
  find: `SELECT key, seq, digest, outcome FROM receipt
    WHERE client_id = ?1 AND stream_id = ?2 AND key IN (SELECT value FROM json_each(?3))`,
  save: 'INSERT INTO receipt (client_id, stream_id, key, seq, digest, outcome) VALUES (?1, ?2, ?3, ?4, ?5, ?6)',
  acknowledge: 'DELETE FROM receipt WHERE client_id = ?1 AND stream_id = ?2 AND seq <= ?3',
  markAcked: 'UPDATE receipt_stream SET acked_seq = ?3 WHERE client_id = ?1 AND stream_id = ?2',
  tooOld: `SELECT max(seq) AS seq FROM receipt
    WHERE client_id = ?1 AND stream_id = ?2 AND saved_ms < unixepoch('subsec') * 1000 - ?3`,
  allTooOld: `SELECT client_id, stream_id, max(seq) AS seq, count(*) AS count FROM receipt
    WHERE saved_ms < unixepoch('subsec') * 1000 - ?1 GROUP BY client_id, stream_id`,
  beyond: `SELECT seq FROM receipt WHERE client_id = ?1 AND stream_id = ?2 ORDER BY seq DESC LIMIT 1 OFFSET ?3`,
  markPruned: `UPDATE receipt_stream SET pruned_seq = max(pruned_seq, ?3) WHERE client_id = ?1 AND stream_id = ?2`,
} as const;

/**
 * The last transaction on each file, by its absolute path: two connections of one process must not wait for each other's
 * lock, because the wait would hold up the one that is to give it back.
 */
const turns = new Map<string, Promise<unknown>>();

interface OldRow {
  readonly client_id: string;
  readonly stream_id: string;
  readonly seq: number;
  readonly count: number;
}

/**
 * Receipts in an SQLite file, in the transactions that hold the effects. Transactions of all streams run one after another
 * on one connection.
 *
 * @throws {TypeError} when an option is missing, unknown or wrong.
 */
export function sqliteReceiptStore(
  options: SqliteReceiptStoreOptions,
): ReceiptStore<SqliteTransaction> {
  const names = { path: true, encryptionKey: true, synchronous: true } as const;
  requireOptions('sqliteReceiptStore', options, names);
  const fileOptions = resolveFileOptions(options);
  let opening: Promise<Database> | undefined;
  const file = resolve(fileOptions.path);

  const inTurn = <T>(work: (database: Database) => Promise<T>): Promise<T> => {
    const result = (turns.get(file) ?? Promise.resolve()).then(async () => {
      opening ??= openDatabase({ ...fileOptions, schema: RECEIPT_SCHEMA });
      let database: Database;
      try {
        database = await opening;
      } catch (error) {
        opening = undefined;
        throw error;
      }
      return inTransaction(database, work);
    });
    const turn = result.catch(() => undefined);
    turns.set(file, turn);
    void turn.then(() => turns.get(file) === turn && turns.delete(file));
    return result;
  };

  return {
    transact: (stream, work) => inTurn((database) => work(openSession(database, stream))),
    pruneOlderThan: (maxAgeMs) =>
      inTurn((database) => Promise.resolve(pruneAll(database, maxAgeMs))),
    async close() {
      await turns.get(file);
      const database = await opening;
      opening = undefined;
      database?.close();
    },
  };
}

function openSession(
  database: Database,
  { clientId, streamId }: StreamName,
): ReceiptSession<SqliteTransaction> {
  const stream = [clientId, streamId] as const;
  database.prepare(SQL.addStream).run(stream);
  const row = database.prepare(SQL.stream).get(stream) as { acked_seq: number; pruned_seq: number };
  return {
    tx: database,
    marks: { ackedSeq: row.acked_seq, prunedSeq: row.pruned_seq },
    find(keys) {
      const rows = database.prepare(SQL.find).all([...stream, JSON.stringify(keys)]);
      const receipts = (rows as (Omit<Receipt, 'outcome'> & { readonly outcome: string })[]).map(
        ({ key, seq, digest, outcome }): [string, Receipt] => [
          key,
          { key, seq, digest, outcome: JSON.parse(outcome) as FinalOutcome },
        ],
      );
      return Promise.resolve(new Map(receipts));
    },
    async savepoint(work) {
      database.exec('SAVEPOINT unit');
      try {
        const result = await work();
        database.exec('RELEASE unit');
        return result;
      } catch (error) {
        if (database.inTransaction) database.exec('ROLLBACK TO unit');
        throw error;
      }
    },
    save(receipts) {
      const save = database.prepare(SQL.save);
      for (const { key, seq, digest, outcome } of receipts) {
        save.run([...stream, key, seq, digest, JSON.stringify(outcome)]);
      }
      return Promise.resolve();
    },
    acknowledge(seq) {
      database.prepare(SQL.acknowledge).run([...stream, seq]);
      database.prepare(SQL.markAcked).run([...stream, seq]);
      return Promise.resolve();
    },
    prune({ maxCount, maxAgeMs }) {
      const beyond = database.prepare(SQL.beyond).get([...stream, maxCount]) as
        { readonly seq: number } | undefined;
      const tooOld = database.prepare(SQL.tooOld).get([...stream, maxAgeMs]) as {
        readonly seq: number | null;
      };
      const last = Math.max(beyond?.seq ?? 0, tooOld.seq ?? 0);
      if (last > 0) forget(database, stream, last);
      return Promise.resolve();
    },
  };
}

function pruneAll(database: Database, maxAgeMs: number): number {
  const old = database.prepare(SQL.allTooOld).all([maxAgeMs]) as OldRow[];
  for (const { client_id, stream_id, seq } of old) forget(database, [client_id, stream_id], seq);
  return old.reduce((sum, { count }) => sum + count, 0);
}

function forget(database: Database, stream: readonly [string, string], seq: number): void {
  database.prepare(SQL.acknowledge).run([...stream, seq]);
  database.prepare(SQL.markPruned).run([...stream, seq]);
}

async function inTransaction<T>(
  database: Database,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  let isDone = false;
  try {
    database.exec('BEGIN IMMEDIATE');
    const result = await work(database);
    isDone = true;
    database.exec('COMMIT');
    return result;
  } catch (error) {
    const isOpen = database.inTransaction;
    if (isOpen) database.exec('ROLLBACK');
    throw isDone ? new StoreFailedError(isOpen ? 'not-applied' : 'unknown', error) : error;
  }
}
