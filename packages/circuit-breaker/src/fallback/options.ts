import {
  requireObject,
  requireOptions,
  requireText,
  systemClock,
  type Clock,
  type OptionNames,
} from '@holdfast/internal';
import { resolveClassifiers, type Classifier } from '../judgement.ts';
import type { Awaitable, ExecutionContext } from '../policy.ts';

/** Computes what to answer with; gets the error of what failed before it. */
export type FallbackFunction<A> = (error: unknown, context: ExecutionContext) => Awaitable<A>;

/**
 * What to answer with instead: a function that computes it, or a value. A function is always called: to answer with
 * one, return it from one. Spelt out, for `unknown` would leave the function's parameters without types.
 */
// eslint-disable-next-line @typescript-eslint/no-generated-empty-object-type -- naming the primitives would infer 0, not number
export type FallbackStep = FallbackFunction<unknown> | NonNullable<unknown> | null | undefined;

/** What a step answers with. */
export type AnswerOf<Step> = Step extends (...args: never[]) => infer A ? Awaited<A> : Step;

export interface FallbackOptions {
  /** Names the policy in the snapshot. Default `fallback`. */
  readonly name?: string | undefined;
  /**
   * Only a `failure` is answered; what is to be ignored passes as it is. A value that is judged to be a failure is
   * replaced too: then the first step gets that value as its `error`. Default: an error is a failure, a value is not.
   */
  readonly classify?: Classifier | readonly Classifier[] | undefined;
  /** Measures the deadline of a call. */
  readonly clock?: Clock | undefined;
}

export interface ResolvedFallbackOptions {
  readonly name: string;
  readonly classifiers: readonly Classifier[];
  readonly clock: Clock;
}

const NAMES: OptionNames<FallbackOptions> = {
  name: true,
  classify: true,
  clock: true,
};

/** @throws {TypeError} when an option is wrong. */
export function resolveFallbackOptions(options: FallbackOptions): ResolvedFallbackOptions {
  requireOptions('fallbackWith', options, NAMES);
  return Object.freeze({
    name: requireText('name', options.name ?? 'fallback'),
    classifiers: resolveClassifiers(options.classify),
    clock: requireObject('clock', options.clock ?? systemClock),
  });
}

/** @throws {TypeError} when there is no step, or one is a promise. */
export function resolveSteps(steps: readonly FallbackStep[]): readonly FallbackFunction<unknown>[] {
  if (steps.length === 0) throw new TypeError('steps must be at least one, got none');
  return steps.map((step, index) => {
    if (typeof step === 'function') return step as FallbackFunction<unknown>;
    // It would have begun, and may have failed with nobody listening, long before it is of use.
    if (isThenable(step)) {
      throw new TypeError(`steps[${index}] must be a value or a function, got a promise`);
    }
    return () => step;
  });
}

function isThenable(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('then' in value)) return false;
  return typeof value.then === 'function';
}
