import type { Clock } from '@holdfast/internal';
import type { NewItem, Priority } from '../store.ts';
import type { Due } from './due-heap.ts';
import { createLink, type Link } from './linked-list.ts';

/**
 * Where an item is: `ready`, `delayed` until a time, `leased` until a time, `waiting` behind its key, `dead`, or `gone`,
 * which is what stale references find.
 */
export type Place = 'ready' | 'delayed' | 'leased' | 'waiting' | 'dead' | 'gone';

export interface MemoryItem extends Due {
  readonly id: string;
  /** Order of arrival. */
  readonly order: number;
  readonly priority: Priority;
  readonly key: string | undefined;
  readonly enqueuedAtMs: number;
  readonly sampleRate: number;
  /** In the list of what is ready, waits or is dead. */
  readonly link: Link<MemoryItem>;
  payload: Uint8Array;
  place: Place;
  /** By the monotonic clock; what aging counts from. */
  readyAtMs: number;
  /** Not before this, by the monotonic clock: an item that waits behind its key may be delayed, too. */
  notBeforeMs: number;
  attempt: number;
  /** The attempt after which it was redriven last. */
  triesFrom: number;
  /** Until it is claimed first. */
  coalesceKey: string | undefined;
  revision: number;
  reason: string;
  /** By the wall clock. */
  diedAtMs: number;
  /** Order of death. */
  deadOrder: number;
}

export function createItem(
  { priority, key, coalesce, payload, delayMs }: NewItem,
  {
    order,
    sampleRate,
    clock,
  }: { readonly order: number; readonly sampleRate: number; readonly clock: Clock },
): MemoryItem {
  const item: Omit<MemoryItem, 'link'> & { link: Link<MemoryItem> | undefined } = {
    ...{ id: String(order), order, priority, key, sampleRate },
    enqueuedAtMs: clock.wallNow(),
    // Copied, because the producer may use its buffer again.
    payload: Uint8Array.from(payload),
    place: 'gone',
    dueAtMs: undefined,
    link: undefined,
    readyAtMs: 0,
    notBeforeMs: clock.now() + delayMs,
    attempt: 0,
    triesFrom: 0,
    coalesceKey: coalesce?.key,
    revision: 1,
    reason: '',
    diedAtMs: 0,
    deadOrder: 0,
  };
  const made = item as MemoryItem;
  item.link = createLink(made);
  return made;
}

/** Attempts since it was added or redriven. */
export function triesOf(item: MemoryItem): number {
  return item.attempt - item.triesFrom;
}
