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
