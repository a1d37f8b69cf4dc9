import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
} from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SpoolDamagedError } from '../errors.ts';
import { lockFolder } from './folder-lock.ts';
import { decodeBatchFile, encodeBatchFile, type FiledBatch } from './batch-file.ts';

export interface ResolvedSpoolOptions {
  readonly dir: string;
  readonly maxBytes: number;
  readonly fsync: boolean;
}

/** A batch on disk. */
export interface SpooledBatch {
  readonly file: string;
  /** Its place in the order of all. */
  readonly number: number;
  readonly lane: number;
  readonly lanes: number;
  /** Rows that are not settled. */
  readonly rows: number;
  readonly bytes: number;
}

/** `<number>-<lane>of<lanes>-<rows>-<bytes>.batch`: so a folder says without being read what is in it. */
const NAME = /^(\d{12})-(\d+)of(\d+)-(\d+)-(\d+)\.batch$/;

/**
 * A folder with one file a batch. A file is written under another name, flushed to disk and renamed, so one that is there is
 * whole; it goes when its rows are settled. One writer at a time has the folder.
 */
export class Spool {
  readonly #options: ResolvedSpoolOptions;
  readonly #shape: string;
  readonly #unlock: () => void;
  /** What an earlier writer has left, oldest first. */
  readonly recovered: readonly SpooledBatch[];
  /** Above those of all batches that are there. */
  readonly firstNumber: number;
  #bytes: number;

  /** @throws {SpoolLockedError} when another writer has the folder, and what the file system throws. */
  constructor(options: ResolvedSpoolOptions, shape: string) {
    this.#options = options;
    this.#shape = shape;
    mkdirSync(options.dir, { recursive: true });
    this.#unlock = lockFolder(options.dir);
    const names = readdirSync(options.dir).sort();
    // Never told to be there: whoever wrote it ended before it was whole.
    for (const name of names) if (name.endsWith('.tmp')) rmSync(join(options.dir, name));
    this.recovered = names.flatMap(parseName);
    this.firstNumber = 1 + Math.max(0, ...this.recovered.map(({ number }) => number));
    this.#bytes = this.recovered.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get bytes(): number {
    return this.#bytes;
  }

  hasRoom(bytes: number): boolean {
    return this.#bytes + bytes <= this.#options.maxBytes;
  }

  /** Resolves when the batch is on disk. */
  async add(filed: FiledBatch, place: Omit<SpooledBatch, 'file' | 'bytes'>): Promise<SpooledBatch> {
    const { number, lane, lanes, rows } = place;
    const bytes = filed.batch.bytes.length;
    // Taken before the first wait: two that are written at a time must not both fit.
    this.#bytes += bytes;
    const file = `${String(number).padStart(12, '0')}-${lane}of${lanes}-${rows}-${bytes}.batch`;
    const path = join(this.#options.dir, file);
    try {
      await this.#write(`${path}.tmp`, encodeBatchFile(filed, this.#shape));
      await rename(`${path}.tmp`, path);
      this.#flushFolder();
    } catch (error) {
      this.#bytes -= bytes;
      // A torn one takes room that is wanted.
      await rm(`${path}.tmp`, { force: true }).catch(() => undefined);
      throw error;
    }
    return { ...place, file, bytes };
  }

  /** @throws {SpoolDamagedError} when the file is not as it was written, or not there. */
  async load({ file }: SpooledBatch): Promise<FiledBatch> {
    const path = join(this.#options.dir, file);
    let content: Buffer;
    try {
      content = await readFile(path);
    } catch (error) {
      if (!isMissing(error)) throw error;
      throw new SpoolDamagedError(path, 'somebody has taken it away');
    }
    return decodeBatchFile(path, content, this.#shape);
  }

  /** False when somebody has taken it away. */
  has({ file }: SpooledBatch): boolean {
    return existsSync(join(this.#options.dir, file));
  }

  async remove({ file, bytes }: SpooledBatch): Promise<void> {
    await rm(join(this.#options.dir, file), { force: true });
    this.#bytes -= bytes;
  }

  forget(bytes: number): void {
    this.#bytes -= bytes;
  }

  close(): void {
    this.#unlock();
  }

  async #write(path: string, parts: readonly Buffer[]): Promise<void> {
    const handle = await open(path, 'w', 0o600);
    try {
      // Not `writev`, which may write less than it is given, on a disk that is all but full, and calls that a success.
      for (const part of parts) await handle.writeFile(part);
      if (this.#options.fsync) await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /** A rename is on disk when its folder is (man 2 fsync). */
  #flushFolder(): void {
    if (!this.#options.fsync) return;
    const folder = openSync(this.#options.dir, 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function parseName(file: string): SpooledBatch[] {
  const parts = NAME.exec(file);
  if (parts === null) return [];
  const [number = 0, lane = 0, lanes = 1, rows = 0, bytes = 0] = parts.slice(1).map(Number);
  return [{ file, number, lane, lanes, rows, bytes }];
}
