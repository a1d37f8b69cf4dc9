import type { WireOp } from '../outbox/wire.ts';
import type { FinalOutcome, Receipt, StreamMarks } from './receipt-store.ts';

/** The verdict of a unit that must not be applied (again); undefined: it is new. */
export function knownOutcome(
  unit: WireOp,
  digest: string,
  { receipt, marks }: { readonly receipt: Receipt | undefined; readonly marks: StreamMarks },
): FinalOutcome | undefined {
  if (receipt !== undefined) {
    return receipt.digest === digest
      ? receipt.outcome
      : { status: 'rejected', reason: 'another body was sent under this key' };
  }
  // A copy that was late on its way; the client has its verdict and does not wait for this one.
  if (unit.seq <= marks.ackedSeq) return { status: 'rejected', reason: 'acknowledged before' };
  // It may have been applied: to apply it again could double it.
  if (unit.seq <= marks.prunedSeq) return { status: 'rejected', reason: 'its receipt has expired' };
  return undefined;
}
