import type { ShardHost, ShardOwnership, Shards, ShardsSnapshot } from '../shards.ts';

/** Shards that nobody can take away: what is ours is settled by the zone's id alone. */
export interface FixedShards {
  readonly total: number;
  readonly members: number;
  /** Ours. */
  readonly shard: number;
  readonly isOurs: (zoneId: string) => boolean;
}

/**
 * - `open`    entered at creation; zones are ours by their ids
 * - `closed`  entered when `close()` is called; no zone is ours any more; final
 */
export function createFixedShards({ total, members, shard, isOurs }: FixedShards): Shards {
  const ownership: ShardOwnership = Object.freeze({ shard, fence: undefined });
  let host: ShardHost | undefined;
  let closed: Promise<void> | undefined;

  return {
    start(startingHost) {
      host ??= startingHost;
      return Promise.resolve();
    },
    ownershipOf: (zoneId) => (closed === undefined && isOurs(zoneId) ? ownership : undefined),
    isHeld: (held) => closed === undefined && held === ownership,
    snapshot: (): ShardsSnapshot => ({
      total,
      owned: closed === undefined ? 1 : 0,
      // What the other instances do, this one does not see.
      unowned: 0,
      members,
      trustedForMs: closed === undefined ? null : 0,
      mismatch: undefined,
    }),
    // Nothing ever changes.
    on: () => () => undefined,
    close: () => (closed ??= host?.drain([shard]) ?? Promise.resolve()),
  };
}
