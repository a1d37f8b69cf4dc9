import type { EnqueueVerdict, NewItem, Priority, StoreOverflow } from './store.ts';

/** A held item that no consumer has seen. */
export interface Unclaimed {
  readonly id: string;
  readonly revision: number;
  readonly payload: Uint8Array;
}

/** What a store must be able to do for `admitItem`, within one transaction. */
export interface AdmittingStore<U extends Unclaimed> {
  readonly overflow: StoreOverflow;
  /** The share of the room that is taken, of items or bytes, whichever is more. */
  readonly fill: number;
  findKnown(idempotencyKey: string): string | undefined;
  remember(idempotencyKey: string, id: string): void;
  findUnclaimed(coalescingKey: string): U | undefined;
  hasBytesFor(more: number): boolean;
  replacePayload(item: U, payload: Uint8Array): void;
  hasRoomFor(payloadBytes: number): boolean;
  /** Makes room by what is less urgent; false, and nothing has changed, when that does not suffice. */
  evictFor(priority: Priority, payloadBytes: number): boolean;
  /** Gives the id. */
  hold(item: NewItem, sampleRate: number): string;
}

/** What becomes of one item: duplicate, coalesced, sampled out, accepted, perhaps in the place of others, or full. */
export function admitItem<U extends Unclaimed>(
  item: NewItem,
  store: AdmittingStore<U>,
): EnqueueVerdict {
  const { idempotencyKey } = item;
  const known = idempotencyKey === undefined ? undefined : store.findKnown(idempotencyKey);
  if (known !== undefined) return { status: 'duplicate', id: known };
  const verdict = coalesce(item, store) ?? accept(item, store);
  if (idempotencyKey !== undefined && 'id' in verdict) store.remember(idempotencyKey, verdict.id);
  return verdict;
}

function coalesce<U extends Unclaimed>(
  { coalesce: by, payload }: NewItem,
  store: AdmittingStore<U>,
): EnqueueVerdict | undefined {
  if (by === undefined) return undefined;
  const other = store.findUnclaimed(by.key);
  if (other === undefined) {
    return by.revision === undefined ? undefined : { status: 'fold', held: undefined };
  }
  if (by.mode === 'keep-first') return { status: 'coalesced', id: other.id };
  if (by.mode === 'fold' && by.revision !== other.revision) {
    return { status: 'fold', held: { revision: other.revision, payload: other.payload } };
  }
  if (!store.hasBytesFor(payload.length - other.payload.length)) {
    return { status: 'full', isReplacing: true };
  }
  store.replacePayload(other, payload);
  return { status: 'coalesced', id: other.id };
}

function accept<U extends Unclaimed>(item: NewItem, store: AdmittingStore<U>): EnqueueVerdict {
  const { priority, payload, draw } = item;
  const sampleRate = sampleRateOf(priority, store.fill, store.overflow);
  if (sampleRate < 1 && draw >= sampleRate) return { status: 'sampled-out', sampleRate };
  if (!store.hasRoomFor(payload.length) && !store.evictFor(priority, payload.length)) {
    return { status: 'full' };
  }
  return { status: 'accepted', id: store.hold(item, sampleRate), sampleRate };
}

/** 1 unless the queue samples, is filled that far, and the item is not too urgent for it. */
function sampleRateOf(priority: Priority, fill: number, overflow: StoreOverflow): number {
  if (overflow.kind !== 'sample' || priority < overflow.minPriority) return 1;
  if (fill <= overflow.above) return 1;
  const left = (1 - fill) / (1 - overflow.above);
  return Math.max(overflow.floor, Math.min(1, left));
}
