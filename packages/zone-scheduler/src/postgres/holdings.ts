import type { Fence, ShardOwnership } from '../shards.ts';

/** The shards of this member: `held`, or `draining` on their way back. */
export class Holdings {
  readonly #ownerships: (ShardOwnership | undefined)[];
  readonly #held = new Set<number>();
  readonly #draining = new Set<number>();

  constructor(shards: number) {
    this.#ownerships = new Array<ShardOwnership | undefined>(shards).fill(undefined);
  }

  get held(): ReadonlySet<number> {
    return this.#held;
  }

  get draining(): ReadonlySet<number> {
    return this.#draining;
  }

  get size(): number {
    return this.#held.size + this.#draining.size;
  }

  get all(): number[] {
    return [...this.#held, ...this.#draining].sort((a, b) => a - b);
  }

  /** While zones of it may start. */
  workable(shard: number): ShardOwnership | undefined {
    return this.#held.has(shard) ? this.#ownerships[shard] : undefined;
  }

  has(ownership: ShardOwnership): boolean {
    return this.#ownerships[ownership.shard] === ownership;
  }

  epochOf(shard: number): bigint | undefined {
    return this.#ownerships[shard]?.fence?.epoch;
  }

  add(fence: Fence): void {
    this.remove([fence.shard]);
    this.#ownerships[fence.shard] = Object.freeze({ shard: fence.shard, fence });
    this.#held.add(fence.shard);
  }

  drain(shards: readonly number[]): void {
    for (const shard of shards) if (this.#held.delete(shard)) this.#draining.add(shard);
  }

  /** Those of them that were ours. */
  remove(shards: Iterable<number>): number[] {
    const removed: number[] = [];
    for (const shard of shards) {
      if (this.#ownerships[shard] !== undefined) removed.push(shard);
      this.#ownerships[shard] = undefined;
      this.#held.delete(shard);
      this.#draining.delete(shard);
    }
    return removed;
  }
}
