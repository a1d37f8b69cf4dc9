export type Awaitable<T> = T | PromiseLike<T>;

/** What the work is told about the attempt that it is. */
export interface ExecutionContext {
  /**
   * Aborts when the caller's signal does, or when a timeout or deadline around the work expires; never because the
   * work succeeded. Created when it is first read: work that ignores it pays nothing.
   */
  readonly signal: AbortSignal;
  /** The first is 1; counted by the innermost retry or hedge around the work. */
  readonly attempt: number;
  /** The moment, on the clock's monotonic scale (`performance.now()`), after which the result is of no use; `Infinity`: none. */
  readonly deadline: number;
  /** Milliseconds until the deadline, at least 0; `Infinity` without one. */
  remainingMs(this: ExecutionContext): number;
  /** What the call is about, for keyed policies and caches. */
  readonly key: string | undefined;
  /** True: doing the work twice does no harm. */
  readonly idempotent: boolean;
}

/** The function under protection. A value, a promise and a synchronous throw are all fine. */
export type Work<T> = (context: ExecutionContext) => Awaitable<T>;

/** An `ExecutionContext` fits as it is, while its call lasts: pass it on when policies are nested by hand. */
export interface ExecuteOptions {
  /** Aborting rejects at once with `signal.reason`, also when the work does not look at its own signal. */
  readonly signal?: AbortSignal | undefined;
  /** What `context.attempt` says when no retry counts. Default 1. */
  readonly attempt?: number | undefined;
  /**
   * A moment on the clock's monotonic scale: `performance.now() + 250`. Then the call rejects with
   * `DEADLINE_EXCEEDED` and its signal is aborted; no policy inside begins a wait that would end later. Default: none.
   */
  readonly deadline?: number | undefined;
  /** What the call is about: chooses the policy of `keyed`, and the entry of `cachedFallback`. */
  readonly key?: string | undefined;
  /** True: doing the work twice does no harm, so that a failure that may have done it is retried, or it is hedged. Default false. */
  readonly idempotent?: boolean | undefined;
}

/** `value` and `error` are there on both, so that they can be destructured. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T; readonly error?: undefined }
  | { readonly ok: false; readonly error: unknown; readonly value?: undefined };

/** Counters since the policy was created, and gauges of this moment; plain JSON. */
export interface PolicySnapshot {
  readonly name: string;
  readonly kind: string;
  readonly counters: Readonly<Record<string, number>>;
  readonly gauges: Readonly<Record<string, number>>;
}

declare const ALTERNATIVE: unique symbol;

/**
 * The one shape that every policy has. `Alternative` is the type that the policy itself may put in the place of the
 * work's value (a fallback does); `Events` maps each event's name to what its listeners get.
 */
export interface Policy<Alternative = never, Events extends object = object> {
  /** Never there: it carries the type through `pipeline`. */
  readonly [ALTERNATIVE]?: () => Alternative;
  readonly name: string;
  /**
   * Runs `fn` under the policy. Rejects with what `fn` threw, with the policy's own error, or with `signal.reason`.
   *
   * @throws {TypeError | RangeError} at once, when `fn` is not a function or an option is wrong.
   */
  execute<T>(fn: Work<T>, options?: ExecuteOptions): Promise<T | Alternative>;
  /** As `execute`, but never rejects: the error is in the outcome. */
  tryExecute<T>(fn: Work<T>, options?: ExecuteOptions): Promise<Outcome<T | Alternative>>;
  /**
   * Returns a function with the same arguments and `this` that runs `fn` under the policy. `optionsOf` gets the
   * arguments of each call and says what `execute` is given.
   */
  guard<This, Args extends unknown[], T>(
    fn: (this: This, ...args: Args) => Awaitable<T>,
    optionsOf?: (...args: Args) => ExecuteOptions,
  ): (this: This, ...args: Args) => Promise<T | Alternative>;
  /** Adds a listener and returns the function that removes it. A listener that throws changes no result. */
  on<K extends keyof Events>(event: K, listener: (payload: Events[K]) => void): () => void;
  /** Counters and gauges as plain JSON. */
  snapshot(): PolicySnapshot;
}

/** What `P` may put in the place of the work's value. */
export type AlternativeOf<P> = P extends { readonly [ALTERNATIVE]?: () => infer A } ? A : never;
