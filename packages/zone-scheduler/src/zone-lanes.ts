import type { DownstreamBreaker } from './downstream-breaker.ts';
import type { ResolvedZoneSchedulerOptions } from './options.ts';
import { Pacer } from './pacer.ts';
import type { EndedRun } from './running-zones.ts';
import type { ShardOwnership } from './shards.ts';
import { SuspectLane } from './suspect-lane.ts';
import { ZoneQueue } from './zone-queue.ts';
import type { RunLane } from './zone-run.ts';
import type { Zone } from './zone.ts';

export interface ZoneLanesParts<D> {
  readonly options: ResolvedZoneSchedulerOptions<D>;
  readonly startedMs: number;
  /** Ids that go first. */
  readonly deferredBefore: ReadonlySet<string>;
  /** Weight of the healthy zones of the cycle before: what to plan with until the source has been read. */
  readonly expectedWeight: number;
  readonly breaker: DownstreamBreaker | undefined;
  /** It is the turn of a zone: it is in flight from then on. */
  readonly onTurn: (zone: Zone<D>, lane: RunLane, ownership: ShardOwnership) => void;
  /** The zone went to another instance while it waited. */
  readonly onFenced: (zoneId: string) => void;
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

  push(zone: Zone<D>, lane: RunLane): void {
    const queue = lane === 'suspect' ? this.#suspects : this.#healthy;
    if (lane === 'suspect') this.#lane.add();
    else this.#weight += zone.weight ?? 1;
    if (this.#awaited.delete(zone.id)) queue.pushFirst(zone);
    else queue.push(zone);
  }

  /** The zone will not come, though it was deferred. */
  forget(zoneId: string): void {
    this.#awaited.delete(zoneId);
  }

  /** No further zone comes: holds nothing back any more. Returns the deferred ones that were not given. */
  release(nowMs: number): string[] {
    const missing = [...this.#awaited];
    this.#awaited.clear();
    this.#isReading = false;
    this.#pacer.replan(nowMs);
    return missing;
  }

  /** Starts the zone that has a place now; returns whether there was one. */
  startNext(nowMs: number): boolean {
    const { breaker } = this.#parts;
    if (breaker?.isOpen === true) {
      const isIdle = this.#pacer.inFlight + this.#lane.inFlight === 0;
      if (!isIdle || !this.hasNext || !breaker.takeProbe(nowMs)) return false;
      return this.#startFrom('healthy', nowMs) || this.#startFrom('suspect', nowMs);
    }
    return (
      (this.#pacer.hasPlace && this.#startFrom('healthy', nowMs)) ||
      (this.#lane.hasPlace && !this.#isProbing && this.#startFrom('suspect', nowMs))
    );
  }

  /** Returns whether the downstream has gone down, or has come back. */
  end({ run, nowMs, durationMs, failure }: EndedRun<D>): boolean {
    const { breaker } = this.#parts;
    const result = failure === undefined ? 'ok' : failure.class;
    if (run.lane === 'suspect') {
      this.#lane.end();
      // Suspects tell nothing of the downstream, but for the one that is tried while it is down.
      return breaker?.isOpen === true && breaker.record(result, nowMs);
    }
    const weight = run.zone.weight ?? 1;
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

  /** Nothing more will be started. */
  finish(nowMs: number): void {
    this.#pacer.finish(nowMs);
  }

  takeAll(): Zone<D>[] {
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

  #startFrom(lane: RunLane, nowMs: number): boolean {
    const { options, onFenced, onTurn } = this.#parts;
    const queue = lane === 'suspect' ? this.#suspects : this.#healthy;
    for (;;) {
      const zone = queue.take();
      if (zone === undefined) return false;
      const ownership = options.shards.ownershipOf(zone.id);
      if (ownership !== undefined) {
        if (lane === 'suspect') this.#lane.start();
        else this.#pacer.start(nowMs);
        onTurn(zone, lane, ownership);
        return true;
      }
      if (lane === 'healthy') this.#endedWeight += zone.weight ?? 1;
      onFenced(zone.id);
    }
  }
}
