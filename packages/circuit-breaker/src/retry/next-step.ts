import { isHoldfastError } from '@holdfast/internal';
import { judge } from '../judgement.ts';
import type { ExecutionContext, Outcome } from '../policy.ts';
import type { GiveUpReason } from './contract.ts';
import type { ResolvedRetryOptions } from './options.ts';
import { wasSpent } from './spent.ts';

/** A settled attempt, and what has happened before in its call. */
export interface Attempted {
  readonly outcome: Outcome<unknown>;
  readonly context: ExecutionContext;
  readonly attempt: number;
  readonly elapsedMs: number;
  /** The delay before this attempt, 0 at first. */
  readonly previousMs: number;
  /** When this attempt began. */
  readonly attemptSerial: number;
}

export type NextStep =
  | { readonly kind: 'done' }
  | { readonly kind: 'give-up'; readonly reason: GiveUpReason }
  | { readonly kind: 'retry'; readonly delayMs: number };

/**
 * Decides what follows a settled attempt. Takes from the budget only when everything else allows another one.
 *
 * @throws {AggregateError} when a classifier throws.
 */
export function nextStep(options: ResolvedRetryOptions, attempted: Attempted): NextStep {
  const { outcome, context, attempt, previousMs, attemptSerial } = attempted;
  // Retrying against an open circuit only burns the attempts that its recovery will need.
  if (isHoldfastError(outcome.error, 'CIRCUIT_ISOLATED')) return giveUp('open-circuit');
  if (isHoldfastError(outcome.error, 'CIRCUIT_OPEN')) {
    return options.waitsForCircuit
      ? retryAfter(retryAfterOf(outcome.error), options, attempted)
      : giveUp('open-circuit');
  }
  const judgement = judge(options.classifiers, outcome, context);
  if (!judgement.retry) return outcome.ok ? DONE : giveUp('not-retryable');
  if (
    options.suppressesNested &&
    wasSpent(outcome.ok ? outcome.value : outcome.error, attemptSerial)
  ) {
    return giveUp('nested');
  }
  if (judgement.applied !== 'no' && !context.idempotent) return giveUp('ambiguous');
  const askedMs = judgement.retryAfterMs ?? retryAfterOf(outcome.error);
  const leastMs = options.honoursRetryAfter ? askedMs : 0;
  return retryAfter(Math.max(leastMs, options.backoff(attempt, previousMs)), options, attempted);
}

function retryAfter(
  delayMs: number,
  options: ResolvedRetryOptions,
  attempted: Attempted,
): NextStep {
  const { attempt, elapsedMs, context } = attempted;
  if (attempt >= options.attempts) return giveUp('attempts');
  if (elapsedMs + delayMs > options.maxElapsedMs) return giveUp('elapsed');
  if (delayMs >= context.remainingMs()) return giveUp('deadline');
  if (options.budget?.tryWithdraw() === false) return giveUp('budget');
  return { kind: 'retry', delayMs };
}

/** The wait that a rejection by a policy inside asks for: of a circuit breaker, or of a rate limiter. */
function retryAfterOf(error: unknown): number {
  if (!isHoldfastError(error) || !('retryAfterMs' in error)) return 0;
  return typeof error.retryAfterMs === 'number' ? error.retryAfterMs : 0;
}

function giveUp(reason: GiveUpReason): NextStep {
  return { kind: 'give-up', reason };
}

const DONE: NextStep = { kind: 'done' };
