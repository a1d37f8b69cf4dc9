import type { Controller } from '../controller.ts';
import { median } from '../controllers/median.ts';
import type { AlertKind, AlertLevel } from '../alert.ts';
import type { CycleReport } from '../cycle-report.ts';
import type { Zone, ZoneContext } from '../zone.ts';
import type { CycleRow } from './statistics.ts';
import type { World } from './world.ts';

/** Share of a cycle in which its zones should be done: the scheduler's default. */
const TARGET = 0.8;

/** What one instance does, seen from outside: by its handler, its controller and its reports. */
export class CycleLog {
  readonly #world: World;
  readonly #instance: number;
  readonly #cycleMs: number;
  /** The cycle of the last success, by zone. */
  readonly #lastOk = new Map<number, number>();
  #latencies: number[] = [];
  #limits: number[] = [];
  #alerts: string[] = [];
  #load = 0;
  /** Of the moment in which the cycle began. */
  #feasible = NaN;
  #need = NaN;
  #medianMs = NaN;

  constructor(world: World, instance: number, cycleMs: number) {
    this.#world = world;
    this.#instance = instance;
    this.#cycleMs = cycleMs;
  }

  succeed(zone: Zone<number>, context: ZoneContext, startedMs: number, nowMs: number): void {
    // It was given up before; a signal that nobody reads costs nothing.
    const isGivenUp = nowMs >= context.deadlineMs && context.signal.aborted;
    if (isGivenUp || zone.data === undefined) return;
    this.#lastOk.set(zone.data, context.cycle);
    this.#latencies.push(nowMs - startedMs);
  }

  alert(kind: AlertKind, level: AlertLevel): void {
    this.#alerts.push(`${kind} ${level}`);
  }

  /** The same controller; its plans are noted. */
  watch(controller: Controller): Controller {
    const note = (remaining: number): void => {
      const { downstream, servers } = this.#world;
      if (Number.isNaN(this.#feasible)) {
        this.#feasible = this.#world.feasible(this.#instance);
        this.#medianMs = this.#world.medianMs;
        const targetMs = this.#cycleMs * TARGET;
        this.#need = (this.#feasible * this.#world.meanMs) / targetMs;
      }
      this.#load = Math.max(this.#load, downstream.inWork / servers);
      if (remaining > controller.limit) this.#limits.push(controller.limit);
    };
    return {
      probeZones: controller.probeZones,
      windowMs: controller.windowMs,
      max: controller.max,
      probe: (latenciesMs) => controller.probe(latenciesMs),
      plan(input) {
        controller.plan(input);
        note(input.remaining);
      },
      observe: (window) => controller.observe(window),
      get limit() {
        return controller.limit;
      },
      explain: () => controller.explain(),
      snapshot: () => controller.snapshot(),
      restore: (snapshot) => controller.restore(snapshot),
    };
  }

  /** The row of a cycle that has ended; begins the next one. */
  close({ cycle, zones, missedTicks, durationMs }: CycleReport): CycleRow {
    const p50Ms = median(this.#latencies);
    const { planned, ok, failed, timedOut, deferred, quarantined, stuck } = zones;
    const row: CycleRow = {
      ...{ cycle, instance: this.#instance, planned, ok, failed, timedOut, deferred },
      ...{ quarantined, stuck, alerts: this.#alerts },
      missedTicks: missedTicks + (deferred > 0 ? 1 : 0),
      duration: durationMs / this.#cycleMs,
      limit: this.#limits.reduce((total, limit) => total + limit, 0) / this.#limits.length,
      need: this.#need,
      p50Ms,
      inflation: p50Ms / this.#medianMs,
      staleness: this.#staleness(cycle),
      feasible: this.#feasible,
      load: this.#load,
    };
    this.#latencies = [];
    this.#alerts = [];
    this.#limits = [];
    this.#load = 0;
    this.#feasible = NaN;
    return row;
  }

  #staleness(cycle: number): number {
    let most = 0;
    for (const zone of this.#world.healthyZonesOf(this.#instance)) {
      const last = this.#lastOk.get(zone);
      // One that is new waits from now on.
      if (last === undefined) this.#lastOk.set(zone, cycle - 1);
      most = Math.max(most, cycle - (last ?? cycle - 1));
    }
    return most;
  }
}
