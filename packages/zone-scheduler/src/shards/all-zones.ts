import type { Shards } from '../shards.ts';
import { createFixedShards } from './fixed-shards.ts';

/** One instance that has every zone. */
export function allZones(): Shards {
  return createFixedShards({ total: 1, members: 1, shard: 0, isOurs: () => true });
}
