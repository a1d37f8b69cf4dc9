import { createDeferred, requireText } from '@holdfast/internal';
import { CycleTally, describeError } from './cycle-tally.ts';
import { ZoneTimeoutError } from './errors.ts';
import type { ResolvedZoneSchedulerOptions } from './options.ts';
import { SourceReader } from './source-reader.ts';
import { createSweepTimer, type SweepTimer } from './sweep-timer.ts';
import { LazyZoneContext } from './zone-context.ts';
import { ZoneQueue } from './zone-queue.ts';
import type { CycleReport, Zone } from './zone.ts';

export interface CycleSetup<D> {
  readonly options: ResolvedZoneSchedulerOptions<D>;
  readonly number: number;
  /** When the cycle must be over; Infinity: when all is done. */
  readonly endMs: number;
  readonly lagMs: number;
  readonly missedTicks: number;
  /** Ids that go first in this cycle. */
  readonly deferredBefore: ReadonlySet<string>;
  /** Zones of any cycle whose handlers still run though they were aborted. A cycle adds and removes its own. */
  readonly zombies: Set<string>;
  readonly onZombie: (zoneId: string, runningMs: number) => void;
  readonly onZombieSettled: () => void;
}

interface Run {
  readonly zoneId: string;
  readonly startedMs: number;
  readonly context: LazyZoneContext;
}

/**
 * One cycle: starts each zone that the reader brings when there is a place, and accounts for all.
 *
 * - filling  from the start: zones are started
 * - cut      entered at `endMs`, by `cut()`, or when zombies have held all places for `timeoutMs`: no zone is started
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
  readonly #tally: CycleTally;
  readonly #queue: ZoneQueue<D>;
  readonly #reader: SourceReader<D>;
  /** In the order of start, which is the order of the deadlines. */
  readonly #running = new Map<string, Run>();
  readonly #seen = new Set<string>();
  readonly #sweep: SweepTimer;
  readonly #done = createDeferred<CycleReport>();
  readonly #startedMs: number;
  readonly #startedAtMs: number;
  /** Resolves when the source has ended, which may be long after it was given up. */
  sourceSettled: Promise<void> = Promise.resolve();
  #isCut = false;
  #aborted = 0;
  #stuckDueMs = Infinity;
  #sourceError: CycleReport['sourceError'];

  constructor(setup: CycleSetup<D>) {
    const { clock, timeoutMs, zones, maxReportedFailures } = setup.options;
    this.number = setup.number;
    this.#setup = setup;
    this.#tally = new CycleTally(maxReportedFailures);
    this.#queue = new ZoneQueue(setup.deferredBefore);
    this.#sweep = createSweepTimer(clock, (nowMs) => this.#expire(nowMs));
    this.#reader = new SourceReader({
      zones,
      timeoutMs,
      clock,
      onZone: (zone) => this.#accept(zone),
      hasRoom: () => this.#isCut || !this.#queue.hasNext,
      onEnd: (failure) => this.#endReading(failure),
      watch: (dueMs) => this.#sweep.watch(dueMs),
    });
    this.#startedMs = clock.now();
    this.#startedAtMs = clock.wallNow();
  }

  /**
   * Ids that go first in the next cycle: whoever has waited longer, and the newly deferred only when nobody has. So each
   * zone's turn comes, also when no cycle ever gets through.
   */
  get first(): ReadonlySet<string> {
    return this.#stillFirst.size > 0 ? this.#stillFirst : this.deferred;
  }

  get inFlight(): number {
    return this.#running.size;
  }

  /** How many handlers were aborted so far. */
  get aborted(): number {
    return this.#aborted;
  }

  /** To be called once. Never rejects. */
  run(): Promise<CycleReport> {
    if (this.#setup.endMs !== Infinity) this.#sweep.watch(this.#setup.endMs);
    this.sourceSettled = this.#reader.read();
    return this.#done.promise;
  }

  /** Starts no further zone. */
  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    // The rest of the source is read only to know what to defer.
    this.#reader.hurry();
    for (const zone of this.#queue.takeAll()) this.#defer(zone.id);
    this.pump();
  }

  /** Cuts, and gives up on the source and on everything that runs. */
  abort(reason: Error): void {
    this.cut();
    for (const run of this.#running.values()) this.#abortRun(run, 'failed', reason);
    this.#reader.giveUp(reason);
    this.pump();
  }

  /** Starts what there is a place for. Called whenever one may have become free. */
  pump(): void {
    while (!this.#isCut && this.#hasPlace()) {
      const zone = this.#queue.take();
      if (zone === undefined) break;
      this.#start(zone);
    }
    this.#watchForStuck();
    if (this.#isCut || !this.#queue.hasNext) this.#reader.wake();
    this.#finishIfDone();
  }

  #accept(zone: Zone<D>): void {
    this.#tally.plan();
    let own: Zone<D>;
    try {
      // Read once and kept: a source may fill one object again and again.
      own = { id: requireText('zone.id', zone.id), data: zone.data };
    } catch (error) {
      this.#tally.fail('failed', { zoneId: '', error, durationMs: 0 });
      return;
    }
    const { id } = own;
    if (this.#seen.has(id)) {
      this.#tally.count('duplicates');
      return;
    }
    this.#seen.add(id);
    if (this.#setup.zombies.has(id)) {
      this.#queue.forget(id);
      this.#tally.count('skipped');
    } else if (this.#isCut) {
      this.#queue.forget(id);
      this.#defer(id);
    } else {
      this.#queue.push(own);
    }
    this.pump();
  }

  #endReading(failure: { readonly error: unknown } | undefined): void {
    const notGiven = this.#queue.release();
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

  #start(zone: Zone<D>): void {
    const { clock, handler, timeoutMs } = this.#setup.options;
    const startedMs = clock.now();
    const deadlineMs = Math.min(startedMs + timeoutMs, this.#setup.endMs);
    const context = new LazyZoneContext(this.number, deadlineMs);
    const run: Run = { zoneId: zone.id, startedMs, context };
    this.#running.set(zone.id, run);
    this.#sweep.watch(deadlineMs);
    callHandler(() => handler(zone, context)).then(
      () => this.#settle(run, undefined),
      (error: unknown) => this.#settle(run, { error }),
    );
  }

  #settle(run: Run, failure: { readonly error: unknown } | undefined): void {
    if (!this.#running.delete(run.zoneId)) {
      this.#setup.zombies.delete(run.zoneId);
      this.#setup.onZombieSettled();
      return;
    }
    if (failure === undefined) {
      this.#tally.count('ok');
    } else {
      const durationMs = this.#setup.options.clock.now() - run.startedMs;
      this.#tally.fail('failed', { zoneId: run.zoneId, error: failure.error, durationMs });
    }
    this.pump();
  }

  #abortRun(run: Run, outcome: 'failed' | 'timedOut', reason: Error): void {
    const runningMs = this.#setup.options.clock.now() - run.startedMs;
    this.#running.delete(run.zoneId);
    this.#setup.zombies.add(run.zoneId);
    this.#aborted += 1;
    this.#tally.fail(outcome, { zoneId: run.zoneId, error: reason, durationMs: runningMs });
    run.context.abort(reason);
    this.#setup.onZombie(run.zoneId, runningMs);
  }

  /** Deals with every deadline that has passed; returns the next one. */
  #expire(nowMs: number): number | undefined {
    if (nowMs >= Math.min(this.#setup.endMs, this.#stuckDueMs)) this.cut();
    for (const run of this.#running.values()) {
      if (run.context.deadlineMs > nowMs) break;
      const hadMs = run.context.deadlineMs - run.startedMs;
      this.#abortRun(run, 'timedOut', new ZoneTimeoutError(run.zoneId, hadMs));
    }
    this.#reader.expire(nowMs);
    this.pump();
    const [oldest] = this.#running.values();
    const cutDueMs = this.#isCut ? Infinity : Math.min(this.#setup.endMs, this.#stuckDueMs);
    const runDueMs = oldest?.context.deadlineMs ?? Infinity;
    const nextMs = Math.min(runDueMs, cutDueMs, this.#reader.dueMs);
    return nextMs === Infinity || this.#isDone() ? undefined : nextMs;
  }

  #defer(zoneId: string): void {
    this.#tally.count('deferred');
    this.deferred.add(zoneId);
    if (this.#setup.deferredBefore.has(zoneId)) this.#stillFirst.add(zoneId);
  }

  #hasPlace(): boolean {
    const { limit, maxZombies } = this.#setup.options;
    const inFlight = this.#running.size;
    return inFlight < limit && inFlight + this.#setup.zombies.size < limit + maxZombies;
  }

  /** Nothing runs and zombies hold every place: without an end of its own the cycle would wait for ever. */
  #watchForStuck(): void {
    const isStuck = !this.#isCut && this.#running.size === 0 && this.#queue.hasNext;
    if (!isStuck) {
      this.#stuckDueMs = Infinity;
    } else if (this.#stuckDueMs === Infinity) {
      const { clock, timeoutMs } = this.#setup.options;
      this.#stuckDueMs = clock.now() + timeoutMs;
      this.#sweep.watch(this.#stuckDueMs);
    }
  }

  #isDone(): boolean {
    return !this.#reader.isReading && !this.#queue.hasNext && this.#running.size === 0;
  }

  #finishIfDone(): void {
    if (!this.#isDone()) return;
    this.#sweep.stop();
    // A handler that hangs holds on to this cycle: let it hold little.
    this.#seen.clear();
    const { options, lagMs, missedTicks } = this.#setup;
    this.#done.resolve({
      cycle: this.number,
      startedAtMs: this.#startedAtMs,
      lagMs,
      durationMs: options.clock.now() - this.#startedMs,
      missedTicks,
      zones: { ...this.#tally.counts },
      failures: this.#tally.failures,
      failuresTruncated: this.#tally.failuresTruncated,
      sourceError: this.#sourceError,
    });
  }
}

/** A handler that throws at once is one that rejects. */
async function callHandler(call: () => Promise<void>): Promise<void> {
  await call();
}
