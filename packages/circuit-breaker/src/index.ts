export type { BackoffOptions, Clock, Jitter, Random, Timer } from '@holdfast/internal';
export {
  adaptiveThrottle,
  type AdaptiveThrottle,
  type AdaptiveThrottleEvents,
  type AdaptiveThrottleSnapshot,
} from './adaptive-throttle/adaptive-throttle.ts';
export type { AdaptiveThrottleOptions } from './adaptive-throttle/options.ts';
export {
  bulkhead,
  type Bulkhead,
  type BulkheadEvents,
  type BulkheadSnapshot,
} from './bulkhead/bulkhead.ts';
export type { BulkheadOptions } from './bulkhead/options.ts';
export type { CacheEntry, CacheStore } from './cached-fallback/cache-store.ts';
export {
  cachedFallback,
  type CachedFallback,
  type CachedFallbackEvents,
  type CachedFallbackSnapshot,
} from './cached-fallback/cached-fallback.ts';
export {
  memoryCacheStore,
  type MemoryCacheStore,
  type MemoryCacheStoreOptions,
} from './cached-fallback/memory-cache-store.ts';
export type { CachedFallbackOptions } from './cached-fallback/options.ts';
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
export {
  fallback,
  fallbackWith,
  type FallbackEvents,
  type FallbackPolicy,
  type FallbackSnapshot,
} from './fallback/fallback.ts';
export type {
  AnswerOf,
  FallbackFunction,
  FallbackOptions,
  FallbackStep,
} from './fallback/options.ts';
export { hedge, type HedgeEvents, type HedgePolicy, type HedgeSnapshot } from './hedge/hedge.ts';
export type { HedgeOptions, HedgeQuantile } from './hedge/options.ts';
export { isHoldfastError, type ErrorsByCode, type IsHoldfastError } from './is-holdfast-error.ts';
export type { Classifier, Judgement, Opinion } from './judgement.ts';
export { keyed, type KeyedEvents, type KeyedPolicy, type KeyedSnapshot } from './keyed/keyed.ts';
export type { KeyedOptions } from './keyed/options.ts';
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
export type { RateLimiterOptions } from './rate-limiter/options.ts';
export {
  rateLimiter,
  type RateLimiter,
  type RateLimiterEvents,
  type RateLimiterSnapshot,
} from './rate-limiter/rate-limiter.ts';
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
