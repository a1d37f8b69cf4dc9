import {
  requireFunction,
  requireInteger,
  requireNumber,
  requireObject,
  requireOptions,
  systemClock,
  type Clock,
  type OptionNames,
} from '@holdfast/internal';
import type { Classifier, Judgement } from '../judgement.ts';
import { judgeHttpError } from './judge-http-error.ts';
import { parseRetryAfter } from './parse-retry-after.ts';
import { responseIn, type ResponseLike } from './response-like.ts';

export interface HttpErrorsOptions {
  /** Statuses that another attempt may change. Default 408, 425, 429, 500, 502, 503 and 504. */
  readonly retryOn?: readonly number[] | undefined;
  /** Whether a status speaks against the health of the server. Default: 408 and all from 500 on. */
  readonly failOn?: ((status: number) => boolean) | undefined;
  /**
   * A longer `Retry-After` is not waited for: the response is not retried, and a circuit does not stay open for so
   * long; milliseconds, at least 0. Default 60 000.
   */
  readonly maxRetryAfterMs?: number | undefined;
  /** Tells the time that a `Retry-After` date is compared with. */
  readonly clock?: Clock | undefined;
}

const NAMES: OptionNames<HttpErrorsOptions> = {
  retryOn: true,
  failOn: true,
  maxRetryAfterMs: true,
  clock: true,
};

/**
 * Judges responses and errors of `fetch`, of `undici` and of what is built on them; leaves all else to the next
 * classifier.
 *
 * - 5xx is a failure that may have been applied: retried only for idempotent calls. 503 with `Retry-After`: the server
 *   refused, so any call is retried, no sooner than it asks.
 * - 408 is a failure, retried for idempotent calls; 425 and 429 are ignored and retried. Any other 4xx is a timely
 *   answer, a success.
 * - Never connected or never sent: retried. A connection that broke, an answer that was cut off or is no HTTP, a timeout
 *   or a deadline, and what else the client fails with: retried only for idempotent calls.
 * - An answer that cannot be parsed (`SyntaxError`, as of `response.json()`) is a failure that is not retried.
 * - An abort by the caller, a wrong argument or URL, and a bad certificate are ignored.
 *
 * A response that is retried has a body that nobody has read: cancel it (`response.body?.cancel()`), or its connection
 * is not used again until it is collected as garbage. Source: RFC 9110, 9.2.2 and 15.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function httpErrors(options: HttpErrorsOptions = {}): Classifier {
  const rules = resolveRules(options);
  return (outcome, context) => {
    const response = responseIn(outcome.ok ? outcome.value : outcome.error);
    if (response !== undefined) return judgeResponse(response, rules);
    return outcome.ok ? undefined : judgeHttpError(outcome.error, context);
  };
}

interface Rules {
  readonly retryOn: ReadonlySet<number>;
  readonly failOn: (status: number) => boolean;
  readonly maxRetryAfterMs: number;
  readonly clock: Clock;
}

const RETRIED = [408, 425, 429, 500, 502, 503, 504];

function resolveRules(options: HttpErrorsOptions): Rules {
  requireOptions('httpErrors', options, NAMES);
  const { retryOn = RETRIED, failOn = isFailure, maxRetryAfterMs = 60_000 } = options;
  if (!Array.isArray(retryOn)) {
    throw new TypeError(`retryOn must be an array of statuses, got ${typeof retryOn}`);
  }
  for (const status of retryOn) requireInteger('retryOn', status, { min: 100, max: 599 });
  return Object.freeze({
    retryOn: new Set(retryOn),
    failOn: requireFunction('failOn', failOn),
    maxRetryAfterMs: requireNumber('maxRetryAfterMs', maxRetryAfterMs, { min: 0 }),
    clock: requireObject('clock', options.clock ?? systemClock),
  });
}

function isFailure(status: number): boolean {
  return status === 408 || status >= 500;
}

function judgeResponse({ status, headers }: ResponseLike, rules: Rules): Judgement {
  const askedMs = mayAsk(status) ? parseRetryAfter(headers, rules.clock.wallNow()) : undefined;
  const isTooLong = askedMs !== undefined && askedMs > rules.maxRetryAfterMs;
  const retry = rules.retryOn.has(status);
  const label = `http ${status}`;
  const verdict = rules.failOn(status) ? 'failure' : retry ? 'ignore' : 'success';
  if (verdict === 'success') return { verdict, retry, applied: 'yes', label };
  return {
    verdict,
    retry: retry && !isTooLong,
    applied: appliedBy(status, askedMs !== undefined),
    ...(askedMs !== undefined && !isTooLong && { retryAfterMs: askedMs }),
    label,
  };
}

/** RFC 9110, 10.2.3 names 503 and redirects; RFC 6585 adds 429. Servers send it with other errors as well. */
function mayAsk(status: number): boolean {
  return status >= 400;
}

/** RFC 9110, 15.5.9: of a 408 the server has not seen all; what a proxy has handed on before it is not known. */
function appliedBy(status: number, asksToWait: boolean): 'no' | 'maybe' {
  if (status === 408) return 'maybe';
  return status < 500 || (status === 503 && asksToWait) ? 'no' : 'maybe';
}
