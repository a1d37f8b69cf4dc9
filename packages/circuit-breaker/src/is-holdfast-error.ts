import { isHoldfastError as isAny, type HoldfastError } from '@holdfast/internal';
import type {
  BulkheadFullError,
  CircuitIsolatedError,
  CircuitOpenError,
  DeadlineExceededError,
  RateLimitedError,
  RetriesExhaustedError,
  ThrottledError,
  TimeoutError,
} from './errors.ts';

/** What each code stands for. */
export interface ErrorsByCode {
  readonly CIRCUIT_OPEN: CircuitOpenError;
  readonly CIRCUIT_ISOLATED: CircuitIsolatedError;
  readonly TIMEOUT: TimeoutError;
  readonly DEADLINE_EXCEEDED: DeadlineExceededError;
  readonly RETRIES_EXHAUSTED: RetriesExhaustedError;
  readonly BULKHEAD_FULL: BulkheadFullError;
  readonly RATE_LIMITED: RateLimitedError;
  readonly THROTTLED: ThrottledError;
}

/** True for errors of any copy of any of the packages; with `code`, only for those of that kind. */
export interface IsHoldfastError {
  <C extends keyof ErrorsByCode>(value: unknown, code: C): value is ErrorsByCode[C];
  (value: unknown, code?: string): value is HoldfastError;
}

export const isHoldfastError: IsHoldfastError = isAny;
