import { createDeferred, isHoldfastError, type Clock, type Deferred } from '@holdfast/internal';
import type { CircuitBreaker } from '../circuit-breaker/contract.ts';
import { withoutStack } from '../errors.ts';
import type { Work } from '../policy.ts';
import { rejectSoon } from '../reject-soon.ts';
import { timeout, type TimeoutPolicy } from '../timeout/timeout.ts';
import type { Connection } from './connection.ts';
import { RedisUnavailableError } from './guard-errors.ts';

export interface CallsOptions {
  readonly name: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly connection: Connection;
  readonly breaker: CircuitBreaker;
}

/** Runs commands: at once or not at all, under the circuit breaker, and not for longer than the time-out. */
export class Calls {
  readonly #name: string;
  readonly #connection: Connection;
  readonly #breaker: CircuitBreaker;
  readonly #timeout: TimeoutPolicy;
  #inFlight = 0;
  #isClosed = false;
  #idle: Deferred<void> | undefined;

  constructor({ name, timeoutMs, clock, connection, breaker }: CallsOptions) {
    this.#name = name;
    this.#connection = connection;
    this.#breaker = breaker;
    this.#timeout = timeout({ name, ms: timeoutMs, clock });
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** What cannot be sent is no failure that the breaker should count: it would stay open after the reconnect. */
  run<T>(work: Work<T>): Promise<T> {
    if (this.#isClosed || !this.#connection.isReady) return rejectSoon(this.#unavailable());
    this.#inFlight += 1;
    const { epoch } = this.#connection;
    return this.#breaker
      .execute((context) => this.#timeout.execute(work, context))
      .then(
        (value) => {
          this.#end();
          return value;
        },
        (error: unknown) => {
          this.#end();
          if (isSignOfLoss(error)) this.#connection.drop(epoch, error);
          throw error;
        },
      );
  }

  /** Resolves when nothing is in flight. */
  close(): Promise<void> {
    this.#isClosed = true;
    if (this.#inFlight === 0) return Promise.resolve();
    this.#idle ??= createDeferred<void>();
    return this.#idle.promise;
  }

  #end(): void {
    this.#inFlight -= 1;
    if (this.#inFlight === 0) this.#idle?.resolve();
  }

  #unavailable(): RedisUnavailableError {
    const why = this.#isClosed ? 'it is closed' : 'there is no connection';
    const cause = this.#connection.lastError;
    return withoutStack(() => new RedisUnavailableError(this.#name, why, { cause }));
  }
}

/**
 * No answer in time: replies come in order, so what waits behind this one would wait in vain, and the next connection
 * settles it sooner. Or a replica answered: the master is elsewhere by now.
 */
function isSignOfLoss(error: unknown): boolean {
  if (isHoldfastError(error)) return error.code === 'TIMEOUT';
  return error instanceof Error && error.message.startsWith('READONLY');
}
