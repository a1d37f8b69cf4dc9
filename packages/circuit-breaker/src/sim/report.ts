import type { ResolvedSimulation } from './options.ts';

/** One second. */
export interface TimelineEntry {
  readonly atMs: number;
  /** Requests that clients began. */
  readonly offered: number;
  /** Calls that reached the backend. */
  readonly load: number;
  /** Requests that ended well. */
  readonly succeeded: number;
}

export interface SimulationReport {
  /** Requests a second that clients make. */
  readonly nominalPerSecond: number;
  readonly requests: number;
  readonly succeeded: number;
  /** Share of the requests that ended well, from 0 to 1; 0 when there were none. */
  readonly goodput: number;
  /** Load on the backend during the outage, as a multiple of the nominal one: the mean, and the worst second. */
  readonly outageAmplification: { readonly mean: number; readonly peak: number };
  /** The worst second after the outage, as a multiple of the nominal load. */
  readonly recoveryPeak: number;
  /**
   * Milliseconds from the end of the outage until 95 % of what is asked for succeeds, in each second to the end. Only
   * full seconds after the outage count; null: never, or there is none.
   */
  readonly recoveryMs: number | null;
  readonly timeline: readonly TimelineEntry[];
}

const SECOND = 1_000;
const RECOVERED = 0.95;

/** Counts what happens, second by second. */
export class Recorder {
  readonly #seconds: { offered: number; load: number; succeeded: number }[];

  constructor(endMs: number) {
    const count = Math.ceil(endMs / SECOND);
    this.#seconds = Array.from({ length: count }, () => ({ offered: 0, load: 0, succeeded: 0 }));
  }

  count(what: 'offered' | 'load' | 'succeeded', nowMs: number): void {
    const second = this.#seconds[Math.floor(nowMs / SECOND)];
    if (second !== undefined) second[what] += 1;
  }

  report({ clients, requestsPerSecond, outage, endMs }: ResolvedSimulation): SimulationReport {
    const nominalPerSecond = clients * requestsPerSecond;
    const timeline = this.#seconds.map((second, n) => ({ atMs: n * SECOND, ...second }));
    const sum = (what: 'offered' | 'succeeded'): number =>
      timeline.reduce((total, second) => total + second[what], 0);
    const during = timeline.filter(({ atMs }) => atMs >= outage.startMs && atMs < outage.endMs);
    const after = timeline.filter(({ atMs }) => atMs >= outage.endMs);
    const loads = (seconds: readonly TimelineEntry[]): number[] =>
      seconds.map(({ load }) => load / nominalPerSecond);
    const duringLoads = loads(during);
    // A second that the simulation has cut short would always fall short.
    const full = after.filter(({ atMs }) => atMs + SECOND <= endMs);
    const lastBad = full.findLastIndex(({ succeeded }) => succeeded < RECOVERED * nominalPerSecond);
    const recovered = full[lastBad + 1];
    const [requests, succeeded] = [sum('offered'), sum('succeeded')];
    return {
      nominalPerSecond,
      requests,
      succeeded,
      goodput: requests === 0 ? 0 : succeeded / requests,
      outageAmplification: {
        mean:
          duringLoads.reduce((total, load) => total + load, 0) / Math.max(1, duringLoads.length),
        peak: Math.max(0, ...duringLoads),
      },
      recoveryPeak: Math.max(0, ...loads(after)),
      recoveryMs: recovered === undefined ? null : recovered.atMs - outage.endMs,
      timeline,
    };
  }
}
