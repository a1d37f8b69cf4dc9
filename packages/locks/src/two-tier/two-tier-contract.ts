import type { Lease, LeaseOptions } from '../leases/lease-contract.ts';
import type { LockKey } from '../lock-key.ts';

/** What the first tier needs of Redis; clients of `ioredis`, also of a cluster, have this shape. */
export interface RedisLike {
  call(command: string, ...args: (string | number)[]): Promise<unknown>;
}

export interface TwoTierOptions extends LeaseOptions {
  /**
   * When Redis does not answer, or answers with an error. `postgres`: go on, to contend in Postgres with everybody else.
   * `fail`: reject with `REDIS_UNAVAILABLE`. Never what is done when Redis says that the lock is held. Default `postgres`.
   */
  readonly redisDown?: 'postgres' | 'fail' | undefined;
}

export interface TwoTierEvents {
  /** Redis did not answer in time, or with an error. */
  readonly redisDown: { readonly key: string; readonly error: unknown };
}

/** Tells one event. */
export type EmitTwoTierEvent = <K extends keyof TwoTierEvents>(
  event: K,
  payload: TwoTierEvents[K],
) => void;

/** Counters since creation; plain JSON. */
export interface TwoTierSnapshot {
  /** Calls that Redis let pass to Postgres. */
  readonly admitted: number;
  /** Looks at which Redis said that the lock is held: none of them reached Postgres. */
  readonly shed: number;
  /** Requests that Redis did not answer in time, or with an error. */
  readonly redisDown: number;
}

export interface TwoTierLocks {
  /**
   * As `withLease`, behind a key of Redis that keeps contenders away from Postgres. Redis decides nothing else: the lease
   * and its fencing token come from Postgres, so a Redis that is down, or has lost its data, costs time, never exclusion.
   *
   * @throws {TypeError | RangeError} at once, for a wrong key or option.
   * Rejects as `withLease` does, or with `REDIS_UNAVAILABLE` when `redisDown` is `fail`.
   */
  withTwoTierLock<T>(
    key: LockKey,
    fn: (lease: Lease) => Promise<T>,
    options?: TwoTierOptions,
  ): Promise<T>;
  snapshot(): TwoTierSnapshot;
}
