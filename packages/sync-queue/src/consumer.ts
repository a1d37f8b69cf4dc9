import {
  createDeferred,
  onAbort,
  sleep,
  type Backoff,
  type Clock,
  type Deferred,
} from '@holdfast/internal';
import { LeaseKeeper } from './lease-keeper.ts';
import type { ResolvedConsumeOptions } from './options.ts';
import { planSettlements, type HandlerResult, type RetryPolicy } from './plan-settlements.ts';
import type { Codec, Consumer, Delivery, Handler } from './queue.ts';
import type { Claim, ClaimedItem, Lease, Settlement } from './store.ts';
import { textOf } from './text-of.ts';
import { Wakeup } from './wakeup.ts';

export interface ConsumerContext<T> {
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly policy: RetryPolicy;
  readonly storeBackoff: Backoff;
  readonly codec: Codec<T>;
  readonly claim: (maxItems: number) => Promise<Claim>;
  readonly settle: (settlements: readonly Settlement[]) => Promise<readonly boolean[]>;
  readonly extend: (leases: readonly Lease[]) => Promise<readonly boolean[]>;
  readonly onDelivered: (count: number) => void;
  readonly onDied: (lease: Lease) => void;
  readonly onLost: (lease: Lease) => void;
  readonly onSettled: (
    settlement: Settlement,
    answer: { readonly isStale: boolean; readonly isRepeat: boolean },
  ) => void;
  /** The work on a batch ended in a way that nobody has foreseen. */
  readonly onBroken: (error: unknown) => void;
  readonly onClosed: () => void;
}

/** Claims batches one after the other and works on up to `concurrency` of them at a time. */
export class ClaimLoop<T> implements Consumer {
  readonly #context: ConsumerContext<T>;
  readonly #options: ResolvedConsumeOptions;
  readonly #handler: Handler<T>;
  readonly #news: Wakeup;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<void>>();
  /** Resolved by the next batch that is done; a race would leave a reaction with every batch that is not. */
  #oneDone: Deferred<void> | undefined;
  readonly #loop: Promise<void>;
  #inFlight = 0;
  #closed: Promise<void> | undefined;

  constructor(handler: Handler<T>, options: ResolvedConsumeOptions, context: ConsumerContext<T>) {
    this.#context = context;
    this.#options = options;
    this.#handler = handler;
    this.#news = new Wakeup(context.clock);
    this.#loop = this.#claimBatches();
    const off = onAbort(options.signal, () => void this.close());
    onAbort(this.#closing.signal, () => off());
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Items may have become ready. */
  notify(): void {
    this.#news.notify();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    await this.#loop;
    await Promise.all(this.#running);
    this.#context.onClosed();
  }

  async #claimBatches(): Promise<void> {
    const { signal } = this.#closing;
    // Whoever called consume() gets the consumer before its first claim.
    await Promise.resolve();
    let failures = 0;
    while (!signal.aborted) {
      this.#news.reset();
      const claimedAtMs = this.#context.clock.now();
      let claim: Claim;
      try {
        claim = await this.#context.claim(this.#options.maxBatch);
        failures = 0;
      } catch {
        failures += 1;
        await this.#pause(this.#context.storeBackoff(failures, 0));
        continue;
      }
      for (const lease of claim.died) this.#context.onDied(lease);
      if (claim.items.length === 0) {
        const waitMs = Math.min(this.#options.pollMs, Math.max(1, claim.nextInMs ?? Infinity));
        await this.#news.wait(waitMs, signal);
      } else if (this.#closing.signal.aborted) {
        // The last one first, for each goes to the front.
        const back = claim.items.toReversed();
        await this.#settle(back.map(({ id, attempt }) => ({ id, attempt, status: 'release' })));
      } else if (this.#context.clock.now() - claimedAtMs >= this.#context.leaseMs) {
        // The answer took longer than the lease: others may have the items already.
        for (const lease of claim.items) this.#context.onLost(lease);
      } else {
        this.#start(claim.items, claimedAtMs);
        // Stores that answer in microtasks would keep the event loop until the backlog is empty.
        const turn = this.#pause(0);
        while (this.#running.size >= this.#options.concurrency) {
          this.#oneDone ??= createDeferred();
          await this.#oneDone.promise;
        }
        await turn;
      }
    }
  }

  #start(items: readonly ClaimedItem[], claimedAtMs: number): void {
    this.#inFlight += items.length;
    // Whatever goes wrong in it is told, and the leases of its items run out as if the process had ended.
    const work = this.#work(items, claimedAtMs).catch((error: unknown) => {
      this.#context.onBroken(error);
    });
    const run = work.finally(() => {
      this.#inFlight -= items.length;
      this.#running.delete(run);
      this.#oneDone?.resolve();
      this.#oneDone = undefined;
    });
    this.#running.add(run);
  }

  async #work(items: readonly ClaimedItem[], claimedAtMs: number): Promise<void> {
    const { clock, leaseMs, extend, onLost, onDelivered } = this.#context;
    const { deliveries, readable, settlements } = this.#decode(items);
    if (readable.length > 0) {
      const context = { clock, leaseMs, extend, onLost };
      const keeper = new LeaseKeeper(readable, claimedAtMs, context);
      onDelivered(readable.length);
      const result = await this.#handle(deliveries, keeper.signal);
      // Before settling: an item that is settled cannot be extended, and that would look like a lost lease.
      keeper.stop();
      settlements.push(...this.#plan(readable, result));
    }
    await this.#settle(settlements);
  }

  #decode(items: readonly ClaimedItem[]): {
    readonly deliveries: Delivery<T>[];
    readonly readable: ClaimedItem[];
    readonly settlements: Settlement[];
  } {
    const deliveries: Delivery<T>[] = [];
    const readable: ClaimedItem[] = [];
    const settlements: Settlement[] = [];
    for (const item of items) {
      const { id, attempt, enqueuedAtMs } = item;
      try {
        const value = this.#context.codec.decode(item.payload);
        deliveries.push({ id, value, attempt, enqueuedAtMs });
        readable.push(item);
      } catch (error) {
        const reason = `cannot be decoded: ${textOf(error)}`;
        settlements.push({ id, attempt, status: 'dead', reason });
      }
    }
    return { deliveries, readable, settlements };
  }

  async #handle(deliveries: readonly Delivery<T>[], signal: AbortSignal): Promise<HandlerResult> {
    try {
      const outcomes: unknown = await this.#handler(deliveries, { signal });
      return { status: 'resolved', outcomes: Array.isArray(outcomes) ? outcomes : undefined };
    } catch (error) {
      return { status: 'rejected', error };
    }
  }

  /** Outcomes may be anything, also something that throws when it is read. */
  #plan(items: readonly ClaimedItem[], result: HandlerResult): Settlement[] {
    const { policy } = this.#context;
    try {
      return planSettlements(items, result, policy);
    } catch (error) {
      return planSettlements(items, { status: 'rejected', error }, policy);
    }
  }

  /** Tries until the store answers; once the consumer closes, only for the time of a lease. */
  async #settle(settlements: readonly Settlement[]): Promise<void> {
    const { clock, leaseMs, storeBackoff } = this.#context;
    const startedMs = clock.now();
    for (let failures = 0; ; failures += 1) {
      let isHeld: readonly boolean[];
      try {
        isHeld = await this.#context.settle(settlements);
      } catch {
        const isOver = clock.now() - startedMs >= leaseMs;
        if (isOver && this.#closing.signal.aborted) return;
        await sleep(storeBackoff(failures + 1, 0), { clock });
        continue;
      }
      settlements.forEach((settlement, index) => {
        const isStale = isHeld[index] !== true;
        this.#context.onSettled(settlement, { isStale, isRepeat: failures > 0 });
      });
      return;
    }
  }

  async #pause(ms: number): Promise<void> {
    const { clock } = this.#context;
    await sleep(ms, { clock, signal: this.#closing.signal }).catch(() => undefined);
  }
}
