import { onAbort, throwIfAborted } from '@holdfast/internal';
import { acquire, releaseSession, type AdvisoryDeps } from './advisory-lock.ts';
import { lockSession, SELECT_HELD } from './advisory-statements.ts';
import { Connection } from '../connection.ts';
import { LockLostError } from '../errors.ts';
import type { Frame } from '../transactions/frame.ts';
import type { Holdings } from '../transactions/holdings.ts';
import type { LockNames } from '../lock-key.ts';
import type { HeldLock } from '../locks.ts';
import type { ResolvedSessionOptions } from '../options.ts';
import type { PgPoolLike } from '../ports.ts';
import { answerInTurnWithin, answerWithin, keepAlive, type Patience } from './sign-of-life.ts';

export interface SessionDeps extends AdvisoryDeps {
  readonly pool: PgPoolLike;
  readonly holdings: Holdings<Frame>;
}

/** Runs `fn` while a session of its own holds the lock. */
export async function runSessionLock<T>(
  fn: (held: HeldLock) => Promise<T>,
  names: LockNames,
  options: ResolvedSessionOptions,
  deps: SessionDeps,
): Promise<T> {
  const { signal, keepaliveMs } = options;
  throwIfAborted(signal);
  const connection = await Connection.open(deps.pool, {
    label: `lock ${names.name}`,
    lostError: (cause) => new LockLostError(names.name, cause),
    signal,
  });
  try {
    await take(connection, names, options, deps);
  } catch (error) {
    // A wait that failed may have ended in the lock all the same, which only the end of the session gives back for sure.
    connection.end('destroy');
    throwIfAborted(signal);
    throw connection.lost ?? error;
  }
  const heldSinceMs = deps.clock.now();
  deps.tell.held();
  const patience = { connection, name: names.name, ms: keepaliveMs, clock: deps.clock };
  const stop = keepAlive(patience);
  try {
    const value = await deps.holdings.within({ frame: undefined, keys: new Set(names.keys) }, () =>
      fn(heldLock(names, patience)),
    );
    if (connection.lost !== undefined) throw connection.lost;
    throwIfAborted(signal);
    return value;
  } catch (error) {
    throw connection.lost ?? error;
  } finally {
    stop();
    await giveBack(names, options, patience);
    deps.tell.over(names.name, deps.clock.now() - heldSinceMs, connection.lost);
  }
}

async function take(
  connection: Connection,
  names: LockNames,
  { isShared, wait, signal }: ResolvedSessionOptions,
  deps: SessionDeps,
): Promise<void> {
  const off = onAbort(signal, () => connection.end('destroy'));
  try {
    await deps.pooler.check(connection);
    const text = lockSession({ keys: names.keys, isShared, wait });
    await acquire(connection, { text }, names, deps);
    throwIfAborted(signal);
  } finally {
    off();
  }
}

/** A connection that may still hold the lock is never given back. */
async function giveBack(
  { keys }: LockNames,
  { isShared }: ResolvedSessionOptions,
  patience: Patience,
): Promise<void> {
  const { connection } = patience;
  const isStuck = connection.lost !== undefined || connection.mayBeBlocked;
  if (isStuck) {
    connection.end('destroy');
    return;
  }
  const isFree = await answerWithin(patience, () =>
    releaseSession(connection, keys, isShared).catch(() => false),
  );
  connection.end(isFree ? 'reusable' : 'destroy');
}

function heldLock({ keys, name }: LockNames, patience: Patience): HeldLock {
  const { connection } = patience;
  return {
    key: keys[0],
    pg: connection.pg(() => false),
    signal: connection.signal,
    async assertHeld() {
      const { rows } = await answerInTurnWithin(patience, () =>
        connection.query<{ held: boolean }>(SELECT_HELD, [keys.map(String)]),
      );
      if (rows[0]?.held !== true)
        throw new LockLostError(name, new Error('the session does not hold it'));
    },
  };
}
