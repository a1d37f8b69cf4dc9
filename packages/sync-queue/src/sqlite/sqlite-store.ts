import { requireOptions, systemClock, type Clock } from '@holdfast/internal';
import type { QueueStore } from '../store.ts';
import { openDatabase } from './database.ts';
import { resolveFileOptions } from './file-options.ts';
import { QUEUE_SCHEMA } from './schema.ts';
import { SharedFile } from './shared-file.ts';
import { SqliteQueue } from './sqlite-queue.ts';

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

/**
 * A store in an SQLite file, for one machine; several processes may share it. The file is open while a queue on the
 * store is.
 *
 * @throws {TypeError} when an option is missing, unknown or wrong.
 */
export function sqliteStore(options: SqliteStoreOptions): QueueStore {
  const names = { path: true, encryptionKey: true, synchronous: true, clock: true } as const;
  requireOptions('sqliteStore', options, names);
  const fileOptions = resolveFileOptions(options);
  const clock = options.clock ?? systemClock;
  const file = new SharedFile(fileOptions.path, clock, () =>
    openDatabase({ ...fileOptions, schema: QUEUE_SCHEMA }),
  );
  return {
    open: () => file.open(),
    close: () => file.close(),
    queue: (name, settings) =>
      new SqliteQueue(file, { name, settings, now: () => clock.wallNow() }),
  };
}
