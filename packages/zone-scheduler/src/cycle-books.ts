import type { CycleOutcome, CycleReport, ReportedError } from './cycle-report.ts';
import { CycleTally, describeError } from './cycle-tally.ts';
import type { GuardedController } from './guarded-controller.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import { reportLimit } from './report-limit.ts';
import type { ZoneHealth } from './zone-health.ts';
import type { NotRun } from './zone-intake.ts';
import type { ZoneRun } from './zone-run.ts';
import type { FailureClass } from './zone.ts';

export interface CycleBooksParts {
  readonly cycle: number;
  readonly startedMs: number;
  readonly maxReportedFailures: number;
  readonly health: ZoneHealth;
}

/** Accounts for the zones of one cycle. */
export class CycleBooks {
  readonly tally: CycleTally;
  /** Latencies that tell what others will take. */
  readonly usual = new LatencyHistogram();
  readonly #seenLate = new LatencyHistogram();
  readonly notPlanned = { elsewhere: 0, notDue: 0 };
  readonly #parts: CycleBooksParts;
  /** Failures that may be held against their zones. */
  readonly #blamable = new Map<string, FailureClass>();
  #changedMs: number;
  #slotMs = 0;
  #inFlight = 0;
  #maxInFlight = 0;

  constructor(parts: CycleBooksParts) {
    this.#parts = parts;
    this.tally = new CycleTally(parts.maxReportedFailures);
    this.#changedMs = parts.startedMs;
  }

  start(nowMs: number): void {
    this.#integrate(nowMs);
    this.#inFlight += 1;
    if (this.#inFlight > this.#maxInFlight) this.#maxInFlight = this.#inFlight;
  }

  /** @param isSeenLate because the event loop stood still: how long the run took says nothing of others. */
  end<D>(run: ZoneRun<D>, isSeenLate: boolean): void {
    const { failure, durationMs } = run;
    const { id: zoneId } = run.zone;
    this.#integrate(run.endedMs);
    this.#inFlight -= 1;
    if (failure === undefined) {
      this.tally.count('ok');
      (isSeenLate ? this.#seenLate : this.usual).record(durationMs);
      this.#parts.health.succeeded(zoneId);
      return;
    }
    this.#parts.health.missed(zoneId, this.#parts.cycle);
    if (failure.outcome === 'fenced') {
      this.tally.count('fenced');
      return;
    }
    this.tally.fail(failure.outcome, { zoneId, ...failure, durationMs });
    const isZonesFault = failure.class !== 'downstream' && failure.class !== 'ownership';
    if (isZonesFault && this.#hadTime(run)) this.#blamable.set(zoneId, failure.class);
  }

  /** What the source gave and is not to be run. */
  turnAway(given: NotRun): void {
    switch (given.kind) {
      case 'elsewhere':
      case 'notDue':
        this.notPlanned[given.kind] += 1;
        return;
      case 'duplicates':
        this.tally.plan();
        this.tally.count('duplicates');
        return;
      case 'quarantined':
      case 'stuck':
        this.tally.plan();
        this.miss(given.kind, given.zoneId);
        return;
      case 'invalid': {
        const { zoneId, error } = given;
        this.tally.plan();
        this.tally.fail('failed', { zoneId, class: 'bug', error, durationMs: 0 });
        return;
      }
      default: {
        const impossible: never = given;
        return impossible;
      }
    }
  }

  /** The zone is planned and was not started. */
  miss(outcome: 'fenced' | 'deferred' | 'skipped' | 'quarantined' | 'stuck', zoneId: string): void {
    this.tally.count(outcome);
    this.#parts.health.missed(zoneId, this.#parts.cycle);
  }

  close(ended: {
    readonly nowMs: number;
    /** No further zone was started for the caller's sake, not because there was no time left. */
    readonly isCutByCaller: boolean;
    readonly isAborted: boolean;
    readonly controller: GuardedController;
    readonly suspectSlots: number;
    readonly sourceError: CycleReport['sourceError'];
    readonly startedAtMs: number;
    readonly lagMs: number;
    readonly missedTicks: number;
  }): CycleReport {
    const { cycle, startedMs, health } = this.#parts;
    const { nowMs, controller, suspectSlots, sourceError } = ended;
    const { counts, failureRate } = this.tally;
    const durationMs = nowMs - startedMs;
    this.#integrate(nowMs);
    const explanation = reportLimit(controller.explain());
    this.#seenLate.add(this.usual);
    const broken = controller.takeFailure();
    const controllerError = broken && describeError(broken.error);
    health.endCycle({
      ...{ cycle, planned: counts.planned, failureRate },
      ...{ failed: this.#blamable, isSourceRead: sourceError === undefined },
    });
    return {
      cycle,
      outcome: this.#outcome(ended, sourceError ?? controllerError),
      startedAtMs: ended.startedAtMs,
      lagMs: ended.lagMs,
      durationMs,
      missedTicks: ended.missedTicks,
      zones: { ...counts },
      notPlanned: { ...this.notPlanned },
      failureRate,
      failures: this.tally.failures,
      failuresTruncated: this.tally.failuresTruncated,
      byError: this.tally.byError,
      latency: this.#seenLate.summary(),
      concurrency: {
        mean: durationMs > 0 ? this.#slotMs / durationMs : 0,
        max: this.#maxInFlight,
        explanation,
        suspectSlots,
      },
      staleness: health.staleness,
      sourceError,
      controllerError,
    };
  }

  #hadTime<D>({ zone, isCutShort, isPassed }: ZoneRun<D>): boolean {
    // What others have passed would not have been done with more time either.
    if (!isCutShort || isPassed) return true;
    return this.#parts.health.cutShort(zone.id, this.#parts.cycle);
  }

  #outcome(
    ended: { readonly isCutByCaller: boolean; readonly isAborted: boolean },
    error: ReportedError | undefined,
  ): CycleOutcome {
    const { planned, ok, deferred, skipped, duplicates } = this.tally.counts;
    const isIncomplete = deferred + skipped > 0;
    if (ended.isAborted || (ended.isCutByCaller && isIncomplete)) return 'aborted';
    if (isIncomplete) return 'overrun';
    return ok + duplicates === planned && error === undefined ? 'ok' : 'partial';
  }

  #integrate(nowMs: number): void {
    this.#slotMs += this.#inFlight * (nowMs - this.#changedMs);
    this.#changedMs = nowMs;
  }
}
