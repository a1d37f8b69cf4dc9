import { Cycle } from './cycle.ts';
import type { CycleReport } from './cycle-report.ts';
import { DownstreamBreaker } from './downstream-breaker.ts';
import { ZoneSourceTimeoutError } from './errors.ts';
import type { ResolvedZoneSchedulerOptions } from './options.ts';
import { RecentLatencies } from './recent-latencies.ts';
import { SeenZones } from './seen-zones.ts';
import type { Tick } from './ticks.ts';
import { ZoneHealth } from './zone-health.ts';
import type { ZoneSchedulerEvents } from './zone-scheduler.ts';

export interface CycleRunnerEvents {
  readonly onZombie: (zombie: ZoneSchedulerEvents['zombie']) => void;
  readonly onQuarantine: (zoneId: string, isOn: boolean) => void;
  readonly onDownstream: (isDown: boolean) => void;
  /** No cycle and no handler runs any more. */
  readonly onIdle: () => void;
}

/** Runs one cycle after the other, and keeps what one leaves to the next. */
export class CycleRunner<D> {
  /** Zones of any cycle whose handlers still run though they were aborted. */
  readonly zombies = new Set<string>();
  readonly #options: ResolvedZoneSchedulerOptions<D>;
  readonly #events: CycleRunnerEvents;
  readonly #seen = new SeenZones();
  readonly #latencies = new RecentLatencies();
  readonly #health: ZoneHealth;
  readonly #breaker: DownstreamBreaker | undefined;
  /**
   * The one that runs, or ran last. Kept although it is over: without any cycle the engine forgets the shapes of all its
   * objects in the next collection, and with them what it has compiled for them.
   */
  #latest: Cycle<D> | undefined;
  #isRunning = false;
  #started = 0;
  #first: ReadonlySet<string> = new Set();
  #deferred: ReadonlySet<string> = new Set();
  #weight = 0;
  #isSourceHanging = false;

  constructor(options: ResolvedZoneSchedulerOptions<D>, events: CycleRunnerEvents) {
    this.#options = options;
    this.#events = events;
    options.budget?.watch(() => this.current?.pump());
    this.#health = new ZoneHealth(options, events.onQuarantine);
    this.#breaker = options.breaker === false ? undefined : new DownstreamBreaker(options.breaker);
  }

  get current(): Cycle<D> | undefined {
    return this.#isRunning ? this.#latest : undefined;
  }

  /** How many cycles were started. */
  get started(): number {
    return this.#started;
  }

  get isIdle(): boolean {
    return this.current === undefined && this.zombies.size === 0;
  }

  get isDownstreamDown(): boolean {
    return this.#breaker?.isOpen === true;
  }

  get gauges(): Record<'inFlight' | 'zombies' | 'deferred' | 'quarantined', number> {
    return {
      inFlight: this.current?.inFlight ?? 0,
      zombies: this.zombies.size,
      deferred: this.#deferred.size,
      quarantined: this.#health.quarantined,
    };
  }

  release(zoneId: string): boolean {
    return this.#health.release(zoneId);
  }

  /** To be called while no cycle runs. Without a tick the cycle has no end but its own. */
  async run(tick: Tick | undefined, missedTicks: number): Promise<CycleReport> {
    const options = this.#options;
    const { onDownstream, onZombie } = this.#events;
    const hasEnd = tick !== undefined && options.overrun !== 'finish';
    this.#started += 1;
    const number = this.#started;
    const cycle = new Cycle<D>({
      // A source that still hangs is not asked again: each call would hang with it.
      options: this.#isSourceHanging ? { ...options, zones: () => this.#hang() } : options,
      number,
      endMs: hasEnd ? tick.endMs : Infinity,
      // A timer may fire a fraction of a millisecond early.
      lagMs: tick === undefined ? 0 : Math.max(0, options.clock.now() - tick.plannedMs),
      missedTicks,
      deferredBefore: this.#first,
      overdue: this.#deferred,
      expectedWeight: this.#weight,
      latencies: this.#latencies,
      zombies: this.zombies,
      seen: this.#seen,
      health: this.#health,
      breaker: this.#breaker,
      onZombie: (zoneId, runningMs) => onZombie({ zoneId, cycle: number, runningMs }),
      onZombieSettled: () => {
        this.current?.pump();
        this.#tellIfIdle();
      },
      onDownstream,
    });
    this.#latest = cycle;
    this.#isRunning = true;
    const report = await cycle.run();
    this.#isRunning = false;
    this.#first = cycle.first;
    this.#deferred = cycle.deferred;
    this.#weight = cycle.weight;
    if (!this.#isSourceHanging) this.#watchSource(cycle.sourceSettled);
    this.#tellIfIdle();
    return report;
  }

  #hang(): never {
    throw new ZoneSourceTimeoutError(this.#options.timeoutMs);
  }

  #watchSource(settled: Promise<void>): void {
    this.#isSourceHanging = true;
    void settled.then(() => {
      this.#isSourceHanging = false;
    });
  }

  #tellIfIdle(): void {
    if (this.isIdle) this.#events.onIdle();
  }
}
