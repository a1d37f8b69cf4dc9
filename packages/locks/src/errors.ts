import { HoldfastError } from '@holdfast/internal';
import type { LockHolder } from './locks.ts';

/** The lock was not free in time. Nothing was done. */
export class LockTimeoutError extends HoldfastError {
  override readonly name = 'LockTimeoutError';
  declare readonly code: 'LOCK_TIMEOUT';
  readonly key: string;
  readonly waitedMs: number;
  /** Who held it a moment later; empty when nobody did any more, or the server did not say. */
  readonly holders: readonly LockHolder[];

  constructor(key: string, waitedMs: number, holders: readonly LockHolder[]) {
    const who = holders.map(
      ({ pid, applicationName }) => `${pid} (${applicationName ?? 'unnamed'})`,
    );
    const by = who.length === 0 ? '' : `; it is held by ${who.join(', ')}`;
    super('LOCK_TIMEOUT', `lock ${key} was not free after ${Math.round(waitedMs)} ms${by}`);
    this.key = key;
    this.waitedMs = waitedMs;
    this.holders = holders;
  }
}

/** The connection died while the function ran, and the lock with it. A transaction was rolled back by the server. */
export class LockLostError extends HoldfastError {
  override readonly name = 'LockLostError';
  declare readonly code: 'LOCK_LOST';
  readonly key: string;

  constructor(key: string, cause: unknown) {
    super('LOCK_LOST', `lock ${key} was lost: its connection died`, { cause });
    this.key = key;
  }
}

/** The caller holds the lock already, on another connection: to wait for it would be to wait for oneself. */
export class LockReentryError extends HoldfastError {
  override readonly name = 'LockReentryError';
  declare readonly code: 'LOCK_REENTRY';
  readonly key: string;

  constructor(key: string) {
    super(
      'LOCK_REENTRY',
      `lock ${key} is held by this call already, on another connection: go on without it, or, when a transaction holds it, pass that as \`tx\``,
    );
    this.key = key;
  }
}

/** A lock of the session was asked for behind a pooler that may give the session to somebody else. Nothing was done. */
export class PoolerDetectedError extends HoldfastError {
  override readonly name = 'PoolerDetectedError';
  declare readonly code: 'POOLER_DETECTED';

  constructor() {
    super(
      'POOLER_DETECTED',
      'a pooler stands between this client and PostgreSQL, where a lock of the session is no lock: ' +
        "connect directly (lockDb), or say pooler: 'session-mode' if it gives each client a session of its own",
    );
  }
}
