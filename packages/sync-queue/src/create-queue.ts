import {
  createListeners,
  requireFunction,
  throwIfAborted,
  type Listeners,
} from '@holdfast/internal';
import { AddBatcher } from './add-batcher.ts';
import { ClaimLoop } from './consumer.ts';
import { createDeadLetters } from './dead-letters.ts';
import { ItemTooLargeError, QueueClosedError, QueueFullError } from './errors.ts';
import {
  resolveConsumeOptions,
  resolveQueueOptions,
  type ResolvedQueueOptions,
} from './options.ts';
import type {
  AddOptions,
  ConsumeOptions,
  Consumer,
  DeadLetters,
  Handler,
  Queue,
  QueueEvents,
  QueueOptions,
  QueueSnapshot,
  StoreOperation,
  Verdict,
} from './queue.ts';
import { prepareItem } from './prepare-item.ts';
import { StorePort } from './store-port.ts';
import {
  LEASES_RAN_OUT,
  MAX_ITEMS_PER_CALL,
  type NewItem,
  type Settlement,
  type StoreStats,
} from './store.ts';

/**
 * Creates a bounded queue on a store. Delivery is at least once; an item is hidden from others while its lease runs.
 *
 * @throws {TypeError | RangeError} when an option is missing or out of range.
 */
export function createQueue<T>(options: QueueOptions<T>): Queue<T> {
  return new BoundedQueue(resolveQueueOptions(options));
}

class BoundedQueue<T> implements Queue<T> {
  readonly dead: DeadLetters<T>;
  readonly #options: ResolvedQueueOptions<T>;
  readonly #listeners: Listeners<QueueEvents> = createListeners();
  readonly #port: StorePort;
  readonly #batcher: AddBatcher;
  readonly #consumers = new Set<ClaimLoop<T>>();
  readonly #counts = {
    accepted: 0,
    duplicate: 0,
    rejected: 0,
    delivered: 0,
    acked: 0,
    retried: 0,
    dead: 0,
    leasesLost: 0,
    staleSettles: 0,
    storeErrors: 0,
  };
  #state: QueueSnapshot['state'] = 'open';
  #isFull = false;
  #closed: Promise<void> | undefined;

  constructor(options: ResolvedQueueOptions<T>) {
    this.#options = options;
    const { name, limits, clock, waitMs, maxPendingAdds: maxPending } = options;
    this.#port = new StorePort({
      store: options.store,
      guard: options.guard,
      onError: (operation, error) => this.#tellStoreError(operation, error),
    });
    this.#batcher = new AddBatcher({
      clock,
      waitMs,
      maxPending,
      enqueue: (items) => this.#port.run('enqueue', (store) => store.enqueue(name, items, limits)),
      onFull: () => this.#becomeFull(),
      onTaken: ({ accepted, duplicate }) => {
        this.#counts.accepted += accepted;
        this.#counts.duplicate += duplicate;
        if (accepted === 0) return;
        this.#isFull = false;
        for (const consumer of this.#consumers) consumer.notify();
      },
    });
    this.dead = createDeadLetters(name, options.codec, {
      run: async (call) => {
        this.#requireOpen();
        return this.#port.run('dead', call);
      },
      onRedriven: () => {
        for (const consumer of this.#consumers) consumer.notify();
      },
      onPurged: () => this.#batcher.notifyRoom(),
    });
  }

  async start(): Promise<void> {
    this.#requireOpen();
    await this.#port.open();
  }

  async add(value: T, options: AddOptions = {}): Promise<{ readonly id: string }> {
    this.#requireOpen();
    const item = this.#prepare(value, options);
    throwIfAborted(options.signal);
    const startedMs = this.#options.clock.now();
    const result = await this.#batcher.submit(item, options.signal);
    if (result === 'full') {
      this.#becomeFull();
      this.#counts.rejected += 1;
      throw new QueueFullError(this.#options.name, this.#options.clock.now() - startedMs);
    }
    return { id: item.id };
  }

  async addMany(values: Iterable<T>, options: Omit<AddOptions, 'id'> = {}): Promise<Verdict[]> {
    this.#requireOpen();
    // All are encoded before the first is sent, so that a value that cannot be encoded leaves nothing behind.
    const items = Array.from(values, (value) => this.#tryPrepare(value, options));
    const verdicts: Verdict[] = [];
    for (let start = 0; start < items.length; start += MAX_ITEMS_PER_CALL) {
      throwIfAborted(options.signal);
      const part = items.slice(start, start + MAX_ITEMS_PER_CALL);
      verdicts.push(...(await Promise.all(part.map((item) => this.#judge(item, options.signal)))));
    }
    return verdicts;
  }

  consume(handler: Handler<T>, options: ConsumeOptions = {}): Consumer {
    this.#requireOpen();
    requireFunction('handler', handler);
    const { name, leaseMs, maxAttempts, backoff, storeBackoff, codec, clock } = this.#options;
    const consumer = new ClaimLoop<T>(handler, resolveConsumeOptions(options), {
      clock,
      leaseMs,
      policy: { maxAttempts, backoff },
      storeBackoff,
      codec,
      claim: (maxItems) => {
        const request = { maxItems, leaseMs, maxTries: maxAttempts };
        return this.#port.run('claim', (store) => store.claim(name, request));
      },
      settle: (settlements) => this.#port.run('settle', (store) => store.settle(name, settlements)),
      extend: (leases) => this.#port.run('extend', (store) => store.extend(name, leases, leaseMs)),
      onDelivered: (count) => (this.#counts.delivered += count),
      onDied: ({ id, attempt }) => {
        this.#counts.dead += 1;
        this.#listeners.emit('dead', { id, attempt, reason: LEASES_RAN_OUT });
      },
      onLost: ({ id, attempt }) => {
        this.#counts.leasesLost += 1;
        this.#listeners.emit('leaseLost', { id, attempt });
      },
      onSettled: (settlement, answer) => this.#countSettlement(settlement, answer),
      onBroken: (error) => this.#tellStoreError('settle', error),
      onClosed: () => this.#consumers.delete(consumer),
    });
    this.#consumers.add(consumer);
    return consumer;
  }

  async stats(): Promise<StoreStats> {
    this.#requireOpen();
    return this.#port.run('stats', (store) => store.stats(this.#options.name));
  }

  snapshot(): QueueSnapshot {
    let inFlight = 0;
    for (const consumer of this.#consumers) inFlight += consumer.inFlight;
    return {
      state: this.#state,
      ...this.#counts,
      pendingAdds: this.#batcher.pending,
      inFlight,
      consumers: this.#consumers.size,
    };
  }

  on<K extends keyof QueueEvents>(
    event: K,
    listener: (payload: QueueEvents[K]) => void,
  ): () => void {
    return this.#listeners.on(event, requireFunction('listener', listener));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#state = 'closing';
    await Promise.all([
      this.#batcher.close(new QueueClosedError(this.#options.name)),
      ...[...this.#consumers].map((consumer) => consumer.close()),
    ]);
    try {
      await this.#port.close();
    } finally {
      this.#state = 'closed';
    }
  }

  #prepare(value: T, options: AddOptions): NewItem {
    const { codec, limits } = this.#options;
    try {
      return prepareItem(value, options, { codec, maxItemBytes: limits.maxItemBytes });
    } catch (error) {
      if (error instanceof ItemTooLargeError) this.#counts.rejected += 1;
      throw error;
    }
  }

  #tryPrepare(value: T, options: Omit<AddOptions, 'id'>): NewItem | 'too-large' {
    try {
      return this.#prepare(value, { ...options, id: undefined });
    } catch (error) {
      if (error instanceof ItemTooLargeError) return 'too-large';
      throw error;
    }
  }

  async #judge(item: NewItem | 'too-large', signal: AbortSignal | undefined): Promise<Verdict> {
    if (item === 'too-large') return { status: 'rejected', reason: 'too-large' };
    try {
      const result = await this.#batcher.submit(item, signal);
      if (result === 'accepted') return { status: 'accepted', id: item.id };
    } catch (error) {
      if (signal?.aborted === true || this.#state !== 'open') throw error;
      return { status: 'failed', id: item.id, error };
    }
    this.#becomeFull();
    this.#counts.rejected += 1;
    return { status: 'rejected', reason: 'full' };
  }

  #countSettlement(
    settlement: Settlement,
    { isStale, isRepeat }: { readonly isStale: boolean; readonly isRepeat: boolean },
  ): void {
    const { id, attempt, status } = settlement;
    if (isStale) {
      this.#counts.staleSettles += 1;
      this.#listeners.emit('staleSettle', { id, attempt, status, isRepeat });
      return;
    }
    switch (settlement.status) {
      case 'ack':
        this.#counts.acked += 1;
        this.#batcher.notifyRoom();
        return;
      case 'retry':
        this.#counts.retried += 1;
        return;
      case 'release':
        return;
      case 'dead':
        this.#counts.dead += 1;
        this.#listeners.emit('dead', { id, attempt, reason: settlement.reason });
        return;
      default: {
        const impossible: never = settlement;
        return impossible;
      }
    }
  }

  #tellStoreError(operation: StoreOperation, error: unknown): void {
    this.#counts.storeErrors += 1;
    this.#listeners.emit('storeError', { operation, error });
  }

  #becomeFull(): void {
    if (this.#isFull) return;
    this.#isFull = true;
    this.#listeners.emit('full', { pendingAdds: this.#batcher.pending });
  }

  #requireOpen(): void {
    if (this.#state !== 'open') throw new QueueClosedError(this.#options.name);
  }
}
