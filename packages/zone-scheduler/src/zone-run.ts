import { OwnershipLostError } from './errors.ts';
import type { Fence, ShardOwnership, Shards } from './shards.ts';
import type { FailureClass, Zone, ZoneContext } from './zone.ts';

export type RunLane = 'healthy' | 'suspect';

/** What all runs of a cycle have in common. */
export interface RunScope {
  readonly cycle: number;
  /** Of zones without one of their own. */
  readonly timeoutMs: number;
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

/** It is the turn of a zone. */
export interface Turn<D> {
  readonly zone: Zone<D>;
  readonly lane: RunLane;
  readonly ownership: ShardOwnership;
  readonly startedMs: number;
}

/**
 * One run of a zone, and what its handler gets. Thousands are made each second: it keeps its parts in fields of its own,
 * and the signal exists only when somebody has read it, which most handlers never do.
 */
export class ZoneRun<D> implements ZoneContext, Turn<D> {
  readonly zone: Zone<D>;
  /** Whose slot it holds: one that hangs is moved to the suspects. */
  lane: RunLane;
  readonly ownership: ShardOwnership;
  readonly startedMs: number;
  readonly deadlineMs: number;
  /** It takes so long that others which began later have passed it. */
  isPassed = false;
  /** Where it stands among those that run; -1 when it has ended. */
  place = -1;
  /** NaN while it runs. */
  endedMs = NaN;
  /** Of a run that has ended; undefined when it succeeded. */
  failure: RunFailure | undefined;
  readonly #scope: RunScope;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;

  constructor(scope: RunScope, turn: Turn<D>, deadlineMs: number) {
    this.#scope = scope;
    this.zone = turn.zone;
    this.lane = turn.lane;
    this.ownership = turn.ownership;
    this.startedMs = turn.startedMs;
    this.deadlineMs = deadlineMs;
  }

  get cycle(): number {
    return this.#scope.cycle;
  }

  /** Whether the end of the cycle left less than the zone's timeout. */
  get isCutShort(): boolean {
    return this.deadlineMs < this.startedMs + (this.zone.timeoutMs ?? this.#scope.timeoutMs);
  }

  /** Whether it began in the healthy lane, so that it tells of the downstream. */
  get isTelling(): boolean {
    return this.lane === 'healthy' || this.isPassed;
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
