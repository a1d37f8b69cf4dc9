import type { Op } from '../outbox/op.ts';
import { problemOf } from '../push-outcome-problem.ts';
import type { OpResult, PushOutcome } from '../outbox/wire.ts';
import type { Apply, ApplyContext, ApplyOutcome } from './receiver.ts';
import type { ReceiptSession } from './receipt-store.ts';

/** Ends a savepoint without being a failure: an op of the unit was not applied. */
class NotApplied extends Error {
  readonly outcome: PushOutcome;

  constructor(outcome: PushOutcome) {
    super('not applied');
    this.outcome = outcome;
  }
}

/** Applies all ops of a unit or none. Rejects with what `apply` rejects with; then nothing of it is left. */
export async function applyUnit<Tx>(
  ops: readonly Op[],
  apply: Apply<Tx>,
  { session, context }: { session: ReceiptSession<Tx>; context: ApplyContext<Tx> },
): Promise<PushOutcome> {
  try {
    return await session.savepoint(async () => {
      const results: OpResult[] = [];
      for (const [index, op] of ops.entries()) {
        const outcome = requireOutcome(await apply(op, context));
        if (outcome.status !== 'applied') throw new NotApplied(ofUnit(outcome, index));
        const { version, doc } = outcome;
        results.push({
          ...(version === undefined ? {} : { version }),
          ...(doc === undefined ? {} : { doc }),
        });
      }
      return { status: 'applied', results };
    });
  } catch (error) {
    if (error instanceof NotApplied) return error.outcome;
    throw error;
  }
}

function ofUnit(outcome: Exclude<ApplyOutcome, { status: 'applied' }>, index: number): PushOutcome {
  return outcome.status === 'conflict' ? { ...outcome, index } : outcome;
}

const STATUSES: readonly unknown[] = ['applied', 'conflict', 'retry', 'rejected', 'auth'];

/** What is no outcome counts as a failure of `apply`: the client would take the whole answer for none. */
function requireOutcome(outcome: ApplyOutcome | undefined): ApplyOutcome {
  if (outcome === undefined || !STATUSES.includes(outcome.status)) {
    throw new TypeError(`apply must resolve with a status of ${STATUSES.join(', ')}`);
  }
  const verdict = outcome.status === 'applied' ? { ...outcome, results: [outcome] } : outcome;
  const problem = problemOf({ ...verdict });
  if (problem === undefined) return outcome;
  throw new TypeError(`apply must resolve with an outcome as it is described, got ${problem}`);
}
