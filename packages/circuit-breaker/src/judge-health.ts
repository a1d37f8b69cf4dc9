import { isHoldfastError } from '@holdfast/internal';
import type { CallContext } from './call-context.ts';
import { judge, type Classifier, type Judgement } from './judgement.ts';
import type { Outcome } from './policy.ts';

/** The part of a judgement that says something about the health of what was called. */
export type Health = Pick<Judgement, 'verdict' | 'retryAfterMs'>;

const IGNORED: Health = { verdict: 'ignore' };

/**
 * Judges what a call's caller sees of it; an abort by the caller says nothing about health.
 *
 * @throws {AggregateError} when a classifier throws.
 */
export function judgeHealth(
  classifiers: readonly Classifier[],
  outcome: Outcome<unknown>,
  context: CallContext,
): Health {
  return isCallersAbort(outcome, context) ? IGNORED : judge(classifiers, outcome, context);
}

/** A timeout around the policy aborts the same signal, yet it is the best evidence of ill health that there is. */
function isCallersAbort({ ok, error }: Outcome<unknown>, { source }: CallContext): boolean {
  if (ok || source?.aborted !== true || error !== source.reason) return false;
  return !isHoldfastError(error, 'TIMEOUT') && !isHoldfastError(error, 'DEADLINE_EXCEEDED');
}
