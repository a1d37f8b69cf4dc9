import { isHoldfastError, sleep, type Backoff, type Clock } from '@holdfast/internal';
import { randomUUID } from 'node:crypto';
import { decodeSpilled, encodeSpilled } from './spilled-item.ts';
import { StorePort } from './store-port.ts';
import {
  MAX_ITEMS_PER_CALL,
  type Budget,
  type ClaimedItem,
  type EnqueueReply,
  type EnqueueVerdict,
  type NewItem,
  type QueueSettings,
  type QueueStore,
  type Settlement,
} from './store.ts';

export interface SpillContext {
  readonly name: string;
  readonly store: QueueStore;
  readonly limits: Budget;
  readonly clock: Clock;
  readonly backoff: Backoff;
  /** Adds to the queue itself. */
  readonly enqueue: (items: readonly NewItem[]) => Promise<EnqueueReply>;
  readonly onError: (error: unknown) => void;
  readonly onHandedOn: (reply: EnqueueReply) => void;
}

const LEASE_MS = 60_000;

/**
 * Keeps items on another store while the queue's own is away or full, and hands them on in the order in which they came.
 * While it holds any, later items join it, so that none overtakes. Each has an idempotency key, so that one that was
 * handed on twice is held once.
 */
export class Spill {
  readonly #context: SpillContext;
  readonly #port: StorePort;
  readonly #closing = new AbortController();
  #held = 0;
  #isCounted = false;
  #forwarding: Promise<void> | undefined;

  constructor(context: SpillContext) {
    this.#context = context;
    this.#port = new StorePort({
      store: context.store,
      name: `${context.name}/spill`,
      settings: settingsFor(context.limits),
      guard: undefined,
      onError: (_operation, error) => context.onError(error),
    });
  }

  /** Also what an earlier process has left. */
  async isEmpty(): Promise<boolean> {
    if (!this.#isCounted) {
      this.#held = (await this.#port.run('stats', (queue) => queue.stats())).count;
      this.#isCounted = true;
      if (this.#held > 0) this.#startForwarding();
    }
    return this.#held === 0;
  }

  /** Keeps an item; `full` when there is no room here either. */
  async keep(item: NewItem): Promise<EnqueueVerdict> {
    const spilled: NewItem = {
      payload: encodeSpilled(item, this.#context.clock.wallNow()),
      priority: 0,
      delayMs: 0,
      draw: 0,
    };
    const { verdicts, count } = await this.#port.run('enqueue', (queue) =>
      queue.enqueue([spilled]),
    );
    this.#held = count;
    this.#startForwarding();
    return verdicts[0] ?? { status: 'full' };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#forwarding;
    await this.#port.close();
  }

  #startForwarding(): void {
    if (this.#closing.signal.aborted) return;
    this.#forwarding ??= this.#forward().finally(() => {
      this.#forwarding = undefined;
    });
  }

  async #forward(): Promise<void> {
    const { clock, backoff } = this.#context;
    const { signal } = this.#closing;
    for (let failures = 0; !signal.aborted && this.#held > 0;) {
      const isDone = await this.#forwardSome().catch(() => false);
      failures = isDone ? 0 : failures + 1;
      if (failures > 0) await sleep(backoff(failures, 0), { clock, signal }).catch(() => undefined);
    }
  }

  /** False: the queue or the spill does not answer, or there is no room. */
  async #forwardSome(): Promise<boolean> {
    const { items } = await this.#port.run('claim', (queue) =>
      queue.claim({ maxItems: MAX_ITEMS_PER_CALL, leaseMs: LEASE_MS }),
    );
    if (items.length === 0) {
      this.#held = (await this.#port.run('stats', (queue) => queue.stats())).count;
      return this.#held === 0;
    }
    let verdicts: readonly EnqueueVerdict[] = [];
    try {
      const nowMs = this.#context.clock.wallNow();
      const reply = await this.#context.enqueue(
        items.map(({ payload }) => decodeSpilled(payload, nowMs)),
      );
      this.#context.onHandedOn(reply);
      verdicts = reply.verdicts;
    } catch (error) {
      this.#context.onError(error);
    }
    const firstFull = verdicts.findIndex(({ status }) => status === 'full');
    const settlements = items.map((item, index) => settlementOf(item, verdicts[index]));
    // The last one first, for each that is released goes to the front.
    await this.#port.run('settle', (queue) => queue.settle(settlements.toReversed()));
    this.#held -= settlements.filter(({ status }) => status === 'ack').length;
    return verdicts.length > 0 && firstFull === -1;
  }
}

/** What the queue took, or need not take, is done here. */
function settlementOf(
  { id, attempt }: ClaimedItem,
  verdict: EnqueueVerdict | undefined,
): Settlement {
  const isTaken = verdict !== undefined && verdict.status !== 'full';
  return { id, attempt, status: isTaken ? 'ack' : 'release' };
}

/** Whether what failed with this error may be kept on the spill instead: the store has failed, the item has not. */
export function isSpillable(error: unknown): boolean {
  return isHoldfastError(error, 'STORE_FAILED') || isHoldfastError(error, 'AMBIGUOUS_ADD');
}

/** The item with a key by which a second copy of it is known. */
export function withIdempotencyKey(item: NewItem): NewItem {
  return item.idempotencyKey === undefined ? { ...item, idempotencyKey: randomUUID() } : item;
}

function settingsFor(limits: Budget): QueueSettings {
  return {
    limits,
    dead: { ...limits, whenFull: 'keep', retentionMs: Infinity },
    maxTries: Number.MAX_SAFE_INTEGER,
    agingMs: Infinity,
    keyConcurrency: 1,
    onPoison: 'advance',
    idempotency: { windowMs: 1, maxKeys: 1 },
    rate: undefined,
    overflow: { kind: 'refuse' },
  };
}
