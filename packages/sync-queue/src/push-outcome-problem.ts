export type Fields = Readonly<Record<string, unknown>>;

/**
 * What is wrong with what a receiver says of a unit, or of a request; undefined: nothing. A receiver looks at it before it
 * answers, and an outbox at what it is answered.
 */
export function problemOf(outcome: Fields): string | undefined {
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

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
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

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
