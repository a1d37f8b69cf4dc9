import type { Batch } from './blocks/batch.ts';
import { Lane, type LaneContext, type Leftover } from './lane.ts';
import type { QueuedBatch } from './queued-batch.ts';
import type { Spooler } from './spool/spooler.ts';

export interface LanesContext {
  readonly isSending: () => boolean;
  readonly start: (lane: number, queued: QueuedBatch) => ReturnType<LaneContext['start']>;
  readonly onIdle: () => void;
  readonly spooler: Spooler | undefined;
}

/** The lanes of a writer, one key always on one of them. */
export class Lanes {
  readonly #context: LanesContext;
  readonly #lanes: readonly Lane[];
  /** Batches that another number of lanes has left: until they are settled, keys are not where they should be. */
  #strangers = 0;
  #turn = 0;
  #number = 0;

  constructor(count: number, context: LanesContext) {
    this.#context = context;
    this.#lanes = Array.from(
      { length: count },
      (_, lane) =>
        new Lane({
          isSending: () => context.isSending() && (lane === 0 || this.#strangers === 0),
          start: (queued) => context.start(lane, queued),
          onIdle: () => this.#onIdle(lane),
        }),
    );
    for (const spooled of context.spooler?.recovered ?? []) {
      const isStranger = spooled.lanes !== count;
      if (isStranger) this.#strangers += 1;
      this.#lane(isStranger ? 0 : spooled.lane).push({
        kind: 'spooled',
        spooled,
        isRecovered: true,
      });
    }
  }

  get hasIdle(): boolean {
    return this.#strangers === 0 && this.#lanes.some(({ isIdle }) => isIdle);
  }

  get oldestAtMs(): number | undefined {
    const ages = this.#lanes.flatMap(({ oldestAtMs }) => oldestAtMs ?? []);
    return ages.length === 0 ? undefined : Math.min(...ages);
  }

  /** Takes batches by lane; those of rows without a key, which come all together, go to any lane. */
  push(batches: readonly (readonly Batch[])[]): void {
    const isShared = batches.length !== this.#lanes.length;
    batches.forEach((own, index) => {
      for (const batch of own) {
        const lane = isShared ? this.#anyLane() : this.#lane(index);
        lane.push({
          kind: 'held',
          batch,
          number: this.#context.spooler?.nextNumber() ?? this.#number++,
        });
      }
    });
  }

  /** The lane whose oldest batch in memory, not in flight, is the oldest of all. */
  oldest(): Lane {
    return this.#lanes.reduce((oldest, lane) =>
      (lane.oldestHeldMs ?? Infinity) < (oldest.oldestHeldMs ?? Infinity) ? lane : oldest,
    );
  }

  entries(): IterableIterator<[number, Lane]> {
    return this.#lanes.entries();
  }

  wake(): void {
    for (const lane of this.#lanes) lane.wake();
  }

  async settle(signal: AbortSignal | undefined): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.settle(signal)));
  }

  rejectWaiters(reason: unknown): void {
    for (const lane of this.#lanes) lane.rejectWaiters(reason);
  }

  stop(): Promise<Leftover[]> {
    return Promise.all(this.#lanes.map((lane) => lane.stop()));
  }

  #onIdle(lane: number): void {
    if (lane === 0 && this.#strangers > 0) {
      this.#strangers = 0;
      this.wake();
    }
    this.#context.onIdle();
  }

  #anyLane(): Lane {
    const idle = this.#lanes.find(({ isIdle }) => isIdle);
    return idle ?? this.#lane(this.#turn++ % this.#lanes.length);
  }

  #lane(index: number): Lane {
    const lane = this.#lanes[index];
    if (lane === undefined) throw new RangeError(`there is no lane ${index}`);
    return lane;
  }
}
