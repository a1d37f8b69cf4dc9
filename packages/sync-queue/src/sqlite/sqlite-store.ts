import {
  requireOneOf,
  requireOptions,
  requireText,
  systemClock,
  type Clock,
  type Timer,
} from '@holdfast/internal';
import { StoreFailedError } from '../errors.ts';
import type { QueueStore } from '../store.ts';
import { openDatabase, transact, type Database } from './database.ts';
import { QUEUE_SCHEMA } from './schema.ts';
import { SqliteQueue, type OpenFile } from './sqlite-queue.ts';

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

/** How often it is looked whether another process has written. */
const LOOK_MS = 20;

/**
 * A store in an SQLite file, for one machine; several processes may share it. The file is open while a queue on the
 * store is.
 *
 * @throws {TypeError} when an option is missing, unknown or wrong.
 */
export function sqliteStore(options: SqliteStoreOptions): QueueStore {
  const names = { path: true, encryptionKey: true, synchronous: true, clock: true } as const;
  requireOptions('sqliteStore', options, names);
  const path = requireText('path', options.path);
  const { encryptionKey } = options;
  if (encryptionKey !== undefined) requireText('encryptionKey', encryptionKey);
  const levels = ['FULL', 'NORMAL'] as const;
  const synchronous = requireOneOf('synchronous', options.synchronous ?? 'FULL', levels);
  const clock = options.clock ?? systemClock;
  const file = new SharedFile(path, clock, () =>
    openDatabase({ path, encryptionKey, synchronous, schema: QUEUE_SCHEMA }),
  );
  return {
    open: () => file.open(),
    close: () => file.close(),
    queue: (name, settings) =>
      new SqliteQueue(file, { name, settings, now: () => clock.wallNow() }),
  };
}

/** One connection, open while anybody uses it. */
class SharedFile implements OpenFile {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #connect: () => Promise<Database>;
  readonly #watchers = new Set<() => void>();
  #opening: Promise<Database> | undefined;
  #database: Database | undefined;
  #users = 0;
  #look: Timer | undefined;
  #version = 0;

  constructor(path: string, clock: Clock, connect: () => Promise<Database>) {
    this.#path = path;
    this.#clock = clock;
    this.#connect = connect;
  }

  async open(): Promise<void> {
    this.#users += 1;
    const opening = (this.#opening ??= this.#connect());
    try {
      this.#database = await opening;
    } catch (error) {
      this.#users -= 1;
      if (this.#opening === opening) this.#opening = undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#users -= 1;
    if (this.#users === 0) {
      this.#look?.cancel();
      this.#database?.close();
      this.#database = undefined;
      this.#opening = undefined;
    }
    return Promise.resolve();
  }

  write<T>(work: (database: Database) => T): T {
    const database = this.#requireOpen();
    return transact(database, () => work(database));
  }

  read<T>(work: (database: Database) => T): T {
    const database = this.#requireOpen();
    try {
      return work(database);
    } catch (error) {
      throw new StoreFailedError('not-applied', error);
    }
  }

  watch(onNews: () => void): () => Promise<void> {
    const watcher = (): void => onNews();
    this.#watchers.add(watcher);
    this.#version = this.#dataVersion();
    this.#scheduleLook();
    return async () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.#look?.cancel();
      return Promise.resolve();
    };
  }

  tellWatchers(): void {
    for (const watcher of this.#watchers) watcher();
  }

  #scheduleLook(): void {
    this.#look?.cancel();
    this.#look = this.#clock.setTimer(
      () => {
        if (this.#database === undefined || this.#watchers.size === 0) return;
        const version = this.#dataVersion();
        if (version !== this.#version) this.tellWatchers();
        this.#version = version;
        this.#scheduleLook();
      },
      LOOK_MS,
      { background: true },
    );
  }

  /** Changes when another connection has written (SQLite, "PRAGMA data_version"). */
  #dataVersion(): number {
    const row = this.read((database) => database.prepare('PRAGMA data_version').get([]));
    return (row as { readonly data_version: number }).data_version;
  }

  #requireOpen(): Database {
    if (this.#database === undefined) {
      throw new StoreFailedError('not-applied', new Error(`${this.#path} is not open`));
    }
    return this.#database;
  }
}
