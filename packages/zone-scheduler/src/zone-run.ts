import { OwnershipLostError } from './errors.ts';
import type { Fence, ShardOwnership, Shards } from './shards.ts';
import type { Zone, ZoneContext } from './zone.ts';

export interface ZoneRunParts<D> {
  readonly zone: Zone<D>;
  readonly cycle: number;
  readonly isSuspect: boolean;
  readonly startedMs: number;
  readonly deadlineMs: number;
  /** Whether the end of the cycle left less than the zone's timeout. */
  readonly isCutShort: boolean;
  readonly ownership: ShardOwnership;
  readonly shards: Shards;
  readonly onPushBack: () => void;
}

/** One run of a zone, and what its handler gets. The signal exists only when somebody has read it: most handlers never do. */
export class ZoneRun<D> implements ZoneContext {
  readonly #parts: ZoneRunParts<D>;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;

  constructor(parts: ZoneRunParts<D>) {
    this.#parts = parts;
  }

  get parts(): ZoneRunParts<D> {
    return this.#parts;
  }

  get cycle(): number {
    return this.#parts.cycle;
  }

  get deadlineMs(): number {
    return this.#parts.deadlineMs;
  }

  get fence(): Fence | undefined {
    return this.#parts.ownership.fence;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  assertOwned(): void {
    const { shards, ownership } = this.#parts;
    if (!shards.isHeld(ownership)) throw new OwnershipLostError(ownership.shard);
  }

  pushBack(): void {
    this.#parts.onPushBack();
  }

  abort(reason: unknown): void {
    this.#aborted = { reason };
    this.#controller?.abort(reason);
  }
}
