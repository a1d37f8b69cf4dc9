import { randomUUID } from 'node:crypto';
import type {
  Claim,
  ClaimedItem,
  EnqueueReply,
  Lease,
  NewItem,
  QueueSettings,
  QueueStore,
  SettleAnswer,
  StoredDead,
  StoredQueue,
  StoreStats,
} from '@holdfast/sync-queue';
import { expect, onTestFinished, test } from 'vitest';
import { LONG_MS, SETTINGS } from './settings.ts';

export { LONG_MS, SETTINGS };

export interface StoreFixture {
  readonly store: QueueStore;
  /** Lets the store's time pass. */
  elapse(ms: number): Promise<void>;
  close(): Promise<void>;
}

export type CreateFixture = () => Promise<StoreFixture>;

/** What a store that spreads a queue over shards does of each shard, and not of the queue. */
export interface StoreTraits {
  /** Items that have no key in common are delivered in one order. */
  readonly ordersWhole: boolean;
  /** Bounds, budgets, rates and fills are those of the queue, whatever lies where. */
  readonly boundsWhole: boolean;
}

export const WHOLE: StoreTraits = { ordersWhole: true, boundsWhole: true };
export const SHARDED: StoreTraits = { ordersWhole: false, boundsWhole: false };

/** A test of what not every store promises. What the others do instead is in tests of their own. */
export function testWhere(
  isPromised: boolean,
): (name: string, fn: () => Promise<void>, timeoutMs?: number) => void {
  return isPromised ? test : () => undefined;
}

/** Long for a call to a real server on a busy machine, short to wait for. */
export const LEASE_MS = 250;
/** What a test says of an item; the payload is its text. */
export type Spec = Partial<Omit<NewItem, 'payload'>> & { readonly text: string };

/** One queue of a store, in short words. Items are known by the text of their payload. */
export class Kit {
  readonly queue: StoredQueue;
  readonly store: QueueStore;
  readonly name: string;
  readonly elapse: (ms: number) => Promise<void>;

  constructor(fixture: StoreFixture, settings: Partial<QueueSettings>, name = `q/${randomUUID()}`) {
    this.name = name;
    this.store = fixture.store;
    this.elapse = (ms) => fixture.elapse(ms);
    this.queue = fixture.store.queue(name, { ...SETTINGS, ...settings });
  }

  enqueue(...specs: (string | Spec)[]): Promise<EnqueueReply> {
    return this.queue.enqueue(specs.map(itemOf));
  }

  /** The status of each. */
  async add(...specs: (string | Spec)[]): Promise<string[]> {
    return (await this.enqueue(...specs)).verdicts.map(({ status }) => status);
  }

  claim(maxItems = 100, leaseMs = LONG_MS): Promise<Claim> {
    return this.queue.claim({ maxItems, leaseMs });
  }

  async take(maxItems = 100, leaseMs = LONG_MS): Promise<readonly ClaimedItem[]> {
    return (await this.claim(maxItems, leaseMs)).items;
  }

  async takeTexts(maxItems = 100, leaseMs = LONG_MS): Promise<string[]> {
    return (await this.take(maxItems, leaseMs)).map(textOf);
  }

  settle(status: 'ack' | 'release', leases: readonly Lease[]): Promise<readonly SettleAnswer[]> {
    return this.queue.settle(leases.map(({ id, attempt }) => ({ id, attempt, status })));
  }

  retry(leases: readonly Lease[], delayMs = 0): Promise<readonly SettleAnswer[]> {
    return this.queue.settle(
      leases.map(({ id, attempt }) => ({ id, attempt, status: 'retry', delayMs })),
    );
  }

  bury(leases: readonly Lease[], reason = 'bad'): Promise<readonly SettleAnswer[]> {
    return this.queue.settle(
      leases.map(({ id, attempt }) => ({ id, attempt, status: 'dead', reason })),
    );
  }

  /** Adds, claims and buries; gives the dead letters. */
  async kill(...specs: (string | Spec)[]): Promise<readonly StoredDead[]> {
    await this.enqueue(...specs);
    await this.bury(await this.take());
    return this.dead();
  }

  async dead(): Promise<readonly StoredDead[]> {
    return (await this.queue.listDead({ limit: 250 })).letters;
  }

  async deadTexts(): Promise<string[]> {
    return (await this.dead()).map(textOf);
  }

  async expectStats(expected: Partial<StoreStats>): Promise<void> {
    const { oldestReadyMs, readyByPriority, ...stats } = await this.queue.stats();
    expect(readyByPriority.reduce((sum, count) => sum + count)).toBe(stats.ready);
    expect(oldestReadyMs ?? 0).toBeGreaterThanOrEqual(0);
    expect(stats).toEqual({
      ...{ ready: 0, delayed: 0, leased: 0, waiting: 0, count: 0, bytes: 0, dead: 0, deadBytes: 0 },
      dropped: { evicted: 0, deadOverflow: 0, deadExpired: 0 },
      paused: [],
      ...expected,
    });
  }
}

/** Opens a fixture for the present test and closes it at its end. */
export async function openKit(
  create: CreateFixture,
  settings: Partial<QueueSettings> = {},
): Promise<Kit> {
  const fixture = await create();
  await fixture.store.open();
  onTestFinished(async () => {
    await fixture.store.close();
    await fixture.close();
  });
  return agreed(new Kit(fixture, settings));
}

/** Another queue, or the same one by its name, on the store of a kit. */
export async function besides(
  kit: Kit,
  settings: Partial<QueueSettings>,
  name?: string,
): Promise<Kit> {
  const { store, elapse } = kit;
  return agreed(new Kit({ store, elapse, close: () => Promise.resolve() }, settings, name));
}

async function agreed(kit: Kit): Promise<Kit> {
  await kit.queue.agree?.();
  return kit;
}

export function itemOf(spec: string | Spec): NewItem {
  const { text, ...rest } = typeof spec === 'string' ? { text: spec } : spec;
  return { priority: 3, delayMs: 0, draw: 0, ...rest, payload: Buffer.from(text) };
}

/** Texts to compare: as they are, or sorted where the store promises no order between them. */
export function comparable(texts: readonly string[], { ordersWhole }: StoreTraits): string[] {
  return ordersWhole ? [...texts] : [...texts].sort();
}

export function textOf({ payload }: { readonly payload: Uint8Array }): string {
  return Buffer.from(payload).toString();
}
