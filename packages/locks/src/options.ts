import {
  requireBoolean,
  requireFunction,
  requireInteger,
  requireNumber,
  requireObject,
  requireOneOf,
  requireOptionGroup,
  requireOptions,
  systemClock,
  systemRandom,
  type Clock,
  type OptionNames,
  type Random,
} from '@holdfast/internal';
import type { BeginOptions } from './transactions/begin-statement.ts';
import { requireNamespace } from './lock-key.ts';
import type {
  AdvisoryLockOptions,
  ForceReleaseGuard,
  LeasePlace,
  LocksOptions,
  RedisTier,
  SessionLockOptions,
} from './locks.ts';
import type { KyselyLike, PgPoolLike } from './ports.ts';
import { optionalSignal } from './signal.ts';
import type { ResolvedRetry } from './transactions/run-attempts.ts';
import type {
  Isolation,
  RetryOptions,
  TransactionLockOptions,
  TransactionOptions,
  TransactionTimeouts,
} from './transactions/transaction.ts';

/** From the weakest to the strongest. */
export const ISOLATIONS = ['read committed', 'repeatable read', 'serializable'] as const;

export interface ResolvedLocksOptions {
  readonly db: PgPoolLike;
  readonly lockDb: PgPoolLike;
  readonly kysely: KyselyLike | undefined;
  readonly leases: LeasePlace;
  readonly redis: RedisTier | undefined;
  readonly namespace: string;
  readonly pooler: 'refuse' | 'session-mode' | 'off';
  readonly clock: Clock;
  readonly random: Random;
}

/** 'try', or the longest wait in milliseconds, where 0 is no bound: what `lock_timeout` takes. */
export type ResolvedWait = 'try' | number;

export interface ResolvedTransactionOptions extends BeginOptions {
  readonly retry: ResolvedRetry | false;
  readonly nested: 'savepoint' | 'join' | 'forbid';
  readonly totalMs: number | undefined;
  readonly ambiguous: 'resolve' | 'throw';
  readonly signal: AbortSignal | undefined;
}

export interface ResolvedLockOptions {
  readonly wait: ResolvedWait;
  readonly isShared: boolean;
}

export interface ResolvedAdvisoryOptions extends ResolvedLockOptions {
  readonly isolation: Isolation;
  readonly retry: ResolvedRetry | false;
  readonly ambiguous: 'resolve' | 'throw';
  readonly signal: AbortSignal | undefined;
}

export interface ResolvedSessionOptions extends ResolvedLockOptions {
  readonly keepaliveMs: number;
  readonly signal: AbortSignal | undefined;
}

const LOCKS_NAMES: OptionNames<LocksOptions> = {
  ...{ db: true, lockDb: true, kysely: true, leases: true, redis: true, namespace: true },
  ...{ pooler: true, clock: true, random: true },
};
const LEASES_NAMES: OptionNames<LeasePlace> = { table: true, schema: true, holder: true };
const REDIS_NAMES: OptionNames<RedisTier> = { client: true, prefix: true, timeoutMs: true };
const TRANSACTION_NAMES: OptionNames<TransactionOptions> = {
  ...{ isolation: true, readOnly: true, deferrable: true, retry: true },
  ...{ nested: true, timeouts: true, ambiguous: true, signal: true },
};
const TIMEOUT_NAMES: OptionNames<TransactionTimeouts> = {
  ...{ lockMs: true, statementMs: true, idleMs: true, totalMs: true },
};
const RETRY_NAMES: OptionNames<RetryOptions> = { attempts: true, baseMs: true, capMs: true };
const LOCK_IN_NAMES: OptionNames<TransactionLockOptions & { tx: unknown }> = {
  ...{ wait: true, shared: true, tx: true },
};
const TRY_NAMES: OptionNames<Omit<AdvisoryLockOptions, 'wait'> & { tx: unknown }> = {
  ...{ shared: true, isolation: true, retry: true, ambiguous: true, signal: true, tx: true },
};
const ADVISORY_NAMES: OptionNames<AdvisoryLockOptions & { tx: unknown }> = {
  ...TRY_NAMES,
  wait: true,
};
const SESSION_NAMES: OptionNames<SessionLockOptions> = {
  ...{ wait: true, shared: true, signal: true, keepaliveMs: true },
};

const DEFAULT_WAIT_MS = 30_000;

/** PostgreSQL keeps its time-outs in signed 32-bit integers. */
const LONGEST_MS = 2 ** 31 - 1;

/** @throws {TypeError} when an option is wrong. */
export function resolveLocksOptions(
  options: LocksOptions<PgPoolLike, unknown>,
): ResolvedLocksOptions {
  requireOptions('createLocks', options, LOCKS_NAMES);
  const { kysely } = options;
  if (kysely !== undefined) requireKysely(kysely);
  return Object.freeze({
    db: requirePool('db', options.db),
    lockDb: options.lockDb === undefined ? options.db : requirePool('lockDb', options.lockDb),
    kysely,
    leases: requireOptionGroup('leases', options.leases ?? {}, LEASES_NAMES),
    redis:
      options.redis === undefined
        ? undefined
        : requireOptionGroup('redis', options.redis, REDIS_NAMES),
    namespace: requireNamespace(options.namespace),
    pooler: requireOneOf('pooler', options.pooler ?? 'refuse', ['refuse', 'session-mode', 'off']),
    clock: requireObject('clock', options.clock ?? systemClock),
    random: requireFunction('random', options.random ?? systemRandom),
  });
}

export function resolveTransactionOptions(options: TransactionOptions): ResolvedTransactionOptions {
  requireOptions('runTransaction', options, TRANSACTION_NAMES);
  const { isolation = 'read committed', readOnly = false, deferrable = false } = options;
  const { nested = 'savepoint', ambiguous = 'resolve', retry = {}, signal } = options;
  const timeouts = requireOptionGroup('timeouts', options.timeouts ?? {}, TIMEOUT_NAMES);
  return {
    isolation: requireOneOf('isolation', isolation, ISOLATIONS),
    isReadOnly: requireBoolean('readOnly', readOnly),
    isDeferrable: requireBoolean('deferrable', deferrable),
    nested: requireOneOf('nested', nested, ['savepoint', 'join', 'forbid']),
    ambiguous: requireOneOf('ambiguous', ambiguous, ['resolve', 'throw']),
    retry: resolveRetry(retry),
    lockMs: optionalMs('timeouts.lockMs', timeouts.lockMs),
    statementMs: optionalMs('timeouts.statementMs', timeouts.statementMs),
    idleMs: optionalMs('timeouts.idleMs', timeouts.idleMs),
    totalMs: optionalMs('timeouts.totalMs', timeouts.totalMs),
    signal: optionalSignal(signal),
  };
}

/** Of a lock in a transaction that is there already. */
export function resolveLockOptions(options: TransactionLockOptions): ResolvedLockOptions {
  requireOptions('a lock in a transaction', options, LOCK_IN_NAMES);
  return resolveLock(options);
}

/** Of `tryAdvisoryLock`: the rest is checked with those of the lock. */
export function requireTryOptions<O extends object>(options: O): O {
  requireOptions<object>('tryAdvisoryLock', options, TRY_NAMES);
  return options;
}

export function resolveAdvisoryOptions(options: AdvisoryLockOptions): ResolvedAdvisoryOptions {
  requireOptions('an advisory lock', options, ADVISORY_NAMES);
  const { isolation = 'read committed', retry = false, ambiguous = 'throw', signal } = options;
  return {
    ...resolveLock(options),
    isolation: requireOneOf('isolation', isolation, ISOLATIONS),
    retry: resolveRetry(retry),
    ambiguous: requireOneOf('ambiguous', ambiguous, ['resolve', 'throw']),
    signal: optionalSignal(signal),
  };
}

export function resolveSessionOptions(options: SessionLockOptions): ResolvedSessionOptions {
  requireOptions('withSessionLock', options, SESSION_NAMES);
  return {
    ...resolveLock(options),
    keepaliveMs: requireInteger('keepaliveMs', options.keepaliveMs ?? 5_000, {
      min: 100,
      max: LONGEST_MS,
    }),
    signal: optionalSignal(options.signal),
  };
}

export function resolveForceRelease(guard: ForceReleaseGuard): ForceReleaseGuard {
  requireOptions('forceRelease', guard, { pid: true, olderThanMs: true });
  return {
    pid: requireInteger('pid', guard.pid, { min: 1 }),
    olderThanMs: requireNumber('olderThanMs', guard.olderThanMs, { min: 0 }),
  };
}

function resolveLock({ wait, shared = false }: TransactionLockOptions): ResolvedLockOptions {
  return { wait: resolveWait(wait), isShared: requireBoolean('shared', shared) };
}

function resolveRetry(retry: RetryOptions | false): ResolvedRetry | false {
  if (retry === false) return false;
  const given = requireOptionGroup('retry', retry, RETRY_NAMES);
  // Whichever of the two is given, the other one fits.
  const capMs = given.capMs ?? Math.max(250, given.baseMs ?? 0);
  const baseMs = given.baseMs ?? Math.min(16, capMs);
  return {
    attempts: requireInteger('retry.attempts', given.attempts ?? 10, { min: 1 }),
    baseMs: requireNumber('retry.baseMs', baseMs, { min: 0 }),
    capMs: requireNumber('retry.capMs', capMs, { min: baseMs }),
  };
}

function resolveWait(wait: TransactionLockOptions['wait']): ResolvedWait {
  if (wait === undefined) return DEFAULT_WAIT_MS;
  if (wait === 'try') return wait;
  if (wait === 'forever') return 0;
  if (typeof wait === 'string') {
    throw new TypeError(
      `wait must be 'forever', 'try' or milliseconds, got ${JSON.stringify(wait)}`,
    );
  }
  return requireInteger("wait, unless 'forever' or 'try',", wait, { min: 1, max: LONGEST_MS });
}

function optionalMs(name: string, ms: unknown): number | undefined {
  return ms === undefined ? undefined : requireInteger(name, ms, { min: 1, max: LONGEST_MS });
}

function requirePool<P extends PgPoolLike>(name: string, pool: P): P {
  requireObject(name, pool);
  if ('getExecutor' in pool) {
    // Kysely hides the client that it checks out, and with it that its connection was lost.
    throw new TypeError(
      `${name} must be a pg pool: give the one that Kysely was made with, and the instance as kysely`,
    );
  }
  requireFunction(`${name}.connect`, (pool as { readonly connect?: unknown }).connect);
  if ('processID' in pool) {
    throw new TypeError(`${name} must be a pg pool, got one client: all would share its session`);
  }
  return pool;
}

function requireKysely(kysely: unknown): void {
  const { getExecutor } = requireObject('kysely', kysely) as { readonly getExecutor?: unknown };
  requireFunction('kysely.getExecutor', getExecutor);
}
