import { sleep, systemClock } from '@holdfast/internal';
import { StoreFailedError } from '../errors.ts';
import { redisFailure, type RedisLike } from './run-script.ts';

/** How long it is waited for the answer: whoever asks has failed already. */
const PATIENCE_MS = 1000;

/**
 * The failure of the first call, with what the server, or the network, has said in its place. ioredis says of a call that it
 * cannot send only that there is no connection, also when the server refuses the password; a connection of the store's own
 * is told why.
 */
export async function withReason(client: RedisLike, failure: unknown): Promise<unknown> {
  if (!(failure instanceof StoreFailedError) || hasReason(failure.cause)) return failure;
  const reason = await whyUnreachable(client);
  if (reason === undefined) return failure;
  return new StoreFailedError('not-applied', redisFailure(reason).cause);
}

/** It comes from the server. */
function hasReason(cause: unknown): boolean {
  return cause instanceof Error && cause.name === 'ReplyError';
}

/** Undefined: the server lets the client in now, or says nothing. */
async function whyUnreachable(client: RedisLike): Promise<unknown> {
  // Else it is refused as that of the client is.
  const options = { enableOfflineQueue: true };
  const connection =
    client.nodes === undefined ? client.duplicate?.(options) : client.duplicate?.([], options);
  if (connection === undefined) return undefined;
  const over = new AbortController();
  const told = new Promise<unknown>((resolve) => connection.on('error', resolve));
  const asked = connection.callBuffer('PING').then(
    () => undefined,
    (error: unknown) => error,
  );
  const waited = sleep(PATIENCE_MS, { clock: systemClock, signal: over.signal }).catch(
    () => undefined,
  );
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
