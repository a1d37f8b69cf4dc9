import { expect, it } from 'vitest';
import { endsSession, isRetryable, isVerdict } from '../src/sqlstate.ts';

const errorOf = (code: string, severity: string): Error =>
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
])('%s with %s: ends the session %s, is a verdict %s', (code, severity, ends, verdict) => {
  const error = errorOf(code, severity);

  expect([endsSession(error), isVerdict(error)]).toEqual([ends, verdict]);
});

it('follows causes that lead to themselves no further than it must', () => {
  const error = errorOf('XX000', 'ERROR');
  error.cause = error;

  expect(isRetryable(error)).toBe(false);
});
