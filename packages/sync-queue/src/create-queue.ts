import { createListeners, requireFunction, type Listeners, type Timer } from '@holdfast/internal';
import type { AddOptions, Added, Verdict } from './adding.ts';
import { collectVerdicts } from './collect-verdicts.ts';
import type {
  BatchHandler,
  ConsumeBatchOptions,
  ConsumeOptions,
  Consumer,
  Handler,
} from './consuming.ts';
import { Consumers } from './consumers.ts';
import type { DeadLetters } from './dead-letter.ts';
import { createDeadLetters } from './dead-letters.ts';
import { ItemTooLargeError, QueueClosedError, QueueFullError } from './errors.ts';
import {
  resolveConsumeBatchOptions,
  resolveConsumeOptions,
  resolveQueueOptions,
  type ResolvedQueueOptions,
} from './options.ts';
import { resolvePauseTarget } from './pause-target.ts';
import { PressureGauge } from './pressure-gauge.ts';
import { Producer, type PreparedAdd } from './producer.ts';
import { QueueCounts } from './queue-counts.ts';
import type { QueueOptions } from './queue-options.ts';
import type { Queue, QueueEvents, QueueSnapshot, StoreOperation } from './queue.ts';
import { StorePort } from './store-port.ts';
import { type EnqueueReply, type PauseTarget, type StoreStats } from './store.ts';

/**
 * Creates a bounded queue on a store. Delivery is at least once; an item is hidden from others while its lease runs.
 *
 * @throws {TypeError | RangeError} when an option is missing, unknown or out of range.
 */
export function createQueue<T>(options: QueueOptions<T>): Queue<T> {
  return new BoundedQueue(resolveQueueOptions(options));
}

/** Of one `addMany`. */
const CALLS_AHEAD = 4;

class BoundedQueue<T> implements Queue<T> {
  readonly dead: DeadLetters<T>;
  readonly #options: ResolvedQueueOptions<T>;
  readonly #listeners: Listeners<QueueEvents> = createListeners({
    ...{ pressureRaised: true, pressureCleared: true, full: true, evicted: true, dead: true },
    ...{ leaseLost: true, staleSettle: true, storeError: true },
  });
  readonly #port: StorePort;
  readonly #producer: Producer<T>;
  readonly #gauge: PressureGauge;
  readonly #consumers: Consumers<T>;
  readonly #counts = new QueueCounts();
  #state: QueueSnapshot['state'] = 'open';
  #isFull = false;
  #look: Timer | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: ResolvedQueueOptions<T>) {
    this.#options = options;
    const { name, store, settings, guard, clock, codec, alerts } = options;
    const onError = (operation: StoreOperation, error: unknown): void =>
      this.#tellStoreError(operation, error);
    this.#port = new StorePort({ store, name, settings, guard, onError });
    this.#gauge = new PressureGauge(settings.limits, alerts);
    this.#producer = new Producer({
      options,
      port: this.#port,
      pressure: () => this.#gauge.pressure,
      awaited: () => (this.#claimsBehindAdds ? this.#consumers.idlePlaces : 0),
      onSent: () => {
        if (this.#claimsBehindAdds) this.#consumers.notify();
      },
      onReply: (reply) => this.#hearReply(reply),
      onFull: () => this.#becomeFull(),
      onSpillError: (error) => this.#tellStoreError('spill', error),
    });
    this.#consumers = new Consumers({
      options,
      port: this.#port,
      counts: this.#counts,
      emit: (event, payload) => this.#listeners.emit(event, payload),
      onRoom: () => this.#producer.notifyRoom(),
      onBroken: (error) => this.#tellStoreError('settle', error),
    });
    this.dead = createDeadLetters({
      codec,
      clock,
      run: async (call) => {
        this.#requireOpen();
        return this.#port.run('dead', call);
      },
      onRedriven: () => this.#consumers.notify(),
    });
    this.#scheduleLook();
  }

  async start(): Promise<void> {
    this.#requireOpen();
    await this.#port.open();
  }

  async add(value: T, options: AddOptions<T> = {}): Promise<Added> {
    this.#requireOpen();
    try {
      const added = await this.#producer.add(this.#producer.prepare(value, options));
      this.#counts.countAdded(added);
      return added;
    } catch (error) {
      if (error instanceof ItemTooLargeError || error instanceof QueueFullError) {
        this.#counts.rejected += 1;
      }
      throw error;
    }
  }

  async addMany(
    values: Iterable<T>,
    options: AddOptions<T> | ((value: T) => AddOptions<T>) = {},
  ): Promise<Verdict[]> {
    this.#requireOpen();
    // All are encoded before the first is sent, so that a value that cannot be encoded leaves nothing behind.
    const prepared = this.#producer.prepareMany(values, options);
    // So many that the store has the next call when it has answered one.
    const most = CALLS_AHEAD * this.#options.maxItems;
    const verdicts: Verdict[] = [];
    for (let start = 0; start < prepared.length; start += most) {
      const part = prepared.slice(start, start + most);
      verdicts.push(...(await this.#judge(part)));
    }
    return verdicts;
  }

  consume(handler: BatchHandler<T>, options: ConsumeBatchOptions = {}): Consumer {
    this.#requireOpen();
    requireFunction('handler', handler);
    return this.#consumers.start(
      handler,
      resolveConsumeBatchOptions(options, this.#options.maxItems),
    );
  }

  consumeEach(handler: Handler<T>, options: ConsumeOptions = {}): Consumer {
    this.#requireOpen();
    requireFunction('handler', handler);
    return this.#consumers.start(async ([delivery], context) => {
      if (delivery === undefined) return undefined;
      const outcome = await handler(delivery, context);
      return outcome === undefined ? undefined : [outcome];
    }, resolveConsumeOptions(options));
  }

  async pause(target: PauseTarget = { kind: 'queue' }): Promise<void> {
    await this.#setPaused(target, true);
  }

  async resume(target: PauseTarget = { kind: 'queue' }): Promise<void> {
    await this.#setPaused(target, false);
  }

  async stats(): Promise<StoreStats> {
    this.#requireOpen();
    const stats = await this.#port.run('stats', (queue) => queue.stats());
    this.#observe(stats, stats.oldestReadyMs);
    return stats;
  }

  snapshot(): QueueSnapshot {
    return {
      state: this.#state,
      pressure: this.#gauge.pressure,
      ...this.#counts.toJSON(),
      pendingAdds: this.#producer.pending,
      inFlight: this.#consumers.inFlight,
      consumers: this.#consumers.size,
    };
  }

  on<K extends keyof QueueEvents>(
    event: K,
    listener: (payload: QueueEvents[K]) => void,
  ): () => void {
    return this.#listeners.on(event, listener);
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
    this.#look?.cancel();
    try {
      await Promise.all([
        this.#producer.close(new QueueClosedError(this.#options.name)),
        this.#consumers.close(),
      ]);
      await this.#port.close();
    } finally {
      this.#state = 'closed';
    }
  }

  #judge(added: readonly (PreparedAdd<T> | undefined)[]): Promise<Verdict[]> {
    return collectVerdicts(added, (prepared, { tell, giveUp }) => {
      if (prepared === undefined) {
        tell(this.#reject('too-large'));
        return;
      }
      this.#producer.submit(prepared, {
        resolve: (verdict) => {
          this.#counts.countAdded(verdict);
          tell(verdict);
        },
        reject: (error) => {
          const isGivenUp = prepared.options.signal?.aborted === true || this.#state !== 'open';
          if (error instanceof QueueFullError) tell(this.#reject('full'));
          else if (isGivenUp) giveUp(error);
          else tell({ status: 'failed', error, pressure: this.#gauge.pressure });
        },
      });
    });
  }

  #reject(reason: 'full' | 'too-large'): Verdict {
    this.#counts.rejected += 1;
    return { status: 'rejected', reason, pressure: this.#gauge.pressure };
  }

  async #setPaused(target: PauseTarget, isPaused: boolean): Promise<void> {
    this.#requireOpen();
    const resolved = resolvePauseTarget(target);
    await this.#port.run('pause', (queue) => queue.setPaused(resolved, isPaused));
    this.#consumers.notify();
  }

  #hearReply(reply: EnqueueReply): void {
    this.#observe(reply);
    if (reply.evicted > 0) {
      this.#counts.evicted += reply.evicted;
      this.#listeners.emit('evicted', { count: reply.evicted });
    }
    if (!reply.verdicts.some(({ status }) => status === 'accepted')) return;
    if (!this.#claimsBehindAdds) this.#consumers.notify();
    this.#isFull = false;
  }

  /**
   * Whether consumers of this process claim what it adds without waiting for the answer. A queue that was full may well be
   * full again, and a claim for each refused item would be in vain. When both answers are lost, so is an attempt: too much
   * where there is only one.
   */
  get #claimsBehindAdds(): boolean {
    const { maxAttempts } = this.#options;
    return !this.#isFull && maxAttempts > 1 && this.#port.queue.isOrdered === true;
  }

  #observe(held: { readonly count: number; readonly bytes: number }, oldestMs?: number): void {
    const nowMs = this.#options.clock.now();
    const { count, bytes } = held;
    for (const { event, payload } of this.#gauge.observe({ nowMs, count, bytes, oldestMs })) {
      this.#listeners.emit(event, payload);
    }
  }

  /** For alerts the store is asked now and then: others fill it, too, and nobody replies about the age. */
  #scheduleLook(): void {
    const { alerts, clock } = this.#options;
    if (alerts.everyMs === undefined || this.#state !== 'open') return;
    const look = async (): Promise<void> => {
      // A failure is told as `storeError`, and the next look comes all the same.
      await this.stats().catch(() => undefined);
      this.#scheduleLook();
    };
    this.#look = clock.setTimer(() => void look(), alerts.everyMs, { background: true });
  }

  #tellStoreError(operation: StoreOperation, error: unknown): void {
    this.#counts.storeErrors += 1;
    this.#listeners.emit('storeError', { operation, error });
  }

  #becomeFull(): void {
    if (this.#isFull) return;
    this.#isFull = true;
    this.#listeners.emit('full', { pendingAdds: this.#producer.pending });
  }

  #requireOpen(): void {
    if (this.#state !== 'open') throw new QueueClosedError(this.#options.name);
  }
}
