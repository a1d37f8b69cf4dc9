import { createListeners, onAbort, requireFunction, throwIfAborted } from '@holdfast/internal';
import { AmbiguousCommitError, LockTimeoutError, TransactionRolledBackError } from './errors.ts';
import { describeKey, lockKey } from './lock-key.ts';
import { LockedConnection } from './locked-connection.ts';
import type {
  AdvisoryLockOptions,
  LockHolder,
  LockKey,
  LockedTransaction,
  Locks,
  LocksEvents,
  LocksOptions,
} from './locks.ts';
import { resolveLocksOptions, resolveWait, type ResolvedWait } from './options.ts';
import { isVerdict, sqlstateOf } from './sqlstate.ts';
import { acquireStatement, SELECT_HOLDERS } from './statements.ts';

interface Request {
  readonly key: bigint;
  readonly keyName: string;
  readonly wait: ResolvedWait;
  readonly signal: AbortSignal | undefined;
}

/** lock_not_available: lock_timeout has passed (PostgreSQL manual, appendix A). */
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Creates locks over a pool. Nothing has to be closed: each lock lives in a transaction of its own.
 *
 * @throws {TypeError} when an option is wrong.
 */
export function createLocks(options: LocksOptions): Locks {
  const { db, namespace, clock } = resolveLocksOptions(options);
  const listeners = createListeners<LocksEvents>();
  const counts = { acquired: 0, timedOut: 0, lost: 0, waiting: 0, held: 0 };

  const timeOut = async (
    connection: LockedConnection,
    { key, keyName }: Request,
    waitedMs: number,
  ): Promise<never> => {
    await connection.query('ROLLBACK');
    const holders = await holdersOf(connection, key);
    counts.timedOut += 1;
    listeners.emit('timeout', { key: keyName, waitedMs, holders });
    throw new LockTimeoutError(keyName, waitedMs, holders);
  };

  const acquire = async (connection: LockedConnection, request: Request): Promise<void> => {
    const startedAt = clock.now();
    counts.waiting += 1;
    // The server has no way to leave its queue but a cancel, which may come when the lock has been granted: so the
    // connection is destroyed, which is a rollback in either case.
    const off = onAbort(request.signal, () => connection.end('destroy'));
    try {
      const answers = await connection.query(acquireStatement(request.key, request.wait));
      throwIfAborted(request.signal);
      const waitedMs = clock.now() - startedAt;
      if (!wasAcquired(answers)) await timeOut(connection, request, 0);
      counts.acquired += 1;
      listeners.emit('acquired', { key: request.keyName, waitedMs });
    } catch (error) {
      throwIfAborted(request.signal);
      if (sqlstateOf(error) !== LOCK_NOT_AVAILABLE) throw error;
      return await timeOut(connection, request, clock.now() - startedAt).catch(
        (reason: unknown) => {
          throwIfAborted(request.signal);
          throw reason;
        },
      );
    } finally {
      off();
      counts.waiting -= 1;
    }
  };

  const run = async <T>(
    connection: LockedConnection,
    fn: (tx: LockedTransaction) => Promise<T>,
    { keyName, signal }: Request,
  ): Promise<T> => {
    try {
      const value = await fn(connection.transaction());
      throwIfAborted(signal);
      if (connection.lost !== undefined) throw connection.lost;
      await commit(connection, keyName);
      return value;
    } catch (error) {
      // What fn made of the loss does not matter: the server has rolled back.
      if (connection.lost === undefined || error instanceof AmbiguousCommitError) throw error;
      counts.lost += 1;
      listeners.emit('lost', { key: keyName, error: connection.lost });
      throw connection.lost;
    }
  };

  /** Ends the transaction after a failure; the failure stays what it is, whatever happens here. */
  const rollBack = async (connection: LockedConnection, keyName: string): Promise<void> => {
    try {
      await connection.query('ROLLBACK');
      connection.end('reusable');
    } catch (error) {
      connection.end('destroy');
      listeners.emit('rollbackFailed', { key: keyName, error });
    }
  };

  const withLock = async <T>(
    fn: (tx: LockedTransaction) => Promise<T>,
    request: Request,
  ): Promise<T> => {
    throwIfAborted(request.signal);
    const { keyName, signal } = request;
    const connection = await LockedConnection.open(db, keyName, signal);
    let heldSince: number | undefined;
    try {
      await acquire(connection, request);
      heldSince = clock.now();
      counts.held += 1;
      const value = await run(connection, fn, request);
      connection.end('reusable');
      return value;
    } catch (error) {
      if (connection.lost !== undefined || error instanceof AmbiguousCommitError) {
        connection.end('destroy');
      } else if (!connection.hasEnded) {
        await rollBack(connection, keyName);
      }
      throw error;
    } finally {
      if (heldSince !== undefined) {
        counts.held -= 1;
        listeners.emit('released', { key: keyName, heldMs: clock.now() - heldSince });
      }
    }
  };

  return {
    // Not an async function: a wrong argument is thrown at once.
    withAdvisoryLock<T>(
      key: LockKey,
      fn: (tx: LockedTransaction) => Promise<T>,
      lockOptions: AdvisoryLockOptions = {},
    ): Promise<T> {
      requireFunction('fn', fn);
      return withLock(fn, {
        key: lockKey(namespace, key),
        keyName: describeKey(namespace, key),
        wait: resolveWait(lockOptions.wait),
        signal: lockOptions.signal,
      });
    },
    on: listeners.on,
    snapshot: () => ({ ...counts }),
  };
}

async function commit(connection: LockedConnection, keyName: string): Promise<void> {
  let answer: unknown;
  try {
    answer = await connection.query('COMMIT');
  } catch (error) {
    if (isVerdict(error)) throw error;
    throw new AmbiguousCommitError(keyName, error);
  }
  // In a failed transaction COMMIT succeeds with the tag ROLLBACK (PostgreSQL manual, COMMIT).
  if ((answer as { readonly command?: unknown }).command === 'ROLLBACK') {
    throw new TransactionRolledBackError(keyName, undefined);
  }
}

/** With several statements in one message `pg` answers with one result each; `try` says in the last one how it went. */
function wasAcquired(answers: unknown): boolean {
  const last: unknown = Array.isArray(answers) ? answers.at(-1) : answers;
  const [row] = (last as { readonly rows: readonly { readonly acquired?: boolean }[] }).rows;
  return row?.acquired !== false;
}

async function holdersOf(connection: LockedConnection, key: bigint): Promise<LockHolder[]> {
  try {
    const { rows } = await connection.query<LockHolder>(SELECT_HOLDERS, [String(key)]);
    return rows.map(({ pid, applicationName, state, since }) => ({
      pid,
      applicationName: applicationName ?? undefined,
      state: state ?? undefined,
      since: since ?? undefined,
    }));
  } catch {
    // Only for the message: the timeout is the news, with or without it.
    return [];
  }
}
