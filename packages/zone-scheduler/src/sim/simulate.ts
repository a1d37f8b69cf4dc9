import {
  requireFunction,
  requireInteger,
  requireOptions,
  seededRandom,
  type OptionNames,
} from '@holdfast/internal';
import type { Controller } from '../controller.ts';
import { adaptive } from '../controllers/adaptive.ts';
import { createZoneScheduler } from '../create-zone-scheduler.ts';
import { requireController } from '../require-controller.ts';
import type { ZoneScheduler } from '../zone-scheduler.ts';
import { CycleLog } from './cycle-log.ts';
import { createEventLoop, type EventLoop } from './event-loop.ts';
import { readScenario } from './read-scenario.ts';
import type { Scenario } from './scenario.ts';
import type { CycleRow } from './statistics.ts';
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts';
import { createWorld } from './world.ts';

export interface SimulateOptions {
  /** Any integer; the same one gives the same run. Default 1. */
  readonly seed?: number | undefined;
  /** Makes the controller of an instance, another one each time. Default: `adaptive()`. */
  readonly controller?: (() => Controller) | undefined;
  /** So many times the zones, each with so much shorter a service time. At least 1. Default 1. */
  readonly scale?: number | undefined;
  /** How many cycles are run. Default: as many as the scenario says. */
  readonly cycles?: number | undefined;
}

export interface SimulationRun {
  readonly seed: number;
  /** By cycle, then by instance. */
  readonly rows: readonly CycleRow[];
}

const NAMES: OptionNames<SimulateOptions> = {
  ...{ seed: true, controller: true, scale: true, cycles: true },
};

/** Cycles of the run before, whose snapshot a warm start has. */
const WARM_UP_CYCLES = 3;

/**
 * Runs a scenario: the real scheduler with the real controller on a clock that jumps from timer to timer; only the
 * downstream is a model.
 *
 * @throws {TypeError | RangeError} when an option is wrong, or the scenario, as `readScenario` says it.
 */
export async function simulate(
  scenario: Scenario,
  options: SimulateOptions = {},
): Promise<SimulationRun> {
  requireOptions('simulate', options, NAMES);
  readScenario(scenario);
  const seed = requireInteger('seed', options.seed ?? 1);
  const scale = requireInteger('scale', options.scale ?? 1, { min: 1 });
  const cycles = requireInteger('cycles', options.cycles ?? scenario.cycles, { min: 1 });
  const create = requireFunction(
    'controller',
    options.controller ?? ((): Controller => adaptive()),
  );
  const settings = { seed, scale, cycles };
  if (scenario.isWarm !== true) return { seed, rows: (await run(scenario, settings, create)).rows };

  const quiet = { ...scenario, steps: [] };
  const before = await run(quiet, { ...settings, seed: ~seed, cycles: WARM_UP_CYCLES }, create);
  // As text: it has crossed a restart.
  const snapshots = before.controllers.map((one) => JSON.stringify(one.snapshot()));
  const { rows } = await run(scenario, settings, (instance) => {
    const controller = create();
    controller.restore(JSON.parse(snapshots[instance] ?? ''));
    return controller;
  });
  return { seed, rows };
}

async function run(
  scenario: Scenario,
  { seed, scale, cycles }: { seed: number; scale: number; cycles: number },
  create: (instance: number) => Controller,
): Promise<{ rows: CycleRow[]; controllers: Controller[] }> {
  const { cycleMs = 15_000, timeoutMs = 5_000, instances = 1 } = scenario;
  const clock = createVirtualClock();
  const random = seededRandom(seed);
  const world = createWorld(scenario, { clock, random, scale });
  const rows: CycleRow[] = [];
  const controllers: Controller[] = [];
  const schedulers: ZoneScheduler[] = [];
  for (let instance = 0; instance < instances; instance += 1) {
    const loop = createEventLoop(clock);
    if (instance === 0) disturb(scenario, clock, loop);
    const log = new CycleLog(world, instance, cycleMs);
    const controller = requireController('controller()', create(instance));
    if (controllers.includes(controller)) {
      throw new TypeError('controller() must be another one for each instance, got the same one');
    }
    controllers.push(controller);
    const scheduler = createZoneScheduler<number>({
      ...{ clock: loop.clock, random, cycleMs, timeoutMs },
      controller: log.watch(controller),
      zones: () => world.zonesOf(instance),
      async handler(zone, context) {
        const startedMs = clock.now();
        await loop.deliver(world.run(zone, context));
        log.succeed(zone, context, startedMs, clock.now());
      },
    });
    schedulers.push(scheduler);
    scheduler.on('alert', ({ kind, level }) => log.alert(kind, level));
    scheduler.on('cycle', (report) => {
      if (report.cycle <= cycles) rows.push(log.close(report));
    });
    // Nobody starts all processes in the same instant.
    const phaseMs = instance === 0 ? 0 : random() * cycleMs;
    loop.clock.setTimer(() => void scheduler.start(), phaseMs);
  }
  // The last instance begins less than a cycle late.
  const endMs = (cycles + (instances === 1 ? 0 : 1)) * cycleMs + 1;
  await clock.runUntil(endMs);
  const closed = schedulers.map((scheduler) => scheduler.close({ timeoutMs: 0 }));
  await clock.runUntil(endMs + 1_000);
  await Promise.all(closed);
  rows.sort((a, b) => a.cycle - b.cycle || a.instance - b.instance);
  return { rows, controllers };
}

/** What befalls a process and its machine, not the downstream. */
function disturb(scenario: Scenario, clock: VirtualClock, loop: EventLoop): void {
  const { cycleMs = 15_000, steps = [] } = scenario;
  for (const { cycle, stallMs, wallStepMs } of steps) {
    const atMs = (cycle - 1) * cycleMs;
    if (stallMs !== undefined) clock.setTimer(() => loop.stall(stallMs), atMs);
    if (wallStepMs !== undefined) clock.setTimer(() => clock.stepWall(wallStepMs), atMs);
  }
}
