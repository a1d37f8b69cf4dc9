import { requireFunction, requireNumber } from '@holdfast/internal';
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
) => Partial<Judgement> | undefined;

const SUCCESS: Judgement = { verdict: 'success', retry: false, applied: 'yes', label: 'value' };

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

function complete(answer: Partial<Judgement>, isValue: boolean): Judgement {
  const { retryAfterMs } = answer;
  if (retryAfterMs !== undefined) requireNumber('retryAfterMs', retryAfterMs, { min: 0 });
  if (isValue && (answer.verdict ?? 'success') === 'success') return { ...SUCCESS, ...answer };
  const verdict = answer.verdict ?? 'failure';
  return { verdict, retry: verdict === 'failure', applied: 'no', label: verdict, ...answer };
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
