import { assignBounded } from '../shards/assign-bounded.ts';
import type { GroupView } from './shard-store.ts';

/** What this member has of the shards, as it knows. */
export interface HeldShards {
  readonly held: ReadonlySet<number>;
  /** On their way back: no zone of them starts any more. */
  readonly draining: ReadonlySet<number>;
}

export interface Moves {
  /** To be drained, then given back. */
  readonly giveBack: readonly number[];
  /** To be taken, as far as nobody has them. */
  readonly take: readonly number[];
  /** Ours by the server, and neither held nor wanted: taken by a statement whose answer was lost, or by an earlier process. */
  readonly free: ReadonlyMap<number, bigint>;
}

/**
 * What has to move so that each member has what is its own. Nothing is given and nothing new is taken until the set of
 * the members has settled: what was kept for this member it may take at once.
 */
export function planMoves(
  targets: readonly string[],
  memberId: string,
  state: HeldShards & {
    readonly view: GroupView;
    readonly isSettled: boolean;
    readonly maxGiven: number;
  },
): Moves {
  const { held, draining, view, isSettled, maxGiven } = state;
  const isTarget = (shard: number): boolean => targets[shard] === memberId;
  const surplus = [...held].filter((shard) => !isTarget(shard));
  const isMissing = (shard: number): boolean =>
    isTarget(shard) && !held.has(shard) && !draining.has(shard);
  const take = [...targets.keys()].filter(
    (shard) => isMissing(shard) && (isSettled || view.mine.has(shard)),
  );
  const stray = [...view.mine].filter(
    ([shard]) => !isTarget(shard) && !held.has(shard) && !draining.has(shard),
  );
  return {
    giveBack: isSettled ? surplus.slice(0, Math.max(0, maxGiven - draining.size)) : [],
    take,
    free: new Map(isSettled ? stray : []),
  };
}

/** Who should have each shard; worked out again only when the set of the members has changed. */
export class Targets {
  readonly #shards: number;
  readonly #memberId: string;
  #key: string | undefined;
  #targets: readonly string[] = [];

  constructor(shards: number, memberId: string) {
    this.#shards = shards;
    this.#memberId = memberId;
  }

  /** Which set of members it is; this member itself is always one. */
  static keyOf({ members }: GroupView): string {
    return JSON.stringify(members.map(({ id, weight = 1 }) => `${weight} ${id}`).sort());
  }

  of(view: GroupView): readonly string[] {
    const key = Targets.keyOf(view);
    if (key === this.#key) return this.#targets;
    this.#key = key;
    const isIn = view.members.some(({ id }) => id === this.#memberId);
    // Not in it any more: whatever is held goes with the lease.
    this.#targets = isIn ? assignBounded(this.#shards, view.members) : [];
    return this.#targets;
  }
}
