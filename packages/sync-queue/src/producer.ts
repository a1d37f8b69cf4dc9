import { throwIfAborted, type Clock } from '@holdfast/internal';
import { AddBatcher } from './add-batcher.ts';
import type { AddOptions, Added, Pressure } from './adding.ts';
import { ItemTooLargeError, QueueFullError } from './errors.ts';
import { foldItem } from './fold-item.ts';
import type { ResolvedQueueOptions } from './options.ts';
import { encodeValue, prepareItem } from './prepare-item.ts';
import { isSpillable, Spill, withIdempotencyKey } from './spill.ts';
import type { StorePort } from './store-port.ts';
import type { EnqueueReply, EnqueueVerdict, NewItem } from './store.ts';

export interface ProducerContext<T> {
  readonly options: ResolvedQueueOptions<T>;
  readonly port: StorePort;
  readonly pressure: () => Pressure;
  readonly onReply: (reply: EnqueueReply) => void;
  readonly onFull: () => void;
  readonly onSpillError: (error: unknown) => void;
}

export interface PreparedAdd<T> {
  readonly value: T;
  readonly item: NewItem;
  readonly options: AddOptions<T>;
}

/** Adds items: prepares them, sends them in calls of many, folds, waits for room or spills. */
export class Producer<T> {
  readonly #context: ProducerContext<T>;
  readonly #batcher: AddBatcher;
  readonly #spill: Spill | undefined;
  readonly #clock: Clock;

  constructor(context: ProducerContext<T>) {
    const { options, port, onReply, onFull } = context;
    const { clock, waitMs, maxPendingAdds: maxPending, spill, name, storeBackoff } = options;
    const { maxItems } = options;
    this.#context = context;
    this.#clock = clock;
    const enqueue = (items: readonly NewItem[]): Promise<EnqueueReply> =>
      port.run('enqueue', (queue) => queue.enqueue(items));
    this.#batcher = new AddBatcher({
      ...{ clock, waitMs, maxPending, maxItems, enqueue, onFull, onReply },
    });
    if (spill === undefined) return;
    const { onSpillError: onError } = context;
    const forwarding = {
      name,
      clock,
      backoff: storeBackoff,
      enqueue,
      onError,
      onHandedOn: onReply,
    };
    this.#spill = new Spill({ ...spill, ...forwarding });
  }

  /** Items that await their answer. */
  get pending(): number {
    return this.#batcher.pending;
  }

  /** @throws what is wrong with the value or an option, before anything is added. */
  prepare(value: T, options: AddOptions<T>): PreparedAdd<T> {
    const item = prepareItem(value, options, this.#context.options);
    return { value, options, item: this.#spill === undefined ? item : withIdempotencyKey(item) };
  }

  /** As `prepare`; undefined for a value that is too large. */
  tryPrepare(value: T, options: AddOptions<T>): PreparedAdd<T> | undefined {
    try {
      return this.prepare(value, options);
    } catch (error) {
      if (error instanceof ItemTooLargeError) return undefined;
      throw error;
    }
  }

  /** @throws {QueueFullError} and what the store or the signal rejects with. */
  async add(prepared: PreparedAdd<T>): Promise<Added> {
    throwIfAborted(prepared.options.signal);
    const startedMs = this.#clock.now();
    const verdict = await this.#submitOrSpill(prepared);
    const pressure = this.#context.pressure();
    switch (verdict.status) {
      case 'accepted':
      case 'duplicate':
      case 'coalesced':
      case 'sampled-out':
        return { ...verdict, pressure };
      case 'spilled':
        return { status: 'spilled', pressure };
      case 'full':
        this.#context.onFull();
        throw new QueueFullError(
          this.#context.options.name,
          this.#clock.now() - startedMs,
          pressure,
        );
      case 'fold':
        throw new TypeError('the store asked to fold an item that is not to be folded');
      default: {
        const impossible: never = verdict;
        return impossible;
      }
    }
  }

  /** Somebody has made room in the store. */
  notifyRoom(): void {
    this.#batcher.notifyRoom();
  }

  /** Rejects what waits for room and resolves when no call is on its way. */
  async close(reason: unknown): Promise<void> {
    await this.#batcher.close(reason);
    await this.#spill?.close();
  }

  async #submitOrSpill(prepared: PreparedAdd<T>): Promise<EnqueueVerdict | { status: 'spilled' }> {
    const spill = this.#spill;
    const { item, options } = prepared;
    // Folding needs the caller's function, and a transaction the caller's database: neither can be kept for later.
    const canSpill = item.coalesce?.mode !== 'fold' && options.transaction === undefined;
    if (spill === undefined || !canSpill) return this.#submit(prepared);
    let failure: unknown;
    // Whether it holds any may not be known while it does not answer; then nobody waits for it.
    if (await spill.isEmpty().catch(() => true)) {
      try {
        const verdict = await this.#submit(prepared);
        if (verdict.status !== 'full') return verdict;
      } catch (error) {
        if (!isSpillable(error)) throw error;
        failure = error;
      }
    }
    try {
      const kept = await spill.keep(item);
      return kept.status === 'full' ? kept : { status: 'spilled' };
    } catch (error) {
      // Told by its own event, too; the first one says what became of the item.
      throw failure ?? error;
    }
  }

  #submit({ value, item, options }: PreparedAdd<T>): Promise<EnqueueVerdict> {
    const { signal, transaction, coalesce } = options;
    const submit = (offered: NewItem): Promise<EnqueueVerdict> =>
      transaction === undefined
        ? this.#batcher.submit(offered, signal)
        : this.#enqueueWithin(transaction, offered);
    if (coalesce?.mode !== 'fold') return submit(item);
    const { codec, maxItemBytes } = this.#context.options;
    return foldItem(value, item, coalesce, {
      submit,
      encode: (folded) => encodeValue(folded, { codec, maxItemBytes }),
      decode: (payload) => codec.decode(payload),
    });
  }

  async #enqueueWithin(transaction: unknown, item: NewItem): Promise<EnqueueVerdict> {
    const reply = await this.#context.port.run('enqueue', (queue) =>
      queue.enqueue([item], transaction),
    );
    return reply.verdicts[0] ?? { status: 'full' };
  }
}
