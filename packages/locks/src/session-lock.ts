import { onAbort, throwIfAborted, type Clock } from '@holdfast/internal';
import { acquire, releaseSession, type AdvisoryDeps } from './advisory-lock.ts';
import { lockSession } from './advisory-statements.ts';
import { Connection } from './connection.ts';
import { LockLostError } from './errors.ts';
import type { Frame } from './frame.ts';
import { SELECT_HELD } from './holders.ts';
import type { Holdings } from './holdings.ts';
import type { LockNames } from './lock-key.ts';
import type { HeldLock } from './locks.ts';
import type { ResolvedSessionOptions } from './options.ts';
import type { PgPoolLike } from './ports.ts';

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
  const stop = keepAlive(connection, names, keepaliveMs, deps.clock);
  try {
    const value = await deps.holdings.within({ frame: undefined, keys: new Set(names.keys) }, () =>
      fn(heldLock(connection, names)),
    );
    if (connection.lost !== undefined) throw connection.lost;
    throwIfAborted(signal);
    return value;
  } catch (error) {
    throw connection.lost ?? error;
  } finally {
    stop();
    await giveBack(connection, names, options.isShared);
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
  connection: Connection,
  { keys }: LockNames,
  isShared: boolean,
): Promise<void> {
  if (connection.lost !== undefined) {
    connection.end('destroy');
    return;
  }
  const isFree = await releaseSession(connection, keys, isShared).catch(() => false);
  connection.end(isFree ? 'reusable' : 'destroy');
}

function heldLock(connection: Connection, { keys, name }: LockNames): HeldLock {
  return {
    key: keys[0],
    pg: connection.pg,
    signal: connection.signal,
    async assertHeld() {
      const { rows } = await connection.query<{ held: boolean }>(SELECT_HELD, [keys.map(String)]);
      if (rows[0]?.held !== true)
        throw new LockLostError(name, new Error('the session does not hold it'));
    },
  };
}

/**
 * Asks the server for a sign of life whenever the connection is idle: one that was cut without a word has no other way to
 * tell. Gives it up when none has come within one more period.
 */
function keepAlive(
  connection: Connection,
  { name }: LockNames,
  everyMs: number,
  clock: Clock,
): () => void {
  let isAsking = false;
  const beat = (): void => {
    if (isAsking) {
      const cause = new Error(`the server gave no sign of life for ${everyMs} ms`);
      connection.abandon(new LockLostError(name, cause));
      return;
    }
    // What is on its way will tell as well, and the question would only wait behind it.
    if (!connection.isBusy) ask();
    timer = clock.setTimer(beat, everyMs, { background: true });
  };
  const ask = (): void => {
    isAsking = true;
    // A failure is told by the loss of the connection.
    connection.query('SELECT 1').then(
      () => void (isAsking = false),
      () => undefined,
    );
  };
  let timer = clock.setTimer(beat, everyMs, { background: true });
  return () => timer.cancel();
}
