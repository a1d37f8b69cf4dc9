import {
  createBackoff,
  requireFunction,
  requireInteger,
  requireNumber,
  requireObject,
  requireOneOf,
  requireOptionGroup,
  requireOptions,
  requireText,
  systemClock,
  systemRandom,
  type Backoff,
  type Clock,
  type OptionNames,
  type Random,
} from '@holdfast/internal';
import { resolveClassifiers, type Classifier } from '../judgement.ts';
import { requireBackoff, type GivenBackoff } from '../require-backoff.ts';
import type { CircuitRules } from './circuit-contract.ts';
import { timeWindow } from './time-window.ts';
import type { Trip } from './trip.ts';

export interface HalfOpenOptions {
  /** So many probes must succeed; at least 1. Default 3. */
  readonly probes?: number | undefined;
  /** So many of them may be in flight at once; at least 1. Default 1. */
  readonly concurrent?: number | undefined;
  /** So many of them may fail before the circuit opens again; at least 0. Default 0. */
  readonly maxFailures?: number | undefined;
  /** A probe that has not settled by then counts as failed, milliseconds; at least 1. Default: as long as the circuit was open. */
  readonly maxWaitMs?: number | undefined;
}

/** What `configure` can change. */
export interface CircuitBreakerRules {
  /** When to open. Default: `timeWindow()`, at half of the calls of the last 10 s, and at least 20 of them. */
  readonly trip?: Trip | undefined;
  /**
   * How long an open circuit rejects before it probes, milliseconds. A number, at least 1: about as long, each time,
   * with 10 % of jitter, so that processes do not probe in step. Options: a back-off over the openings in a row, by
   * default 5 000, at least 1, doubling up to 60 000, or `baseMs` when that is more, with 10 % of jitter.
   */
  readonly openMs?: number | GivenBackoff | undefined;
  readonly halfOpen?: HalfOpenOptions | undefined;
  /**
   * After the probes have succeeded the share of admitted calls grows to all of them over so many milliseconds; at
   * least 0. Default 0: all at once.
   */
  readonly rampMs?: number | undefined;
  /** `shadow`: never rejects, but moves and tells what it would do. `off`: only passes calls on. Default `enforce`. */
  readonly mode?: 'enforce' | 'shadow' | 'off' | undefined;
}

export interface CircuitBreakerOptions extends CircuitBreakerRules {
  /** Names the circuit in errors and in the snapshot. Default `circuit-breaker`. */
  readonly name?: string | undefined;
  /**
   * What an outcome says about the health of what is called. Not asked about an abort by the caller's own signal,
   * which says nothing. Default: an error is a failure, a value a success.
   */
  readonly classify?: Classifier | readonly Classifier[] | undefined;
  /** What `save()` gave, in this or another process. An isolation is not restored: nobody could lift it. */
  readonly restore?: SavedCircuit | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** A circuit as plain JSON. */
export interface SavedCircuit {
  readonly version: 1;
  /** Milliseconds since the Unix epoch. */
  readonly savedAt: number;
  /** The shape of the window: another one starts empty. */
  readonly shape: string;
  readonly opens: number;
  readonly openMs: number;
  /** How much of the opening is left, milliseconds; null: closed. */
  readonly remainingMs: number | null;
  readonly window: readonly number[];
}

export interface ResolvedRules extends CircuitRules {
  readonly mode: 'enforce' | 'shadow' | 'off';
}

export interface ResolvedCircuitBreakerOptions {
  readonly name: string;
  readonly rules: ResolvedRules;
  readonly classifiers: readonly Classifier[];
  readonly restore: SavedCircuit | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

const NAMES: OptionNames<CircuitBreakerOptions> = {
  name: true,
  trip: true,
  openMs: true,
  halfOpen: true,
  rampMs: true,
  mode: true,
  classify: true,
  restore: true,
  clock: true,
  random: true,
};

/** @throws {TypeError | RangeError} when an option is wrong. */
export function resolveCircuitBreakerOptions(
  options: CircuitBreakerOptions,
): ResolvedCircuitBreakerOptions {
  requireOptions('circuitBreaker', options, NAMES);
  const random = requireFunction('random', options.random ?? systemRandom);
  return {
    name: requireText('name', options.name ?? 'circuit-breaker'),
    rules: resolveRules(options, random),
    classifiers: resolveClassifiers(options.classify),
    restore: options.restore === undefined ? undefined : requireSaved(options.restore),
    clock: requireObject('clock', options.clock ?? systemClock),
    random,
  };
}

export const RULE_NAMES: OptionNames<CircuitBreakerRules> = {
  trip: true,
  openMs: true,
  halfOpen: true,
  rampMs: true,
  mode: true,
};

/** One for all breakers that ask for nothing else: a tenth of what each would hold. */
const shared: { rules?: ResolvedRules } = {};

/** @throws {TypeError | RangeError} when a rule is wrong. */
export function resolveRules(options: CircuitBreakerRules, random: Random): ResolvedRules {
  const { trip, openMs, halfOpen, rampMs, mode } = options;
  const isDefault = [trip, openMs, halfOpen, rampMs, mode].every((rule) => rule === undefined);
  if (!isDefault || random !== systemRandom) return resolveGivenRules(options, random);
  return (shared.rules ??= resolveGivenRules({}, random));
}

const HALF_OPEN_NAMES: OptionNames<HalfOpenOptions> = {
  probes: true,
  concurrent: true,
  maxFailures: true,
  maxWaitMs: true,
};

function resolveGivenRules(options: CircuitBreakerRules, random: Random): ResolvedRules {
  const halfOpen = requireOptionGroup('halfOpen', options.halfOpen ?? {}, HALF_OPEN_NAMES);
  const trip = requireObject('trip', options.trip ?? timeWindow());
  requireText('trip.shape', trip.shape);
  const { maxWaitMs } = halfOpen;
  return {
    trip,
    openMs: resolveOpenMs(options.openMs, random),
    probes: requireInteger('halfOpen.probes', halfOpen.probes ?? 3, { min: 1 }),
    concurrent: requireInteger('halfOpen.concurrent', halfOpen.concurrent ?? 1, { min: 1 }),
    maxFailures: requireInteger('halfOpen.maxFailures', halfOpen.maxFailures ?? 0, { min: 0 }),
    maxWaitMs:
      maxWaitMs === undefined
        ? undefined
        : requireNumber('halfOpen.maxWaitMs', maxWaitMs, { min: 1 }),
    rampMs: requireNumber('rampMs', options.rampMs ?? 0, { min: 0 }),
    mode: requireOneOf('mode', options.mode ?? 'enforce', ['enforce', 'shadow', 'off']),
  };
}

const OPEN_BACKOFF = { baseMs: 5_000, capMs: 60_000, jitter: 0.1 } as const;

function resolveOpenMs(openMs: CircuitBreakerRules['openMs'], random: Random): Backoff {
  if (typeof openMs === 'object') {
    const { baseMs = OPEN_BACKOFF.baseMs } = requireBackoff('openMs', openMs);
    requireNumber('openMs.baseMs', baseMs, { min: 1 });
    const capMs = openMs.capMs ?? Math.max(baseMs, OPEN_BACKOFF.capMs);
    const jitter = openMs.jitter ?? OPEN_BACKOFF.jitter;
    return createBackoff({ ...openMs, baseMs, capMs, jitter, random }, 'openMs.');
  }
  if (openMs === undefined) return createBackoff({ ...OPEN_BACKOFF, random });
  const baseMs = requireNumber('openMs', openMs, { min: 1 });
  return createBackoff({ ...OPEN_BACKOFF, baseMs, capMs: baseMs, random });
}

function requireSaved(saved: SavedCircuit): SavedCircuit {
  requireObject('restore', saved);
  requireInteger('restore.version', saved.version, { min: 1, max: 1 });
  const range = { min: 0, max: Number.MAX_SAFE_INTEGER };
  requireNumber('restore.savedAt', saved.savedAt, range);
  requireText('restore.shape', saved.shape);
  requireInteger('restore.opens', saved.opens, { min: 0 });
  requireNumber('restore.openMs', saved.openMs, range);
  if (saved.remainingMs !== null) {
    requireNumber('restore.remainingMs', saved.remainingMs, { min: 0, max: saved.openMs });
  }
  return saved;
}
