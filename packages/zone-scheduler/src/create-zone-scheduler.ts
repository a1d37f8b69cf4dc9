import {
  createDeferred,
  createLifecycle,
  createListeners,
  requireInteger,
  requireOptions,
} from '@holdfast/internal';
import { AlertRules } from './alert-rules.ts';
import { claim, giveBack } from './claim.ts';
import { CycleRunner } from './cycle-runner.ts';
import type { CycleReport, DrainReport, ZoneCounts } from './cycle-report.ts';
import { CycleRunningError, SchedulerClosedError } from './errors.ts';
import { resolveZoneSchedulerOptions, type ZoneSchedulerOptions } from './options.ts';
import { reportLimit } from './report-limit.ts';
import type { ShardHost } from './shards.ts';
import { ShardsSession } from './shards-session.ts';
import { startTicker, type Ticker } from './ticker.ts';
import type { Tick } from './ticks.ts';
import type {
  ZoneScheduler,
  ZoneSchedulerEvents,
  ZoneSchedulerSnapshot,
} from './zone-scheduler.ts';

/**
 * Runs `handler` for every zone once a cycle, with as many zones in work at the same time as the controller says, each
 * for at most `timeoutMs`.
 *
 * @throws {TypeError | RangeError} when an option is wrong, or when another scheduler has its controller, shards or share of a
 * budget.
 */
export function createZoneScheduler<D = unknown>(options: ZoneSchedulerOptions<D>): ZoneScheduler {
  const resolved = resolveZoneSchedulerOptions(options);
  const { clock, cycleMs, shards, controller } = resolved;
  claim({ controller: options.controller, budget: options.budget, shards: options.shards });
  const listeners = createListeners<ZoneSchedulerEvents>({
    ...{ cycle: true, missed: true, zombie: true },
    ...{ quarantine: true, downstream: true, alert: true },
  });
  const alertRules = resolved.alerts === false ? undefined : new AlertRules(resolved.alerts);
  const drained = createDeferred<void>();
  const counters: Record<keyof ZoneSchedulerSnapshot['counters'], number> = {
    ...{ cycles: 0, missedTicks: 0, planned: 0, ok: 0, failed: 0, timedOut: 0, fenced: 0 },
    ...{ deferred: 0, skipped: 0, quarantined: 0, stuck: 0, duplicates: 0 },
  };
  let ticker: Ticker | undefined;
  let isPaused = false;
  let isStartingCycle = false;
  let unreportedMissedTicks = 0;
  let closed: Promise<DrainReport> | undefined;
  let isDrained = false;

  const runner = new CycleRunner<D>(resolved, {
    onZombie: (zombie) => listeners.emit('zombie', zombie),
    onQuarantine: (zoneId, isOn) => listeners.emit('quarantine', { zoneId, isOn }),
    onDownstream: (isDown) => listeners.emit('downstream', { isDown }),
    onIdle: () => {
      if (closed !== undefined) drained.resolve();
    },
  });

  const host: ShardHost = {
    drain: (ids) => runner.current?.drain(ids) ?? Promise.resolve(),
    abandon: (ids, reason) => runner.current?.abandon(ids, reason),
  };
  const session = new ShardsSession(shards, host, clock);

  const lifecycle = createLifecycle({
    start: async () => {
      await session.start();
      if (closed !== undefined) return;
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
    if (runner.current !== undefined) onMissed(1);
    else await runOne(tick);
  };

  const runOne = async (tick?: Tick): Promise<CycleReport> => {
    const missedTicks = unreportedMissedTicks;
    unreportedMissedTicks = 0;
    const report = await runner.run(tick, missedTicks);
    counters.cycles += 1;
    for (const outcome of Object.keys(report.zones) as (keyof ZoneCounts)[]) {
      counters[outcome] += report.zones[outcome];
    }
    listeners.emit('cycle', report);
    warn(report);
    return report;
  };

  const warn = (report: CycleReport): void => {
    if (alertRules === undefined) return;
    const { unowned, isSettling, mismatch } = shards.snapshot();
    const alerts = alertRules.evaluate({
      ...{ report, nowMs: clock.now(), isDownstreamDown: runner.isDownstreamDown },
      ...{ unownedShards: isSettling ? 0 : unowned, mismatch },
    });
    for (const alert of alerts) listeners.emit('alert', alert);
  };

  const runByHand = async (): Promise<CycleReport> => {
    isStartingCycle = true;
    try {
      await session.start();
    } finally {
      isStartingCycle = false;
    }
    if (closed !== undefined) throw new SchedulerClosedError();
    // A tick may have come meanwhile.
    if (runner.current !== undefined) throw new CycleRunningError(runner.current.number);
    return runOne();
  };

  const drain = async (timeoutMs: number): Promise<DrainReport> => {
    const startedMs = clock.now();
    const last = runner.current;
    const inFlight = last?.inFlight ?? 0;
    const abortedBefore = last?.aborted ?? 0;
    const stopped = lifecycle.close();
    last?.cut();
    let timer = clock.setTimer(() => {
      session.giveUp(new SchedulerClosedError());
      runner.current?.abort(new SchedulerClosedError());
      // One turn of the event loop, so that handlers that obey at once are not reported as zombies.
      timer = clock.setTimer(() => drained.resolve(), 0);
    }, timeoutMs);
    await stopped;
    if (runner.isIdle) drained.resolve();
    await drained.promise;
    timer.cancel();
    // A cycle by hand may still wait for its shards, and would not be run any more.
    session.giveUp(new SchedulerClosedError());
    try {
      await session.close(timeoutMs);
    } finally {
      // The shards are closed for good, and the share of the budget is given up.
      giveBack(options.controller);
      resolved.budget?.release();
      isDrained = true;
    }
    const aborted = (last?.aborted ?? 0) - abortedBefore;
    return {
      finished: inFlight - aborted,
      aborted,
      zombies: [...runner.zombies],
      durationMs: clock.now() - startedMs,
    };
  };

  const close: ZoneScheduler['close'] = (closeOptions = {}) => {
    const given = requireOptions('close', closeOptions, { timeoutMs: true });
    const { timeoutMs = resolved.timeoutMs } = given;
    closed ??= drain(requireInteger('timeoutMs', timeoutMs, { min: 0 }));
    return closed;
  };

  return {
    start: () => lifecycle.start(),
    runCycle() {
      if (closed !== undefined) return Promise.reject(new SchedulerClosedError());
      const running = runner.current?.number ?? (isStartingCycle ? runner.started + 1 : undefined);
      if (running !== undefined) return Promise.reject(new CycleRunningError(running));
      return runByHand();
    },
    pause() {
      isPaused = true;
      runner.current?.cut();
    },
    resume() {
      isPaused = false;
    },
    release: (zoneId) => runner.release(zoneId),
    close,
    on: (event, listener) => listeners.on(event, listener),
    snapshot: () => ({
      state: closed === undefined || isDrained ? lifecycle.state : 'closing',
      isPaused,
      counters: { ...counters },
      gauges: { ...runner.gauges, limit: controller.limit },
      isDownstreamDown: runner.isDownstreamDown,
      explanation: reportLimit(controller.explain()),
      shards: shards.snapshot(),
    }),
    async [Symbol.asyncDispose]() {
      await close();
    },
  };
}
