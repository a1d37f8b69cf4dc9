import { createDeferred, nextTurn, type Clock, type Deferred } from '@holdfast/internal';
import { ZoneSourceTimeoutError } from './errors.ts';
import type { Zone, ZoneSource } from './zone.ts';

export interface SourceReaderParts<D> {
  readonly zones: ZoneSource<D>;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly onZone: (zone: Zone<D>) => void;
  /** May the next zone be asked for? When it says no, `wake()` must follow once it would say yes. */
  readonly hasRoom: () => boolean;
  /** Called once; with what ended the reading early, if something did. */
  readonly onEnd: (failure: { readonly error: unknown } | undefined) => void;
  /** Somebody must call `expire` at that time, or before. */
  readonly watch: (dueMs: number) => void;
}

/** So many zones of a list are taken at once, before what has arrived meanwhile has its turn. */
const CHUNK = 500;

/**
 * Reads one cycle's zones, one at a time and only while there is room. The source has `timeoutMs` for each; a source
 * that takes longer is given up, for a promise cannot be stopped, and what it gives later is ignored.
 */
export class SourceReader<D> {
  readonly #parts: SourceReaderParts<D>;
  #isReading = true;
  #dueMs = Infinity;
  #latestDueMs = Infinity;
  #room: Deferred<void> | undefined;

  constructor(parts: SourceReaderParts<D>) {
    this.#parts = parts;
  }

  get isReading(): boolean {
    return this.#isReading;
  }

  /** When the source is given up if it has given nothing until then. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** To be called once. Never rejects. */
  async read(): Promise<void> {
    try {
      this.#expect();
      const given = await this.#parts.zones();
      if (isAsync(given)) await this.#readAsync(given);
      else await this.#readChunks(given);
      this.#end(undefined);
    } catch (error) {
      this.#end({ error });
    }
  }

  /** Goes on if there is room now. */
  wake(): void {
    if (this.#room !== undefined && this.#parts.hasRoom()) this.#room.resolve();
  }

  /** From now on all the rest together has `timeoutMs`. */
  hurry(): void {
    this.#latestDueMs = this.#parts.clock.now() + this.#parts.timeoutMs;
  }

  expire(nowMs: number): void {
    if (nowMs >= this.#dueMs) this.giveUp(new ZoneSourceTimeoutError(this.#parts.timeoutMs));
  }

  giveUp(error: Error): void {
    this.#end({ error });
    this.#room?.resolve();
  }

  async #readAsync(zones: AsyncIterable<Zone<D>>): Promise<void> {
    for await (const zone of zones) {
      // Leaving the loop closes the iterator of a source that was given up.
      if (!this.#isReading) return;
      this.#dueMs = Infinity;
      this.#parts.onZone(zone);
      if (!this.#parts.hasRoom()) await this.#waitForRoom();
      this.#expect();
    }
  }

  /** Without a promise for each zone. Nobody waits for a list: what is slow between its chunks is the event loop. */
  async #readChunks(zones: Iterable<Zone<D>>): Promise<void> {
    this.#expectBy(this.#latestDueMs);
    let read = 0;
    for (const zone of zones) {
      if (!this.#isReading) return;
      this.#parts.onZone(zone);
      read += 1;
      if (read % CHUNK === 0) {
        this.#expectBy(this.#latestDueMs);
        await nextTurn();
      }
      if (!this.#parts.hasRoom()) await this.#waitForRoom();
    }
  }

  async #waitForRoom(): Promise<void> {
    this.#dueMs = Infinity;
    this.#room = createDeferred();
    await this.#room.promise;
    this.#room = undefined;
  }

  #expect(): void {
    const { clock, timeoutMs } = this.#parts;
    this.#expectBy(Math.min(clock.now() + timeoutMs, this.#latestDueMs));
  }

  #expectBy(dueMs: number): void {
    if (!this.#isReading) return;
    this.#dueMs = dueMs;
    if (dueMs < Infinity) this.#parts.watch(dueMs);
  }

  #end(failure: { readonly error: unknown } | undefined): void {
    if (!this.#isReading) return;
    this.#isReading = false;
    this.#dueMs = Infinity;
    this.#parts.onEnd(failure);
  }
}

function isAsync<T>(given: Iterable<T> | AsyncIterable<T>): given is AsyncIterable<T> {
  return typeof given === 'object' && Symbol.asyncIterator in given;
}
