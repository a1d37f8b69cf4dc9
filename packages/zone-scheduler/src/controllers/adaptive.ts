import type { Controller, LimitExplanation, PlanInput, WindowStats } from '../controller.ts';
import {
  resolveAdaptiveOptions,
  type AdaptiveOptions,
  type ResolvedAdaptiveOptions,
} from './adaptive-options.ts';
import { IdleLatency } from './idle-latency.ts';
import { LoadResponse } from './load-response.ts';
import { SlotTime } from './slot-time.ts';
import { orNull, SnapshotReader, type SnapshotFields } from './snapshot-fields.ts';

/** A window with fewer successes says less, in proportion. */
const FULL_SAMPLE = 20;
const INFLATION_WEIGHT = 0.5;
/** Slower than the latency itself: what is usual shows only in many windows. */
const VARIANCE_WEIGHT = 0.1;
/** Of how widely the latencies of a window spread. */
const SPREAD_WEIGHT = 0.3;
/** Windows in which the best rate is looked for. */
const RATES = 5;
/** Windows whose median latencies are kept. */
const MEDIANS = 10;
/** Deviations widen the tolerance to this at most: a latency that swings would excuse itself. */
const WIDEST_TOLERANCE = 0.3;
/** Times as long as 90 % of the runs. */
const STALL = 3;

/**
 * As few slots as finish the cycle in time, and never more than the downstream bears: a feed-forward from the slot time
 * of an idle downstream, under a cap.
 *
 * - feed-forward: by Little's law, `remaining * slot time / time left`, planned anew in each window. The slot time is
 *   that without the wait of a saturated downstream: with the observed one, a slow database would be given more and more
 *   (J. D. C. Little, "A proof for the queuing formula L = λW", Operations Research 9, 1961).
 * - cap: while the median latency is well above that of the probes, `bdpGain` times the bandwidth-delay product, best
 *   delivered rate times slot time, as in BBR (N. Cardwell et al., "BBR: Congestion-based congestion control", ACM Queue
 *   14, 2016); else it grows. Push-back of the downstream cuts it without that floor. When the latency does not fall with
 *   the limit, and is not more than half above that of the probes, it is not the load: it becomes that of an idle
 *   downstream until the next probes, and the cap what it was.
 *
 * A window in which most runs failed, or none ended, says nothing of latencies: the cap then does not rise above the limit
 * of that moment, unless it is one of few runs, in few of its slots, or none waits for a slot.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function adaptive(options: AdaptiveOptions = {}): Controller {
  return new AdaptiveController(resolveAdaptiveOptions(options));
}

class AdaptiveController implements Controller {
  readonly max: number;
  readonly probeZones: number;
  readonly windowMs: number;
  readonly #options: ResolvedAdaptiveOptions;
  readonly #idle = new IdleLatency();
  #inflation = NaN;
  /** Variance of what is in the inflation by chance, that of one success being 1. */
  #inexactness = 0;
  #variance = 0;
  readonly #slotTime = new SlotTime();
  /** What the last zones of a cycle take, once they are started. */
  #tailMs = 0;
  /** Successes a millisecond of the last full windows. */
  #rates: number[] = [];
  /** Median latencies of the last windows that had enough successes. */
  #medians: number[] = [];
  readonly #response = new LoadResponse();
  #cap: number;
  #feedForward = NaN;
  #limit: number;

  constructor(options: ResolvedAdaptiveOptions) {
    this.#options = options;
    this.max = options.max;
    this.probeZones = options.probeZones;
    this.windowMs = options.windowMs;
    this.#cap = options.max;
    this.#limit = options.initial;
  }

  get limit(): number {
    return this.#limit;
  }

  probe(latenciesMs: readonly number[]): void {
    const count = latenciesMs.length;
    if (count === 0) return;
    this.#idle.learn(latenciesMs, this.#options.probeZones, this.#credibleMs());
    this.#response.probed(this.#idle.ms);
    this.#slotTime.forgetFailed();
    if (this.#slotTime.isKnown) return;
    const succeededMs = latenciesMs.reduce((sum, latencyMs) => sum + latencyMs, 0);
    this.#slotTime.learn({ succeededMs, failedMs: 0, completed: count, failed: 0 });
    this.#tailMs = Math.max(...latenciesMs);
  }

  plan({ remaining, leftMs }: PlanInput): void {
    if (this.#slotTime.isKnown) {
      const neededMs = remaining * this.#slotTime.perRunMs;
      this.#feedForward = neededMs / Math.max(leftMs - this.#tailMs, this.windowMs / 2);
    }
    this.#decide();
  }

  observe(window: WindowStats): void {
    const succeeded = window.completed - window.failed - window.timedOut;
    const isBlind = succeeded * 2 < window.completed || this.#isStalled(window);
    if (!isBlind && succeeded > 0) this.#learn(window, succeeded);
    // Of the last ones of a cycle, in the few slots that are planned for them, nothing follows for the next one.
    const isTelling = window.hasWaiting && (window.isFull || window.completed >= FULL_SAMPLE);
    if (isBlind && isTelling) this.#hold();
    if (window.isPushedBack) this.#cut(0);
    this.#decide();
  }

  explain(): LimitExplanation {
    return {
      limit: this.#limit,
      binding: this.#binding(),
      feedForward: this.#feedForward,
      cap: this.#cap,
      noLoadMs: this.#reference(),
      inflation: this.#inflation,
    };
  }

  snapshot(): SnapshotFields {
    return {
      kind: 'adaptive',
      idle: this.#idle.snapshot(),
      inflation: orNull(this.#inflation),
      inexactness: this.#inexactness,
      variance: this.#variance,
      slotTime: this.#slotTime.snapshot(),
      tailMs: this.#tailMs,
      rates: [...this.#rates],
      medians: [...this.#medians],
      response: this.#response.snapshot(),
      cap: this.#cap,
      feedForward: orNull(this.#feedForward),
      limit: this.#limit,
    };
  }

  restore(snapshot: unknown): void {
    const { min, max } = this.#options;
    const fields = new SnapshotReader('adaptive', snapshot);
    const idle = fields.numbers('idle', 3);
    const slotTime = fields.numbers('slotTime', 4);
    const rates = fields.numbers('rates', RATES);
    const medians = fields.numbers('medians', MEDIANS);
    const response = fields.numbers('response', LoadResponse.MOST_NUMBERS);
    const numbers = {
      inflation: fields.numberOrNaN('inflation'),
      inexactness: fields.number('inexactness'),
      variance: fields.number('variance'),
      tailMs: fields.number('tailMs'),
      cap: fields.number('cap', 1),
      feedForward: fields.numberOrNaN('feedForward'),
      limit: fields.number('limit', 1),
    };
    // All is read before any of it is kept: a snapshot that is refused changes nothing.
    this.#idle.restore(idle);
    this.#inflation = numbers.inflation;
    this.#inexactness = numbers.inexactness;
    this.#variance = numbers.variance;
    this.#slotTime.restore(slotTime);
    this.#tailMs = numbers.tailMs;
    this.#rates = rates;
    this.#medians = medians;
    this.#response.restore(response);
    this.#cap = Math.min(max, Math.max(min, numbers.cap));
    this.#feedForward = numbers.feedForward;
    this.#limit = Math.min(max, Math.max(min, Math.floor(numbers.limit)));
  }

  #learn(window: WindowStats, succeeded: number): void {
    const { maxHealthyMs, maxLoopDelayMs, max, growth } = this.#options;
    const ratio = window.p50Ms / this.#reference();
    // What the event loop has not looked at took as long as that, too; it tells nothing of the downstream.
    const isLate = window.loopDelayMs > maxLoopDelayMs;
    const isInflated = !isLate && Number.isFinite(ratio) && this.#inflate(ratio, window, succeeded);
    const isSaturated =
      (isInflated && !this.#isUnloaded(window, succeeded)) || window.p50Ms > maxHealthyMs || isLate;

    // By its own latency, not by the smoothed one, which lags. The ratio is not known without a probe.
    const waitShare = isSaturated && ratio > 1 ? 1 - 1 / ratio : 0;
    const succeededMs = succeeded * window.meanMs;
    // By Little's law, the slots of those that failed. Without any, what is left of the window's slot time is only that
    // more was begun in it than ended: after a burst, half as much again.
    const failedMs = succeeded === window.completed ? 0 : Math.max(0, window.slotMs - succeededMs);
    this.#slotTime.learn({
      ...{ succeededMs: succeededMs * (1 - waitShare), failedMs, completed: window.completed },
      failed: window.completed - succeeded,
    });
    if (!isLate) this.#tailMs = window.p90Ms;
    const rate = succeeded / window.durationMs;
    if (window.isFull) this.#rates = [...this.#rates, rate].slice(-RATES);
    if (!isLate && succeeded * 2 >= FULL_SAMPLE) {
      this.#medians = [...this.#medians, window.p50Ms].slice(-MEDIANS);
    }

    if (isSaturated) this.#cut(this.#inWork(rate));
    else if (window.isFull && !window.isPushedBack && !(ratio > 1 + this.#options.tolerance)) {
      this.#cap = Math.min(max, this.#cap * growth);
    }
  }

  /** Nothing has ended for much longer than nearly every run takes. */
  #isStalled({ completed, slotMs, durationMs }: WindowStats): boolean {
    return completed === 0 && slotMs > 0 && durationMs > STALL * this.#tailMs && this.#tailMs > 0;
  }

  /** Takes up how far the latency is above that of an idle downstream; returns whether that is too far. */
  #inflate(ratio: number, { p50Ms, p90Ms }: WindowStats, succeeded: number): boolean {
    const { tolerance, deviationScale, probeZones } = this.#options;
    const share = Math.min(1, succeeded / FULL_SAMPLE);
    const before = Number.isNaN(this.#inflation) ? 1 : this.#inflation;
    const step = ratio - before;
    const weight = INFLATION_WEIGHT * share;
    this.#inflation = before + weight * step;
    this.#inexactness = (1 - weight) ** 2 * this.#inexactness + weight ** 2 / succeeded;
    const usual = Math.min(WIDEST_TOLERANCE, deviationScale * Math.sqrt(this.#variance));
    const inexact = this.#idle.error(probeZones, this.#inexactness);
    const isInflated = this.#inflation > 1 + Math.max(tolerance, usual, inexact);
    // Not of the step into saturation itself, which would excuse it.
    if (isInflated) return true;
    this.#response.clear();
    // Nor of windows that are near it: latencies that spread in an overload would excuse it.
    if (ratio <= 1 + tolerance) this.#idle.spread(p50Ms, p90Ms, SPREAD_WEIGHT * share);
    this.#variance += VARIANCE_WEIGHT * share * (step * step - this.#variance);
    return false;
  }

  /** Whether the latency does not come from the load; then nothing stays of what was held against the load. */
  #isUnloaded({ slotMs, durationMs, p50Ms, p90Ms }: WindowStats, succeeded: number): boolean {
    const window = { durationMs, inWork: slotMs / durationMs, p50Ms, p90Ms, succeeded };
    if (!this.#response.see(window)) return false;
    const { max, growth } = this.#options;
    this.#cap = Math.min(max, Math.max(this.#cap, this.#response.mostInWork * growth));
    this.#inflation = 1;
    this.#response.clear();
    return true;
  }

  /** Failures do not tell an overload from an outage: as in saturation, by what was borne before, and no growth. */
  #hold(): void {
    if (this.#rates.length > 0) this.#cut(this.#inWork(0));
    this.#cap = Math.max(this.#options.min, Math.min(this.#cap, this.#limit));
  }

  /** The bandwidth-delay product at the best rate, or at `rate` when there is none. */
  #inWork(rate: number): number {
    const bestRate = Math.max(...(this.#rates.length === 0 ? [rate] : this.#rates));
    return bestRate * this.#slotTime.perRunMs;
  }

  #cut(inWork: number): void {
    const { min, bdpGain, maxCut } = this.#options;
    const lowest = Math.max(bdpGain * inWork, maxCut * this.#limit);
    this.#cap = Math.max(min, Math.min(this.#cap, lowest));
  }

  /**
   * What probes may be above those before them: after an overload the downstream was not idle, which whole windows that went
   * below show. Their lower quartile, for the least of ten noisy medians would be too small.
   */
  #credibleMs(): number {
    const sorted = [...this.#medians].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 4)] ?? Infinity;
  }

  /** What no drift of the probes can lift above `maxHealthyMs`. */
  #reference(): number {
    const idleMs = Math.max(this.#idle.ms, this.#response.unloadedMs);
    return Math.min(idleMs, this.#options.maxHealthyMs);
  }

  #decide(): void {
    const { min, max, initial } = this.#options;
    const wanted = Number.isNaN(this.#feedForward) ? initial : Math.ceil(this.#feedForward);
    this.#limit = Math.min(max, Math.max(min, Math.min(wanted, Math.floor(this.#cap))));
  }

  #binding(): LimitExplanation['binding'] {
    const { min, max } = this.#options;
    if (Number.isNaN(this.#feedForward)) return 'probe';
    const wanted = Math.ceil(this.#feedForward);
    const cap = Math.floor(this.#cap);
    if (Math.min(wanted, cap) < min) return 'min';
    if (wanted > max && cap >= max) return 'max';
    return wanted <= cap ? 'feed-forward' : 'cap';
  }
}
