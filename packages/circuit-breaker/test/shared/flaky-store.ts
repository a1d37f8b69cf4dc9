import type { BreakerStore } from '../../src/shared/store.ts';

export interface FlakyStore extends BreakerStore {
  /** What becomes of the commands from now on: they are answered, fail, or are never answered. */
  mode: 'up' | 'failing' | 'hanging';
  /** How often each command was sent. */
  readonly sent: Record<keyof BreakerStore, number>;
}

/** A store that a test can break. */
export function flakyStore(inner: BreakerStore): FlakyStore {
  const sent = { read: 0, sync: 0, lease: 0, settle: 0, leave: 0 };
  const pass = <R>(command: keyof BreakerStore, run: () => Promise<R>): Promise<R> => {
    sent[command] += 1;
    if (flaky.mode === 'failing') return Promise.reject(new Error('the store is down'));
    return flaky.mode === 'hanging' ? new Promise<R>(() => undefined) : run();
  };
  const flaky: FlakyStore = {
    mode: 'up',
    sent,
    read: (circuit) => pass('read', () => inner.read(circuit)),
    sync: (circuit, report) => pass('sync', () => inner.sync(circuit, report)),
    lease: (circuit, request) => pass('lease', () => inner.lease(circuit, request)),
    settle: (circuit, result) => pass('settle', () => inner.settle(circuit, result)),
    leave: (circuit, member) => pass('leave', () => inner.leave(circuit, member)),
  };
  return flaky;
}
