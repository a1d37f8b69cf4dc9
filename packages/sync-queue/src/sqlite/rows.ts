import type { SqlValue } from './database.ts';
import type { Priority } from '../store.ts';

export interface QueueRow {
  count: number;
  bytes: number;
  dead_count: number;
  dead_bytes: number;
  head: number;
  tail: number;
  evicted: number;
  dead_overflow: number;
  dead_expired: number;
  is_paused: number;
  paused_priorities: string;
  rate_full_ms: number;
  /** Idempotency keys that are remembered. */
  known: number;
}

/** In the order of the statement `updateQueue`. */
export function parametersOf(queue: string, row: QueueRow): SqlValue[] {
  const { count, bytes, dead_count, dead_bytes, head, tail, evicted, dead_overflow } = row;
  const { dead_expired, is_paused, paused_priorities, rate_full_ms, known } = row;
  return [
    ...[queue, count, bytes, dead_count, dead_bytes, head, tail, evicted, dead_overflow],
    ...[dead_expired, is_paused, paused_priorities, rate_full_ms, known],
  ];
}

/** What is read of an item to move it. */
export interface ItemFacts {
  readonly id: number;
  readonly priority: Priority;
  readonly key: string | null;
  readonly not_before_ms: number;
  readonly attempt: number;
  readonly tries_from: number;
  readonly bytes: number;
}

export interface ItemRow extends ItemFacts {
  readonly state: string;
  readonly place: number;
  readonly ready_ms: number;
  readonly enqueued_ms: number;
  readonly sample_rate: number;
  readonly reason: string;
  readonly payload: ArrayBuffer;
}

/** An id as it is told: a number of SQLite in decimal. Undefined: it cannot be one. */
export function rowIdOf(id: string): number | undefined {
  const value = Number(id);
  return Number.isSafeInteger(value) && String(value) === id ? value : undefined;
}
