import type { LatencyHistogram } from './latency-histogram.ts';
import type { ZoneRun } from './zone-run.ts';

/** Times as long as 90 % of the runs of the cycle that succeeded. */
const LONG = 6;
/** So many that began later must have succeeded meanwhile. */
const OVERTAKERS = 20;
/** Looks in a window of the controller: until then a straggler holds a slot of the others. */
const LOOKS = 4;

/**
 * Finds the runs that take much longer than most while others pass them, and has them moved out of the others' way: what
 * hangs, or is slow by itself. Where all are slow, because the downstream is, none is passed by others.
 */
export class Stragglers {
  readonly #latencies: LatencyHistogram;
  readonly #everyMs: number;
  /** When the last ones that succeeded had begun. */
  readonly #beginnings = new Float64Array(OVERTAKERS).fill(-Infinity);
  #next = 0;
  #dueMs = Infinity;

  constructor(latencies: LatencyHistogram, windowMs: number) {
    this.#latencies = latencies;
    this.#everyMs = windowMs / LOOKS;
  }

  /** When `look` is to be called again; Infinity before the first time. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** The run has ended. */
  end({ failure, startedMs }: Pick<ZoneRun<unknown>, 'failure' | 'startedMs'>): void {
    if (failure !== undefined) return;
    this.#beginnings[this.#next] = startedMs;
    this.#next = (this.#next + 1) % OVERTAKERS;
  }

  /** Does nothing before it is due again. */
  look<D>(
    runs: readonly ZoneRun<D>[],
    lanes: { moveAside(run: ZoneRun<D>, nowMs: number): void },
    nowMs: number,
  ): void {
    if (this.#dueMs < Infinity && nowMs < this.#dueMs) return;
    this.#dueMs = nowMs + this.#everyMs;
    const passedMs = Math.min(...this.#beginnings);
    if (passedMs === -Infinity) return;
    const longMs = LONG * this.#latencies.quantile(0.9);
    for (const run of runs) {
      const { lane, zone, startedMs } = run;
      if (lane === 'suspect' || startedMs >= passedMs) continue;
      if (nowMs - startedMs <= longMs * (zone.weight ?? 1)) continue;
      run.isPassed = true;
      lanes.moveAside(run, nowMs);
    }
  }
}
