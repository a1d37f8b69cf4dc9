import { onAbort, throwIfAborted, type Clock } from '@holdfast/internal';
import { acquire, releaseSession, type AdvisoryDeps } from './advisory-lock.ts';
import { lockSession } from './advisory-statements.ts';
import { Connection } from '../connection.ts';
import { LockLostError } from '../errors.ts';
import type { Frame } from '../transactions/frame.ts';
import { SELECT_HELD } from './holders.ts';
import type { Holdings } from '../transactions/holdings.ts';
import type { LockNames } from '../lock-key.ts';
import type { HeldLock } from '../locks.ts';
import type { ResolvedSessionOptions } from '../options.ts';
import type { PgPoolLike } from '../ports.ts';

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
      fn(heldLock(connection, names, options, deps.clock)),
    );
    if (connection.lost !== undefined) throw connection.lost;
    throwIfAborted(signal);
    return value;
  } catch (error) {
    throw connection.lost ?? error;
  } finally {
    stop();
    await giveBack(connection, names, options, deps.clock);
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
  { keys, name }: LockNames,
  { isShared, keepaliveMs }: ResolvedSessionOptions,
  clock: Clock,
): Promise<void> {
  const isStuck = connection.lost !== undefined || connection.mayBeBlocked;
  if (isStuck) {
    connection.end('destroy');
    return;
  }
  const answer = releaseSession(connection, keys, isShared).catch(() => false);
  const isFree = await within(keepaliveMs, answer, connection, name, clock);
  connection.end(isFree ? 'reusable' : 'destroy');
}

function heldLock(
  connection: Connection,
  { keys, name }: LockNames,
  { keepaliveMs }: ResolvedSessionOptions,
  clock: Clock,
): HeldLock {
  return {
    key: keys[0],
    pg: connection.pg(() => false),
    signal: connection.signal,
    async assertHeld() {
      const asking = connection.query<{ held: boolean }>(SELECT_HELD, [keys.map(String)]);
      const { rows } = await within(keepaliveMs, asking, connection, name, clock);
      if (rows[0]?.held !== true)
        throw new LockLostError(name, new Error('the session does not hold it'));
    },
  };
}

/** Gives the connection up when there is no answer in time: then what waits for it rejects. */
async function within<T>(
  ms: number,
  answer: Promise<T>,
  connection: Connection,
  name: string,
  clock: Clock,
): Promise<T> {
  const timer = clock.setTimer(() => connection.abandon(silence(name, ms)), ms);
  try {
    return await answer;
  } finally {
    timer.cancel();
  }
}

function silence(name: string, ms: number): LockLostError {
  return new LockLostError(name, new Error(`the server gave no sign of life for ${ms} ms`));
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
      // The answer may be here, unread, when this process has been busy: timers come before what was received.
      const giveUp = (): void => {
        if (isAsking) connection.abandon(silence(name, everyMs));
        else beat();
      };
      timer = clock.setTimer(giveUp, 1, { background: true });
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
