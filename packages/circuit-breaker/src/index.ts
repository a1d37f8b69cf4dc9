export { isHoldfastError, type Clock, type Random, type Timer } from '@holdfast/internal';
export { circuitBreaker } from './circuit-breaker.ts';
export { CircuitIsolatedError, CircuitOpenError, TimeoutError } from './errors.ts';
export type { CircuitBreakerOptions, RetryOptions, TimeoutOptions } from './options.ts';
export { pipeline } from './pipeline.ts';
export type {
  Awaitable,
  CircuitBreaker,
  CircuitBreakerEvents,
  CircuitBreakerSnapshot,
  CircuitState,
  ExecuteOptions,
  ExecutionContext,
  Outcome,
  Pipeline,
  PipelineSnapshot,
  Policy,
  PolicySnapshot,
  RetryEvents,
  RetryPolicy,
  RetrySnapshot,
  TimeoutEvents,
  TimeoutPolicy,
  TimeoutSnapshot,
  Work,
} from './policy.ts';
export { retry } from './retry.ts';
export { timeout } from './timeout.ts';
