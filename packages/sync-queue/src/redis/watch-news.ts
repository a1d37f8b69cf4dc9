import { sleep } from '@holdfast/internal';
import type { BlockingRedis, RedisLike } from './run-script.ts';

/** How long one call waits, seconds: a connection that died without a word is found by the next. */
const BLOCK_SECONDS = 5;
const PAUSE_MS = 200;

/**
 * Waits for tokens on a connection of its own, since a call that blocks would hold up all others, and calls `onNews` for
 * each. Without a way to make one nobody is told, and consumers look by themselves.
 */
export function watchNews(client: RedisLike, key: string, onNews: () => void): () => Promise<void> {
  const duplicate = client.duplicate?.bind(client);
  if (duplicate === undefined) return async () => Promise.resolve();
  const ending = new AbortController();
  const blocking: BlockingRedis = isCluster(client)
    ? duplicate([], { redisOptions: BLOCKING_OPTIONS })
    : duplicate(BLOCKING_OPTIONS);
  // Whatever fails there shows in the calls, too; without a listener it would end the process.
  blocking.on('error', () => undefined);

  const run = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      try {
        const token = await blocking.callBuffer('BLPOP', key, BLOCK_SECONDS);
        if (token !== null) onNews();
      } catch {
        // It was away, so there may be news that nobody told.
        onNews();
        await sleep(PAUSE_MS, { signal: ending.signal, background: true }).catch(() => undefined);
      }
    }
  };
  const running = run();
  return async () => {
    ending.abort();
    blocking.disconnect();
    await running;
  };
}

/** A call that blocks for seconds must not be taken for one that hangs, and none may be queued while the server is away. */
const BLOCKING_OPTIONS = {
  commandTimeout: undefined,
  socketTimeout: undefined,
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
};

function isCluster(client: RedisLike): boolean {
  return client.nodes !== undefined;
}
