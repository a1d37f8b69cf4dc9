import { sleep, throwIfAborted } from '@holdfast/internal';
import { BasePolicy } from '../base-policy.ts';
import { invokeAbortable, type CallContext } from '../call-context.ts';
import { RetriesExhaustedError } from '../errors.ts';
import type { Outcome, Work } from '../policy.ts';
import type { GiveUpReason, RetryEvents, RetryPolicy, RetrySnapshot } from './contract.ts';
import { nextStep } from './next-step.ts';
import { resolveRetryOptions, type ResolvedRetryOptions, type RetryOptions } from './options.ts';
import { nextSerial, tagSpent } from './spent.ts';

/**
 * Calls the work again after a failure, with back-off in between; gives up with the last error itself. An abort ends a
 * wait at once, with `signal.reason` and no further call.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function retry(options: RetryOptions = {}): RetryPolicy {
  return new Retry(resolveRetryOptions(options));
}

/** The last errors of a call that a `RetriesExhaustedError` holds. */
const KEPT_ERRORS = 10;

class Retry extends BasePolicy<never, RetryEvents> implements RetryPolicy {
  readonly #options: ResolvedRetryOptions;
  readonly #counters = { calls: 0, succeeded: 0, gaveUp: 0, aborted: 0, retries: 0 };
  #inFlight = 0;

  constructor(options: ResolvedRetryOptions) {
    super(options.name, options.clock, { retry: true, giveUp: true });
    this.#options = options;
  }

  protected override async run<T>(fn: Work<T>, context: CallContext): Promise<T> {
    this.#counters.calls += 1;
    this.#inFlight += 1;
    try {
      const value = await this.#attemptUntilDone(fn, context);
      this.#counters.succeeded += 1;
      return value;
    } catch (error) {
      this.#counters[context.source?.aborted === true ? 'aborted' : 'gaveUp'] += 1;
      throw error;
    } finally {
      this.#inFlight -= 1;
    }
  }

  async #attemptUntilDone<T>(fn: Work<T>, context: CallContext): Promise<T> {
    const { clock } = this;
    const { source } = context;
    const options = this.#options;
    const errors: unknown[] = [];
    const callSerial = nextSerial();
    throwIfAborted(source);
    options.budget?.deposit();
    const startedMs = clock.now();
    for (let attempt = 1, previousMs = 0; ; attempt += 1) {
      const inner = contextOfAttempt(context, attempt);
      const attemptSerial = nextSerial();
      let outcome: Outcome<T>;
      try {
        const value = await invokeAbortable(fn, inner);
        if (options.classifiers.length === 0) return value;
        outcome = { ok: true, value };
      } catch (error) {
        throwIfAborted(source);
        outcome = { ok: false, error };
        errors.push(error);
        if (errors.length > KEPT_ERRORS) errors.shift();
      }
      const elapsedMs = clock.now() - startedMs;
      const step = nextStep(options, {
        outcome,
        context: inner,
        attempt,
        elapsedMs,
        previousMs,
        attemptSerial,
      });
      if (step.kind === 'give-up')
        return this.#giveUp(step.reason, outcome, { attempt, errors, callSerial });
      // Only a value is ever done.
      if (step.kind === 'done') return outcome.value as T;
      const { delayMs } = step;
      this.#counters.retries += 1;
      this.emit('retry', { attempt, delayMs, error: errorOf(outcome) });
      await sleep(delayMs, { clock, signal: source });
      throwIfAborted(source);
      previousMs = delayMs;
    }
  }

  /** A value that was judged to be a failure is still the result, when it is the last. */
  #giveUp<T>(
    reason: GiveUpReason,
    outcome: Outcome<T>,
    {
      attempt,
      errors,
      callSerial,
    }: {
      readonly attempt: number;
      readonly errors: readonly unknown[];
      readonly callSerial: number;
    },
  ): T {
    const error = errorOf(outcome);
    const isSpent = SPENT.has(reason);
    // One attempt multiplies nothing.
    const isTagged = isSpent && attempt > 1;
    if (isTagged) tagSpent(error, callSerial);
    this.emit('giveUp', { attempts: attempt, reason, error });
    if (outcome.ok) return outcome.value;
    if (!this.#options.wraps || !isSpent) throw error;
    const exhausted = new RetriesExhaustedError(this.name, { reason, attempts: attempt, errors });
    if (isTagged) tagSpent(exhausted, callSerial);
    throw exhausted;
  }

  override snapshot(): RetrySnapshot {
    return {
      name: this.name,
      kind: 'retry',
      counters: { ...this.#counters },
      gauges: { inFlight: this.#inFlight },
    };
  }
}

/** It could have gone on, but for a bound. */
const SPENT: ReadonlySet<GiveUpReason> = new Set(['attempts', 'elapsed', 'deadline', 'budget']);

function errorOf(outcome: Outcome<unknown>): unknown {
  return outcome.ok ? outcome.value : outcome.error;
}

function contextOfAttempt(context: CallContext, attempt: number): CallContext {
  if (context.attempt === attempt) return context;
  const inner = context.derive();
  inner.attempt = attempt;
  return inner;
}
