import { createDeferred, sleep, systemClock, type Clock } from '@holdfast/internal';
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
  /** Default: the system clock. */
  readonly clock?: Clock | undefined;
}

/**
 * Waits for tokens on a connection of its own, since a call that blocks would hold up all others, and calls `onNews` for
 * each. It waits only while somebody is idle, and puts back what came too late: a token is for one process, and another one
 * may be idle. Without a way to make a connection nobody is told, and consumers look by themselves.
 */
export function watchNews(
  client: RedisLike,
  { key, onNews, demand, clock = systemClock }: NewsWatch,
): () => Promise<void> {
  const duplicate = client.duplicate?.bind(client);
  if (duplicate === undefined) return async () => Promise.resolve();
  const ending = new AbortController();
  const isEnding = (): boolean => ending.signal.aborted;
  const connect = (): BlockingRedis => {
    const made = isCluster(client)
      ? duplicate([], { redisOptions: BLOCKING_OPTIONS })
      : duplicate(BLOCKING_OPTIONS);
    // Whatever fails there shows in the calls, too; without a listener it would end the process.
    made.on('error', () => undefined);
    return made;
  };
  let blocking = connect();

  /** Not with ioredis's `socketTimeout`, whose timer holds up the end of the process in its versions 5. */
  const ask = async (command: string, argument: string | number): Promise<unknown> => {
    const silence = createDeferred<never>();
    const timer = clock.setTimer(
      () => {
        if (isEnding()) return;
        blocking.disconnect();
        blocking = connect();
        silence.reject(new Error(`no answer within ${SILENT_MS} ms`));
      },
      SILENT_MS,
      { background: true },
    );
    try {
      return await Promise.race([blocking.callBuffer(command, key, argument), silence.promise]);
    } finally {
      timer.cancel();
    }
  };
  const run = async (): Promise<void> => {
    while (!isEnding()) {
      try {
        await demand?.untilIdle(ending.signal);
        if (isEnding()) return;
        const token = await ask('BLPOP', BLOCK_SECONDS);
        if (token === null) continue;
        if (demand?.isIdle() === false) await ask('RPUSH', TOKEN);
        else onNews();
      } catch {
        // It was away, so there may be news that nobody told.
        onNews();
        const options = { clock, signal: ending.signal, background: true };
        await sleep(PAUSE_MS, options).catch(() => undefined);
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
