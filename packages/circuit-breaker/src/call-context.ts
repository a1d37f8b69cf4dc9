import {
  requireBoolean,
  requireFunction,
  requireInteger,
  requireObject,
  requireText,
  raceAbort,
  type AbortSource,
  type Clock,
} from '@holdfast/internal';
import { AbortScope } from './abort-scope.ts';
import type { Awaitable, ExecuteOptions, ExecutionContext } from './policy.ts';

/** Counts the work that runs inside it, also work whose caller no longer waits. */
export interface WorkTracker {
  begin(): void;
  end(): void;
}

/** What policies hand to each other; the work sees it as its `ExecutionContext`. */
export class CallContext implements ExecutionContext {
  attempt = 1;
  /** What is worth listening to, if there is anything. */
  source: AbortSource | undefined = undefined;
  deadline = Infinity;
  key: string | undefined = undefined;
  idempotent = false;
  /** Told of every call of the work. */
  trackers: readonly WorkTracker[] | undefined = undefined;
  readonly clock: Clock;
  #signal: AbortSignal | undefined;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** A context as this one is; what differs is set before anybody else sees it. */
  derive(clock: Clock = this.clock): CallContext {
    const context = new CallContext(clock);
    context.attempt = this.attempt;
    context.source = this.source;
    context.deadline = this.deadline;
    context.key = this.key;
    context.idempotent = this.idempotent;
    context.trackers = this.trackers;
    return context;
  }

  get signal(): AbortSignal {
    if (this.source instanceof AbortScope) return this.source.signal;
    // One for each context: listeners that pile up on a shared one would never be freed.
    return (this.#signal ??=
      (this.source as AbortSignal | undefined) ?? new AbortController().signal);
  }

  remainingMs(this: CallContext): number {
    return this.deadline === Infinity ? Infinity : Math.max(0, this.deadline - this.clock.now());
  }
}

/**
 * The context that a caller's options ask for.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function contextOf(options: ExecuteOptions, clock: Clock): CallContext {
  requireObject('options', options);
  if ('aborted' in options)
    throw new TypeError('options must be { signal }, got the signal itself');
  const { attempt, deadline, key, idempotent } = options;
  const context = new CallContext(clock);
  // `{ ...context, key }` is the obvious way to change one thing, and copies what a context has but not its getters.
  const copied = options as ExecuteOptions & Partial<Pick<CallContext, 'source' | 'trackers'>>;
  const signal = Object.hasOwn(options, 'signal')
    ? options.signal
    : (copied.source ?? options.signal);
  context.trackers = copied.trackers;
  if (signal !== undefined) context.source = requireSignal(signal);
  if (attempt !== undefined) context.attempt = requireInteger('attempt', attempt, { min: 1 });
  if (deadline !== undefined) context.deadline = requireDeadline(deadline);
  if (key !== undefined) context.key = requireText('key', key);
  if (idempotent !== undefined) context.idempotent = requireBoolean('idempotent', idempotent);
  return context;
}

/** By shape, not by class: signals of another realm and of polyfills will do. */
function requireSignal(signal: AbortSource): AbortSource {
  requireObject('signal', signal);
  const shape = signal as { readonly [K in keyof AbortSource]: unknown };
  requireBoolean('signal.aborted', shape.aborted);
  requireFunction('signal.addEventListener', shape.addEventListener);
  requireFunction('signal.removeEventListener', shape.removeEventListener);
  return signal;
}

function requireDeadline(deadline: unknown): number {
  if (typeof deadline !== 'number' || Number.isNaN(deadline)) {
    throw new TypeError(`deadline must be a number, got ${String(deadline)}`);
  }
  // Thirty years after the process began: that is `Date.now()`.
  if (deadline > 1e12 && deadline !== Infinity) {
    throw new RangeError(
      `deadline must be on the scale of performance.now(), not of the wall clock, got ${deadline}`,
    );
  }
  return deadline;
}

/** The work, or the next policy on the way to it. */
export type InnerWork<T> = (context: CallContext) => Awaitable<T>;

/** Calls the work, and lets those who track it know. A value, and a synchronous throw, become a promise. */
export function invoke<T>(fn: InnerWork<T>, context: CallContext): Promise<T> {
  try {
    const { trackers } = context;
    return Promise.resolve(
      trackers === undefined ? fn(context) : invokeTracked(fn, context, trackers),
    );
  } catch (error) {
    return Promise.reject(error);
  }
}

async function invokeTracked<T>(
  fn: InnerWork<T>,
  context: CallContext,
  trackers: readonly WorkTracker[],
): Promise<T> {
  for (const tracker of trackers) tracker.begin();
  try {
    return await fn(context);
  } finally {
    for (const tracker of trackers) tracker.end();
  }
}

/** Calls the work; settles at once with the reason when what the context listens to aborts. */
export function invokeAbortable<T>(fn: InnerWork<T>, context: CallContext): Promise<T> {
  return raceAbort(invoke(fn, context), context.source);
}
