import type { Budget, QueueSettings } from '../store.ts';

/**
 * What one shard keeps to. Whatever bounds the queue is divided, the remainder over the first shards, so that the sum is
 * the bound without a shard knowing of another. `idempotency.maxKeys` is not: it bounds memory, and each shard has its own.
 */
export function shareSettings(
  settings: QueueSettings,
  shard: number,
  shards: number,
): QueueSettings {
  const share = (whole: number): number =>
    Math.floor(whole / shards) + (shard < whole % shards ? 1 : 0);
  const shareBudget = ({ maxCount, maxBytes }: Budget): Budget => {
    return { maxCount: share(maxCount), maxBytes: share(maxBytes) };
  };
  const { limits, dead, rate } = settings;
  return {
    ...settings,
    limits: shareBudget(limits),
    dead: { ...dead, ...shareBudget(dead) },
    rate: rate === undefined ? undefined : { ...rate, count: share(rate.count) },
  };
}
