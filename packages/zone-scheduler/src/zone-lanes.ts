import type { DownstreamBreaker } from './downstream-breaker.ts';
import type { ResolvedZoneSchedulerOptions } from './options.ts';
import { Pacer } from './pacer.ts';
import { SuspectLane } from './suspect-lane.ts';
import { ZoneQueue } from './zone-queue.ts';
import type { RunLane, Turn, ZoneRun } from './zone-run.ts';
import type { Zone } from './zone.ts';

export interface ZoneLanesParts<D> {
  readonly options: ResolvedZoneSchedulerOptions<D>;
  readonly startedMs: number;
  /** Ids that go first. */
  readonly deferredBefore: ReadonlySet<string>;
  /** Weight of the healthy zones of the cycle before: what to plan with until the source has been read. */
  readonly expectedWeight: number;
  readonly breaker: DownstreamBreaker | undefined;
  /** The zone is in flight from then on. */
  readonly onTurn: (turn: Turn<D>) => void;
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
  #isFinished = false;
  /** Of the healthy zones that were given, and of those that have ended. */
  #weight = 0;
  #endedWeight = 0;
  /** Slot time of the runs that have ended. */
  readonly #usedMs = { healthy: 0, suspect: 0 };
  /** The last zone that was tried while the downstream was down. */
  #probe: Zone<D> | undefined;

  constructor(parts: ZoneLanesParts<D>) {
    const { options, startedMs } = parts;
    const { controller, timeoutMs, suspects } = options;
    const targetMs = options.cycleMs * options.targetFraction;
    this.#parts = parts;
    this.#awaited = new Set(parts.deferredBefore);
    // With no room left to read on, those that are awaited would never come.
    const isHoldingBack = (): boolean => this.#awaited.size > 0 && this.size < options.maxReadAhead;
    this.#healthy = new ZoneQueue(isHoldingBack);
    this.#suspects = new ZoneQueue(isHoldingBack);
    this.#lane = new SuspectLane({
      maxSlots: suspects === false ? 1 : suspects.maxSlots,
      timeoutMs,
      targetMs,
    });
    this.#pacer = new Pacer({
      controller,
      startedMs,
      targetMs: startedMs + targetMs,
      remaining: () => this.#remaining(),
      hasWaiting: () => this.#healthy.hasNext,
      grant: (slots) => this.#grant(slots),
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

  /** The downstream has been down for the time of a whole cycle, in this one. */
  isDownForLong(nowMs: number): boolean {
    const { breaker, options, startedMs } = this.#parts;
    const sinceMs = Math.max(startedMs, breaker?.openedMs ?? Infinity);
    return nowMs - sinceMs >= options.cycleMs;
  }

  /** The downstream is down, or other schedulers hold the slots of the budget. */
  get isWaitingForOthers(): boolean {
    const { breaker, options } = this.#parts;
    return breaker?.isOpen === true || options.budget?.hasRoom === false;
  }

  /** Whether a zone of one of the lanes could be started. */
  get hasPlace(): boolean {
    return this.#pacer.hasPlace || this.#lane.hasPlace;
  }

  /** Most zones that may be in flight now. */
  get places(): number {
    return this.#pacer.places + this.#lane.slots;
  }

  /**
   * When `tick` is to be called, and what waits is to be tried. A probe that is overdue waits for a place and for no time:
   * a timer for it would fire without end.
   */
  dueMs(nowMs: number): number {
    const probeDueMs = this.#parts.breaker?.probeDueMs ?? Infinity;
    const isTimed = this.hasNext && probeDueMs > nowMs;
    return Math.min(this.#pacer.windowDueMs, isTimed ? probeDueMs : Infinity);
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

  /**
   * Starts the zone that has a place now; returns whether there was one.
   *
   * @param nowMs is looked up when it is not known and there is one.
   */
  startNext(nowMs: number | undefined): boolean {
    const { breaker, options } = this.#parts;
    const inFlight = this.#pacer.inFlight + this.#lane.inFlight;
    if (options.budget?.hasRoom === false) return false;
    if (breaker?.isOpen === true) {
      if (inFlight > 0 || !this.hasNext) return false;
      if (!breaker.takeProbe(nowMs ?? options.clock.now())) return false;
      return this.#startFrom('healthy', nowMs) || this.#startFrom('suspect', nowMs);
    }
    return (
      (this.#isSuspectsTurn() && this.#startFrom('suspect', nowMs)) ||
      (this.#pacer.hasPlace && this.#startFrom('healthy', nowMs)) ||
      (this.#lane.hasPlace && !this.#isProbing() && this.#startFrom('suspect', nowMs))
    );
  }

  /** Returns whether the downstream has gone down, or has come back. */
  end(run: ZoneRun<D>): boolean {
    const { breaker, options } = this.#parts;
    this.#usedMs[run.lane] += run.durationMs;
    if (run.lane === 'suspect') this.#lane.end();
    else this.#endHealthy(run);
    options.budget?.giveBack();
    if (breaker === undefined) return false;
    // Suspects tell nothing of the downstream, but for the one that is tried while it is down. What was started before that
    // tells nothing of it then: of many runs one succeeds, also when most of them fail.
    const isTelling = breaker.isOpen ? run.zone === this.#probe : run.isTelling;
    if (!isTelling) return false;
    return breaker.record(run.failure?.class ?? 'ok', run.endedMs, run.startedMs);
  }

  /** A run of the healthy lane holds a slot of the suspects from now on, if they have one. */
  moveAside(run: ZoneRun<D>, nowMs: number): void {
    const { breaker, options } = this.#parts;
    if (options.suspects === false || breaker?.isOpen === true || !this.#lane.takeOver()) return;
    const weight = run.zone.weight ?? 1;
    run.lane = 'suspect';
    this.#endedWeight += weight;
    this.#pacer.moveAside(nowMs, weight);
  }

  pushBack(): void {
    this.#pacer.pushBack();
  }

  /** @param firedMs when the event loop ran the timer for it. */
  tick(nowMs: number, firedMs: number): void {
    if (nowMs >= this.#pacer.windowDueMs) this.#pacer.closeWindow(nowMs, firedMs);
  }

  /** Nothing more will be started. */
  finish(nowMs: number): void {
    this.#isFinished = true;
    this.#pacer.finish(nowMs);
    this.#parts.options.budget?.request(1);
  }

  takeAll(): Zone<D>[] {
    return [...this.#healthy.takeAll(), ...this.#suspects.takeAll()];
  }

  /** The sample of the idle downstream would not be one with suspects in flight; they wait while it is taken. */
  #isProbing(): boolean {
    return this.#pacer.isProbing && this.#healthy.hasNext;
  }

  /** A budget may grant one slot in all: then each lane has it for half of the time, or the healthy zones would always have it. */
  #isSuspectsTurn(): boolean {
    const { budget } = this.#parts.options;
    if (budget?.granted !== 1 || !this.#lane.hasPlace || this.#isProbing()) return false;
    return this.#usedMs.suspect < this.#usedMs.healthy;
  }

  /** Of the slots of a shared budget the suspects' are asked for as well. */
  #grant(slots: number): number {
    const { budget } = this.#parts.options;
    // Windows go on while the last zones run, and nobody needs more slots then.
    if (budget === undefined || this.#isFinished) return slots;
    return Math.max(1, budget.request(slots + this.#lane.slots) - this.#lane.slots);
  }

  #remaining(): number {
    const given = this.#isReading
      ? Math.max(this.#weight, this.#parts.expectedWeight)
      : this.#weight;
    return given - this.#endedWeight;
  }

  #endHealthy(run: ZoneRun<D>): void {
    const { failure } = run;
    const weight = run.zone.weight ?? 1;
    const outcome = failure?.outcome === 'fenced' ? 'failed' : (failure?.outcome ?? 'ok');
    this.#endedWeight += weight;
    this.#pacer.end({ nowMs: run.endedMs, outcome, latencyMs: run.durationMs, weight });
  }

  #startFrom(lane: RunLane, nowMs: number | undefined): boolean {
    const { breaker, options, onFenced, onTurn } = this.#parts;
    const queue = lane === 'suspect' ? this.#suspects : this.#healthy;
    for (;;) {
      const zone = queue.take();
      if (zone === undefined) return false;
      const ownership = options.shards.ownershipOf(zone.id);
      if (ownership !== undefined) {
        const startedMs = nowMs ?? options.clock.now();
        if (lane === 'suspect') this.#lane.start();
        else this.#pacer.start(startedMs);
        options.budget?.take();
        if (breaker?.isOpen === true) this.#probe = zone;
        onTurn({ zone, lane, ownership, startedMs });
        return true;
      }
      if (lane === 'healthy') this.#endedWeight += zone.weight ?? 1;
      onFenced(zone.id);
    }
  }
}
