import { BasePolicy } from '../base-policy.ts';
import { invokeAbortable, type CallContext, type InnerWork } from '../call-context.ts';
import { judge, type Classifier } from '../judgement.ts';
import type { Awaitable, Outcome, Policy, PolicySnapshot, Work } from '../policy.ts';
import {
  resolveFallbackOptions,
  resolveSteps,
  type AnswerOf,
  type FallbackFunction,
  type FallbackOptions,
  type FallbackStep,
  type ResolvedFallbackOptions,
} from './options.ts';

export interface FallbackEvents {
  /** A step answered for the work; the first is 1. `error` is what the work failed with. */
  readonly fallback: { readonly step: number; readonly error: unknown };
}

/**
 * `calls = succeeded + replaced + failed + aborted + inFlight`. Replaced: a step has answered. Failed: every step has
 * failed as well, or the error was one to be ignored.
 */
export interface FallbackSnapshot extends PolicySnapshot {
  readonly kind: 'fallback';
  readonly counters: Readonly<
    Record<'calls' | 'succeeded' | 'replaced' | 'failed' | 'aborted', number>
  >;
  readonly gauges: Readonly<Record<'inFlight', number>>;
}

export interface FallbackPolicy<Alternative> extends Policy<Alternative, FallbackEvents> {
  snapshot(): FallbackSnapshot;
}

/**
 * Answers a failure of the work with the first step that does not fail itself: `fallback(readReplica, [])`. The steps
 * are tried in order, each with the error of what failed before it. When all fail the call rejects with an
 * `AggregateError` of all errors in order; its `cause` is the first. An abort or a passed deadline of the call itself
 * is never answered.
 *
 * @throws {TypeError} when there is no step, or one is a promise.
 */
export function fallback<Steps extends readonly [FallbackStep, ...FallbackStep[]]>(
  ...steps: Steps
): FallbackPolicy<AnswerOf<Steps[number]>> {
  return fallbackWith({}, ...steps);
}

/**
 * As `fallback`, with options.
 *
 * @throws {TypeError} when an option is wrong, when there is no step, or one is a promise.
 */
export function fallbackWith<Steps extends readonly [FallbackStep, ...FallbackStep[]]>(
  options: FallbackOptions,
  ...steps: Steps
): FallbackPolicy<AnswerOf<Steps[number]>> {
  return new LocalFallback<AnswerOf<Steps[number]>>(
    resolveFallbackOptions(options),
    resolveSteps(steps),
  );
}

class LocalFallback<A> extends BasePolicy<A, FallbackEvents> implements FallbackPolicy<A> {
  readonly #classifiers: readonly Classifier[];
  readonly #steps: readonly FallbackFunction<unknown>[];
  readonly #counters = { calls: 0, succeeded: 0, replaced: 0, failed: 0, aborted: 0 };
  #inFlight = 0;

  constructor(
    { name, classifiers, clock }: ResolvedFallbackOptions,
    steps: readonly FallbackFunction<unknown>[],
  ) {
    super(name, clock, { fallback: true });
    this.#classifiers = classifiers;
    this.#steps = steps;
  }

  protected override async run<T>(fn: Work<T>, context: CallContext): Promise<T | A> {
    const { source } = context;
    this.#counters.calls += 1;
    if (source?.aborted === true) {
      this.#counters.aborted += 1;
      throw source.reason;
    }
    this.#inFlight += 1;
    let ending: Ending = 'failed';
    try {
      const outcome = await outcomeOf(fn, context);
      const answer = this.#isToReplace(outcome, context)
        ? await this.#replace(outcome.ok ? outcome.value : outcome.error, context)
        : outcome;
      ending = answer === outcome ? 'succeeded' : 'replaced';
      if (!answer.ok) throw answer.error;
      return answer.value;
    } catch (error) {
      ending = context.source?.aborted === true ? 'aborted' : 'failed';
      throw error;
    } finally {
      this.#inFlight -= 1;
      this.#counters[ending] += 1;
    }
  }

  #isToReplace(outcome: Outcome<unknown>, context: CallContext): boolean {
    // Nobody waits for an answer any more.
    if (context.source?.aborted === true) return false;
    if (outcome.ok && this.#classifiers.length === 0) return false;
    return judge(this.#classifiers, outcome, context).verdict === 'failure';
  }

  async #replace(error: unknown, context: CallContext): Promise<Outcome<A>> {
    const errors = [error];
    for (const [index, step] of this.#steps.entries()) {
      const work = (inner: CallContext): Awaitable<A> => step(errors.at(-1), inner) as Awaitable<A>;
      const answer = await outcomeOf(work, context);
      if (answer.ok) {
        this.emit('fallback', { step: index + 1, error });
        return answer;
      }
      if (context.source?.aborted === true) return answer;
      errors.push(answer.error);
    }
    throw new AggregateError(errors, `"${this.name}": the work and all its fallbacks failed`, {
      cause: error,
    });
  }

  override snapshot(): FallbackSnapshot {
    return {
      name: this.name,
      kind: 'fallback',
      counters: { ...this.#counters },
      gauges: { inFlight: this.#inFlight },
    };
  }
}

type Ending = 'succeeded' | 'replaced' | 'failed' | 'aborted';

function outcomeOf<T>(fn: InnerWork<T>, context: CallContext): Promise<Outcome<T>> {
  return invokeAbortable(fn, context).then(
    (value) => ({ ok: true, value }),
    (error: unknown) => ({ ok: false, error }),
  );
}
