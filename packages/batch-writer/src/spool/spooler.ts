import type { BatchInFlight } from '../batch-in-flight.ts';
import { rowsOf, type Batch } from '../blocks/batch.ts';
import type { Lane, Leftover } from '../lane.ts';
import type { QueuedBatch } from '../queued-batch.ts';
import type { FiledBatch } from './batch-file.ts';
import type { Spool, SpooledBatch } from './spool.ts';

export interface SpoolerContext {
  readonly lanes: number;
  /** So many rows, of so many bytes, are no longer held in memory. */
  readonly onLeft: (rows: number, bytes: number) => void;
  readonly onFailed: (error: unknown) => void;
  /** So many rows were in a file that somebody has taken away. */
  readonly onGone: (rows: number) => void;
}

/** What `relieve` asks for. */
interface Relief {
  readonly entries: () => Iterable<[number, Lane]>;
  readonly isNeeded: () => boolean;
  /** Makes batches of the rows that are in none yet. */
  readonly seal: () => void;
}

/** Moves batches between memory and disk, and counts those on disk. */
export class Spooler {
  readonly #spool: Spool;
  readonly #context: SpoolerContext;
  #next: number;
  #rows: number;
  #relief: Promise<void> | undefined;
  /** False as soon as it has seen that there is no more need: whoever waits from then on begins anew. */
  #isRelieving = false;
  /** Files that could not be read, as somebody has been told. */
  readonly #unread = new Set<string>();
  /** The batch that is being written to disk to make room. */
  #moving: { readonly batch: Batch; readonly onMoved: (() => void)[] } | undefined;

  constructor(spool: Spool, context: SpoolerContext) {
    this.#spool = spool;
    this.#context = context;
    this.#next = spool.firstNumber;
    this.#rows = spool.recovered.reduce((sum, { rows }) => sum + rows, 0);
  }

  get recovered(): readonly SpooledBatch[] {
    return this.#spool.recovered;
  }

  /** Rows on disk. */
  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    return this.#spool.bytes;
  }

  /** The place of a batch in the order of all. */
  nextNumber(): number {
    return this.#next++;
  }

  /** Moves batches to disk while it is needed, the newest first; stops when the disk has no room, or refuses. */
  relieve(relief: Relief): void {
    if (this.#isRelieving) return;
    this.#isRelieving = true;
    this.#relief = this.#relieve(relief);
  }

  /** Resolves when nothing is being moved. */
  async settled(): Promise<void> {
    await this.#relief;
  }

  /** Writes what lanes have left to disk; resolves with what is not there. */
  async keepLeftovers(leftovers: readonly Leftover[]): Promise<Leftover[]> {
    const left: Leftover[] = [];
    for (const [lane, { inFlight, queue }] of leftovers.entries()) {
      const isKept = inFlight === undefined || (await this.#keepInFlight(inFlight, lane));
      const held: QueuedBatch[] = [];
      for (const queued of queue) {
        if (queued.kind === 'spooled') {
          if (!this.#spool.has(queued.spooled)) await this.#giveUp(queued.spooled);
          continue;
        }
        const { batch, number } = queued;
        const spooled = await this.#addHeld(batch, { number, lane });
        if (spooled === undefined) held.push(queued);
      }
      left.push({ inFlight: isKept ? undefined : inFlight, queue: held });
    }
    return left;
  }

  async #keepInFlight(inFlight: BatchInFlight, lane: number): Promise<boolean> {
    const { queued, rest } = inFlight;
    const rows = inFlight.unsettled().rows.length;
    if (queued.kind === 'held') {
      if (!this.#spool.hasRoom(rest.batch.bytes.length)) return false;
      const { lanes } = this.#context;
      return (await this.#add(rest, { number: queued.number, lane, lanes, rows })) !== undefined;
    }
    // In the place of the file that it came from, so it needs no room.
    const spooled = await this.#add(rest, { ...queued.spooled, rows });
    // The old file stays: whoever finds it does again what has been done of it, under the same id.
    if (spooled === undefined) this.#rows -= queued.spooled.rows - rows;
    else if (queued.spooled.file === spooled.file) this.#forget(queued.spooled);
    else await this.remove(queued.spooled);
    return true;
  }

  /**
   * Reads a batch. Undefined when it has not been there, or not as it was written, before, and is not there now: it is given up.
   *
   * @throws {SpoolDamagedError} when its file is not as it was written, or not there.
   */
  async load(spooled: SpooledBatch): Promise<FiledBatch | undefined> {
    if (this.#unread.has(spooled.file) && !this.#spool.has(spooled)) {
      await this.#giveUp(spooled);
      return undefined;
    }
    try {
      return await this.#spool.load(spooled);
    } catch (error) {
      this.#unread.add(spooled.file);
      throw error;
    }
  }

  async #giveUp(spooled: SpooledBatch): Promise<void> {
    await this.remove(spooled);
    this.#context.onGone(spooled.rows);
  }

  async remove(spooled: SpooledBatch): Promise<void> {
    // At once: whoever settles them has counted them already.
    this.#rows -= spooled.rows;
    await this.#spool.remove(spooled);
  }

  /** Calls `then` when no file of the batch is being written: one that is would come after what `then` does. */
  afterMove(batch: Batch, then: () => void): void {
    if (this.#moving?.batch === batch) this.#moving.onMoved.push(then);
    else then();
  }

  /** Its file has been written anew. */
  #forget({ rows, bytes }: SpooledBatch): void {
    this.#rows -= rows;
    this.#spool.forget(bytes);
  }

  close(): void {
    this.#spool.close();
  }

  async #relieve({ entries, isNeeded, seal }: Relief): Promise<void> {
    try {
      while (isNeeded()) {
        let found = newestHeld(entries());
        if (found === undefined) {
          // Not before: rows that are sealed as soon as they fill what a file has left make a smaller file each time.
          seal();
          found = newestHeld(entries());
        }
        if (found === undefined || !(await this.#moveWhole(found))) return;
      }
    } finally {
      this.#isRelieving = false;
    }
  }

  async #moveWhole(found: FoundBatch): Promise<boolean> {
    const moving = (this.#moving = {
      batch: found.queued.batch,
      onMoved: [] as (() => void)[],
    });
    try {
      return await this.#move(found);
    } finally {
      this.#moving = undefined;
      for (const then of moving.onMoved) then();
    }
  }

  /** False when the disk has no room, or refuses. */
  async #move({ lane, index, queued }: FoundBatch): Promise<boolean> {
    const { batch, number } = queued;
    const spooled = await this.#addHeld(batch, { number, lane: index });
    if (spooled === undefined) return false;
    if (lane.replace(queued, { kind: 'spooled', spooled, isRecovered: false })) {
      this.#context.onLeft(rowsOf(batch), batch.bytes.length);
    } else {
      // It has been sent meanwhile.
      await this.remove(spooled);
    }
    return true;
  }

  #addHeld(
    batch: Batch,
    place: { readonly number: number; readonly lane: number },
  ): Promise<SpooledBatch | undefined> {
    if (!this.#spool.hasRoom(batch.bytes.length)) return Promise.resolve(undefined);
    const { lanes } = this.#context;
    return this.#add({ batch, todo: undefined }, { ...place, lanes, rows: rowsOf(batch) });
  }

  async #add(
    filed: FiledBatch,
    { number, lane, lanes, rows }: Omit<SpooledBatch, 'file' | 'bytes'>,
  ): Promise<SpooledBatch | undefined> {
    try {
      const spooled = await this.#spool.add(filed, { number, lane, lanes, rows });
      this.#rows += rows;
      return spooled;
    } catch (error) {
      this.#context.onFailed(error);
      return undefined;
    }
  }
}

interface FoundBatch {
  readonly lane: Lane;
  readonly index: number;
  readonly queued: NonNullable<ReturnType<Lane['newestHeld']>>;
}

function newestHeld(entries: Iterable<[number, Lane]>): FoundBatch | undefined {
  let newest: FoundBatch | undefined;
  for (const [index, lane] of entries) {
    const queued = lane.newestHeld();
    if (queued !== undefined && queued.number > (newest?.queued.number ?? -1)) {
      newest = { lane, index, queued };
    }
  }
  return newest;
}
