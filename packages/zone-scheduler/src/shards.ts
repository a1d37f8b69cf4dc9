/** Proof of who may work on the zones of a shard: a newer owner has a higher epoch. */
export interface Fence {
  /** Of the instances that share the shards. Epochs are compared within it. */
  readonly group: string;
  readonly shard: number;
  readonly epoch: bigint;
  readonly owner: string;
}

export interface ShardOwnership {
  readonly shard: number;
  /** Absent when nobody can take the shard away, as with static shards. */
  readonly fence: Fence | undefined;
}

/** What the scheduler does for a source of shards. */
export interface ShardHost {
  /**
   * Resolves when no zone of these shards is in work; they are not started any more. A handler that ignores its abort may
   * still run: what it does is up to a fence.
   */
  drain(shards: readonly number[]): Promise<void>;
  /** These shards are no longer ours: aborts what runs of them at once. */
  abandon(shards: readonly number[], reason: Error): void;
}

/**
 * Counters and gauges; plain JSON. `owned` and `trustedForMs` are of this moment. What the others have is as of the last look
 * at the group: with shards in PostgreSQL up to `renewMs` ago, a fifth of it while shards move or have no owner, and longer
 * while the server does not answer; with a registry a third of its `ttlMs`.
 */
export interface ShardsSnapshot {
  readonly total: number;
  readonly owned: number;
  /** Shards that nobody owns, as of the last look; `total` before the first. */
  readonly unowned: number;
  /** True from the start until the first shards are shared out, for a bounded time: what is `unowned` then is about to be taken. */
  readonly isSettling: boolean;
  /** As of the last look. */
  readonly members: number;
  /** How long the ownership may still be trusted; null when nobody can take it away. */
  readonly trustedForMs: number | null;
  /** What is wrong with the set of instances, such as two that disagree on the total; as of the last answer. */
  readonly mismatch: string | undefined;
}

export interface ShardsEvents {
  readonly change: {
    readonly gained: readonly number[];
    readonly lost: readonly number[];
    readonly members: number;
  };
  /** A renewal or another statement failed; the shards are kept while the lease is trusted. */
  readonly error: { readonly error: unknown };
}

/** Decides which zones this instance works on. The port of a scheduler for shards over instances. */
export interface Shards {
  /** @throws when the source cannot tell what is ours, for example on wrong settings. */
  start(host: ShardHost): Promise<void>;
  /**
   * The shard of a zone while it is ours, else undefined. The same object for each zone of a shard and epoch. Called for
   * each zone of a cycle: cheap.
   */
  ownershipOf(zoneId: string): ShardOwnership | undefined;
  /** Whether that ownership still holds at this moment. */
  isHeld(ownership: ShardOwnership): boolean;
  snapshot(): ShardsSnapshot;
  on<K extends keyof ShardsEvents>(
    event: K,
    listener: (payload: ShardsEvents[K]) => void,
  ): () => void;
  /** Gives the shards back, each when the host has drained it; resolves when nothing of it runs. */
  close(): Promise<void>;
}
