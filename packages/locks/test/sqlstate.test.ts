import { expect, it } from 'vitest';
import { endsSession, isRetryable, isVerdict } from '../src/sqlstate.ts';
import { RetriesExhaustedError } from '../src/transactions/transaction-errors.ts';

const errorOf = (code: string, severity: string | undefined): Error =>
  Object.assign(new Error(code), { code, severity });

it.each([
  // A pooler that has lost the server says ERROR too: no verdict on a COMMIT.
  ['08P01', 'ERROR', false, false],
  ['08P01', 'FATAL', true, false],
  ['57P01', 'FATAL', true, false],
  ['25P03', 'FATAL', true, false],
  ['40003', 'ERROR', false, false],
  ['40001', 'ERROR', false, true],
  ['23505', 'ERROR', false, true],
  ['ECONNRESET', 'ERROR', false, false],
  // The log may hold what was being committed.
  ['58030', 'PANIC', false, false],
  ['53100', 'FATAL', false, false],
  ['23505', 'a language that nobody knows', false, false],
  ['EPIPE', undefined, false, false],
  ['08P01', 'FEHLER', false, false],
  ['08P01', 'ОШИБКА', false, false],
  ['23505', 'FEHLER', false, true],
  ['23505', '错误', false, true],
])('%s with %s: ends the session %s, is a verdict %s', (code, severity, ends, verdict) => {
  const error = errorOf(code, severity);

  expect([endsSession(error), isVerdict(error)]).toEqual([ends, verdict]);
});

it('follows causes that lead to themselves no further than it must', () => {
  const error = errorOf('XX000', 'ERROR');
  error.cause = error;

  expect(isRetryable(error)).toBe(false);
});

it('tries nothing again that has used up its own tries', () => {
  const exhausted = new RetriesExhaustedError('the lock', 3, errorOf('40001', 'ERROR'));

  expect(isRetryable(exhausted)).toBe(false);
  expect(isRetryable(new Error('adapter', { cause: exhausted }))).toBe(false);
});
