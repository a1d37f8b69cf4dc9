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

type Fields = Readonly<Record<string, unknown>>;

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

function problemOf(outcome: Fields): string | undefined {
  switch (outcome['status']) {
    case 'applied':
      return isAbsentOr(outcome['results'], isResults) ? undefined : 'results are wrong';
    case 'conflict':
      return isConflict(outcome) ? undefined : 'a conflict without their document';
    case 'retry':
      return isAbsentOr(outcome['afterMs'], isTime) ? undefined : 'afterMs is no time';
    case 'rejected':
      return typeof outcome['reason'] === 'string' ? undefined : 'a rejection without a reason';
    case 'auth':
    case 'unknown':
      return undefined;
    default:
      return `a verdict has status ${String(outcome['status'])}`;
  }
}

function isConflict({ index, theirs, version, at }: Fields): boolean {
  const isIndex = isAbsentOr(index, (value) => Number.isSafeInteger(value) && Number(value) >= 0);
  const isDoc = theirs === null || isFields(theirs);
  return isIndex && isDoc && isAbsentOr(version, isText) && isAbsentOr(at, isText);
}

function isResults(results: unknown): boolean {
  const isResult = (result: unknown): boolean =>
    isFields(result) &&
    isAbsentOr(result['version'], isText) &&
    isAbsentOr(result['doc'], (doc) => doc === null || isFields(doc));
  return Array.isArray(results) && results.every(isResult);
}

function isAbsentOr(value: unknown, isFine: (value: unknown) => boolean): boolean {
  return value === undefined || isFine(value);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function nonsense(problem: string): ReadReply {
  return { kind: 'nonsense', problem };
}
