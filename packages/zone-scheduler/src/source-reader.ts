import { createDeferred, type Clock, type Deferred } from '@holdfast/internal';
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
    const { zones, onZone, hasRoom } = this.#parts;
    try {
      this.#expect();
      for await (const zone of await zones()) {
        // Leaving the loop closes the iterator of a source that was given up.
        if (!this.#isReading) return;
        this.#dueMs = Infinity;
        onZone(zone);
        if (!hasRoom()) {
          this.#room = createDeferred();
          await this.#room.promise;
        }
        this.#expect();
      }
      this.#end(undefined);
    } catch (error) {
      this.#end({ error });
    }
  }

  wake(): void {
    this.#room?.resolve();
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
    this.wake();
  }

  #expect(): void {
    if (!this.#isReading) return;
    const { clock, timeoutMs, watch } = this.#parts;
    this.#dueMs = Math.min(clock.now() + timeoutMs, this.#latestDueMs);
    watch(this.#dueMs);
  }

  #end(failure: { readonly error: unknown } | undefined): void {
    if (!this.#isReading) return;
    this.#isReading = false;
    this.#dueMs = Infinity;
    this.#parts.onEnd(failure);
  }
}
