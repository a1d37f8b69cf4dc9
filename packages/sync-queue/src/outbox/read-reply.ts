import { isFields, isTime, problemOf, type Fields } from '../push-outcome-problem.ts';
import type { PushOutcome, RequestVerdict, WireOp } from './wire.ts';

export type ReadReply =
  | {
      readonly kind: 'verdicts';
      /** By key; one for each unit of the request. */
      readonly outcomes: ReadonlyMap<string, PushOutcome>;
      readonly nowMs: number | undefined;
    }
  | { readonly kind: 'request'; readonly verdict: RequestVerdict }
  /** It is no answer of a receiver: a captive portal's page, for example. */
  | { readonly kind: 'nonsense'; readonly problem: string };

/** Reads what a transport resolved with; trusts nothing of it. */
export function readReply(reply: unknown, ops: readonly WireOp[]): ReadReply {
  if (!isFields(reply)) return nonsense(`a reply is an object, got ${typeof reply}`);
  if (reply['verdicts'] === undefined) return readRequestVerdict(reply);
  const { verdicts, nowMs } = reply;
  if (!Array.isArray(verdicts)) return nonsense('verdicts is no array');
  if (nowMs !== undefined && !isTime(nowMs)) return nonsense('nowMs is no time');
  const expected = new Map(ops.map((op) => [op.key, op]));
  const outcomes = new Map<string, PushOutcome>();
  for (const verdict of verdicts as readonly unknown[]) {
    if (!isFields(verdict)) return nonsense('a verdict is no object');
    const { key } = verdict;
    if (typeof key !== 'string' || !expected.has(key)) return nonsense('a verdict of another op');
    if (outcomes.has(key)) return nonsense('two verdicts of one op');
    const problem = problemOf(verdict);
    if (problem !== undefined) return nonsense(problem);
    outcomes.set(key, verdict as unknown as PushOutcome);
  }
  if (outcomes.size !== expected.size) return nonsense('an op has no verdict');
  return { kind: 'verdicts', outcomes, nowMs };
}

function readRequestVerdict(reply: Fields): ReadReply {
  const { status } = reply;
  if (status !== 'retry' && status !== 'auth' && status !== 'unknown') {
    return nonsense('it has neither verdicts nor a status of a request');
  }
  const problem = problemOf(reply);
  if (problem !== undefined) return nonsense(problem);
  return { kind: 'request', verdict: reply as unknown as RequestVerdict };
}

function nonsense(problem: string): ReadReply {
  return { kind: 'nonsense', problem };
}
