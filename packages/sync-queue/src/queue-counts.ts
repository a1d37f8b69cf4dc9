import type { Added } from './adding.ts';
import type { QueueEvents, QueueSnapshot } from './queue.ts';
import type { SettleAnswer, Settlement } from './store.ts';

type Counts = Omit<QueueSnapshot, 'state' | 'pressure' | 'pendingAdds' | 'inFlight' | 'consumers'>;

export type SettledEvent =
  | { readonly event: 'staleSettle'; readonly payload: QueueEvents['staleSettle'] }
  | { readonly event: 'dead'; readonly payload: QueueEvents['dead'] };

/** What one queue object has seen of its items. */
export class QueueCounts {
  accepted = 0;
  duplicate = 0;
  coalesced = 0;
  sampledOut = 0;
  spilled = 0;
  rejected = 0;
  evicted = 0;
  delivered = 0;
  acked = 0;
  retried = 0;
  released = 0;
  dead = 0;
  kept = 0;
  leasesLost = 0;
  staleSettles = 0;
  storeErrors = 0;

  countAdded({ status }: Added): void {
    if (status === 'sampled-out') this.sampledOut += 1;
    else this[status] += 1;
  }

  /** Gives what there is to tell. */
  countSettled(
    settlement: Settlement,
    { answer, isRepeat }: { readonly answer: SettleAnswer; readonly isRepeat: boolean },
  ): SettledEvent | undefined {
    const { id, attempt, status } = settlement;
    if (answer === 'stale') {
      this.staleSettles += 1;
      return { event: 'staleSettle', payload: { id, attempt, status, isRepeat } };
    }
    switch (settlement.status) {
      case 'ack':
        this.acked += 1;
        return undefined;
      case 'retry':
        this.retried += 1;
        return undefined;
      case 'release':
        this.released += 1;
        return undefined;
      case 'dead': {
        if (answer === 'kept') {
          this.kept += 1;
          return undefined;
        }
        this.dead += 1;
        return { event: 'dead', payload: { id, attempt, reason: settlement.reason } };
      }
      default: {
        const impossible: never = settlement;
        return impossible;
      }
    }
  }

  toJSON(): Counts {
    return Object.fromEntries(Object.entries(this)) as unknown as Counts;
  }
}
