import type { Link } from './link.ts';

/** Why nothing moves. `poison`: the server is there and does not get on with what it is sent. */
export type StallReason = 'auth' | 'offline' | 'poison' | 'store' | 'conflict';

export interface StallFacts {
  /** The oldest unit that waits, and since when, by the monotonic clock of this run. */
  readonly oldest: { readonly id: string; readonly sinceMs: number } | undefined;
  /** The unit that has been sent for the longest time without a verdict that settles it. */
  readonly oldestSent:
    { readonly id: string; readonly sinceMs: number; readonly rounds: number } | undefined;
  /** When a unit was settled last, or the outbox was started. */
  readonly settledAtMs: number;
  readonly link: Link;
  /** A request has no answer yet. */
  readonly isAwaiting: boolean;
  /** The last call of the store failed. */
  readonly hasStoreFailed: boolean;
}

export type Stall =
  /** Look again then; undefined: there is nothing to look at. */
  | { readonly kind: 'fine'; readonly nextMs: number | undefined }
  | {
      readonly kind: 'stalled';
      readonly id: string;
      readonly forMs: number;
      readonly reason: StallReason;
    };

/**
 * Stalled is an outbox that has settled nothing for `stallAfterMs` while a unit waited as long, and one that has tried to
 * send a unit for as long, whatever else it settles. A long queue that moves is not stalled.
 */
export function judgeStall(facts: StallFacts, nowMs: number, stallAfterMs: number): Stall {
  const { oldest, oldestSent, settledAtMs } = facts;
  if (oldest === undefined) return { kind: 'fine', nextMs: undefined };
  const stuckSinceMs = Math.max(oldest.sinceMs, settledAtMs);
  if (nowMs - stuckSinceMs >= stallAfterMs) {
    const forMs = nowMs - stuckSinceMs;
    return { kind: 'stalled', id: oldest.id, forMs, reason: reasonOf(facts) };
  }
  if (oldestSent !== undefined && nowMs - oldestSent.sinceMs >= stallAfterMs) {
    const forMs = nowMs - oldestSent.sinceMs;
    return { kind: 'stalled', id: oldestSent.id, forMs, reason: reasonOf(facts) };
  }
  const sinceMs = Math.min(stuckSinceMs, oldestSent?.sinceMs ?? Infinity);
  return { kind: 'fine', nextMs: sinceMs + stallAfterMs };
}

function reasonOf({ link, isAwaiting, hasStoreFailed, oldestSent }: StallFacts): StallReason {
  if (hasStoreFailed) return 'store';
  if (link.state === 'down' && link.reason === 'auth') return 'auth';
  if (link.state === 'down' && link.reason === 'offline') return 'offline';
  if (link.state === 'unproven') return 'offline';
  if (oldestSent !== undefined && oldestSent.rounds > 0) return 'conflict';
  return isAwaiting ? 'offline' : 'poison';
}
