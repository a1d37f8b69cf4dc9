import {
  requireBoolean,
  requireFunction,
  requireNumber,
  requireObject,
  requireOneOf,
} from '@holdfast/internal';
import { isMisuse } from './misuse.ts';
import type { ExecutionContext, Outcome } from './policy.ts';

/** What one settled attempt means. */
export interface Judgement {
  /** Whether it speaks for or against the health of what was called; `ignore`: neither. */
  readonly verdict: 'success' | 'failure' | 'ignore';
  /** Whether another attempt could do better. */
  readonly retry: boolean;
  /** Whether the work was done. `maybe` is repeated only for calls that are `idempotent`. */
  readonly applied: 'no' | 'maybe' | 'yes';
  /** The least wait, milliseconds, that what was called has asked for. */
  readonly retryAfterMs?: number | undefined;
  /** What kind of outcome it is, for logs: `postgres 40001`. */
  readonly label: string;
}

/**
 * Judges an outcome, or leaves it to the next classifier with `undefined`. What it leaves out is filled in: an error
 * is a `failure`, retried unless it is to be ignored, and not applied; a value is a `success`.
 */
export type Classifier = (
  outcome: Outcome<unknown>,
  context: ExecutionContext,
) => Opinion | undefined;

/** The part of a judgement that a classifier has something to say about. */
export type Opinion = { readonly [K in keyof Judgement]?: Judgement[K] | undefined };

const MISUSE: Judgement = { verdict: 'ignore', retry: false, applied: 'no', label: 'misuse' };

/**
 * Asks the classifiers in order; the first that answers decides.
 *
 * @throws {AggregateError} when a classifier throws: the work's error first, what was thrown second and as the cause.
 */
export function judge(
  classifiers: readonly Classifier[],
  outcome: Outcome<unknown>,
  context: ExecutionContext,
): Judgement {
  if (isMisuse(outcome.error)) return MISUSE;
  for (const classify of classifiers) {
    try {
      const answer = classify(outcome, context);
      if (answer !== undefined) return complete(answer, outcome.ok);
    } catch (thrown) {
      const errors = outcome.ok ? [thrown] : [outcome.error, thrown];
      throw new AggregateError(errors, 'classify threw while it judged an outcome', {
        cause: thrown,
      });
    }
  }
  return complete({}, outcome.ok);
}

function complete(answer: Opinion, isValue: boolean): Judgement {
  requireObject('what classify returns', answer);
  if ('then' in answer) throw new TypeError('classify must be synchronous, and returned a promise');
  const { retryAfterMs } = answer;
  if (retryAfterMs !== undefined) requireNumber('retryAfterMs', retryAfterMs, { min: 0 });
  const verdict = requireOneOf('verdict', answer.verdict ?? (isValue ? 'success' : 'failure'), [
    'success',
    'failure',
    'ignore',
  ]);
  const isFine = isValue && verdict === 'success';
  return {
    verdict,
    retry: requireBoolean('retry', answer.retry ?? verdict === 'failure'),
    applied: requireOneOf('applied', answer.applied ?? (isFine ? 'yes' : 'no'), [
      'no',
      'maybe',
      'yes',
    ]),
    retryAfterMs,
    label: answer.label ?? verdict,
  };
}

/** @throws {TypeError} unless `classify` is a function or an array of functions. */
export function resolveClassifiers(
  classify: Classifier | readonly Classifier[] | undefined,
): readonly Classifier[] {
  if (classify === undefined) return NONE;
  const all = Array.isArray(classify)
    ? (classify as readonly Classifier[])
    : [classify as Classifier];
  for (const one of all) requireFunction('classify', one);
  return all;
}

const NONE: readonly Classifier[] = [];
