import { createDeferred } from '@holdfast/internal';
import { CycleBooks } from './cycle-books.ts';
import type { CycleReport } from './cycle-report.ts';
import type { CycleSetup } from './cycle-setup.ts';
import { describeError } from './cycle-tally.ts';
import { RunningZones } from './running-zones.ts';
import { SourceReader } from './source-reader.ts';
import { Stragglers } from './stragglers.ts';
import { createSweepTimer, type SweepTimer } from './sweep-timer.ts';
import { ZoneIntake } from './zone-intake.ts';
import { ZoneLanes } from './zone-lanes.ts';
import type { Turn, ZoneRun } from './zone-run.ts';
import type { Zone } from './zone.ts';

/**
 * One cycle: starts each zone that the reader brings when there is a place, and accounts for all.
 *
 * - filling  from the start: zones are started, one at a time while the downstream is down
 * - cut      entered when no further zone would be done by `endMs`, by `cut()`, when zombies have held all places for
 *            `timeoutMs`, or when a cycle without an end has found the downstream down for `cycleMs`: no zone is started
 *            any more; what is queued, or still read, is deferred
 * - done     entered from either when nothing is read, queued or running any more; final
 */
export class Cycle<D> {
  readonly number: number;
  /** Ids of the zones that this cycle has not started. */
  readonly deferred = new Set<string>();
  /** Those of them that had to go first in this cycle already. */
  readonly #stillFirst = new Set<string>();
  readonly #setup: CycleSetup<D>;
  readonly #books: CycleBooks;
  readonly #intake: ZoneIntake<D>;
  readonly #lanes: ZoneLanes<D>;
  readonly #running: RunningZones<D>;
  readonly #stragglers: Stragglers;
  readonly #reader: SourceReader<D>;
  readonly #sweep: SweepTimer;
  readonly #done = createDeferred<CycleReport>();
  readonly #startedMs: number;
  readonly #startedAtMs: number;
  /** Resolves when the source has ended, which may be long after it was given up. */
  sourceSettled: Promise<void> = Promise.resolve();
  #isCut = false;
  #isCutByCaller = false;
  #isAborted = false;
  #isFinished = false;
  #stuckDueMs = Infinity;
  #sourceError: CycleReport['sourceError'];

  constructor(setup: CycleSetup<D>) {
    const { options, number, zombies, health, seen, overdue } = setup;
    const { clock, timeoutMs, zones, maxReadAhead, shards } = options;
    this.number = number;
    this.#setup = setup;
    this.#startedMs = clock.now();
    this.#startedAtMs = clock.wallNow();
    // No spreads: what they make has a shape of its own in each cycle, and code that is compiled for one is thrown away.
    this.#books = new CycleBooks({
      cycle: number,
      startedMs: this.#startedMs,
      health,
      maxReportedFailures: options.maxReportedFailures,
    });
    this.#stragglers = new Stragglers(this.#books.usual, options.controller.windowMs);
    this.#intake = new ZoneIntake({ cycle: number, seen, shards, health, zombies, overdue });
    this.#lanes = new ZoneLanes({
      options,
      startedMs: this.#startedMs,
      deferredBefore: setup.deferredBefore,
      expectedWeight: setup.expectedWeight,
      breaker: setup.breaker,
      onTurn: (turn) => this.#start(turn),
      onFenced: (zoneId) => this.#books.miss('fenced', zoneId),
    });
    this.#running = new RunningZones({
      scope: { cycle: number, timeoutMs, shards, lanes: this.#lanes },
      handler: options.handler,
      classify: options.classify,
      clock,
      zombies,
      onZombie: setup.onZombie,
      onZombieSettled: setup.onZombieSettled,
      onEnd: (run) => this.#endRun(run),
    });
    this.#sweep = createSweepTimer(clock, (nowMs, firedMs) => this.#expire(nowMs, firedMs));
    this.#reader = new SourceReader({
      zones,
      timeoutMs,
      clock,
      onZone: (zone) => this.#accept(zone),
      hasRoom: () => this.#isCut || this.#lanes.size < maxReadAhead,
      onEnd: (failure) => this.#endReading(failure),
      watch: (dueMs) => this.#sweep.watch(dueMs),
    });
  }

  /**
   * Ids that go first in the next cycle: whoever has waited longer, and the newly deferred only when nobody has. So each
   * zone's turn comes, also when no cycle ever gets through.
   */
  get first(): ReadonlySet<string> {
    return this.#stillFirst.size > 0 ? this.#stillFirst : this.deferred;
  }

  /** Of the healthy zones that were given. */
  get weight(): number {
    return this.#lanes.weight;
  }

  get inFlight(): number {
    return this.#running.size;
  }

  /** How many handlers were aborted so far. */
  get aborted(): number {
    return this.#running.aborted;
  }

  /** To be called once. Never rejects. */
  run(): Promise<CycleReport> {
    this.#sweep.watch(Math.min(this.#setup.endMs, this.#lanes.dueMs(this.#startedMs)));
    this.sourceSettled = this.#reader.read();
    return this.#done.promise;
  }

  /** Starts no further zone, for the caller's sake. */
  cut(): void {
    this.#isCutByCaller ||= !this.#isCut;
    this.#stopStarting();
  }

  /** Cuts, and gives up on the source and on everything that runs. */
  abort(reason: Error): void {
    this.#isAborted = true;
    this.#stopStarting();
    this.#running.abortAll(reason);
    this.#reader.giveUp(reason);
    this.pump();
  }

  /** Aborts what runs of shards that were lost. */
  abandon(shards: readonly number[], reason: Error): void {
    this.#running.abandon(shards, reason);
    this.pump();
  }

  /** Resolves when no zone of these shards is in work. */
  drain(shards: readonly number[]): Promise<void> {
    return this.#running.drain(shards);
  }

  /** Starts what there is a place for. Called whenever one may have become free. */
  pump(nowMs: number = this.#setup.options.clock.now()): void {
    if (!this.#isCut && this.#isTooLate(nowMs)) this.#stopStarting();
    // The first one starts now; before the next one a handler has run, for as long as it liked.
    let startMs: number | undefined = nowMs;
    while (!this.#isCut && this.#hasPlace() && this.#lanes.startNext(startMs)) startMs = undefined;
    this.#watchForStuck(nowMs);
    this.#reader.wake();
    if (this.#isDone()) this.#finish(nowMs);
    // The end of a window is watched for by each sweep.
    else if (this.#setup.breaker?.isOpen === true) this.#sweep.watch(this.#lanes.dueMs(nowMs));
  }

  #stopStarting(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    // The rest of the source is read only to know what to defer.
    this.#reader.hurry();
    this.#lanes.finish(this.#setup.options.clock.now());
    for (const { id } of this.#lanes.takeAll()) this.#leave(id);
    this.pump();
  }

  #accept(given: Zone<D>): void {
    const verdict = this.#intake.accept(given);
    if (verdict.kind !== 'run') {
      this.#lanes.forget(verdict.zoneId);
      this.#books.turnAway(verdict);
    } else {
      this.#books.tally.plan();
      if (this.#isCut) this.#leave(verdict.zone.id);
      else this.#lanes.push(verdict.zone, verdict.lane);
    }
    // Most zones come long before their turn.
    if (this.#lanes.hasPlace) this.pump();
  }

  #endReading(failure: { readonly error: unknown } | undefined): void {
    const notGiven = this.#lanes.release(this.#setup.options.clock.now());
    if (failure !== undefined) {
      this.#sourceError = describeError(failure.error);
      // The source may not have come to them: they keep their turn.
      for (const id of notGiven) {
        this.deferred.add(id);
        this.#stillFirst.add(id);
      }
    }
    this.pump();
  }

  #start(turn: Turn<D>): void {
    const { options, endMs } = this.#setup;
    const { zone, startedMs } = turn;
    const deadlineMs = Math.min(startedMs + (zone.timeoutMs ?? options.timeoutMs), endMs);
    this.#books.start(startedMs);
    this.#sweep.watch(deadlineMs);
    this.#running.start(turn, deadlineMs);
  }

  #endRun(run: ZoneRun<D>): void {
    this.#books.end(run, this.#sweep.isLate(run.endedMs));
    this.#stragglers.end(run);
    const { breaker, onDownstream } = this.#setup;
    if (this.#lanes.end(run)) onDownstream(breaker?.isOpen === true);
    // An abort may have taken its time.
    this.pump(run.failure === undefined ? run.endedMs : undefined);
  }

  /** Deals with everything that is due; returns when the next is. */
  #expire(nowMs: number, firedMs: number): number | undefined {
    this.#lanes.tick(nowMs, firedMs);
    if (nowMs >= Math.min(this.#setup.endMs, this.#stuckDueMs)) this.#stopStarting();
    const runDueMs = this.#running.expire(nowMs);
    this.#stragglers.look(this.#running.all, this.#lanes, nowMs);
    this.#reader.expire(nowMs);
    this.pump();
    if (this.#isDone()) return undefined;
    const cutDueMs = this.#isCut ? Infinity : Math.min(this.#setup.endMs, this.#stuckDueMs);
    const { dueMs } = this.#stragglers;
    return Math.min(runDueMs, cutDueMs, dueMs, this.#lanes.dueMs(nowMs), this.#reader.dueMs);
  }

  #leave(zoneId: string): void {
    this.#lanes.forget(zoneId);
    if (this.#setup.options.overrun === 'skip') {
      this.#books.miss('skipped', zoneId);
      return;
    }
    this.#books.miss('deferred', zoneId);
    this.deferred.add(zoneId);
    if (this.#setup.deferredBefore.has(zoneId)) this.#stillFirst.add(zoneId);
  }

  /** No zone that is started now would be done in time, or the downstream was down for long enough. */
  #isTooLate(nowMs: number): boolean {
    if (this.#lanes.isDownForLong(nowMs)) return true;
    const leftMs = this.#setup.endMs - nowMs;
    // Its timer may be late, or be the second of two that are due at once.
    if (leftMs <= 0) return true;
    return this.#setup.latencies.isTooShort(leftMs, this.#books.usual) && this.#lanes.hasNext;
  }

  #hasPlace(): boolean {
    const { options, zombies } = this.#setup;
    return this.#running.size + zombies.size < this.#lanes.places + options.maxZombies;
  }

  /**
   * Nothing runs and zombies hold every place: without an end of its own the cycle would wait for ever. For slots that
   * other schedulers hold, or for the downstream, it may wait.
   */
  #watchForStuck(nowMs: number): void {
    const isWaiting = !this.#isCut && this.#running.size === 0 && this.#lanes.hasNext;
    if (!isWaiting || this.#lanes.isWaitingForOthers) {
      this.#stuckDueMs = Infinity;
    } else if (this.#stuckDueMs === Infinity) {
      this.#stuckDueMs = nowMs + this.#setup.options.timeoutMs;
      this.#sweep.watch(this.#stuckDueMs);
    }
  }

  #isDone(): boolean {
    return !this.#reader.isReading && !this.#lanes.hasNext && this.#running.size === 0;
  }

  #finish(nowMs: number): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#sweep.stop();
    this.#lanes.finish(nowMs);
    if (this.#sourceError === undefined) this.#intake.forgetOthers();
    const { options, lagMs, missedTicks, breaker, latencies } = this.#setup;
    latencies.add(this.#books.usual);
    const report = this.#books.close({
      ...{ nowMs, lagMs, missedTicks, startedAtMs: this.#startedAtMs },
      isCutByCaller: this.#isCutByCaller,
      isAborted: this.#isAborted || breaker?.isOpen === true,
      controller: options.controller,
      suspectSlots: this.#lanes.suspectSlots,
      sourceError: this.#sourceError,
    });
    this.#done.resolve(report);
  }
}
