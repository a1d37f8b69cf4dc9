import { systemClock, type Clock } from '@holdfast/internal';
import { LEASES_RAN_OUT } from './store.ts';
import type {
  Claim,
  ClaimedItem,
  DeadSelection,
  EnqueueVerdict,
  Lease,
  NewItem,
  QueueStore,
  Settlement,
  StoredDead,
} from './store.ts';

/** An item is in one of four places; `untilMs` is when it leaves a timed one. */
type Place =
  | { readonly kind: 'ready' }
  | { readonly kind: 'delayed'; readonly untilMs: number }
  | { readonly kind: 'leased'; readonly untilMs: number }
  | { readonly kind: 'dead'; readonly reason: string; readonly diedAtMs: number };

interface HeldItem {
  readonly id: string;
  readonly payload: Uint8Array;
  readonly enqueuedAtMs: number;
  attempt: number;
  /** The attempt after which the item was redriven last. */
  triesFrom: number;
  place: Place;
}

interface Held {
  readonly items: Map<string, HeldItem>;
  /** Ids in the order of their delivery. */
  ready: string[];
  bytes: number;
}

/**
 * A store in this process: for tests and for work that may be lost with the process. The reference for what the other
 * stores do; a call costs time in proportion to the number of items.
 */
export function memoryStore(options: { readonly clock?: Clock | undefined } = {}): QueueStore {
  const clock = options.clock ?? systemClock;
  const queues = new Map<string, Held>();

  const held = (queue: string): Held => {
    const known = queues.get(queue);
    if (known !== undefined) return known;
    const created: Held = { items: new Map(), ready: [], bytes: 0 };
    queues.set(queue, created);
    return created;
  };

  return {
    open: () => Promise.resolve(),
    close: () => Promise.resolve(),
    enqueue: async (queue, items, limits) =>
      Promise.resolve(items.map((item) => enqueue(held(queue), item, limits, clock))),
    claim: async (queue, request) => Promise.resolve(claim(held(queue), request, clock)),
    settle: async (queue, settlements) =>
      Promise.resolve(settlements.map((settlement) => settle(held(queue), settlement, clock))),
    extend: async (queue, leases, leaseMs) =>
      Promise.resolve(
        leases.map((lease) => {
          const item = leasedItem(held(queue), lease);
          if (item !== undefined) item.place = { kind: 'leased', untilMs: clock.now() + leaseMs };
          return item !== undefined;
        }),
      ),
    async stats(queue) {
      const { items, bytes } = held(queue);
      const count = (kind: Place['kind']): number =>
        [...items.values()].filter(({ place }) => place.kind === kind).length;
      const [ready, delayed] = [count('ready'), count('delayed')];
      return Promise.resolve({
        ready,
        delayed,
        leased: count('leased'),
        dead: count('dead'),
        bytes,
      });
    },
    listDead: async (queue, limit) =>
      Promise.resolve(selectDead(held(queue), { oldest: limit }).map(toStoredDead)),
    async redrive(queue, selection) {
      const state = held(queue);
      const found = selectDead(state, selection);
      for (const { item } of found) {
        item.triesFrom = item.attempt;
        makeReady(state, item);
      }
      return Promise.resolve(found.length);
    },
    async purge(queue, selection) {
      const state = held(queue);
      const found = selectDead(state, selection);
      for (const { item } of found) remove(state, item);
      return Promise.resolve(found.length);
    },
  };
}

function enqueue(
  state: Held,
  { id, payload, delayMs }: NewItem,
  { maxCount, maxBytes }: { readonly maxCount: number; readonly maxBytes: number },
  clock: Clock,
): EnqueueVerdict {
  if (state.items.has(id)) return 'duplicate';
  if (state.items.size >= maxCount || state.bytes + payload.length > maxBytes) return 'full';
  const item: HeldItem = {
    id,
    payload: Uint8Array.from(payload),
    enqueuedAtMs: clock.wallNow(),
    attempt: 0,
    triesFrom: 0,
    place: { kind: 'ready' },
  };
  state.items.set(id, item);
  state.bytes += payload.length;
  if (delayMs > 0) item.place = { kind: 'delayed', untilMs: clock.now() + delayMs };
  else state.ready.push(id);
  return 'accepted';
}

function claim(
  state: Held,
  request: { readonly maxItems: number; readonly leaseMs: number; readonly maxTries: number },
  clock: Clock,
): Claim {
  const died = takeBackExpired(state, request.maxTries, clock);
  for (const { item } of timed(state, 'delayed').filter(({ untilMs }) => untilMs <= clock.now())) {
    makeReady(state, item);
  }
  let nextMs = Infinity;
  for (const { place } of state.items.values()) {
    if ('untilMs' in place) nextMs = Math.min(nextMs, place.untilMs);
  }
  const untilMs = clock.now() + request.leaseMs;
  const items = state.ready.splice(0, request.maxItems).flatMap((id): ClaimedItem[] => {
    const item = state.items.get(id);
    if (item === undefined) return [];
    item.attempt += 1;
    item.place = { kind: 'leased', untilMs };
    const { payload, attempt, enqueuedAtMs } = item;
    return [{ id, payload, attempt, tries: attempt - item.triesFrom, enqueuedAtMs }];
  });
  if (items.length > 0) nextMs = Math.min(nextMs, untilMs);
  return { items, died, nextInMs: nextMs === Infinity ? undefined : nextMs - clock.now() };
}

function takeBackExpired(state: Held, maxTries: number, clock: Clock): Lease[] {
  const expired = timed(state, 'leased').filter(({ untilMs }) => untilMs <= clock.now());
  const died = expired.filter(({ item }) => item.attempt - item.triesFrom >= maxTries);
  for (const { item } of died) bury(item, LEASES_RAN_OUT, clock);
  const back = expired.filter(({ item }) => item.place.kind === 'leased');
  for (const { item } of back) item.place = { kind: 'ready' };
  state.ready = [...back.map(({ item }) => item.id), ...state.ready];
  return died.map(({ item }) => ({ id: item.id, attempt: item.attempt }));
}

function settle(state: Held, settlement: Settlement, clock: Clock): boolean {
  const item = leasedItem(state, settlement);
  if (item === undefined) return false;
  switch (settlement.status) {
    case 'ack':
      remove(state, item);
      return true;
    case 'retry':
      if (settlement.delayMs > 0) {
        item.place = { kind: 'delayed', untilMs: clock.now() + settlement.delayMs };
      } else {
        makeReady(state, item);
      }
      return true;
    case 'release':
      item.place = { kind: 'ready' };
      state.ready.unshift(item.id);
      return true;
    case 'dead':
      bury(item, settlement.reason, clock);
      return true;
    default: {
      const impossible: never = settlement;
      return impossible;
    }
  }
}

function leasedItem(state: Held, { id, attempt }: Lease): HeldItem | undefined {
  const item = state.items.get(id);
  return item?.place.kind === 'leased' && item.attempt === attempt ? item : undefined;
}

function timed(
  state: Held,
  kind: 'delayed' | 'leased',
): { readonly item: HeldItem; readonly untilMs: number }[] {
  const found = [...state.items.values()].flatMap((item) =>
    item.place.kind === kind && 'untilMs' in item.place
      ? [{ item, untilMs: item.place.untilMs }]
      : [],
  );
  return found.sort((a, b) => a.untilMs - b.untilMs);
}

function makeReady(state: Held, item: HeldItem): void {
  item.place = { kind: 'ready' };
  state.ready.push(item.id);
}

function bury(item: HeldItem, reason: string, clock: Clock): void {
  item.place = { kind: 'dead', reason, diedAtMs: clock.wallNow() };
}

function remove(state: Held, item: HeldItem): void {
  state.items.delete(item.id);
  state.bytes -= item.payload.length;
}

interface FoundDead {
  readonly item: HeldItem;
  readonly place: Extract<Place, { readonly kind: 'dead' }>;
}

function selectDead(state: Held, selection: DeadSelection): FoundDead[] {
  const candidates =
    'ids' in selection
      ? [...new Set(selection.ids)].map((id) => state.items.get(id))
      : [...state.items.values()];
  const dead = candidates.flatMap((item): FoundDead[] =>
    item?.place.kind === 'dead' ? [{ item, place: item.place }] : [],
  );
  if ('ids' in selection) return dead;
  return dead.sort((a, b) => a.place.diedAtMs - b.place.diedAtMs).slice(0, selection.oldest);
}

function toStoredDead({ item, place }: FoundDead): StoredDead {
  const { id, attempt, payload, enqueuedAtMs } = item;
  return { id, attempt, payload, enqueuedAtMs, reason: place.reason, diedAtMs: place.diedAtMs };
}
