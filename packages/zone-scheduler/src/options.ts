import {
  requireFunction,
  requireInteger,
  requireNumber,
  requireOneOf,
  requireOptionGroup,
  requireOptions,
  systemClock,
  systemRandom,
  type Clock,
  type OptionNames,
  type Random,
} from '@holdfast/internal';
import type { AlertOptions } from './alert.ts';
import type { Controller } from './controller.ts';
import { adaptive } from './controllers/adaptive.ts';
import type { BudgetShare } from './controllers/budget.ts';
import type { DownstreamBreakerOptions } from './downstream-breaker.ts';
import { GuardedController } from './guarded-controller.ts';
import { requireAboveZero } from './require-above-zero.ts';
import { requireController } from './require-controller.ts';
import { requirePort } from './require-port.ts';
import { allZones } from './shards/all-zones.ts';
import type { Shards } from './shards.ts';
import type { Classify, ZoneHandler, ZoneSource } from './zone.ts';

/** An option group with every default filled in. */
export type Resolved<O> = { readonly [K in keyof O]-?: Exclude<O[K], undefined> };

/** What becomes of zones that are not started when the cycle ends. */
export type Overrun = 'defer' | 'skip' | 'finish';

export interface SuspectOptions {
  /** Failures in a row from which on a zone runs in the suspects' lane; at least 1. Default 1. */
  readonly afterFailures?: number | undefined;
  /** Most slots of that lane, beside those of the controller; at least 1. Default: a quarter of the controller's `max`. */
  readonly maxSlots?: number | undefined;
}

export interface QuarantineOptions {
  /** Failures in a row that quarantine a zone; at least 1. Default 3. */
  readonly failures?: number | undefined;
  /** Cycles of the first quarantine; each further one in a row is twice as long, ±10 %. At least 1. Default 2. */
  readonly baseCycles?: number | undefined;
  /** Longest quarantine, cycles; at least `baseCycles`. Default 40. */
  readonly maxCycles?: number | undefined;
  /** Largest share of the planned zones in quarantine, from 0 to 1. Default 0.2. */
  readonly maxFraction?: number | undefined;
}

export interface BreakerOptions {
  /** How many of the last results are looked at; at least 1. Default 50. */
  readonly sample?: number | undefined;
  /** Share of them above which, if it is the downstream's fault, it counts as down, as it does when all are that or time-outs; above 0, at most 1. Default 0.5. */
  readonly failureRate?: number | undefined;
  /** From one zone that is tried to the next while it is down, milliseconds; at least 1. Default 1 000. */
  readonly probeEveryMs?: number | undefined;
}

export interface ZoneSchedulerOptions<D = unknown> {
  /** Gives the zones of a cycle. */
  readonly zones: ZoneSource<D>;
  /** Does the work of one zone. */
  readonly handler: ZoneHandler<D>;
  /** Decides how many zones are in work at the same time. Default `adaptive()`; `fixed(5)` for a constant. */
  readonly controller?: Controller | undefined;
  /** Bounds the slots together with other schedulers on the same downstream: `budget.register('zones')`. Default: none. */
  readonly budget?: BudgetShare | undefined;
  /** Which zones are this instance's. Default: all. */
  readonly shards?: Shards | undefined;
  /** From tick to tick, milliseconds; at least 1. Default 15 000. */
  readonly cycleMs?: number | undefined;
  /** Share of `cycleMs` in which the zones should be done; above 0, at most 1. Default 0.8. */
  readonly targetFraction?: number | undefined;
  /**
   * What one zone may take, and the source to give the next zone, milliseconds; at least 1. Default 5 000. In a cycle
   * that a tick began, a zone times out at the cycle's end at the latest, unless `overrun` is `finish`.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * When a cycle is not done at its end: `defer`, the default, ends it, and what it has not started goes first in the next
   * one; `skip` ends it as well, and the zones keep their places; `finish` goes on, and misses the ticks that pass.
   */
  readonly overrun?: Overrun | undefined;
  /** A lane of their own for zones that failed the last time. Default on; false: all zones share one lane. */
  readonly suspects?: SuspectOptions | false | undefined;
  /** Rests zones that fail again and again. Default on; false: none. */
  readonly quarantine?: QuarantineOptions | false | undefined;
  /** Stops a cycle whose downstream is down. Default on; false: none. */
  readonly breaker?: BreakerOptions | false | undefined;
  /** When `alert` events are emitted. Default on; false: none. */
  readonly alerts?: AlertOptions | false | undefined;
  /** Whose fault an error is. Default: by its code or SQLSTATE. */
  readonly classify?: Classify<D> | undefined;
  /**
   * A zone that timed out frees its place though its handler may still run. At most so many handlers run beyond the
   * limit for that reason; when they are reached, places are free only as they settle. At least 0. Default: the
   * controller's `max`.
   */
  readonly maxZombies?: number | undefined;
  /** How many zones may be read before they can be started; at least 1. Default 100 000. */
  readonly maxReadAhead?: number | undefined;
  /** Longest list of failures in a report; at least 0. Default 20. */
  readonly maxReportedFailures?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

export interface ResolvedZoneSchedulerOptions<D> {
  readonly zones: ZoneSource<D>;
  readonly handler: ZoneHandler<D>;
  readonly controller: GuardedController;
  readonly budget: BudgetShare | undefined;
  readonly shards: Shards;
  readonly cycleMs: number;
  readonly targetFraction: number;
  readonly timeoutMs: number;
  readonly overrun: Overrun;
  readonly suspects: Resolved<SuspectOptions> | false;
  readonly quarantine: Resolved<QuarantineOptions> | false;
  readonly breaker: DownstreamBreakerOptions | false;
  readonly alerts: Resolved<AlertOptions> | false;
  readonly classify: Classify<D> | undefined;
  readonly maxZombies: number;
  readonly maxReadAhead: number;
  readonly maxReportedFailures: number;
  readonly clock: Clock;
  readonly random: Random;
}

const NAMES: OptionNames<ZoneSchedulerOptions> = {
  ...{ zones: true, handler: true, controller: true, budget: true, shards: true, cycleMs: true },
  ...{ targetFraction: true, timeoutMs: true, overrun: true, suspects: true, quarantine: true },
  ...{ breaker: true, alerts: true, classify: true, maxZombies: true, maxReadAhead: true },
  ...{ maxReportedFailures: true, clock: true, random: true },
};

const SHARE = { max: 1 };
const BUDGET = ['request', 'take', 'giveBack', 'watch', 'release'] as const;
const SHARDS = ['start', 'ownershipOf', 'isHeld', 'snapshot', 'on', 'close'] as const;
const CLOCK = ['now', 'wallNow', 'setTimer'] as const;

/** @throws {TypeError | RangeError} when an option is wrong. */
export function resolveZoneSchedulerOptions<D>(
  options: ZoneSchedulerOptions<D>,
): ResolvedZoneSchedulerOptions<D> {
  const given = requireOptions('createZoneScheduler', options, NAMES);
  const controller = new GuardedController(
    requireController('controller', given.controller ?? adaptive()),
  );
  const { max } = controller;
  const { budget, classify } = given;
  return Object.freeze({
    zones: requireFunction('zones', given.zones),
    handler: requireFunction('handler', given.handler),
    controller,
    budget: budget === undefined ? undefined : requirePort('budget', budget, BUDGET),
    shards: requirePort('shards', given.shards ?? allZones(), SHARDS),
    cycleMs: requireInteger('cycleMs', given.cycleMs ?? 15_000, { min: 1 }),
    targetFraction: requireAboveZero('targetFraction', given.targetFraction ?? 0.8, SHARE),
    timeoutMs: requireInteger('timeoutMs', given.timeoutMs ?? 5_000, { min: 1 }),
    overrun: requireOneOf('overrun', given.overrun ?? 'defer', ['defer', 'skip', 'finish']),
    suspects: resolveSuspects(given.suspects ?? {}, max),
    quarantine: resolveQuarantine(given.quarantine ?? {}),
    breaker: resolveBreaker(given.breaker ?? {}),
    alerts: resolveAlerts(given.alerts ?? {}),
    classify: classify === undefined ? undefined : requireFunction('classify', classify),
    maxZombies: requireInteger('maxZombies', given.maxZombies ?? max, { min: 0 }),
    maxReadAhead: requireInteger('maxReadAhead', given.maxReadAhead ?? 100_000, { min: 1 }),
    maxReportedFailures: requireInteger('maxReportedFailures', given.maxReportedFailures ?? 20, {
      min: 0,
    }),
    clock: requirePort('clock', given.clock ?? systemClock, CLOCK),
    random: requireFunction('random', given.random ?? systemRandom),
  });
}

function resolveSuspects(
  options: SuspectOptions | false,
  max: number,
): Resolved<SuspectOptions> | false {
  if (options === false) return false;
  const names = { afterFailures: true, maxSlots: true } as const;
  const given = requireOptionGroup('suspects', options, names);
  return Object.freeze({
    afterFailures: requireInteger('suspects.afterFailures', given.afterFailures ?? 1, { min: 1 }),
    maxSlots: requireInteger('suspects.maxSlots', given.maxSlots ?? Math.ceil(max / 4), { min: 1 }),
  });
}

function resolveQuarantine(
  options: QuarantineOptions | false,
): Resolved<QuarantineOptions> | false {
  if (options === false) return false;
  const names = { failures: true, baseCycles: true, maxCycles: true, maxFraction: true } as const;
  const given = requireOptionGroup('quarantine', options, names);
  const baseCycles = requireInteger('quarantine.baseCycles', given.baseCycles ?? 2, { min: 1 });
  return Object.freeze({
    failures: requireInteger('quarantine.failures', given.failures ?? 3, { min: 1 }),
    baseCycles,
    maxCycles: requireInteger('quarantine.maxCycles', given.maxCycles ?? 40, { min: baseCycles }),
    maxFraction: requireNumber('quarantine.maxFraction', given.maxFraction ?? 0.2, {
      ...{ min: 0, max: 1 },
    }),
  });
}

function resolveBreaker(options: BreakerOptions | false): DownstreamBreakerOptions | false {
  if (options === false) return false;
  const names = { sample: true, failureRate: true, probeEveryMs: true } as const;
  const given = requireOptionGroup('breaker', options, names);
  return Object.freeze({
    sample: requireInteger('breaker.sample', given.sample ?? 50, { min: 1 }),
    failureRate: requireAboveZero('breaker.failureRate', given.failureRate ?? 0.5, SHARE),
    probeEveryMs: requireInteger('breaker.probeEveryMs', given.probeEveryMs ?? 1_000, { min: 1 }),
  });
}

function resolveAlerts(options: AlertOptions | false): Resolved<AlertOptions> | false {
  if (options === false) return false;
  const given = requireOptionGroup('alerts', options, {
    ...{ warning: true, critical: true, minZones: true, forCycles: true, clearCycles: true },
    ...{ repeatMs: true, staleCycles: true },
  });
  const warning = requireAboveZero('alerts.warning', given.warning ?? 0.1, SHARE);
  return Object.freeze({
    warning,
    critical: requireNumber('alerts.critical', given.critical ?? Math.max(0.3, warning), {
      ...{ min: warning, max: 1 },
    }),
    minZones: requireInteger('alerts.minZones', given.minZones ?? 20, { min: 1 }),
    forCycles: requireInteger('alerts.forCycles', given.forCycles ?? 2, { min: 1 }),
    clearCycles: requireInteger('alerts.clearCycles', given.clearCycles ?? 3, { min: 1 }),
    repeatMs: requireInteger('alerts.repeatMs', given.repeatMs ?? 900_000, { min: 0 }),
    staleCycles: requireInteger('alerts.staleCycles', given.staleCycles ?? 4, { min: 1 }),
  });
}
