import type { DownstreamBreaker } from './downstream-breaker.ts';
import type { ResolvedZoneSchedulerOptions } from './options.ts';
import { Pacer } from './pacer.ts';
import type { EndedRun } from './running-zones.ts';
import type { ShardOwnership } from './shards.ts';
import { SuspectLane } from './suspect-lane.ts';
import { ZoneQueue } from './zone-queue.ts';
import type { Zone } from './zone.ts';

export interface ZoneLanesParts<D> {
  readonly options: ResolvedZoneSchedulerOptions<D>;
  readonly startedMs: number;
  /** Ids that go first. */
  readonly deferredBefore: ReadonlySet<string>;
  /** Weight of the healthy zones of the cycle before: what to plan with until the source has been read. */
  readonly expectedWeight: number;
  readonly breaker: DownstreamBreaker | undefined;
  /** The zone went to another instance while it waited. */
  readonly onFenced: (zoneId: string) => void;
}

export interface WaitingZone<D> {
  readonly zone: Zone<D>;
  readonly isSuspect: boolean;
}

/** A zone whose turn it is. */
export interface NextZone<D> extends WaitingZone<D> {
  readonly ownership: ShardOwnership;
}

/**
 * The zones of one cycle that wait: the healthy ones, of which the controller says how many may be in flight, and the
 * suspects in slots of their own. While the downstream is down, zones are started one at a time.
 */
export class ZoneLanes<D> {
  readonly #parts: ZoneLanesParts<D>;
  /** Deferred zones that the source has not given yet. */
  readonly #awaited: Set<string>;
  readonly #healthy: ZoneQueue<D>;
  readonly #suspects: ZoneQueue<D>;
  readonly #pacer: Pacer;
  readonly #lane: SuspectLane;
  #isReading = true;
  /** Of the healthy zones that were given, and of those that have ended. */
  #weight = 0;
  #endedWeight = 0;

  constructor(parts: ZoneLanesParts<D>) {
    const { options, startedMs } = parts;
    const { controller, timeoutMs, suspects } = options;
    const targetMs = options.cycleMs * options.targetFraction;
    this.#parts = parts;
    this.#awaited = new Set(parts.deferredBefore);
    this.#healthy = new ZoneQueue(this.#awaited);
    this.#suspects = new ZoneQueue(this.#awaited);
    this.#lane = new SuspectLane({
      ...{ maxSlots: suspects === false ? 1 : suspects.maxSlots, timeoutMs, targetMs },
    });
    this.#pacer = new Pacer({
      ...{ controller, startedMs, targetMs: startedMs + targetMs },
      remaining: () => this.#remaining,
    });
  }

  /** Of the healthy zones that were given. */
  get weight(): number {
    return this.#weight;
  }

  get suspectSlots(): number {
    return this.#lane.slots;
  }

  /** How many zones wait. */
  get size(): number {
    return this.#healthy.size + this.#suspects.size;
  }

  get hasNext(): boolean {
    return this.#healthy.hasNext || this.#suspects.hasNext;
  }

  /** Most zones that may be in flight now. */
  get places(): number {
    return this.#pacer.places + this.#lane.slots;
  }

  /** When `tick` is to be called. */
  get dueMs(): number {
    const probeDueMs = this.hasNext ? (this.#parts.breaker?.probeDueMs ?? Infinity) : Infinity;
    return Math.min(this.#pacer.windowDueMs, probeDueMs);
  }

  push({ zone, isSuspect }: WaitingZone<D>): void {
    const queue = isSuspect ? this.#suspects : this.#healthy;
    if (isSuspect) this.#lane.add();
    else this.#weight += zone.weight ?? 1;
    if (this.#awaited.delete(zone.id)) queue.pushFirst(zone);
    else queue.push(zone);
  }

  /** The zone will not come, though it was deferred. */
  forget(zoneId: string): void {
    this.#awaited.delete(zoneId);
  }

  /** No further zone comes: holds nothing back any more. Returns the deferred ones that were not given. */
  release(): string[] {
    const missing = [...this.#awaited];
    this.#awaited.clear();
    this.#isReading = false;
    return missing;
  }

  /** Takes the zone that has a place now; it is in flight from then on. */
  takeNext(nowMs: number): NextZone<D> | undefined {
    const { breaker } = this.#parts;
    if (breaker?.isOpen === true) {
      const isIdle = this.#pacer.inFlight + this.#lane.inFlight === 0;
      if (!isIdle || !this.hasNext || !breaker.takeProbe(nowMs)) return undefined;
      return this.#takeHealthy(nowMs) ?? this.#takeSuspect();
    }
    return (
      (this.#pacer.hasPlace ? this.#takeHealthy(nowMs) : undefined) ??
      (this.#lane.hasPlace && !this.#isProbing ? this.#takeSuspect() : undefined)
    );
  }

  /** Returns whether the downstream has gone down, or has come back. */
  end({ parts, nowMs, durationMs, failure }: EndedRun<D>): boolean {
    const { breaker } = this.#parts;
    const result = failure === undefined ? 'ok' : failure.class;
    if (parts.isSuspect) {
      this.#lane.end();
      // Suspects tell nothing of the downstream, but for the one that is tried while it is down.
      return breaker?.isOpen === true && breaker.record(result, nowMs);
    }
    const weight = parts.zone.weight ?? 1;
    const outcome = failure?.outcome === 'fenced' ? 'failed' : (failure?.outcome ?? 'ok');
    this.#endedWeight += weight;
    this.#pacer.end({ nowMs, outcome, latencyMs: durationMs, weight });
    return breaker?.record(result, nowMs) ?? false;
  }

  pushBack(): void {
    this.#pacer.pushBack();
  }

  tick(nowMs: number): void {
    if (nowMs >= this.#pacer.windowDueMs) this.#pacer.closeWindow(nowMs);
  }

  /** Empties the lanes: nothing more will be started. */
  takeAll(nowMs: number): Zone<D>[] {
    this.#pacer.finish(nowMs);
    return [...this.#healthy.takeAll(), ...this.#suspects.takeAll()];
  }

  /** The sample of the idle downstream would not be one with suspects in flight; they wait while it is taken. */
  get #isProbing(): boolean {
    return this.#pacer.isProbing && this.#healthy.hasNext;
  }

  get #remaining(): number {
    const given = this.#isReading
      ? Math.max(this.#weight, this.#parts.expectedWeight)
      : this.#weight;
    return given - this.#endedWeight;
  }

  #takeHealthy(nowMs: number): NextZone<D> | undefined {
    const next = this.#takeOurs(this.#healthy, false);
    if (next !== undefined) this.#pacer.start(nowMs);
    return next;
  }

  #takeSuspect(): NextZone<D> | undefined {
    const next = this.#takeOurs(this.#suspects, true);
    if (next !== undefined) this.#lane.start();
    return next;
  }

  #takeOurs(queue: ZoneQueue<D>, isSuspect: boolean): NextZone<D> | undefined {
    const { options, onFenced } = this.#parts;
    for (;;) {
      const zone = queue.take();
      if (zone === undefined) return undefined;
      const ownership = options.shards.ownershipOf(zone.id);
      if (ownership !== undefined) return { zone, isSuspect, ownership };
      if (!isSuspect) this.#endedWeight += zone.weight ?? 1;
      onFenced(zone.id);
    }
  }
}
