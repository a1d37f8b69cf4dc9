import { isHoldfastError, type Clock } from '@holdfast/internal';
import { AddBatcher, type AddResult } from './add-batcher.ts';
import type { AddOptions, Added, Pressure } from './adding.ts';
import { ItemTooLargeError, QueueFullError } from './errors.ts';
import { foldItem } from './fold-item.ts';
import type { ResolvedQueueOptions } from './options.ts';
import { PayloadInvalidError } from './payload/payload-errors.ts';
import { encodeValue, prepareItem } from './prepare-item.ts';
import { requireIterable } from './require-iterable.ts';
import { isSpillable, Spill, withIdempotencyKey } from './spill.ts';
import type { StorePort } from './store-port.ts';
import type { EnqueueReply, NewItem } from './store.ts';
import { told, whyFull, type AddVerdict } from './why-full.ts';

export interface ProducerContext<T> {
  readonly options: ResolvedQueueOptions<T>;
  readonly port: StorePort;
  readonly pressure: () => Pressure;
  /** Items that consumers of this process claim as soon as they are told that items are on their way to the store. */
  readonly awaited: () => number;
  /** Items are on their way to a store that does what it is told in that order. */
  readonly onSent: () => void;
  readonly onReply: (reply: EnqueueReply) => void;
  readonly onFull: () => void;
  readonly onSpillError: (error: unknown) => void;
}

export interface PreparedAdd<T> {
  readonly value: T;
  readonly item: NewItem;
  readonly options: AddOptions<T>;
}

/** What is told, once, of a value that was added. */
export interface AddedResult {
  resolve(added: Added): void;
  reject(reason: unknown): void;
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
      port.run('enqueue', (queue) => {
        if (queue.isOrdered !== true) return queue.enqueue(items);
        const reply = queue.enqueue(items, undefined, context.awaited());
        context.onSent();
        return reply;
      });
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

  /** As `prepare`, for many; undefined for a value that is too large. */
  prepareMany(
    values: Iterable<T>,
    options: AddOptions<T> | ((value: T) => AddOptions<T>),
  ): (PreparedAdd<T> | undefined)[] {
    const optionsOf = typeof options === 'function' ? options : () => options;
    return Array.from(requireIterable('values', values), (value, index) => {
      try {
        return this.prepare(value, optionsOf(value));
      } catch (error) {
        if (error instanceof ItemTooLargeError) return undefined;
        if (!(error instanceof PayloadInvalidError)) throw error;
        throw new PayloadInvalidError(error.cause, index);
      }
    });
  }

  /** Rejects with `QUEUE_FULL` and what the store or the signal rejects with. */
  add(prepared: PreparedAdd<T>): Promise<Added> {
    return new Promise((resolve, reject) => this.submit(prepared, { resolve, reject }));
  }

  /** As `add`, for many at a time, which need no promises of their own. */
  submit(prepared: PreparedAdd<T>, result: AddedResult): void {
    const { item, options } = prepared;
    const { signal } = options;
    if (signal?.aborted === true) {
      result.reject(signal.reason);
      return;
    }
    const startedMs = this.#clock.now();
    const tell: AddResult = {
      resolve: (verdict) => this.#tell(verdict, { startedMs, item, result }),
      reject: (reason) => result.reject(reason),
    };
    const isFolding = item.coalesce?.mode === 'fold';
    if (this.#spill === undefined && !isFolding && options.transaction === undefined) {
      this.#batcher.submit(item, signal, tell);
      return;
    }
    void this.#submitOrSpill(prepared).then(
      (verdict) =>
        verdict.status === 'spilled'
          ? result.resolve({ status: 'spilled', pressure: this.#context.pressure() })
          : tell.resolve(verdict),
      (reason: unknown) => result.reject(reason),
    );
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

  async #submitOrSpill(prepared: PreparedAdd<T>): Promise<AddVerdict | { status: 'spilled' }> {
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
      if (kept.status !== 'full') return { status: 'spilled' };
      // It may be held, which one that found no room is not.
      if (!isHoldfastError(failure, 'AMBIGUOUS_ADD')) return { status: 'full', by: 'spill' };
    } catch (error) {
      // Told by its own event, too; the first one says what became of the item.
      throw failure ?? error;
    }
    throw failure;
  }

  #submit({ value, item, options }: PreparedAdd<T>): Promise<AddVerdict> {
    const { signal, transaction, coalesce } = options;
    const submit = (offered: NewItem): Promise<AddVerdict> =>
      transaction === undefined
        ? new Promise((resolve, reject) => {
            this.#batcher.submit(offered, signal, { resolve, reject });
          })
        : this.#enqueueWithin(transaction, offered);
    if (coalesce?.mode !== 'fold') return submit(item);
    const { codec, maxItemBytes } = this.#context.options;
    return foldItem(value, item, coalesce, {
      submit,
      encode: (folded) => encodeValue(folded, { codec, maxItemBytes }),
      decode: (payload) => codec.decode(payload),
    });
  }

  async #enqueueWithin(transaction: unknown, item: NewItem): Promise<AddVerdict> {
    const reply = await this.#context.port.run('enqueue', (queue) =>
      queue.enqueue([item], transaction),
    );
    return told(reply.verdicts[0] ?? { status: 'full' }, reply, item.payload.length);
  }

  #tell(
    verdict: AddVerdict,
    { startedMs, item, result }: { startedMs: number; item: NewItem; result: AddedResult },
  ): void {
    const pressure = this.#context.pressure();
    switch (verdict.status) {
      case 'accepted': {
        const { id, sampleRate } = verdict;
        result.resolve({ status: 'accepted', id, sampleRate, pressure });
        return;
      }
      case 'duplicate':
      case 'coalesced':
        result.resolve({ status: verdict.status, id: verdict.id, pressure });
        return;
      case 'sampled-out':
        result.resolve({ status: 'sampled-out', sampleRate: verdict.sampleRate, pressure });
        return;
      case 'full': {
        this.#context.onFull();
        const { name, settings, spill, maxPendingAdds, waitMs } = this.#context.options;
        const bounds = { limits: settings.limits, spill: spill?.limits, maxPendingAdds };
        const why = whyFull(verdict, item.payload.length, bounds);
        // The time that the store takes to answer is no wait for room.
        const waitedMs = waitMs > 0 ? this.#clock.now() - startedMs : 0;
        result.reject(new QueueFullError(name, { why, waitedMs, pressure }));
        return;
      }
      case 'fold':
        result.reject(new TypeError('the store asked to fold an item that is not to be folded'));
        return;
      default: {
        const impossible: never = verdict;
        return impossible;
      }
    }
  }
}
