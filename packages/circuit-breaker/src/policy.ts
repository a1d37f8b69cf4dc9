export type Awaitable<T> = T | PromiseLike<T>;

/** What the work is told about the attempt that it is. */
export interface ExecutionContext {
  /**
   * Aborts when the caller's signal does, or when a timeout around the work expires; never because the work
   * succeeded. Created when it is first read: work that ignores it pays nothing.
   */
  readonly signal: AbortSignal;
  /** The first is 1; counted by the innermost retry around the work. */
  readonly attempt: number;
}

/** The function under protection. A value, a promise and a synchronous throw are all fine. */
export type Work<T> = (context: ExecutionContext) => Awaitable<T>;

/** An `ExecutionContext` fits: pass it on as the options when policies are nested by hand. */
export interface ExecuteOptions {
  /** Aborting rejects at once with `signal.reason`, also when the work does not look at its own signal. */
  readonly signal?: AbortSignal | undefined;
  /** What `context.attempt` says when no retry counts. Default 1. */
  readonly attempt?: number | undefined;
}

export type Outcome<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

/** Counters since the policy was created, and gauges of this moment; plain JSON. */
export interface PolicySnapshot {
  readonly name: string;
  readonly kind: string;
  readonly counters: Readonly<Record<string, number>>;
  readonly gauges: Readonly<Record<string, number>>;
}

/** The one shape that every policy has. `Events` maps each event's name to what its listeners get. */
export interface Policy<Events extends object = object> {
  readonly name: string;
  /**
   * Runs `fn` under the policy. Rejects with what `fn` threw, with the policy's own error, or with `signal.reason`.
   *
   * @throws {TypeError} at once, when `fn` is not a function or `options.signal` is not an `AbortSignal`.
   */
  execute<T>(fn: Work<T>, options?: ExecuteOptions): Promise<T>;
  /** As `execute`, but never rejects: the error is in the outcome. */
  tryExecute<T>(fn: Work<T>, options?: ExecuteOptions): Promise<Outcome<T>>;
  /** Returns a function with the same arguments and `this` that runs `fn` under the policy. */
  guard<This, Args extends unknown[], T>(
    fn: (this: This, ...args: Args) => Awaitable<T>,
  ): (this: This, ...args: Args) => Promise<T>;
  /** Adds a listener and returns the function that removes it. A listener that throws changes no result. */
  on<K extends keyof Events>(event: K, listener: (payload: Events[K]) => void): () => void;
  /** Counters and gauges as plain JSON. */
  snapshot(): PolicySnapshot;
}

export interface RetryEvents {
  /** Another attempt follows `delayMs` after attempt number `attempt` failed. */
  readonly retry: { readonly attempt: number; readonly delayMs: number; readonly error: unknown };
  /** No further attempt: `execute` rejects with `error`. Not emitted when the caller aborted. */
  readonly giveUp: {
    readonly attempts: number;
    readonly reason: 'attempts' | 'elapsed' | 'not-retryable';
    readonly error: unknown;
  };
}

/** `calls = succeeded + gaveUp + aborted + inFlight`. */
export interface RetrySnapshot extends PolicySnapshot {
  readonly kind: 'retry';
  readonly counters: Readonly<
    Record<'calls' | 'succeeded' | 'gaveUp' | 'aborted' | 'retries', number>
  >;
  readonly gauges: Readonly<Record<'inFlight', number>>;
}

export interface RetryPolicy extends Policy<RetryEvents> {
  snapshot(): RetrySnapshot;
}

export interface TimeoutEvents {
  readonly timeout: { readonly timeoutMs: number };
}

/** `calls = succeeded + failed + timedOut + aborted + inFlight`. */
export interface TimeoutSnapshot extends PolicySnapshot {
  readonly kind: 'timeout';
  readonly counters: Readonly<
    Record<'calls' | 'succeeded' | 'failed' | 'timedOut' | 'aborted', number>
  >;
  readonly gauges: Readonly<Record<'inFlight', number>>;
}

export interface TimeoutPolicy extends Policy<TimeoutEvents> {
  snapshot(): TimeoutSnapshot;
}

/**
 * - `closed`     calls pass; left when enough failures follow each other
 * - `open`       calls are rejected; left when `openMs` has passed
 * - `half-open`  a few probes pass, other calls are rejected; left when the probes have succeeded, or one has failed
 * - `isolated`   calls are rejected; entered by `isolate()`, left when every hold is released
 */
export type CircuitState = 'closed' | 'open' | 'half-open' | 'isolated';

export interface CircuitBreakerEvents {
  readonly transition: { readonly from: CircuitState; readonly to: CircuitState };
  /** A call was turned away; `error` is what it was rejected with. */
  readonly reject: { readonly error: Error };
  /** A failure was counted. */
  readonly failure: { readonly error: unknown };
}

/**
 * `calls = succeeded + failed + ignored + stale + rejected + aborted + inFlight`. Stale is a result that arrived after
 * the circuit had moved on; aborted is a call whose signal was aborted before the work was called.
 */
export interface CircuitBreakerSnapshot extends PolicySnapshot {
  readonly kind: 'circuit-breaker';
  readonly state: CircuitState;
  readonly counters: Readonly<
    Record<'calls' | 'succeeded' | 'failed' | 'ignored' | 'stale' | 'rejected' | 'aborted', number>
  >;
  readonly gauges: Readonly<Record<'inFlight', number>>;
}

export interface CircuitBreaker extends Policy<CircuitBreakerEvents> {
  /** The state at this moment: an expired open circuit reads as half-open without a call. */
  readonly state: CircuitState;
  /**
   * Rejects all calls until the returned function is called. Holds add up: the circuit stays isolated until each is
   * released, and releasing twice is harmless. Then the state before goes on: an open circuit keeps its remaining
   * wait, and results of calls that were admitted before have been counted.
   */
  isolate(): () => void;
  snapshot(): CircuitBreakerSnapshot;
}

export interface PipelineSnapshot extends PolicySnapshot {
  readonly kind: 'pipeline';
  /** Outer to inner. */
  readonly policies: readonly PolicySnapshot[];
}

export interface Pipeline extends Policy {
  snapshot(): PipelineSnapshot;
}
