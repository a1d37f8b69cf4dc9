import { requireFunction, requireObject } from '@holdfast/internal';
import { advisoryPlan, lockInside } from './advisory/advisory-lock.ts';
import { Connection } from './connection.ts';
import { LockReentryError, LockTimeoutError } from './errors.ts';
import type { LocksEvents } from './events.ts';
import { Frame } from './transactions/frame.ts';
import { Holdings } from './transactions/holdings.ts';
import { loadKyselyTransactions } from './transactions/kysely-transaction.ts';
import { endHolder, inspectLock } from './advisory/holders.ts';
import { findLease, leaseHolderOf } from './leases/find-lease.ts';
import type { Leases } from './leases/lease-contract.ts';
import { createLeases } from './leases/leases.ts';
import {
  describeKey,
  lockKey,
  createNamer,
  nameLocks,
  type LockKey,
  type LockNames,
} from './lock-key.ts';
import type {
  AdvisoryLockInOptions,
  AdvisoryLockOptions,
  Locks,
  LocksOf,
  LocksOptions,
  TryOutcome,
} from './locks.ts';
import {
  requireTryOptions,
  resolveAdvisoryOptions,
  resolveForceRelease,
  resolveLockOptions,
  resolveLocksOptions,
  resolveSessionOptions,
  resolveTransactionOptions,
  type ResolvedLocksOptions,
} from './options.ts';
import { createPoolerGuard } from './advisory/pooler-guard.ts';
import type { PgClientLike, PgPoolLike } from './ports.ts';
import { runAttempts } from './transactions/run-attempts.ts';
import { runOnce, type RunDeps } from './transactions/run-once.ts';
import { runTransaction } from './transactions/run-transaction.ts';
import { runSessionLock } from './advisory/session-lock.ts';
import { isVerdict } from './sqlstate.ts';
import { createTally } from './tally.ts';
import type { Transaction } from './transactions/transaction.ts';
import { createTwoTier } from './two-tier/two-tier.ts';
import type { EmitTwoTierEvent, TwoTierLocks } from './two-tier/two-tier-contract.ts';

const NO_OPTIONS = {};
const DEFAULTS = resolveAdvisoryOptions(NO_OPTIONS);

/**
 * Creates locks over a pool. Nothing has to be closed: each lock lives in a transaction or a call of its own.
 *
 * @throws {TypeError} when an option is wrong.
 */
export function createLocks<Pool extends PgPoolLike, Kysely = never>(
  options: LocksOptions<Pool, Kysely>,
): LocksOf<Pool, Kysely> {
  const resolved = resolveLocksOptions(options);
  const { db, lockDb, kysely, namespace, pooler, clock, random } = resolved;
  const tally = createTally();
  const holdings = new Holdings<Frame>();
  let kyselyLoaded: ReturnType<typeof loadKyselyTransactions> | undefined;
  const locking = { clock, pooler: createPoolerGuard(pooler), tell: tally.locks };
  const deps = {
    ...{ pool: db, clock, random, holdings, tell: tally.transactions, onRetry: tally.onRetry },
    loadKysely:
      kysely === undefined ? undefined : () => (kyselyLoaded ??= loadKyselyTransactions(kysely)),
    lock: (frame: Frame, key: LockKey, lockOptions: object) =>
      lockInside(frame, nameLock(key), resolveLockOptions(lockOptions), locking),
  } satisfies RunDeps & object;

  type Fn<T> = (tx: Frame) => Promise<T>;
  type Options = AdvisoryLockOptions | AdvisoryLockInOptions<unknown>;

  const nameLock = createNamer(namespace);
  const withLocks = <T>(names: LockNames, fn: Fn<T>, lockOptions: Options): Promise<T> => {
    requireFunction('fn', fn);
    requireObject('options', lockOptions);
    if ('tx' in lockOptions && lockOptions.tx !== undefined) {
      const frame = requireFrame(lockOptions.tx, holdings);
      const inside = resolveLockOptions(lockOptions);
      return lockInside(frame, names, inside, locking).then(() => fn(frame));
    }
    const resolved = lockOptions === NO_OPTIONS ? DEFAULTS : resolveAdvisoryOptions(lockOptions);
    if (names.keys.some((key) => holdings.holds(key))) {
      return Promise.reject(new LockReentryError(names.name));
    }
    const label = `lock ${names.name}`;
    const { retry, signal } = resolved;
    const attempts = { label, retry, signal, clock, random, onRetry: tally.onRetry(label) };
    return runAttempts((attempt) => {
      return runOnce(fn, advisoryPlan(names, resolved, locking), attempt, deps);
    }, attempts);
  };

  // Each tells some of the events of all.
  const emit = (event: keyof LocksEvents, payload: object): void =>
    tally.emit(event, payload as never);
  const leases = createLeases({ ...resolved.leases, pool: lockDb, namespace, clock, random, emit });
  const twoTier = createSecondTier(resolved, leases, emit);

  /** For questions about locks, on a connection that holds none. */
  const withConnection = async <T>(ask: (connection: Connection) => Promise<T>): Promise<T> => {
    const lostError = (cause: Error): Error => cause;
    const use = { label: 'the question', lostError, signal: undefined };
    const connection = await Connection.open(lockDb, use);
    try {
      const answer = await ask(connection);
      connection.end('reusable');
      return answer;
    } catch (error) {
      // An answer that is still to come would be taken for that of the next query.
      connection.end(isVerdict(error) ? 'reusable' : 'destroy');
      throw error;
    }
  };

  const locks: Locks<PgClientLike, unknown> = {
    // None is an async function: a wrong argument is thrown at once.
    withAdvisoryLock: (key, fn, lockOptions = NO_OPTIONS) =>
      withLocks(nameLock(key), fn, lockOptions),
    withAdvisoryLocks: (keys, fn, lockOptions = {}) =>
      withLocks(nameLocks(namespace, keys), fn, lockOptions),
    tryAdvisoryLock: <T>(
      key: LockKey,
      fn: (tx: Transaction<PgClientLike, unknown>) => Promise<T>,
      lockOptions: Omit<Options, 'wait'> = {},
    ): Promise<TryOutcome<T>> => {
      requireFunction('fn', fn);
      let failure: unknown;
      const begin = async (tx: Frame): Promise<T> => {
        try {
          return await fn(tx);
        } catch (error) {
          failure = error;
          throw error;
        }
      };
      const options = { ...requireTryOptions(lockOptions), wait: 'try' } as Options;
      return withLocks(nameLock(key), begin, options).then(
        (value) => ({ acquired: true, value }),
        (error: unknown) => {
          // A time-out of the function's own is its failure.
          if (error === failure || !(error instanceof LockTimeoutError)) throw error;
          return { acquired: false, holders: error.holders };
        },
      );
    },
    withSessionLock: (key, fn, lockOptions = {}) => {
      const names = nameLock(key);
      requireFunction('fn', fn);
      const resolved = resolveSessionOptions(lockOptions);
      if (names.keys.some((held) => holdings.holds(held)))
        return Promise.reject(new LockReentryError(names.name));
      return runSessionLock(fn, names, resolved, { ...locking, pool: lockDb, holdings });
    },
    runTransaction: (fn, transactionOptions = {}) =>
      runTransaction(fn, resolveTransactionOptions(transactionOptions), deps),
    inspect: (key) => {
      const [bigint, name] = [lockKey(namespace, key), describeKey(namespace, key)];
      return withConnection(async (connection) => ({
        ...(await inspectLock(connection, bigint)),
        lease: leaseHolderOf(await findLease(connection, resolved.leases, name)),
      }));
    },
    forceRelease: (key, guard) => {
      const bigint = lockKey(namespace, key);
      const resolved = resolveForceRelease(guard);
      return withConnection((connection) => endHolder(connection, bigint, resolved));
    },
    withLease: (key, fn, lockOptions) => leases.withLease(key, fn, lockOptions),
    acquireLease: (key, lockOptions) => leases.acquireLease(key, lockOptions),
    withTwoTierLock: (key, fn, lockOptions = {}) => {
      if (twoTier === undefined) throw new TypeError('redis must be given to createLocks first');
      return twoTier.withTwoTierLock(key, fn, lockOptions);
    },
    idle: () => leases.idle(),
    on: tally.on,
    snapshot: () => ({
      ...tally.snapshot(),
      leases: leases.snapshot(),
      twoTier: twoTier?.snapshot(),
    }),
  };
  // Which client and which Kysely it is, the caller's types know; what runs here takes any.
  return locks as unknown as LocksOf<Pool, Kysely>;
}

function createSecondTier(
  { redis, leases: place, namespace, clock, random }: ResolvedLocksOptions,
  leases: Leases,
  emit: EmitTwoTierEvent,
): TwoTierLocks | undefined {
  if (redis === undefined) return undefined;
  const { client, prefix, timeoutMs: redisTimeoutMs } = redis;
  const { holder } = place;
  const shared = { holder, namespace, clock, random, emit };
  return createTwoTier({ ...shared, leases, redis: client, prefix, redisTimeoutMs });
}

function requireFrame(tx: unknown, holdings: Holdings<Frame>): Frame {
  // One of other locks may be in another database.
  if (tx instanceof Frame && tx.context.holdings === holdings) return tx as Frame;
  throw new TypeError('tx must be the transaction of a call of these locks');
}
