import { checkOut, createDeferred, onAbort, type Clock } from '@holdfast/internal';
import { FlushTimeoutError } from '../errors.ts';
import type { PgClientLike, PgPoolLike } from '../ports.ts';
import { BoundClient } from './bound-client.ts';

export interface ClientUse {
  readonly pool: PgPoolLike;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** For messages. */
  readonly label: string;
}

/**
 * Runs `work` with a connection of the pool. At the timeout, an abort or an error of the connection, whatever `work` waits
 * for rejects at once and the connection is destroyed: nothing else may use one whose state is unknown.
 */
export async function useClient<T>(
  use: ClientUse,
  work: (client: BoundClient) => Promise<T>,
): Promise<T> {
  const cut = createDeferred<never>();
  cut.promise.catch(() => undefined);
  const timer = use.clock.setTimer(
    () => cut.reject(new FlushTimeoutError(use.label, use.timeoutMs)),
    use.timeoutMs,
  );
  const off = onAbort(use.signal, (reason) => cut.reject(reason));
  const onError = (error: Error): void => cut.reject(error);
  const opening = checkOut(use.pool, (client: PgClientLike) => {
    client.on('error', onError);
    return client;
  });
  const giveBack = (client: PgClientLike, isClean: boolean): void => {
    client.release(!isClean);
    // Only now, when the pool listens again; and a destroyed one may still have something to say.
    if (isClean) client.removeListener('error', onError);
  };
  try {
    const client = await firstOf(opening, cut.promise, (late) => giveBack(late, true));
    const bound = new BoundClient(client, cut.promise);
    try {
      return await work(bound);
    } finally {
      giveBack(client, bound.isClean);
    }
  } finally {
    off();
    timer.cancel();
  }
}

/** What comes behind the cut is handed to `onLate`. */
async function firstOf<T>(
  wanted: Promise<T>,
  cut: Promise<never>,
  onLate: (value: T) => void,
): Promise<T> {
  try {
    return await Promise.race([wanted, cut]);
  } catch (error) {
    wanted.then(onLate, () => undefined);
    throw error;
  }
}
