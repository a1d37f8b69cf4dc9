import {
  createBackoff,
  requireFunction,
  requireInteger,
  requireObject,
  requireText,
  systemClock,
  type Backoff,
  type BackoffOptions,
  type Clock,
  type Random,
} from '@holdfast/internal';
import type { CircuitRules } from './transition.ts';

export interface RetryOptions {
  /** Shown in the snapshot. Default `retry`. */
  readonly name?: string | undefined;
  /** Calls of the work in all, the first included; at least 1. Default 3. */
  readonly attempts?: number | undefined;
  /** The wait before each further attempt. Default: full jitter, 100 ms doubling up to 20 000 ms. */
  readonly backoff?: Omit<BackoffOptions, 'random'> | undefined;
  /**
   * No wait is begun that would end later than this many milliseconds after the call; at least 0. Default: no limit.
   * An attempt that runs is not cut.
   */
  readonly maxElapsedMs?: number | undefined;
  /** False: give up now. Not asked about a rejection by a circuit breaker, which is never retried. Default: always true. */
  readonly retryIf?: ((error: unknown, attempt: number) => boolean) | undefined;
  readonly clock?: Clock | undefined;
  /** Source of the jitter. */
  readonly random?: Random | undefined;
}

export interface ResolvedRetryOptions {
  readonly name: string;
  readonly attempts: number;
  readonly backoff: Backoff;
  readonly maxElapsedMs: number;
  readonly retryIf: (error: unknown, attempt: number) => boolean;
  readonly clock: Clock;
}

/** @throws {TypeError | RangeError} when an option is wrong. */
export function resolveRetryOptions(options: RetryOptions): ResolvedRetryOptions {
  requireObject('options', options);
  return Object.freeze({
    name: requireText('name', options.name ?? 'retry'),
    attempts: requireInteger('attempts', options.attempts ?? 3, { min: 1 }),
    backoff: createBackoff(
      { ...requireObject('backoff', options.backoff ?? {}), random: options.random },
      'backoff.',
    ),
    maxElapsedMs:
      options.maxElapsedMs === undefined
        ? Infinity
        : requireInteger('maxElapsedMs', options.maxElapsedMs, { min: 0 }),
    retryIf: requireFunction('retryIf', options.retryIf ?? (() => true)),
    clock: requireObject('clock', options.clock ?? systemClock),
  });
}

export interface CircuitBreakerOptions {
  /** Names the circuit in errors and in the snapshot. Default `circuit-breaker`. */
  readonly name?: string | undefined;
  /** So many failures in a row open the circuit; at least 1. Default 5. */
  readonly failures?: number | undefined;
  /** How long an open circuit rejects before it lets a probe pass, milliseconds; at least 1. Default 30 000. */
  readonly openMs?: number | undefined;
  /**
   * Probes that a half-open circuit lets pass, and that must all succeed to close it; at least 1. Default 1.
   * A failed probe opens the circuit again for the whole `openMs`.
   */
  readonly halfOpenProbes?: number | undefined;
  /** A probe that has not settled by then counts as failed, milliseconds; at least 1. Default: `openMs`. */
  readonly probeTimeoutMs?: number | undefined;
  /**
   * False: the error says nothing about the health of what is called, so it counts neither as a failure nor as a
   * success. Not asked about an abort by the caller's own signal, which is always neutral. Default: always true.
   */
  readonly isFailure?: ((error: unknown) => boolean) | undefined;
  readonly clock?: Clock | undefined;
}

export interface ResolvedCircuitBreakerOptions {
  readonly name: string;
  readonly rules: CircuitRules;
  readonly isFailure: (error: unknown) => boolean;
  readonly clock: Clock;
}

/** @throws {TypeError | RangeError} when an option is wrong. */
export function resolveCircuitBreakerOptions(
  options: CircuitBreakerOptions,
): ResolvedCircuitBreakerOptions {
  requireObject('options', options);
  const openMs = requireInteger('openMs', options.openMs ?? 30_000, { min: 1 });
  return Object.freeze({
    name: requireText('name', options.name ?? 'circuit-breaker'),
    rules: Object.freeze({
      failures: requireInteger('failures', options.failures ?? 5, { min: 1 }),
      openMs,
      halfOpenProbes: requireInteger('halfOpenProbes', options.halfOpenProbes ?? 1, { min: 1 }),
      probeTimeoutMs: requireInteger('probeTimeoutMs', options.probeTimeoutMs ?? openMs, {
        min: 1,
      }),
    }),
    isFailure: requireFunction('isFailure', options.isFailure ?? (() => true)),
    clock: requireObject('clock', options.clock ?? systemClock),
  });
}

export interface TimeoutOptions {
  /** Names the policy in errors and in the snapshot. Default `timeout`. */
  readonly name?: string | undefined;
  /** How long the work may take, milliseconds; at least 1. */
  readonly ms: number;
  readonly clock?: Clock | undefined;
}

export interface ResolvedTimeoutOptions {
  readonly name: string;
  readonly ms: number;
  readonly clock: Clock;
}

/** @throws {TypeError | RangeError} when an option is wrong. */
export function resolveTimeoutOptions(options: TimeoutOptions): ResolvedTimeoutOptions {
  requireObject('options', options);
  return Object.freeze({
    name: requireText('name', options.name ?? 'timeout'),
    ms: requireInteger('ms', options.ms, { min: 1 }),
    clock: requireObject('clock', options.clock ?? systemClock),
  });
}
