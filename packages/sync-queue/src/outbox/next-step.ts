import type { Backoff } from '@holdfast/internal';
import type { PushOutcome } from './wire.ts';

export type AppliedOutcome = Extract<PushOutcome, { status: 'applied' }>;
export type ConflictOutcome = Extract<PushOutcome, { status: 'conflict' }>;

/** What an outbox does with a unit after a verdict. */
export type Step =
  | { readonly do: 'settle'; readonly outcome: AppliedOutcome }
  | { readonly do: 'resolve'; readonly conflict: ConflictOutcome; readonly round: number }
  /** Sends it again, the same bytes, `delayMs` from now. */
  | { readonly do: 'wait'; readonly delayMs: number; readonly attempt: number }
  /** `isOpen`: it may still be applied, so only the same bytes may ever be sent for it. */
  | { readonly do: 'quarantine'; readonly reason: string; readonly isOpen: boolean };

export interface StepPolicy {
  readonly backoff: Backoff;
  readonly maxAttempts: number;
  readonly maxRounds: number;
}

export interface StepFacts {
  /** Attempts that failed before. */
  readonly attempt: number;
  /** Conflicts that were resolved before. */
  readonly rounds: number;
  /** Requests in a row that have carried it and got no verdict. */
  readonly failures: number;
}

/** Only what the server says about the op itself uses up attempts: being offline or signed out does not. */
export function nextStep(outcome: PushOutcome, facts: StepFacts, policy: StepPolicy): Step {
  const { attempt, rounds, failures } = facts;
  const { backoff, maxAttempts, maxRounds } = policy;
  switch (outcome.status) {
    case 'applied':
      return { do: 'settle', outcome };
    case 'conflict':
      if (rounds < maxRounds) return { do: 'resolve', conflict: outcome, round: rounds + 1 };
      return {
        ...{ do: 'quarantine', isOpen: false },
        reason: `in conflict again after ${rounds} rounds`,
      };
    case 'rejected':
      return { do: 'quarantine', reason: `rejected: ${outcome.reason}`, isOpen: false };
    case 'retry': {
      const failed = attempt + 1;
      if (failed >= maxAttempts) {
        return { do: 'quarantine', reason: `failed ${failed} times`, isOpen: true };
      }
      const delayMs = outcome.afterMs ?? backoff(failed, 0);
      return { do: 'wait', delayMs, attempt: failed };
    }
    case 'auth':
    case 'unknown':
      return { do: 'wait', delayMs: backoff(failures + 1, 0), attempt };
    default: {
      const impossible: never = outcome;
      return impossible;
    }
  }
}
