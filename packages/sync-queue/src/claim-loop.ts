import {
  createDeferred,
  nextTurn,
  onAbort,
  sleep,
  type Backoff,
  type Clock,
  type Deferred,
} from '@holdfast/internal';
import type { Consumer, Delivery, Outcome } from './consuming.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import type { ResolvedConsumeOptions } from './options.ts';
import { planSettlements, type HandlerResult, type RetryPolicy } from './plan-settlements.ts';
import type { Codec } from './queue-options.ts';
import { SettleBatcher } from './settle-batcher.ts';
import type { Claim, ClaimedItem, Lease, SettleAnswer, Settlement } from './store.ts';
import { textOf } from './text-of.ts';
import { Wakeup } from './wakeup.ts';

/** Works on a group of items; what it resolves with is not known to be outcomes. */
export type GroupHandler<T> = (
  group: readonly Delivery<T>[],
  context: { readonly signal: AbortSignal },
) => Promise<void | readonly Outcome[]>;

export interface ConsumerContext<T> {
  readonly clock: Clock;
  readonly leaseMs: number;
  /** In a call of the store. */
  readonly maxItems: number;
  readonly policy: RetryPolicy;
  readonly storeBackoff: Backoff;
  readonly codec: Codec<T>;
  readonly open: () => Promise<void>;
  readonly claim: (maxItems: number) => Promise<Claim>;
  readonly settle: (settlements: readonly Settlement[]) => Promise<readonly SettleAnswer[]>;
  readonly extend: (leases: readonly Lease[]) => Promise<readonly boolean[]>;
  /** It claims at once when it is told of items. */
  readonly onIdle: () => void;
  readonly onDelivered: (count: number) => void;
  readonly onDied: (lease: Lease) => void;
  readonly onLost: (lease: Lease) => void;
  readonly onSettled: (
    settlement: Settlement,
    answer: { readonly answer: SettleAnswer; readonly isRepeat: boolean },
  ) => void;
  /** The work on a group ended in a way that nobody has foreseen. */
  readonly onBroken: (error: unknown) => void;
  readonly onClosed: () => void;
}

/** Claims items, hands them out in groups, `concurrency` of them at a time, and settles what became of them. */
export class ClaimLoop<T> implements Consumer {
  readonly #context: ConsumerContext<T>;
  readonly #options: ResolvedConsumeOptions;
  readonly #handler: GroupHandler<T>;
  readonly #news: Wakeup;
  readonly #keeper: LeaseKeeper;
  readonly #settler: SettleBatcher;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<void>>();
  /** Resolved by the next group that is done; a race would leave a reaction with every group that is not. */
  #oneDone: Deferred<void> | undefined;
  readonly #loop: Promise<void>;
  #inFlight = 0;
  /** It waits for news. */
  #isIdle = false;
  #closed: Promise<void> | undefined;

  constructor(
    handler: GroupHandler<T>,
    options: ResolvedConsumeOptions,
    context: ConsumerContext<T>,
  ) {
    const { clock, leaseMs, maxItems, extend, onLost, settle, onSettled, storeBackoff } = context;
    this.#context = context;
    this.#options = options;
    this.#handler = handler;
    this.#news = new Wakeup(clock);
    this.#keeper = new LeaseKeeper({ clock, leaseMs, maxItems, extend, onLost });
    const isClosing = (): boolean => this.#closing.signal.aborted;
    const settling = { clock, leaseMs, maxItems, backoff: storeBackoff };
    this.#settler = new SettleBatcher({ ...settling, settle, onSettled, isClosing });
    this.#loop = this.#claimItems();
    const off = onAbort(options.signal, () => void this.close());
    onAbort(this.#closing.signal, () => off());
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Items that it claims at once when it is told of any. */
  get idlePlaces(): number {
    return this.#isIdle && !this.#closing.signal.aborted ? this.#wanted : 0;
  }

  /** Items may have become ready. */
  notify(): void {
    this.#isIdle = false;
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

  async #claimItems(): Promise<void> {
    const { signal } = this.#closing;
    const { clock, leaseMs, storeBackoff } = this.#context;
    // Whoever called consume() gets the consumer before its first claim.
    await Promise.resolve();
    let failures = 0;
    while (!signal.aborted) {
      this.#news.reset();
      const turn = watchTurn();
      let claimedAtMs: number;
      let claim: Claim;
      try {
        await this.#context.open();
        // Only now: opening the store takes its time, and no lease runs yet.
        claimedAtMs = clock.now();
        claim = await this.#context.claim(this.#wanted);
        failures = 0;
      } catch {
        failures += 1;
        await this.#pause(storeBackoff(failures, 0));
        continue;
      }
      for (const lease of claim.died) this.#context.onDied(lease);
      if (claim.items.length === 0) {
        await this.#waitForNews(claim, claimedAtMs);
      } else if (this.#closing.signal.aborted) {
        // The last one first, for each goes to the front.
        const back = claim.items.toReversed();
        await this.#settler.settle(
          back.map(({ id, attempt }) => ({ id, attempt, status: 'release' })),
        );
      } else if (clock.now() - claimedAtMs >= leaseMs) {
        // The answer took longer than the lease: others may have the items already.
        for (const lease of claim.items) this.#context.onLost(lease);
      } else {
        this.#startGroups(claim.items, claimedAtMs);
        if (this.#running.size < this.#options.concurrency && claim.isAll === true) {
          await this.#waitForNews(claim, claimedAtMs);
        }
        while (this.#running.size >= this.#options.concurrency) {
          this.#oneDone ??= createDeferred();
          await this.#oneDone.promise;
        }
      }
      // Stores that answer in microtasks would keep the event loop until the backlog is empty.
      if (!turn.isOver) await this.#pause(0);
    }
  }

  async #waitForNews({ nextInMs = Infinity }: Claim, claimedAtMs: number): Promise<void> {
    const leftMs = claimedAtMs + nextInMs - this.#context.clock.now();
    this.#isIdle = true;
    this.#context.onIdle();
    await this.#news.wait(
      Math.min(this.#options.pollMs, Math.max(1, leftMs)),
      this.#closing.signal,
    );
    this.#isIdle = false;
  }

  /** A batch, or as many single items as there are free places for. */
  get #wanted(): number {
    const { maxBatch, concurrency } = this.#options;
    if (maxBatch > 1) return maxBatch;
    return Math.min(concurrency - this.#running.size, this.#context.maxItems);
  }

  #startGroups(items: readonly ClaimedItem[], claimedAtMs: number): void {
    const { maxBatch } = this.#options;
    for (let start = 0; start < items.length; start += maxBatch) {
      this.#start(items.slice(start, start + maxBatch), claimedAtMs);
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
    const { deliveries, readable, settlements } = this.#decode(items);
    if (readable.length > 0) {
      const leases = this.#keeper.keep(readable, claimedAtMs);
      this.#context.onDelivered(readable.length);
      const result = await this.#handle(deliveries, leases);
      leases.stop();
      settlements.push(...this.#plan(readable, result));
    }
    await this.#settler.settle(settlements);
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
      const { id, attempt, priority, key, enqueuedAtMs, sampleRate } = item;
      try {
        const value = this.#context.codec.decode(item.payload);
        deliveries.push({ id, value, attempt, priority, key, enqueuedAtMs, sampleRate });
        readable.push(item);
      } catch (error) {
        const reason = `cannot be decoded: ${textOf(error)}`;
        settlements.push({ id, attempt, status: 'dead', reason });
      }
    }
    return { deliveries, readable, settlements };
  }

  async #handle(
    deliveries: readonly Delivery<T>[],
    context: { readonly signal: AbortSignal },
  ): Promise<HandlerResult> {
    try {
      const outcomes: unknown = await this.#handler(deliveries, context);
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

  async #pause(ms: number): Promise<void> {
    const { clock } = this.#context;
    await sleep(ms, { clock, signal: this.#closing.signal }).catch(() => undefined);
  }
}

/** Tells whether the event loop has had a turn for others since. */
function watchTurn(): { isOver: boolean } {
  const turn = { isOver: false };
  void nextTurn().then(() => (turn.isOver = true));
  return turn;
}
