import { invokeAbortable, type CallContext } from '../call-context.ts';
import type { Result } from '../circuit-breaker/circuit-contract.ts';
import { judgeHealth } from '../judge-health.ts';
import type { Classifier } from '../judgement.ts';
import type { Outcome, Work } from '../policy.ts';

/** Told once, with the value or the error that was judged. */
export type Settle = (result: Result, subject: unknown) => void;

/** Calls the work and judges what its caller sees, as the circuit breaker of one process does. */
export function judgeCall<T>(
  fn: Work<T>,
  context: CallContext,
  classifiers: readonly Classifier[],
  settle: Settle,
): Promise<T> {
  return invokeAbortable(fn, context).then(
    (value) => {
      if (classifiers.length === 0) settle(SUCCEEDED, value);
      else settleJudged({ ok: true, value }, context, classifiers, settle);
      return value;
    },
    (error: unknown) => {
      settleJudged({ ok: false, error }, context, classifiers, settle);
      throw error;
    },
  );
}

function settleJudged(
  outcome: Outcome<unknown>,
  context: CallContext,
  classifiers: readonly Classifier[],
  settle: Settle,
): void {
  let result: Result = outcome.ok ? IGNORED : FAILED;
  try {
    result = judgeHealth(classifiers, outcome, context);
  } finally {
    // Also when a classifier throws: a probe that is never settled would hold its lease.
    settle(result, outcome.ok ? outcome.value : outcome.error);
  }
}

const SUCCEEDED = { verdict: 'success' } as const;
const FAILED = { verdict: 'failure' } as const;
const IGNORED = { verdict: 'ignore' } as const;
