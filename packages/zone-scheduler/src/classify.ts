import { isHoldfastError, requireOneOf } from '@holdfast/internal';
import { cutText } from './cut-text.ts';
import { describeError } from './cycle-tally.ts';
import { ClassifyError } from './errors.ts';
import type { Classify, FailureClass, Zone } from './zone.ts';

const CLASSES = ['zone', 'downstream', 'timeout', 'ownership', 'bug'] as const;

/**
 * SQLSTATE classes of a database that cannot serve anybody: 08 connection exception, 53 insufficient resources, 57P
 * operator intervention (PostgreSQL manual, appendix A).
 */
const DOWNSTREAM_STATE = /^(08[0-9A-Z]{3}|53[0-9A-Z]{3}|57P[0-9A-Z]{2})$/;
const DOWNSTREAM_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'CIRCUIT_OPEN',
]);
/** What `pg` says without a code: its pool had no client in time, or the connection ended. */
const DOWNSTREAM_MESSAGE = /timeout exceeded when trying to connect|Connection terminated/;
/** Of a message with two errors in it, so that a report has room for both. */
const HALF = 200;
const OWNERSHIP_CODES: ReadonlySet<string> = new Set(['OWNERSHIP_LOST', 'FENCED']);

/** Whose fault an error is, unless `classify` of the options knows better. */
export function classifyFailure(error: unknown): FailureClass {
  if (isHoldfastError(error, 'ZONE_TIMEOUT')) return 'timeout';
  if (!(error instanceof Error)) return 'zone';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (OWNERSHIP_CODES.has(code)) return 'ownership';
  if (DOWNSTREAM_CODES.has(code) || DOWNSTREAM_STATE.test(code)) return 'downstream';
  if (code === '' && DOWNSTREAM_MESSAGE.test(error.message)) return 'downstream';
  return isBug(error) ? 'bug' : 'zone';
}

/** As `classify` of the options says; one that throws, or gives no class, is a bug itself, and the zone fails with that. */
export function classifyBy<D>(
  classify: Classify<D>,
  error: unknown,
  zone: Zone<D>,
): { readonly class: FailureClass; readonly error: unknown } {
  try {
    const given: unknown = classify(error, zone);
    // No class, as is said below; what it rejects with must not end the process beside that.
    if (given instanceof Promise) given.catch(() => undefined);
    return { class: requireOneOf('what it returns', given, CLASSES), error };
  } catch (thrown) {
    const [why, own] = [thrown, error].map((one) => cutText(describeError(one).message, HALF));
    const failure = new ClassifyError(`${why}; the zone's error was: ${own}`, { cause: error });
    return { class: 'bug', error: failure };
  }
}

function isBug(error: Error): boolean {
  return (
    error instanceof TypeError ||
    error instanceof ReferenceError ||
    error instanceof RangeError ||
    error instanceof SyntaxError
  );
}
