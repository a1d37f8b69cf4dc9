import { sleep } from '@holdfast/internal';
import type { Demand } from '../store.ts';
import type { BlockingRedis, RedisLike } from './run-script.ts';

/** How long one call waits, seconds. */
const BLOCK_SECONDS = 5;
/** A connection that has been silent for longer has died without a word. */
const SILENT_MS = (BLOCK_SECONDS + 2) * 1000;
const PAUSE_MS = 200;
/** Nobody reads what it says. */
const TOKEN = '1';

export interface NewsWatch {
  /** Of the list of tokens. */
  readonly key: string;
  readonly onNews: () => void;
  readonly demand: Demand | undefined;
}

/**
 * Waits for tokens on a connection of its own, since a call that blocks would hold up all others, and calls `onNews` for
 * each. It waits only while somebody is idle, and puts back what came too late: a token is for one process, and another one
 * may be idle. Without a way to make a connection nobody is told, and consumers look by themselves.
 */
export function watchNews(
  client: RedisLike,
  { key, onNews, demand }: NewsWatch,
): () => Promise<void> {
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
        await demand?.untilIdle(ending.signal);
        const token = await blocking.callBuffer('BLPOP', key, BLOCK_SECONDS);
        if (token === null) continue;
        if (demand?.isIdle() === false) await blocking.callBuffer('RPUSH', key, TOKEN);
        else onNews();
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
  socketTimeout: SILENT_MS,
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
};

function isCluster(client: RedisLike): boolean {
  return client.nodes !== undefined;
}
