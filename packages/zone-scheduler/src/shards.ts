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

/** Counters and gauges; plain JSON. */
export interface ShardsSnapshot {
  readonly total: number;
  readonly owned: number;
  /** Shards that nobody owns, as far as this instance knows. */
  readonly unowned: number;
  readonly members: number;
  /** How long the ownership may still be trusted; null when nobody can take it away. */
  readonly trustedForMs: number | null;
  /** What is wrong with the set of instances, such as two that disagree on the total. */
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
