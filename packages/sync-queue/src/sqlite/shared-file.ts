import type { Clock, Timer } from '@holdfast/internal';
import { StoreFailedError } from '../errors.ts';
import { transact, type Database } from './database.ts';
import type { OpenFile } from './sqlite-queue.ts';

/** How often it is looked whether another process has written. */
const LOOK_MS = 20;

/** One connection, open while anybody uses it. */
export class SharedFile implements OpenFile {
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
