import { HoldfastError } from '@holdfast/internal';

/** The circuit is open, or half-open with all its probes in flight: the work was not called. */
export class CircuitOpenError extends HoldfastError {
  override readonly name = 'CircuitOpenError';
  override readonly code = 'CIRCUIT_OPEN';
  /** Name of the circuit breaker. */
  readonly policy: string;
  /**
   * Milliseconds, above 0. Open: until the next probe may pass. Half-open: until the oldest probe in flight is given
   * up, at the latest.
   */
  readonly retryAfterMs: number;

  /** `cause` is the failure that was counted last. */
  constructor(policy: string, retryAfterMs: number, options?: { readonly cause?: unknown }) {
    super(
      'CIRCUIT_OPEN',
      `circuit "${policy}" is open, retry after ${Math.ceil(retryAfterMs)} ms`,
      options,
    );
    this.policy = policy;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The circuit was isolated by hand: the work was not called. */
export class CircuitIsolatedError extends HoldfastError {
  override readonly name = 'CircuitIsolatedError';
  override readonly code = 'CIRCUIT_ISOLATED';
  /** Name of the circuit breaker. */
  readonly policy: string;

  constructor(policy: string) {
    super('CIRCUIT_ISOLATED', `circuit "${policy}" is isolated`);
    this.policy = policy;
  }
}

/** The work did not settle in time. Its signal has been aborted with this error; it may still run. */
export class TimeoutError extends HoldfastError {
  override readonly name = 'TimeoutError';
  override readonly code = 'TIMEOUT';
  /** Name of the timeout policy. */
  readonly policy: string;
  readonly timeoutMs: number;

  constructor(policy: string, timeoutMs: number) {
    super('TIMEOUT', `"${policy}" expired: the work did not settle within ${timeoutMs} ms`);
    this.policy = policy;
    this.timeoutMs = timeoutMs;
  }
}

/** The call's deadline passed before it was done, or before it was begun; its signal has been aborted with this error. */
export class DeadlineExceededError extends HoldfastError {
  override readonly name = 'DeadlineExceededError';
  override readonly code = 'DEADLINE_EXCEEDED';
  /** Name of the policy that was given the deadline. */
  readonly policy: string;

  constructor(policy: string) {
    super('DEADLINE_EXCEEDED', `the deadline of a call to "${policy}" has passed`);
    this.policy = policy;
  }
}

/** A retry with `exhausted: 'wrap'` has given up; the last error is the cause. */
export class RetriesExhaustedError extends HoldfastError {
  override readonly name = 'RetriesExhaustedError';
  override readonly code = 'RETRIES_EXHAUSTED';
  /** Name of the retry. */
  readonly policy: string;
  /** Why there was no further attempt: `attempts`, `elapsed`, `deadline` or `budget`. */
  readonly reason: string;
  /** How many were made. */
  readonly attempts: number;
  /** The errors of the last attempts, at most 10, in order. */
  readonly errors: readonly unknown[];

  constructor(
    policy: string,
    facts: {
      readonly reason: string;
      readonly attempts: number;
      readonly errors: readonly unknown[];
    },
  ) {
    super(
      'RETRIES_EXHAUSTED',
      `"${policy}" gave up after ${facts.attempts} attempts (${facts.reason})`,
      { cause: facts.errors.at(-1) },
    );
    this.policy = policy;
    this.reason = facts.reason;
    this.attempts = facts.attempts;
    this.errors = facts.errors;
  }
}

/** All places are taken, and so is every place in the queue, or its wait was too long: the work was not called. */
export class BulkheadFullError extends HoldfastError {
  override readonly name = 'BulkheadFullError';
  override readonly code = 'BULKHEAD_FULL';
  /** Name of the bulkhead. */
  readonly policy: string;
  readonly limit: number;
  readonly queued: number;

  constructor(policy: string, limit: number, queued: number) {
    super('BULKHEAD_FULL', `bulkhead "${policy}" is full: ${limit} running, ${queued} queued`);
    this.policy = policy;
    this.limit = limit;
    this.queued = queued;
  }
}

/** No permit was free in time: the work was not called. */
export class RateLimitedError extends HoldfastError {
  override readonly name = 'RateLimitedError';
  override readonly code = 'RATE_LIMITED';
  /** Name of the rate limiter. */
  readonly policy: string;
  /** Milliseconds until the next permit. */
  readonly retryAfterMs: number;

  constructor(policy: string, retryAfterMs: number) {
    super(
      'RATE_LIMITED',
      `rate limiter "${policy}" has no permit, retry after ${Math.ceil(retryAfterMs)} ms`,
    );
    this.policy = policy;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Rejected at random, because what is called has refused too large a share of late: the work was not called. */
export class ThrottledError extends HoldfastError {
  override readonly name = 'ThrottledError';
  override readonly code = 'THROTTLED';
  /** Name of the adaptive throttle. */
  readonly policy: string;
  /** The probability of a rejection at that moment, from 0 to 1. */
  readonly probability: number;

  constructor(policy: string, probability: number) {
    super(
      'THROTTLED',
      `"${policy}" throttles ${Math.round(probability * 100)} % of the calls for now`,
    );
    this.policy = policy;
    this.probability = probability;
  }
}

/**
 * Creates an error without a stack. For rejections that come by the thousand when something is down: capturing the
 * stack is most of what they cost, and it would only show the policy.
 */
export function withoutStack<E extends Error>(create: () => E): E {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return create();
  } finally {
    Error.stackTraceLimit = limit;
  }
}
