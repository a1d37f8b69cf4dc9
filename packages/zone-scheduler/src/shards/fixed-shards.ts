import { createListeners } from '@holdfast/internal';
import { ShardsClosedError } from '../errors.ts';
import type { ShardRegistry } from '../shard-registry.ts';
import type { ShardHost, ShardOwnership, Shards, ShardsEvents, ShardsSnapshot } from '../shards.ts';

/** Shards that nobody can take away: what is ours is settled by the zone's id alone. */
export interface FixedShards {
  readonly total: number;
  readonly members: number;
  /** Ours. */
  readonly shard: number;
  readonly isOurs: (zoneId: string) => boolean;
  /** Who sees the other instances; undefined: nobody does. */
  readonly registry?: ShardRegistry | undefined;
}

/**
 * - `open`    entered at creation; zones are ours by their ids
 * - `closed`  entered when `close()` is called; no zone is ours any more; final
 */
export function createFixedShards(fixed: FixedShards): Shards {
  const { total, members, shard, isOurs, registry } = fixed;
  const listeners = createListeners<ShardsEvents>({ change: true, error: true });
  const ownership: ShardOwnership = Object.freeze({ shard, fence: undefined });
  let host: ShardHost | undefined;
  let closed: Promise<void> | undefined;

  const close = async (): Promise<void> => {
    await host?.drain([shard]);
    await registry?.close();
  };

  return {
    start(startingHost) {
      if (closed !== undefined) return Promise.reject(new ShardsClosedError());
      host ??= startingHost;
      const onError = (error: unknown): void => listeners.emit('error', { error });
      registry?.start({ id: shard, total, onError });
      return Promise.resolve();
    },
    ownershipOf: (zoneId) => (closed === undefined && isOurs(zoneId) ? ownership : undefined),
    isHeld: (held) => closed === undefined && held === ownership,
    snapshot: (): ShardsSnapshot => ({
      total,
      owned: closed === undefined ? 1 : 0,
      // What the other instances do, this one does not see by itself.
      unowned: registry?.missing ?? 0,
      isSettling: registry?.isSettling ?? false,
      members,
      trustedForMs: closed === undefined ? null : 0,
      mismatch: registry?.mismatch,
    }),
    on: (event, listener) => listeners.on(event, listener),
    close: () => (closed ??= close()),
  };
}
