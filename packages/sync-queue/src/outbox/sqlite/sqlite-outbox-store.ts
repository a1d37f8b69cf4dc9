import { nextTurn, requireOptions, sleep, systemClock, type Clock } from '@holdfast/internal';
import { StoreFailedError } from '../../errors.ts';
import {
  loadDriver,
  openDatabase,
  type Database,
  type DatabaseConstructor,
} from '../../sqlite/database.ts';
import { resolveFileOptions } from '../../sqlite/file-options.ts';
import { OutboxInUseError } from '../outbox-errors.ts';
import type { OutboxConnection, OutboxStore } from '../outbox-store.ts';
import { commitGroup, createWrite, type Write } from './commit-group.ts';
import { OUTBOX_SCHEMA } from './outbox-schema.ts';
import { takeOwnerLock } from './owner-lock.ts';
import { SqliteRows } from './sqlite-rows.ts';

export interface SqliteOutboxStoreOptions {
  /** The file; made when it does not exist. Its folder must exist. It may hold tables of the application as well. */
  readonly path: string;
  /** Encrypts the whole file (libsql, AES-256 in CBC mode). Default: not encrypted. */
  readonly encryptionKey?: string | undefined;
  /**
   * `FULL` (default): what is durable survives a power cut. `NORMAL`: it survives the end of the process; a power cut may
   * take the last ones.
   */
  readonly synchronous?: 'FULL' | 'NORMAL' | undefined;
  readonly clock?: Clock | undefined;
}

interface Connection {
  readonly database: Database;
  readonly lock: Database;
  readonly rows: SqliteRows;
}

/** How long to wait before looking again whether a caller's transaction has ended. */
const GUEST_POLL_MS = 2;
/** Writes of one commit at most: the event loop waits for it. */
const MAX_GROUP = 500;

/**
 * A store in an SQLite file, for one outbox at a time. Writes that are asked for in one turn share one commit, and with it
 * one flush to disk.
 *
 * @throws {TypeError} when an option is missing, unknown or wrong.
 */
export function sqliteOutboxStore(options: SqliteOutboxStoreOptions): OutboxStore {
  const names = { path: true, encryptionKey: true, synchronous: true, clock: true } as const;
  requireOptions('sqliteOutboxStore', options, names);
  const fileOptions = resolveFileOptions(options);
  const { path } = fileOptions;
  const clock = options.clock ?? systemClock;

  let connection: Connection | undefined;
  let isOpening = false;
  const waiting: Write[] = [];
  let flushing: Promise<void> | undefined;
  const guests = new Map<OutboxConnection, SqliteRows>();

  const connect = async (): Promise<Connection> => {
    const Driver = await loadDriver();
    const lock = takeOwnerLock(fileOptions, Driver);
    try {
      const load = (): Promise<DatabaseConstructor> => Promise.resolve(Driver);
      const schema = OUTBOX_SCHEMA;
      const database = await openDatabase({ ...fileOptions, schema, load });
      return { database, lock, rows: new SqliteRows((sql) => database.prepare(sql)) };
    } catch (error) {
      lock.close();
      throw error;
    }
  };
  const notOpen = (): StoreFailedError =>
    new StoreFailedError('not-applied', new Error(`${path} is not open`));

  const flushAll = async (): Promise<void> => {
    while (waiting.length > 0) {
      await nextTurn();
      // While a caller of this process has a transaction, to wait for its lock would be to wait for ourselves.
      while (isGuestBusy(guests)) await sleep(GUEST_POLL_MS, { clock });
      commit(waiting.splice(0, MAX_GROUP));
    }
    // In the same turn in which nothing was waiting: whoever comes next begins anew.
    flushing = undefined;
  };
  const commit = (group: readonly Write[]): void => {
    if (connection !== undefined) commitGroup(connection, group);
    else for (const write of group) write.fail(notOpen());
  };

  return {
    label: path,
    async open() {
      if (isOpening || connection !== undefined) throw new OutboxInUseError(path);
      isOpening = true;
      try {
        connection = await connect();
      } finally {
        isOpening = false;
      }
    },
    async close() {
      await flushing;
      connection?.database.close();
      connection?.lock.close();
      connection = undefined;
      guests.clear();
    },
    write(work) {
      return new Promise((resolve, reject) => {
        waiting.push(createWrite(work, resolve, reject));
        flushing ??= flushAll();
      });
    },
    async read(work) {
      try {
        if (connection === undefined) throw notOpen();
        return await Promise.resolve(work(connection.rows));
      } catch (error) {
        throw error instanceof StoreFailedError
          ? error
          : new StoreFailedError('not-applied', error);
      }
    },
    within(guest) {
      const rows = guests.get(guest) ?? new SqliteRows((sql) => guest.prepare(sql));
      guests.set(guest, rows);
      return rows;
    },
  };
}

function isGuestBusy(guests: ReadonlyMap<OutboxConnection, unknown>): boolean {
  for (const guest of guests.keys()) if (guest.inTransaction) return true;
  return false;
}
