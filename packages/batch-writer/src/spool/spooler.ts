import type { BatchInFlight } from '../batch-in-flight.ts';
import { rowsOf } from '../blocks/batch.ts';
import type { Lane, Leftover } from '../lane.ts';
import type { QueuedBatch } from '../queued-batch.ts';
import type { FiledBatch } from './batch-file.ts';
import type { Spool, SpooledBatch } from './spool.ts';

export interface SpoolerContext {
  readonly lanes: number;
  /** So many rows, of so many bytes, are no longer held in memory. */
  readonly onLeft: (rows: number, bytes: number) => void;
  readonly onFailed: (error: unknown) => void;
}

/** Moves batches between memory and disk, and counts those on disk. */
export class Spooler {
  readonly #spool: Spool;
  readonly #context: SpoolerContext;
  #next: number;
  #rows: number;
  #relief: Promise<void> | undefined;

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

  /** Moves batches to disk while `isNeeded`, the newest first; stops when the disk has no room, or refuses. */
  relieve(entries: () => Iterable<[number, Lane]>, isNeeded: () => boolean): void {
    this.#relief ??= this.#relieve(entries, isNeeded).finally(() => {
      this.#relief = undefined;
    });
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
        if (queued.kind === 'spooled') continue;
        const { batch, number } = queued;
        const place = { number, lane, rows: rowsOf(batch) };
        const spooled = await this.#add({ batch, todo: undefined }, place);
        if (spooled === undefined) held.push(queued);
      }
      left.push({ inFlight: isKept ? undefined : inFlight, queue: held });
    }
    return left;
  }

  async #keepInFlight(inFlight: BatchInFlight, lane: number): Promise<boolean> {
    const { queued, rest } = inFlight;
    const number = queued.kind === 'held' ? queued.number : queued.spooled.number;
    const rows = inFlight.unsettled().rows.length;
    const spooled = await this.#add(rest, { number, lane, rows });
    if (spooled === undefined) return false;
    // It says less than the one before.
    if (queued.kind === 'spooled') {
      if (queued.spooled.file === spooled.file) this.#forget(queued.spooled);
      else await this.remove(queued.spooled);
    }
    return true;
  }

  load(spooled: SpooledBatch): Promise<FiledBatch | undefined> {
    return this.#spool.load(spooled);
  }

  async remove(spooled: SpooledBatch): Promise<void> {
    await this.#spool.remove(spooled);
    this.#rows -= spooled.rows;
  }

  /** Its file has been written anew. */
  #forget({ rows, bytes }: SpooledBatch): void {
    this.#rows -= rows;
    this.#spool.forget(bytes);
  }

  close(): void {
    this.#spool.close();
  }

  async #relieve(entries: () => Iterable<[number, Lane]>, isNeeded: () => boolean): Promise<void> {
    while (isNeeded()) {
      const found = newestHeld(entries());
      if (found === undefined) return;
      const { lane, index, queued } = found;
      const rows = rowsOf(queued.batch);
      const place = { number: queued.number, lane: index, rows };
      const spooled = await this.#add({ batch: queued.batch, todo: undefined }, place);
      if (spooled === undefined) return;
      if (lane.replace(queued, { kind: 'spooled', spooled, isRecovered: false })) {
        this.#context.onLeft(rows, queued.batch.bytes.length);
      } else {
        // It has been sent meanwhile.
        await this.remove(spooled);
      }
    }
  }

  async #add(
    filed: FiledBatch,
    {
      number,
      lane,
      rows,
    }: { readonly number: number; readonly lane: number; readonly rows: number },
  ): Promise<SpooledBatch | undefined> {
    if (!this.#spool.hasRoom(filed.batch.bytes.length)) return undefined;
    try {
      const spooled = await this.#spool.add(filed, {
        number,
        lane,
        lanes: this.#context.lanes,
        rows,
      });
      this.#rows += rows;
      return spooled;
    } catch (error) {
      this.#context.onFailed(error);
      return undefined;
    }
  }
}

function newestHeld(
  entries: Iterable<[number, Lane]>,
): { lane: Lane; index: number; queued: NonNullable<ReturnType<Lane['newestHeld']>> } | undefined {
  let newest: ReturnType<typeof newestHeld>;
  for (const [index, lane] of entries) {
    const queued = lane.newestHeld();
    if (queued !== undefined && queued.number > (newest?.queued.number ?? -1)) {
      newest = { lane, index, queued };
    }
  }
  return newest;
}
