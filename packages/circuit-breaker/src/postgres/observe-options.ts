import {
  requireFunction,
  requireInteger,
  requireNumber,
  requireObject,
  requireOneOf,
  requireOptions,
  systemClock,
  type Clock,
  type OptionNames,
} from '@holdfast/internal';
import type { FailedQuery, ObservedQuery, ParameterView } from './query-events.ts';

export interface ObserveQueriesOptions {
  /** A query that took so many milliseconds is slow; at least 0. Default 1 000. */
  readonly slowMs?: number | undefined;
  /** Gets each slow query that succeeded. One that throws changes no result; nor does `onError`. */
  readonly onSlow?: ((query: ObservedQuery) => void) | undefined;
  /** Gets each query that failed, slow or not. */
  readonly onError?: ((query: FailedQuery) => void) | undefined;
  /** What is seen of parameters. Default `redact`: never a value. */
  readonly parameters?: ParameterView | undefined;
  /** Longer SQL is cut, characters; at least 1. Default 2 000. */
  readonly maxSqlLength?: number | undefined;
  /**
   * When the stack is captured that `caller` is found in. `event`: when there is something to tell, which costs other
   * queries nothing, but finds only callers that await the query. `call`: at each call, also of the callback style and
   * through policies, for some 7 µs a query. Default `event`.
   */
  readonly captureCaller?: 'event' | 'call' | undefined;
  readonly clock?: Clock | undefined;
}

export interface ResolvedObserveQueriesOptions {
  readonly slowMs: number;
  readonly onSlow: ((query: ObservedQuery) => void) | undefined;
  readonly onError: ((query: FailedQuery) => void) | undefined;
  readonly parameters: ParameterView;
  readonly maxSqlLength: number;
  readonly capturesAtCall: boolean;
  readonly clock: Clock;
}

const NAMES: OptionNames<ObserveQueriesOptions> = {
  slowMs: true,
  onSlow: true,
  onError: true,
  parameters: true,
  maxSqlLength: true,
  captureCaller: true,
  clock: true,
};

/** @throws {TypeError | RangeError} when an option is wrong. */
export function resolveObserveQueriesOptions(
  options: ObserveQueriesOptions,
): ResolvedObserveQueriesOptions {
  requireOptions('observeQueries', options, NAMES);
  const { onSlow, onError } = options;
  if (onSlow !== undefined) requireFunction('onSlow', onSlow);
  if (onError !== undefined) requireFunction('onError', onError);
  const when = requireOneOf('captureCaller', options.captureCaller ?? 'event', ['event', 'call']);
  return Object.freeze({
    slowMs: requireNumber('slowMs', options.slowMs ?? 1_000, { min: 0 }),
    onSlow,
    onError,
    parameters: requireOneOf('parameters', options.parameters ?? 'redact', VIEWS),
    maxSqlLength: requireInteger('maxSqlLength', options.maxSqlLength ?? 2_000, { min: 1 }),
    capturesAtCall: when === 'call',
    clock: requireObject('clock', options.clock ?? systemClock),
  });
}

const VIEWS = ['redact', 'types', 'show'] as const;
