import type { Clock } from '@holdfast/internal';
import type { Controller } from '../controller.ts';
import { Cycle } from '../cycle.ts';
import { resolveZoneSchedulerOptions } from '../options.ts';
import { startTicker, type Ticker } from '../ticker.ts';
import type { CycleReport, ZoneContext, ZoneHandler, ZoneSource } from '../zone.ts';

interface AdapterOptions {
  readonly clock: Clock;
  readonly controller: Controller;
  readonly zones: ZoneSource;
  readonly handler: ZoneHandler;
  readonly cycleMs: number;
  readonly timeoutMs: number;
  readonly targetFraction: number;
}

/** Temporary: drives the real cycle with a controller until the scheduler takes one itself. */
export function createAdapter(options: AdapterOptions): {
  start(): void;
  stop(): void;
  onCycle: (report: CycleReport) => void;
} {
  const { clock, controller, cycleMs, timeoutMs, targetFraction } = options;
  let ticker: Ticker | undefined;
  let current: Cycle<unknown> | undefined;
  let probesLeft = 0;
  let probesStarted = 0;
  let probes: number[] = [];
  let inFlight = 0;
  let changedMs = 0;
  let slotMs = 0;
  let maxInFlight = 0;
  let latencies: number[] = [];
  let failed = 0;
  let timedOut = 0;
  let ended = 0;
  let planned = 0;
  let targetMs = 0;
  let number = 0;
  let deferredBefore: ReadonlySet<string> = new Set();
  const zombies = new Set<string>();

  const move = (step: number): void => {
    slotMs += inFlight * (clock.now() - changedMs);
    changedMs = clock.now();
    inFlight += step;
    maxInFlight = Math.max(maxInFlight, inFlight);
  };
  const handler = async (
    zone: Parameters<ZoneHandler>[0],
    context: ZoneContext,
  ): Promise<void> => {
    const startedMs = clock.now();
    const isProbe = probesStarted < controller.probeZones && number === context.cycle;
    if (isProbe) probesStarted += 1;
    move(1);
    let outcome = 'ok';
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      move(-1);
      ended += 1;
      const latencyMs = clock.now() - startedMs;
      if (outcome === 'ok') latencies.push(latencyMs);
      if (outcome === 'failed') failed += 1;
      if (outcome === 'timedOut') timedOut += 1;
      if (!isProbe || number !== context.cycle) return;
      if (outcome === 'ok') probes.push(latencyMs);
      probesLeft -= 1;
      if (probesLeft === 0) {
        controller.probe(probes);
        plan();
      }
    };
    const timer = clock.setTimer(() => {
      outcome = 'timedOut';
      end();
    }, context.deadlineMs - startedMs);
    try {
      await options.handler(zone, context);
    } catch (error) {
      if (outcome === 'ok') outcome = 'failed';
      throw error;
    } finally {
      timer.cancel();
      end();
    }
  };
  const plan = (): void => {
    controller.plan({ remaining: planned - ended, leftMs: targetMs - clock.now() });
  };
  const resolved = resolveZoneSchedulerOptions({
    ...{ zones: options.zones, handler, limit: 1, clock, cycleMs, timeoutMs, maxZombies: 10_000 },
  });
  const dynamic = {
    ...resolved,
    get limit() {
      return probesLeft > 0 ? probesLeft : controller.limit;
    },
  };
  const window = (cycle: Cycle<unknown>): void => {
    clock.setTimer(() => {
      if (current !== cycle) return;
      move(0);
      const sorted = latencies.sort((a, b) => a - b);
      const completed = sorted.length + failed + timedOut;
      controller.observe({
        durationMs: controller.windowMs,
        ...{ completed, failed, timedOut, slotMs, maxInFlight },
        meanMs: sorted.reduce((a, b) => a + b, 0) / sorted.length,
        p50Ms: sorted[sorted.length >> 1] ?? NaN,
        p90Ms: sorted[Math.floor(sorted.length * 0.9)] ?? NaN,
        isFull: maxInFlight >= 0.8 * dynamic.limit,
        loopDelayMs: 0,
        isPushedBack: false,
      });
      latencies = [];
      failed = timedOut = slotMs = 0;
      maxInFlight = inFlight;
      plan();
      cycle.pump();
      window(cycle);
    }, controller.windowMs);
  };

  return {
    onCycle: () => undefined,
    start() {
      ticker = startTicker({
        ...{ clock, cycleMs, onMissed: () => undefined },
        onTick: async (tick) => {
          planned = [...((await options.zones()) as Iterable<unknown>)].length;
          number += 1;
          ended = 0;
          probes = [];
          probesStarted = 0;
          probesLeft = Math.min(planned, controller.probeZones);
          targetMs = tick.plannedMs + cycleMs * targetFraction;
          if (probesLeft === 0) plan();
          current = new Cycle({
            ...{ options: dynamic, number, endMs: tick.endMs, lagMs: 0, missedTicks: 0 },
            ...{ deferredBefore, zombies, onZombie: () => undefined },
            onZombieSettled: () => current?.pump(),
          });
          window(current);
          const report = await current.run();
          deferredBefore = current.first;
          current = undefined;
          this.onCycle(report);
        },
      });
    },
    stop: () => ticker?.stop(),
  };
}
