import { OwnershipLostError } from './errors.ts';
import type { Fence, ShardOwnership, Shards } from './shards.ts';
import type { FailureClass, Zone, ZoneContext } from './zone.ts';

export type RunLane = 'healthy' | 'suspect';

/** What all runs of a cycle have in common. */
export interface RunScope {
  readonly cycle: number;
  readonly shards: Shards;
  /** Who wants to know of push-back. */
  readonly lanes: { pushBack(): void };
}

/** Why a run did not succeed. What fails because the zone went to another instance is fenced, and no failure. */
export interface RunFailure {
  readonly outcome: 'failed' | 'timedOut' | 'fenced';
  readonly class: FailureClass;
  readonly error: unknown;
}

export interface ZoneRunParts<D> {
  readonly zone: Zone<D>;
  readonly lane: RunLane;
  readonly ownership: ShardOwnership;
  readonly startedMs: number;
  readonly deadlineMs: number;
  /** Whether the end of the cycle left less than the zone's timeout. */
  readonly isCutShort: boolean;
}

/**
 * One run of a zone, and what its handler gets. Thousands are made each second: it keeps its parts in fields of its own,
 * and the signal exists only when somebody has read it, which most handlers never do.
 */
export class ZoneRun<D> implements ZoneContext, ZoneRunParts<D> {
  readonly zone: Zone<D>;
  /** Whose slot it holds: one that hangs is moved to the suspects. */
  lane: RunLane;
  readonly ownership: ShardOwnership;
  readonly startedMs: number;
  readonly deadlineMs: number;
  readonly isCutShort: boolean;
  /** Whether it began in the healthy lane, so that it tells of the downstream. */
  readonly isTelling: boolean;
  /** It takes so long that others which began later have passed it. */
  isPassed = false;
  /** Its end was seen late, because the event loop stood still: how long it took says nothing of others. */
  isSeenLate = false;
  /** Where it stands among those that run; -1 when it has ended. */
  place = -1;
  /** NaN while it runs. */
  endedMs = NaN;
  /** Of a run that has ended; undefined when it succeeded. */
  failure: RunFailure | undefined;
  readonly #scope: RunScope;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;

  constructor(scope: RunScope, parts: ZoneRunParts<D>) {
    this.#scope = scope;
    this.zone = parts.zone;
    this.lane = parts.lane;
    this.isTelling = parts.lane === 'healthy';
    this.ownership = parts.ownership;
    this.startedMs = parts.startedMs;
    this.deadlineMs = parts.deadlineMs;
    this.isCutShort = parts.isCutShort;
  }

  get cycle(): number {
    return this.#scope.cycle;
  }

  get durationMs(): number {
    return this.endedMs - this.startedMs;
  }

  get fence(): Fence | undefined {
    return this.ownership.fence;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  // Functions without `this`, for handlers that destructure, and made when read: most handlers never do.
  get assertOwned(): () => void {
    return () => {
      if (this.#scope.shards.isHeld(this.ownership)) return;
      throw new OwnershipLostError(this.ownership.shard);
    };
  }

  get pushBack(): () => void {
    return () => this.#scope.lanes.pushBack();
  }

  abort(reason: unknown): void {
    this.#aborted = { reason };
    this.#controller?.abort(reason);
  }
}
