import {
  requireObject,
  requireOneOf,
  requireText,
  systemClock,
  type Clock,
} from '@holdfast/internal';
import { StoreFailedError } from '../errors.ts';
import type { QueueStore } from '../store.ts';
import { openDatabase, transact, type Database, type DatabaseConstructor } from './database.ts';
import { Items } from './items.ts';
import { prepareStatements } from './statements.ts';

export interface SqliteStoreOptions {
  /** The file; made when it does not exist. Its folder must exist. */
  readonly path: string;
  /** Encrypts the whole file (libsql, AES-256 in CBC mode). Default: not encrypted. */
  readonly encryptionKey?: string | undefined;
  /**
   * `FULL` (default): an accepted item survives a power cut. `NORMAL`: it survives the end of the process; a power cut
   * may take the last ones.
   */
  readonly synchronous?: 'FULL' | 'NORMAL' | undefined;
  readonly clock?: Clock | undefined;
}

interface Connection {
  readonly database: Database;
  readonly items: Items;
}

/**
 * A store in an SQLite file, for one machine; several processes may share it. The file is open while a queue on the
 * store is.
 *
 * @throws {TypeError} when an option is missing or wrong.
 */
export function sqliteStore(options: SqliteStoreOptions): QueueStore {
  requireObject('options', options);
  const path = requireText('path', options.path);
  const { encryptionKey } = options;
  if (encryptionKey !== undefined) requireText('encryptionKey', encryptionKey);
  const levels = ['FULL', 'NORMAL'] as const;
  const synchronous = requireOneOf('synchronous', options.synchronous ?? 'FULL', levels);
  const clock = options.clock ?? systemClock;

  let opening: Promise<Connection> | undefined;
  let connection: Connection | undefined;
  let users = 0;

  const connect = async (): Promise<Connection> => {
    const database = await openDatabase({ path, encryptionKey, synchronous, load: loadLibsql });
    return { database, items: new Items(prepareStatements(database), () => clock.wallNow()) };
  };
  const write = async <T>(work: (items: Items) => T): Promise<T> => {
    const { database, items } = requireConnection();
    return Promise.resolve(transact(database, () => work(items)));
  };
  const read = async <T>(work: (items: Items) => T): Promise<T> => {
    const { items } = requireConnection();
    try {
      return await Promise.resolve(work(items));
    } catch (error) {
      throw new StoreFailedError('not-applied', error);
    }
  };
  const requireConnection = (): Connection => {
    if (connection === undefined) {
      throw new StoreFailedError('not-applied', new Error(`${path} is not open`));
    }
    return connection;
  };

  return {
    async open() {
      users += 1;
      opening ??= connect();
      try {
        connection = await opening;
      } catch (error) {
        users -= 1;
        opening = undefined;
        throw error;
      }
    },
    async close() {
      users -= 1;
      if (users > 0) return Promise.resolve();
      connection?.database.close();
      connection = undefined;
      opening = undefined;
      return Promise.resolve();
    },
    enqueue: (queue, items, limits) => write((store) => store.enqueue(queue, items, limits)),
    async claim(queue, request) {
      // Looked at without the write lock: an idle consumer must not hold up others.
      const idle = await read((store) => store.idleFor(queue));
      if (idle !== 'work') return { items: [], died: [], nextInMs: idle };
      return write((store) => store.claim(queue, request));
    },
    settle: (queue, settlements) => write((store) => store.settle(queue, settlements)),
    extend: (queue, leases, leaseMs) => write((store) => store.extend(queue, leases, leaseMs)),
    stats: (queue) => read((store) => store.stats(queue)),
    listDead: (queue, limit) => read((store) => store.listDead(queue, limit)),
    redrive: (queue, selection) => write((store) => store.redrive(queue, selection)),
    purge: (queue, selection) => write((store) => store.purge(queue, selection)),
  };
}

/** Only when a store is opened: the driver is an optional peer. */
async function loadLibsql(): Promise<DatabaseConstructor> {
  const module = (await import('libsql')) as unknown as { readonly default: DatabaseConstructor };
  return module.default;
}
