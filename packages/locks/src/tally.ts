import { createListeners, type Listeners } from '@holdfast/internal';
import type { AdvisoryDeps } from './advisory/advisory-lock.ts';
import { LOCKS_EVENTS, type LocksEvents } from './events.ts';
import type { LocksSnapshot } from './locks.ts';
import type { Attempts } from './transactions/run-attempts.ts';
import type { RunDeps } from './transactions/run-once.ts';

export interface Tally {
  readonly on: Listeners<LocksEvents>['on'];
  readonly emit: Listeners<LocksEvents>['emit'];
  readonly locks: AdvisoryDeps['tell'];
  readonly transactions: RunDeps['tell'];
  readonly onRetry: (label: string) => Attempts['onRetry'];
  readonly snapshot: () => Omit<LocksSnapshot, 'leases' | 'twoTier'>;
}

/** Counts what happens, and tells it. */
export function createTally(): Tally {
  const { on, emit } = createListeners<LocksEvents>(LOCKS_EVENTS);
  const counts = {
    ...{ acquired: 0, timedOut: 0, lost: 0, committed: 0, rolledBack: 0 },
    ...{ retried: 0, ambiguous: 0, waiting: 0, held: 0 },
  };
  return {
    on,
    emit,
    locks: {
      waiting(by) {
        counts.waiting += by;
      },
      acquired(key, waitedMs) {
        counts.acquired += 1;
        emit('acquired', { key, waitedMs });
      },
      timedOut(key, waitedMs, holders) {
        counts.timedOut += 1;
        emit('timeout', { key, waitedMs, holders });
      },
      held() {
        counts.held += 1;
      },
      over(key, heldMs, error) {
        counts.held -= 1;
        if (error !== undefined) {
          counts.lost += 1;
          emit('lost', { key, error });
        }
        emit('released', { key, heldMs });
      },
    },
    transactions: {
      committed() {
        counts.committed += 1;
      },
      rolledBack() {
        counts.rolledBack += 1;
      },
      rollbackFailed: (label, error) => emit('rollbackFailed', { label, error }),
      ambiguous(label, xid, verdict) {
        counts.ambiguous += 1;
        emit('ambiguous', { label, xid, verdict });
      },
      hookFailed: (label, error) => emit('hookFailed', { label, error }),
    },
    onRetry: (label) => (event) => {
      counts.retried += 1;
      emit('retry', { label, ...event });
    },
    snapshot: () => ({ ...counts }),
  };
}
