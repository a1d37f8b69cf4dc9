import type { WindowStats } from './controller.ts';
import { LatencyHistogram } from './latency-histogram.ts';

/** The limit counts as used from this share of it, in the mean of a window. */
const FULL_SHARE = 0.8;

/** Measures the healthy zones of a cycle, window by window. Latencies and counts are by unit of weight. */
export class FlowMeter {
  readonly #latencies = new LatencyHistogram();
  #windowStartedMs: number;
  #changedMs: number;
  #slotMs = 0;
  #inFlight = 0;
  #maxInFlight = 0;
  #completed = 0;
  #failed = 0;
  #timedOut = 0;
  #isPushedBack = false;

  constructor(nowMs: number) {
    this.#windowStartedMs = nowMs;
    this.#changedMs = nowMs;
  }

  start(nowMs: number): void {
    this.#integrate(nowMs);
    this.#inFlight += 1;
    if (this.#inFlight > this.#maxInFlight) this.#maxInFlight = this.#inFlight;
  }

  end(
    nowMs: number,
    outcome: 'ok' | 'failed' | 'timedOut',
    latencyMs: number,
    weight: number,
  ): void {
    this.#integrate(nowMs);
    this.#inFlight -= 1;
    this.#completed += weight;
    if (outcome === 'ok') this.#latencies.record(latencyMs / weight);
    else if (outcome === 'failed') this.#failed += weight;
    else this.#timedOut += weight;
  }

  pushBack(): void {
    this.#isPushedBack = true;
  }

  /** Ends the window and begins the next one. */
  closeWindow(ended: {
    readonly nowMs: number;
    readonly limit: number;
    readonly hasWaiting: boolean;
    readonly loopDelayMs: number;
  }): WindowStats {
    const { nowMs, limit, hasWaiting, loopDelayMs } = ended;
    this.#integrate(nowMs);
    const durationMs = nowMs - this.#windowStartedMs;
    const window: WindowStats = {
      durationMs,
      completed: this.#completed,
      failed: this.#failed,
      timedOut: this.#timedOut,
      meanMs: this.#latencies.meanMs,
      p50Ms: this.#latencies.quantile(0.5),
      p90Ms: this.#latencies.quantile(0.9),
      slotMs: this.#slotMs,
      maxInFlight: this.#maxInFlight,
      isFull: this.#slotMs >= FULL_SHARE * limit * durationMs,
      hasWaiting,
      loopDelayMs,
      isPushedBack: this.#isPushedBack,
    };
    this.#latencies.clear();
    this.#windowStartedMs = nowMs;
    this.#slotMs = 0;
    this.#maxInFlight = this.#inFlight;
    this.#completed = 0;
    this.#failed = 0;
    this.#timedOut = 0;
    this.#isPushedBack = false;
    return window;
  }

  #integrate(nowMs: number): void {
    this.#slotMs += this.#inFlight * (nowMs - this.#changedMs);
    this.#changedMs = nowMs;
  }
}
