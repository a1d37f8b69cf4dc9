export { raceAbort, throwIfAborted } from './abort.ts';
export { createBackoff, type Backoff, type BackoffOptions, type Jitter } from './backoff.ts';
export { checkOut } from './check-out.ts';
export {
  requireBoolean,
  requireFunction,
  requireInteger,
  requireNumber,
  requireObject,
  requireOneOf,
  requireOptionGroup,
  requireOptions,
  requireText,
  type OptionNames,
  type Range,
} from './checks.ts';
export { nextTurn, systemClock, type Clock, type Timer, type TimerOptions } from './clock.ts';
export { createDeferred, type Deferred } from './deferred.ts';
export { HoldfastError, isHoldfastError } from './holdfast-error.ts';
export { isInTransaction } from './is-in-transaction.ts';
export { createLifecycle, type Lifecycle, type LifecycleState } from './lifecycle.ts';
export { createListeners, type Listeners } from './listeners.ts';
export { onAbort, type AbortSource } from './on-abort.ts';
export { seededRandom, systemRandom, type Random } from './random.ts';
export { sleep, type SleepOptions } from './sleep.ts';
export { quoteIdentifier, quoteTable } from './sql-identifier.ts';
