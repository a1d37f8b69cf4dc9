import type { ServiceOptions } from './service-time.ts';
import type { StatisticName } from './statistics.ts';

/** A day of a schedule, and what is expected of it. Plain JSON. */
export interface Scenario {
  readonly name: string;
  /** In one sentence: what happens. */
  readonly about: string;
  /** Of all instances together. */
  readonly zones: number;
  readonly cycles: number;
  /** Default 15 000. */
  readonly cycleMs?: number | undefined;
  /** Default 5 000. */
  readonly timeoutMs?: number | undefined;
  /** Schedulers that share the zones and the downstream. Default 1. */
  readonly instances?: number | undefined;
  /** True: each begins with the snapshot of a scheduler that ran before. Default false. */
  readonly isWarm?: boolean | undefined;
  readonly service: ServiceOptions;
  readonly downstream: DownstreamOptions;
  readonly steps?: readonly ScenarioStep[] | undefined;
  readonly expect: readonly Expectation[];
}

export type DownstreamOptions =
  | {
      /** A queue before servers, with `acquireTimeoutMs` a connection pool. */
      readonly model: 'servers';
      readonly servers: number;
      /** Default 0. */
      readonly thrash?: number | undefined;
      /** Default: none. */
      readonly acquireTimeoutMs?: number | undefined;
    }
  | { readonly model: 'usl'; readonly contention: number; readonly coherency: number };

/** What changes at one moment; what is not named stays. */
export interface ScenarioStep {
  /** The first is 1; 10.5 is the middle of the tenth. Below `cycles` + 1. */
  readonly cycle: number;
  readonly zones?: number | undefined;
  readonly servers?: number | undefined;
  /** Of the service time that the scenario names. */
  readonly serviceFactor?: number | undefined;
  /** Share of the zones that do not answer, whatever the downstream does. */
  readonly hungShare?: number | undefined;
  /** `refuses`: an error at once. `hangs`: no answer. */
  readonly state?: 'serves' | 'refuses' | 'hangs' | undefined;
  /** The event loop of the first instance stands still for so long, milliseconds. */
  readonly stallMs?: number | undefined;
  /** The wall clock is set forward, or back with a negative number, milliseconds. */
  readonly wallStepMs?: number | undefined;
}

/** A statistic of the cycles `from` to `to` and where it must lie, both bounds included. */
export interface Expectation {
  readonly stat: StatisticName;
  /** Default 1. */
  readonly from?: number | undefined;
  /** Default: the last one. */
  readonly to?: number | undefined;
  /** Of the mean of all seeds. */
  readonly mean?: readonly [number, number] | undefined;
  /** Of each seed. */
  readonly each?: readonly [number, number] | undefined;
}
