export {
  isHoldfastError,
  type BackoffOptions,
  type Clock,
  type Jitter,
  type Random,
  type Timer,
} from '@holdfast/internal';
export { circuitBreaker } from './circuit-breaker/circuit-breaker.ts';
export type { CircuitState, TransitionReason } from './circuit-breaker/circuit-contract.ts';
export { consecutive } from './circuit-breaker/consecutive.ts';
export type {
  CircuitBreaker,
  CircuitBreakerEvents,
  CircuitBreakerSnapshot,
} from './circuit-breaker/contract.ts';
export { countWindow, type CountWindowOptions } from './circuit-breaker/count-window.ts';
export type {
  CircuitBreakerOptions,
  CircuitBreakerRules,
  HalfOpenOptions,
  SavedCircuit,
} from './circuit-breaker/options.ts';
export type { RateOptions } from './circuit-breaker/rates.ts';
export { timeWindow, type TimeWindowOptions } from './circuit-breaker/time-window.ts';
export type { CallWindow, Trip } from './circuit-breaker/trip.ts';
export { remaining, withDeadline, type DeadlineOptions } from './deadline.ts';
export { Break, Guarded, Retry, Timeout, type MethodDecorator } from './decorators.ts';
export {
  BulkheadFullError,
  CircuitIsolatedError,
  CircuitOpenError,
  DeadlineExceededError,
  RateLimitedError,
  RetriesExhaustedError,
  ThrottledError,
  TimeoutError,
} from './errors.ts';
export type { Classifier, Judgement } from './judgement.ts';
export { pipeline, type Pipeline, type PipelineSnapshot } from './pipeline.ts';
export type {
  AlternativeOf,
  Awaitable,
  ExecuteOptions,
  ExecutionContext,
  Outcome,
  Policy,
  PolicySnapshot,
  Work,
} from './policy.ts';
export { retryBudget, type RetryBudget, type RetryBudgetOptions } from './retry/budget.ts';
export type { GiveUpReason, RetryEvents, RetryPolicy, RetrySnapshot } from './retry/contract.ts';
export type { RetryOptions } from './retry/options.ts';
export { retry } from './retry/retry.ts';
export type { TimeoutOptions } from './timeout/options.ts';
export {
  timeout,
  type TimeoutEvents,
  type TimeoutPolicy,
  type TimeoutSnapshot,
} from './timeout/timeout.ts';
