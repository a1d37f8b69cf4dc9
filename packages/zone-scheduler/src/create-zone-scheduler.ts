import {
  createDeferred,
  createLifecycle,
  createListeners,
  requireInteger,
  requireObject,
} from '@holdfast/internal';
import { Cycle } from './cycle.ts';
import { CycleRunningError, SchedulerClosedError, ZoneSourceTimeoutError } from './errors.ts';
import { resolveZoneSchedulerOptions, type ZoneSchedulerOptions } from './options.ts';
import { startTicker, type Ticker } from './ticker.ts';
import type { Tick } from './ticks.ts';
import type {
  CycleReport,
  DrainReport,
  ZoneCounts,
  ZoneScheduler,
  ZoneSchedulerEvents,
  ZoneSchedulerSnapshot,
} from './zone.ts';

/**
 * Runs `handler` for every zone once a cycle, at most `limit` at the same time, each for at most `timeoutMs`.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function createZoneScheduler<D = unknown>(options: ZoneSchedulerOptions<D>): ZoneScheduler {
  const resolved = resolveZoneSchedulerOptions(options);
  const { clock, cycleMs } = resolved;
  const listeners = createListeners<ZoneSchedulerEvents>({
    ...{ cycle: true, missed: true, zombie: true },
  });
  const zombies = new Set<string>();
  const drained = createDeferred<void>();
  const counters: Record<keyof ZoneSchedulerSnapshot['counters'], number> = {
    cycles: 0,
    missedTicks: 0,
    planned: 0,
    ok: 0,
    failed: 0,
    timedOut: 0,
    deferred: 0,
    skipped: 0,
    duplicates: 0,
  };
  let first: ReadonlySet<string> = new Set();
  let deferredZones = 0;
  let isSourceHanging = false;
  let current: Cycle<D> | undefined;
  let ticker: Ticker | undefined;
  let isPaused = false;
  let startedCycles = 0;
  let unreportedMissedTicks = 0;
  let closed: Promise<DrainReport> | undefined;
  let isDrained = false;

  const lifecycle = createLifecycle({
    start: () => {
      ticker = startTicker({ clock, cycleMs, onTick, onMissed });
    },
    close: () => ticker?.stop(),
    closedError: () => new SchedulerClosedError(),
  });

  const onMissed = (ticks: number): void => {
    if (isPaused) return;
    counters.missedTicks += ticks;
    unreportedMissedTicks += ticks;
    listeners.emit('missed', { ticks });
  };

  const onTick = async (tick: Tick): Promise<void> => {
    // A listener for `missed` may have closed the scheduler.
    if (isPaused || closed !== undefined) return;
    if (current !== undefined) onMissed(1);
    else await runOne(tick);
  };

  const runOne = async (tick?: Tick): Promise<CycleReport> => {
    startedCycles += 1;
    const number = startedCycles;
    const cycle = new Cycle<D>({
      // A source that still hangs is not asked again: each call would hang with it.
      options: isSourceHanging ? { ...resolved, zones: hangingSource } : resolved,
      number,
      endMs: tick?.endMs ?? Infinity,
      // A timer may fire a fraction of a millisecond early.
      lagMs: tick === undefined ? 0 : Math.max(0, clock.now() - tick.plannedMs),
      missedTicks: unreportedMissedTicks,
      deferredBefore: first,
      zombies,
      onZombie: (zoneId, runningMs) =>
        listeners.emit('zombie', { zoneId, cycle: number, runningMs }),
      onZombieSettled: () => {
        current?.pump();
        resolveIfDrained();
      },
    });
    unreportedMissedTicks = 0;
    current = cycle;
    const report = await cycle.run();
    current = undefined;
    first = cycle.first;
    deferredZones = cycle.deferred.size;
    if (!isSourceHanging) watchSource(cycle.sourceSettled);
    counters.cycles += 1;
    for (const outcome of Object.keys(report.zones) as (keyof ZoneCounts)[]) {
      counters[outcome] += report.zones[outcome];
    }
    listeners.emit('cycle', report);
    resolveIfDrained();
    return report;
  };

  const hangingSource = (): never => {
    throw new ZoneSourceTimeoutError(resolved.timeoutMs);
  };

  const watchSource = (settled: Promise<void>): void => {
    isSourceHanging = true;
    void settled.then(() => {
      isSourceHanging = false;
    });
  };

  const resolveIfDrained = (): void => {
    if (closed !== undefined && current === undefined && zombies.size === 0) drained.resolve();
  };

  const drain = async (timeoutMs: number): Promise<DrainReport> => {
    const startedMs = clock.now();
    const last = current;
    const inFlight = last?.inFlight ?? 0;
    const abortedBefore = last?.aborted ?? 0;
    const stopped = lifecycle.close();
    last?.cut();
    let timer = clock.setTimer(() => {
      current?.abort(new SchedulerClosedError());
      // One turn of the event loop, so that handlers that obey at once are not reported as zombies.
      timer = clock.setTimer(() => drained.resolve(), 0);
    }, timeoutMs);
    await stopped;
    resolveIfDrained();
    await drained.promise;
    timer.cancel();
    isDrained = true;
    const aborted = (last?.aborted ?? 0) - abortedBefore;
    return {
      finished: inFlight - aborted,
      aborted,
      zombies: [...zombies],
      durationMs: clock.now() - startedMs,
    };
  };

  const close: ZoneScheduler['close'] = (closeOptions = {}) => {
    const { timeoutMs = resolved.timeoutMs } = requireObject('options', closeOptions);
    closed ??= drain(requireInteger('timeoutMs', timeoutMs, { min: 0 }));
    return closed;
  };

  return {
    start: () => lifecycle.start(),
    runCycle() {
      if (closed !== undefined) return Promise.reject(new SchedulerClosedError());
      if (current !== undefined) return Promise.reject(new CycleRunningError(current.number));
      return runOne();
    },
    pause() {
      isPaused = true;
      current?.cut();
    },
    resume() {
      isPaused = false;
    },
    close,
    on: (event, listener) => listeners.on(event, listener),
    snapshot: () => ({
      state: closed === undefined || isDrained ? lifecycle.state : 'closing',
      isPaused,
      counters: { ...counters },
      gauges: {
        inFlight: current?.inFlight ?? 0,
        zombies: zombies.size,
        deferred: deferredZones,
      },
    }),
    async [Symbol.asyncDispose]() {
      await close();
    },
  };
}
