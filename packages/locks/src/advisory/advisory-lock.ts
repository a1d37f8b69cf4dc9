import { onAbort, type Clock } from '@holdfast/internal';
import {
  beginWithLocks,
  lockInSavepoint,
  lockSession,
  setLockTimeout,
  UNDO_LOCK,
  unlockSession,
  waitForLocks,
} from './advisory-statements.ts';
import type { Connection } from '../connection.ts';
import { LockLostError, LockReentryError, LockTimeoutError } from '../errors.ts';
import type { Frame } from '../transactions/frame.ts';
import { selectHolders } from './holders.ts';
import type { LockNames } from '../lock-key.ts';
import type { LockHolder } from '../locks.ts';
import type { ResolvedAdvisoryOptions, ResolvedLockOptions } from '../options.ts';
import type { PoolerGuard } from './pooler-guard.ts';
import type { Plan } from '../transactions/run-once.ts';
import { isInFailedTransaction, isVerdict, sqlstateOf } from '../sqlstate.ts';
import { SnapshotTooOldError } from '../transactions/transaction-errors.ts';
import type { Isolation } from '../transactions/transaction.ts';

export interface AdvisoryDeps {
  readonly clock: Clock;
  readonly pooler: PoolerGuard;
  readonly tell: {
    readonly waiting: (by: 1 | -1) => void;
    readonly acquired: (name: string, waitedMs: number) => void;
    readonly timedOut: (name: string, waitedMs: number, holders: readonly LockHolder[]) => void;
    readonly held: () => void;
    readonly over: (name: string, heldMs: number, lost: Error | undefined) => void;
  };
}

/** lock_not_available: lock_timeout has passed (PostgreSQL manual, appendix A). */
const LOCK_NOT_AVAILABLE = '55P03';

const BEGIN: Readonly<Record<Isolation, string>> = {
  'read committed': 'BEGIN ISOLATION LEVEL READ COMMITTED',
  'repeatable read': 'BEGIN ISOLATION LEVEL REPEATABLE READ',
  serializable: 'BEGIN ISOLATION LEVEL SERIALIZABLE',
};

/** The transaction of `withAdvisoryLock`. */
export function advisoryPlan(
  names: LockNames,
  options: ResolvedAdvisoryOptions,
  deps: AdvisoryDeps,
): Plan {
  const { isolation, ambiguous, signal, isShared, wait } = options;
  const { keys, name } = names;
  const begin = BEGIN[isolation];
  const label = `lock ${name}`;
  let heldSinceMs = 0;
  const lostError = (cause: Error): Error => new LockLostError(name, cause);
  const onOpen = (): void => {
    heldSinceMs = deps.clock.now();
    deps.tell.held();
  };
  const onOver = (lost: Error | undefined): void =>
    deps.tell.over(name, deps.clock.now() - heldSinceMs, lost);
  if (isolation === 'read committed') {
    // In one message with BEGIN: at this level each statement has a snapshot of its own, so what the function reads is
    // newer than the lock.
    const locks = { keys, isShared, wait };
    const text = beginWithLocks(begin, locks);
    return {
      label,
      isolation,
      isReadOnly: false,
      ambiguous,
      totalMs: undefined,
      signal,
      keys,
      lostError,
      onOpen,
      onOver,
      release: undefined,
      async open(connection) {
        // What the session has it set to may have changed since: the answer says.
        const guess = lockTimeouts.get(connection.client) ?? '0';
        const queue = wait === 'try' ? undefined : () => waitForLocks(locks, wait, guess);
        const answers = await acquire(connection, { text, queue, undo: 'ROLLBACK' }, names, deps);
        const lockTimeout = rowAt(answers, 0).lock_timeout;
        if (lockTimeout === guess || !isSetting(lockTimeout)) return;
        lockTimeouts.set(connection.client, lockTimeout);
        await connection.query(setLockTimeout(lockTimeout));
      },
    };
  }
  // The snapshot would be taken by the statement that takes the lock, before its wait (PostgreSQL manual, 13.3.5).
  const text = lockSession({ keys, isShared, wait });
  let mayHold = false;
  return {
    label,
    isolation,
    isReadOnly: false,
    ambiguous,
    totalMs: undefined,
    signal,
    keys,
    lostError,
    onOpen,
    onOver,
    open: async (connection) => {
      mayHold = false;
      await deps.pooler.check(connection);
      mayHold = true;
      await acquire(connection, { text }, names, deps);
      await connection.query(begin);
    },
    release: async (connection) => !mayHold || (await releaseSession(connection, keys, isShared)),
  };
}

/** Takes locks in a transaction that is open; a wait that fails leaves it as it was. */
export async function lockInside(
  frame: Frame,
  names: LockNames,
  { wait, isShared }: ResolvedLockOptions,
  deps: AdvisoryDeps,
): Promise<void> {
  const { isolation, connection, keys: held, holdings } = frame.context;
  const isOfAnother = (key: bigint): boolean => !held.has(key) && holdings.holds(key);
  if (names.keys.some(isOfAnother)) throw new LockReentryError(names.name);
  if (isolation !== 'read committed') throw new SnapshotTooOldError(isolation);
  const text = lockInSavepoint({ keys: names.keys, isShared, wait });
  await frame.exclusively(async () => {
    // The server has no way to leave its queue: the transaction goes with it.
    const off = onAbort(connection.signal, (reason) => connection.abandon(reason as Error));
    try {
      await acquire(connection, { text, undo: UNDO_LOCK }, names, deps);
    } finally {
      off();
    }
    for (const key of names.keys) held.add(key);
  });
}

interface Taking {
  /** Takes the locks. */
  readonly text: string;
  /** Waits for what `text` did not get. Undefined: there is no wait. */
  readonly queue?: (() => string) | undefined;
  /** Gives back what a wait that was too long has taken all the same. */
  readonly undo?: string;
}

/**
 * Takes the locks, and gives the server's answers. After a wait that was too long it undoes that and tells who holds them;
 * after any other failure some may be held all the same: the caller sees to that.
 */
export async function acquire(
  connection: Connection,
  { text, queue, undo }: Taking,
  { keys, name }: LockNames,
  { clock, tell }: AdvisoryDeps,
): Promise<unknown> {
  const startedMs = clock.now();
  tell.waiting(1);
  try {
    let answers: unknown = await connection.query(text);
    if (rowAt(answers, -1).acquired === false && queue !== undefined) {
      answers = await connection.query(queue());
    }
    const waitedMs = clock.now() - startedMs;
    if (rowAt(answers, -1).acquired === false) throw await timeOut(0);
    tell.acquired(name, waitedMs);
    return answers;
  } catch (error) {
    if (sqlstateOf(error) === LOCK_NOT_AVAILABLE) throw await timeOut(clock.now() - startedMs);
    // In a transaction that had failed before, there is no savepoint to go back to.
    const isUndone = undo !== undefined && isVerdict(error) && !isInFailedTransaction(error);
    if (isUndone) await connection.query(undo);
    throw error;
  } finally {
    tell.waiting(-1);
  }

  async function timeOut(waitedMs: number): Promise<LockTimeoutError> {
    if (undo !== undefined) await connection.query(undo);
    const holders = await findHolders(connection, keys);
    tell.timedOut(name, waitedMs, holders);
    return new LockTimeoutError(name, waitedMs, holders);
  }
}

/** True when the session has given back what it held, so that somebody else may have it. */
export async function releaseSession(
  connection: Connection,
  keys: readonly bigint[],
  isShared: boolean,
): Promise<boolean> {
  connection.seal();
  // A transaction that was left open would become the next user's.
  const answers = await connection.control(`ROLLBACK; ${unlockSession(keys, isShared)}`);
  return rowAt(answers, -1).released === true;
}

interface Row {
  readonly acquired?: boolean;
  readonly released?: boolean;
  readonly lock_timeout?: string;
}

/** What one of several statements says, for which `pg` gives one result each; -1 is the last. */
function rowAt(answers: unknown, index: number): Row {
  const answer: unknown = Array.isArray(answers) ? answers.at(index) : answers;
  return (answer as { readonly rows: readonly Row[] }).rows[0] ?? {};
}

/** What sessions had `lock_timeout` set to at the last look, by their clients. */
const lockTimeouts = new WeakMap<object, string>();

/** A number and a unit, as the server writes it: safe in a statement. */
function isSetting(value: string | undefined): value is string {
  return value !== undefined && /^\d+[a-z]*$/.test(value);
}

async function findHolders(
  connection: Connection,
  keys: readonly bigint[],
): Promise<readonly LockHolder[]> {
  try {
    return await selectHolders(connection, keys);
  } catch {
    // Only for the message: the timeout is the news, with or without it.
    return [];
  }
}
