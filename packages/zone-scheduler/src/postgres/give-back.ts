import type { Clock, Timer } from '@holdfast/internal';
import { ShardsLostError } from '../errors.ts';
import type { ShardHost } from '../shards.ts';

export interface GiveBackParts {
  readonly host: ShardHost;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

/**
 * Resolves when no zone of the shards runs, or when they have had `timeoutMs` for it: then what still runs is aborted, as
 * at the end of a lease. A handler that hangs would else keep its shards from everybody.
 */
export async function drainShards(
  { host, clock, timeoutMs }: GiveBackParts,
  shards: readonly number[],
): Promise<void> {
  let timer: Timer | undefined;
  const over = new Promise<void>((resolve) => {
    const giveUp = (): void => {
      const why = `zones of what was to be given back still ran after ${timeoutMs} ms`;
      host.abandon(shards, new ShardsLostError(shards, why));
      resolve();
    };
    timer = clock.setTimer(giveUp, timeoutMs, { background: true });
  });
  try {
    await Promise.race([host.drain(shards), over]);
  } finally {
    timer?.cancel();
  }
}
