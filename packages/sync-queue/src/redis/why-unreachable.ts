import { sleep, type Clock } from '@holdfast/internal';
import { StoreFailedError } from '../errors.ts';
import { redisFailure, type RedisLike } from './run-script.ts';

/** How long it is waited for the answer: whoever asks has failed already. */
const PATIENCE_MS = 1000;

/** Between two questions: who cannot get in shall not knock with each call. */
const PAUSE_MS = 1000;

/**
 * Gives the failure of a first call, with what the server, or the network, has said in its place. ioredis says of a call that it
 * cannot send only that there is no connection, also when the server refuses the password; a connection of the store's own
 * is told why. One question is asked for all that have failed when its answer comes; who fails later asks again, for the reason
 * may be another by then.
 */
export function createReasoning(
  client: RedisLike,
  clock: Clock,
): (failure: unknown) => Promise<unknown> {
  let asking: Promise<unknown> | undefined;
  let lastEndMs = -Infinity;
  const ask = async (): Promise<unknown> => {
    try {
      const pauseMs = lastEndMs + PAUSE_MS - clock.now();
      if (pauseMs > 0) await sleep(pauseMs, { clock });
      return await whyUnreachable(client, clock);
    } catch {
      // A client that cannot be doubled leaves the failure as it is.
      return undefined;
    } finally {
      lastEndMs = clock.now();
      asking = undefined;
    }
  };
  return async (failure) => {
    if (!(failure instanceof StoreFailedError) || hasReason(failure.cause)) return failure;
    const reason = await (asking ??= ask());
    return reason === undefined
      ? failure
      : new StoreFailedError('not-applied', redisFailure(reason).cause);
  };
}

/** It comes from the server. */
function hasReason(cause: unknown): boolean {
  return cause instanceof Error && cause.name === 'ReplyError';
}

/** Undefined: the server lets the client in now, or says nothing. */
async function whyUnreachable(client: RedisLike, clock: Clock): Promise<unknown> {
  // Else it is refused as that of the client is.
  const options = { enableOfflineQueue: true };
  const connection =
    client.nodes === undefined ? client.duplicate?.(options) : client.duplicate?.([], options);
  if (connection === undefined) return undefined;
  const over = new AbortController();
  const told = new Promise<unknown>((resolve) => connection.on('error', resolve));
  // Of a client that is none.
  told.catch(() => undefined);
  const asked = connection.callBuffer('PING').then(
    () => undefined,
    (error: unknown) => error,
  );
  const waited = sleep(PATIENCE_MS, { clock, signal: over.signal }).catch(() => undefined);
  try {
    return ofNode(await Promise.race([told, asked, waited]));
  } finally {
    over.abort();
    connection.disconnect();
  }
}

/** Of a Cluster: what the last node has said that was asked. */
function ofNode(error: unknown): unknown {
  const { lastNodeError = error } = (error ?? {}) as { readonly lastNodeError?: unknown };
  return lastNodeError;
}
