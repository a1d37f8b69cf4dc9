import { requireOptions } from '@holdfast/internal';
import { resolveClassifiers, type Classifier } from '../judgement.ts';
import { requireBackoff } from '../require-backoff.ts';
import type { RetryPolicy } from '../retry/contract.ts';
import { RETRY_NAMES, type RetryOptions } from '../retry/options.ts';
import { retry } from '../retry/retry.ts';
import { pgErrors } from './pg-errors.ts';

const ATTEMPTS = 5;
const BACKOFF = { baseMs: 50, capMs: 2_000, jitter: 'full' } as const;

/**
 * The one retry for database work: 5 attempts, full jitter from 50 ms to at most 2 000 ms, errors judged by `pgErrors`.
 * All options of `retry` may be given; classifiers of yours are asked before `pgErrors`. An error that none of them
 * knows, a `TypeError` in the work for example, is not retried. The work is the whole transaction, never one statement
 * of it; what may have been done already is repeated only with `{ idempotent: true }`.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function retryOnDatabaseError(options: RetryOptions = {}): RetryPolicy {
  requireOptions('retryOnDatabaseError', options, RETRY_NAMES);
  const { backoff = {}, classify, name = 'database-retry', attempts = ATTEMPTS } = options;
  return retry({
    ...options,
    name,
    attempts,
    backoff: { ...BACKOFF, ...requireBackoff('backoff', backoff) },
    classify: [...resolveClassifiers(classify), pgErrors, noOtherErrors],
  });
}

const noOtherErrors: Classifier = (outcome) =>
  outcome.ok ? undefined : { retry: false, label: 'not a database error' };
