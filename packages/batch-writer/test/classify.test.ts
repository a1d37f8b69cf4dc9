import { classifyPgError } from '@holdfast/batch-writer';
import { isVerdict } from '../src/classify.ts';
import { HoldfastError } from '@holdfast/internal';
import { expect, test } from 'vitest';
import { connectionLost, pgError } from './fake-pool.ts';

test.each([
  ...['08006', '40001', '40P01', '53100', '53300', '55P03', '57014', '57P01', '57P03', '58030'],
  ...['25006', '26000', '08P01', '55006'],
])('retries SQLSTATE %s', (sqlstate) => {
  expect(classifyPgError(pgError(sqlstate))).toMatchObject({ class: 'retry', sqlstate });
});

test.each(['22001', '22003', '22P02', '22P05', '23502', '23503', '23514', '23P01', '21000'])(
  'looks for the row that caused SQLSTATE %s',
  (sqlstate) => {
    expect(classifyPgError(pgError(sqlstate))).toMatchObject({ class: 'row', sqlstate });
  },
);

test.each(['P0001', '44000', '54000'])('looks for the row that caused SQLSTATE %s', (sqlstate) => {
  expect(classifyPgError(pgError(sqlstate)).class).toBe('row');
});

test.each([
  '42P01',
  '42703',
  '42501',
  '42P10',
  '28P01',
  '28000',
  '3D000',
  '57P04',
  '22P04',
  'XX000',
])('halts at SQLSTATE %s', (sqlstate) => {
  expect(classifyPgError(pgError(sqlstate)).class).toBe('halt');
});

test('retries what the server did not report', () => {
  expect(classifyPgError(connectionLost()).class).toBe('retry');
  expect(classifyPgError(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })).class).toBe(
    'retry',
  );
  expect(classifyPgError(new Error('Connection terminated unexpectedly')).class).toBe('retry');
  expect(classifyPgError('anything').class).toBe('retry');
});

test('retries what a guard refuses', () => {
  expect(classifyPgError(new HoldfastError('CIRCUIT_OPEN', 'open')).class).toBe('retry');
  expect(classifyPgError(Object.assign(new Error(), { code: 'CIRCUIT_OPEN' })).class).toBe('retry');
});

test('halts at a mistake in code, which no repetition repairs', () => {
  expect(classifyPgError(new TypeError('x is not a function')).class).toBe('halt');
});

test('tells a replaced plan from a missing feature, and a row policy from a missing grant', () => {
  const plan = 'cached plan must not change result type';
  const policy = 'new row violates row-level security policy for table "t"';

  expect(classifyPgError(pgError('0A000', plan)).class).toBe('retry');
  expect(classifyPgError(pgError('0A000', 'not implemented')).class).toBe('halt');
  expect(classifyPgError(pgError('42501', policy)).class).toBe('row');
  expect(classifyPgError(pgError('42501', 'permission denied for table t')).class).toBe('halt');
  const inGerman = { severity: 'FEHLER' };
  const planFacts = { ...inGerman, routine: 'RevalidateCachedQuery' };
  const policyFacts = { ...inGerman, routine: 'ExecWithCheckOptions' };
  expect(classifyPgError(pgError('0A000', 'gecachter Plan', planFacts)).class).toBe('retry');
  expect(classifyPgError(pgError('42501', 'neue Zeile', policyFacts)).class).toBe('row');
});

test('hands on the column and the constraint', () => {
  const error = pgError('23514', 'check failed', { column: 'v', constraint: 'v_positive' });

  expect(classifyPgError(error)).toEqual({
    class: 'row',
    sqlstate: '23514',
    column: 'v',
    constraint: 'v_positive',
  });
});

test('takes a key that is there for a conflict', () => {
  expect(classifyPgError({ code: '23505' }).class).toBe('conflict');
});

test.each([
  ['COPY t, line 7321', 7321, undefined],
  ['COPY t, line 12, column v: "x"', 12, 'v'],
  ['SQL statement "COPY u"\nCOPY u, line 3\nCOPY t, line 4, column id', 4, 'id'],
  ['PL/pgSQL function f() line 3 at RAISE', undefined, undefined],
  ['COPY t, line 3, column "my v"', 3, undefined],
  ['COPY t, line 3, column my v', 3, 'my v'],
  ['COPY t, line 3, column v: null input', 3, 'v'],
  // Values and rows that look like a place.
  ['COPY t, line 3, column v: "x, line 1"', 3, 'v'],
  ['COPY t, line 3: "x, line 1, column w"', 3, undefined],
  ['COPY t, line 3, column v: "x\nCOPY t, line 1"', undefined, undefined],
  ['COPY t, line 3, column v: "x\nCOPY t, line 1, column w"', undefined, undefined],
  ['COPY u, line 3\nSQL statement "COPY u"\nCOPY t, line 4, column v: "x"', undefined, undefined],
])('reads the line of the input in %o', (where, line, column) => {
  expect(classifyPgError({ code: '22P02', where })).toMatchObject({ line, column });
});

test.each([
  [{ code: '23514', severity: 'ERROR' }, true],
  [{ code: '57P01', severity: 'FATAL' }, false],
  [{ code: '58030', severity: 'PANIC' }, false],
  [{ code: '08P01', severity: 'ERROR' }, false],
  [{ code: 'EPIPE' }, false],
  [new Error('Connection terminated'), false],
  [{ code: '23514', severity: 'FEHLER' }, undefined],
  [{ code: '57P01', severity: 'ВАЖНО' }, false],
])('%o: whether the server has said that it is not applied', (error, is) => {
  expect(isVerdict(error)).toBe(is);
});
