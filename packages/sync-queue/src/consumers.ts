import { onAbort } from '@holdfast/internal';
import { ClaimLoop, type GroupHandler } from './claim-loop.ts';
import type { Consumer } from './consuming.ts';
import type { ResolvedConsumeOptions, ResolvedQueueOptions } from './options.ts';
import type { QueueCounts } from './queue-counts.ts';
import type { QueueEvents } from './queue.ts';
import { RetryBudget } from './retry-budget.ts';
import type { StorePort } from './store-port.ts';
import { LEASES_RAN_OUT, type Demand, type Lease, type Settlement } from './store.ts';

export interface ConsumersContext<T> {
  readonly options: ResolvedQueueOptions<T>;
  readonly port: StorePort;
  readonly counts: QueueCounts;
  readonly emit: <K extends keyof QueueEvents>(event: K, payload: QueueEvents[K]) => void;
  /** An item has left the queue. */
  readonly onRoom: () => void;
  readonly onBroken: (error: unknown) => void;
}

/** The consumers of one queue object; they share a watch on the store and a budget of retries. */
export class Consumers<T> {
  readonly #context: ConsumersContext<T>;
  readonly #budget: RetryBudget | undefined;
  readonly #running = new Set<ClaimLoop<T>>();
  /** Those who wait until one of them is idle. */
  readonly #awaitingIdle = new Set<() => void>();
  #endWatch: (() => Promise<void>) | undefined;
  #watchEnding: Promise<unknown> = Promise.resolve();

  constructor(context: ConsumersContext<T>) {
    const { retryBudget } = context.options;
    this.#context = context;
    this.#budget = retryBudget === undefined ? undefined : new RetryBudget(retryBudget);
  }

  get size(): number {
    return this.#running.size;
  }

  /** Items that handlers work on now. */
  get inFlight(): number {
    let count = 0;
    for (const { inFlight } of this.#running) count += inFlight;
    return count;
  }

  /** Items that they claim at once when they are told of any. */
  get idlePlaces(): number {
    let count = 0;
    for (const { idlePlaces } of this.#running) count += idlePlaces;
    return count;
  }

  start(handler: GroupHandler<T>, consuming: ResolvedConsumeOptions): Consumer {
    const { options, port, counts } = this.#context;
    const { leaseMs, maxAttempts, backoff, retryCapMs, storeBackoff, codec, clock } = options;
    const { maxItems } = options;
    const consumer = new ClaimLoop<T>(handler, consuming, {
      clock,
      leaseMs,
      maxItems,
      policy: { maxAttempts, backoff, capMs: retryCapMs, budget: this.#budget },
      storeBackoff,
      codec,
      open: () => port.open(),
      claim: async (maxItems) => {
        const claim = await port.run('claim', (queue) => queue.claim({ maxItems, leaseMs }));
        // Only now: the store is open.
        this.#endWatch ??= port.queue.watch(() => this.notify(), this.#demand);
        return claim;
      },
      settle: (settlements) => port.run('settle', (queue) => queue.settle(settlements)),
      extend: (leases) => port.run('extend', (queue) => queue.extend(leases, leaseMs)),
      onIdle: () => {
        for (const resolve of this.#awaitingIdle) resolve();
      },
      onDelivered: (count) => (counts.delivered += count),
      onDied: (lease) => this.#tellDied(lease),
      onLost: ({ id, attempt }) => {
        counts.leasesLost += 1;
        this.#context.emit('leaseLost', { id, attempt });
      },
      onSettled: (settlement, answer) => {
        const told = counts.countSettled(settlement, answer);
        if (told !== undefined) this.#context.emit(told.event, told.payload);
        if (makesRoom(settlement)) this.#context.onRoom();
      },
      onBroken: this.#context.onBroken,
      onClosed: () => this.#remove(consumer),
    });
    this.#running.add(consumer);
    return consumer;
  }

  /** Items may have become ready. */
  notify(): void {
    for (const consumer of this.#running) consumer.notify();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running].map((consumer) => consumer.close()));
    await this.#watchEnding;
  }

  readonly #demand: Demand = {
    isIdle: () => this.idlePlaces > 0,
    untilIdle: async (signal) => {
      if (this.idlePlaces > 0 || signal.aborted) return;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.#awaitingIdle.delete(done);
          off();
          resolve();
        };
        this.#awaitingIdle.add(done);
        const off = onAbort(signal, done);
      });
    },
  };

  /** The last one takes the watch along: news that nobody here can use would be lost for others. */
  #remove(consumer: ClaimLoop<T>): void {
    this.#running.delete(consumer);
    if (this.#running.size > 0) return;
    this.#watchEnding = Promise.all([this.#watchEnding, this.#endWatch?.()]);
    this.#endWatch = undefined;
  }

  #tellDied({ id, attempt }: Lease): void {
    this.#context.counts.dead += 1;
    this.#context.emit('dead', { id, attempt, reason: LEASES_RAN_OUT });
    this.#context.onRoom();
  }
}

function makesRoom({ status }: Settlement): boolean {
  return status === 'ack' || status === 'dead';
}
