import {
  requireFunction,
  requireInteger,
  requireObject,
  requireText,
  systemClock,
  type Clock,
} from '@holdfast/internal';
import type { AdvisoryLockOptions, LocksOptions, PgPoolLike } from './locks.ts';

export interface ResolvedLocksOptions {
  readonly db: PgPoolLike;
  readonly namespace: string;
  readonly clock: Clock;
}

/** 'try', or the longest wait in milliseconds, where 0 is no bound: what `lock_timeout` takes. */
export type ResolvedWait = 'try' | number;

const DEFAULT_WAIT_MS = 30_000;

/** PostgreSQL keeps lock_timeout in a signed 32-bit integer. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

export function resolveLocksOptions(options: LocksOptions): ResolvedLocksOptions {
  requireObject('options', options);
  requireObject('db', options.db);
  requireFunction('db.connect', (options.db as { readonly connect?: unknown }).connect);
  return Object.freeze({
    db: options.db,
    namespace: requireText('namespace', options.namespace),
    clock: options.clock ?? systemClock,
  });
}

export function resolveWait(wait: AdvisoryLockOptions['wait']): ResolvedWait {
  if (wait === undefined) return DEFAULT_WAIT_MS;
  if (wait === 'try') return wait;
  if (wait === 'forever') return 0;
  if (typeof wait === 'string') {
    throw new TypeError(
      `wait must be 'forever', 'try' or milliseconds, got ${JSON.stringify(wait)}`,
    );
  }
  return requireInteger("wait, unless 'forever' or 'try',", wait, { min: 1, max: LONGEST_WAIT_MS });
}
