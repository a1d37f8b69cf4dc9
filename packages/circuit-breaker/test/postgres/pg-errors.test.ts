import { beforeCommit, pgErrors } from '@holdfast/circuit-breaker/postgres';
import { describe, expect, it, test } from 'vitest';
import { CircuitOpenError, DeadlineExceededError, TimeoutError } from '../../src/index.ts';
import type { Judgement } from '../../src/judgement.ts';
import { contextOf } from './context.ts';

type Row = readonly [Judgement['verdict'], boolean, Judgement['applied']];

function judged(error: unknown, context = contextOf()): Row | undefined {
  const judgement = pgErrors({ ok: false, error }, context) as Judgement | undefined;
  return judgement && [judgement.verdict, judgement.retry, judgement.applied];
}

function coded(code: string, more: object = {}): Error {
  return Object.assign(new Error(`it says ${code}`), { code, ...more });
}

describe('each row of the table', () => {
  test.each<[string, ...Row]>([
    ['40001', 'ignore', true, 'no'],
    ['40P01', 'ignore', true, 'no'],
    ['40003', 'failure', false, 'maybe'],
    ['08007', 'failure', false, 'maybe'],
    ['08001', 'failure', true, 'no'],
    ['08004', 'failure', true, 'no'],
    ['ECONNREFUSED', 'failure', true, 'no'],
    ['ENOTFOUND', 'failure', true, 'no'],
    ['EAI_AGAIN', 'failure', true, 'no'],
    ['08000', 'failure', true, 'maybe'],
    ['08003', 'failure', true, 'maybe'],
    ['08006', 'failure', true, 'maybe'],
    ['08P01', 'failure', true, 'maybe'],
    ['ECONNRESET', 'failure', true, 'maybe'],
    ['EPIPE', 'failure', true, 'maybe'],
    ['53300', 'failure', true, 'no'],
    ['57P03', 'failure', true, 'no'],
    ['53000', 'failure', true, 'no'],
    ['53200', 'failure', true, 'no'],
    ['53400', 'failure', true, 'no'],
    ['53100', 'failure', false, 'no'],
    ['57P01', 'failure', true, 'maybe'],
    ['57P02', 'failure', true, 'maybe'],
    ['57P05', 'ignore', true, 'no'],
    ['25P03', 'ignore', true, 'no'],
    ['57P04', 'failure', false, 'no'],
    ['28000', 'failure', false, 'no'],
    ['28P01', 'failure', false, 'no'],
    ['57014', 'ignore', false, 'no'],
    ['55P03', 'ignore', true, 'no'],
    ['25006', 'failure', true, 'no'],
    ['25P02', 'ignore', false, 'no'],
    ['22012', 'ignore', false, 'no'],
    ['22P02', 'ignore', false, 'no'],
    ['23505', 'ignore', false, 'no'],
    ['23503', 'ignore', false, 'no'],
    ['42601', 'ignore', false, 'no'],
    ['42P01', 'ignore', false, 'no'],
    ['P0001', 'ignore', false, 'no'],
    ['P0002', 'ignore', false, 'no'],
  ])('%s is a %s, retried: %s, applied: %s', (code, ...row) => {
    expect(judged(coded(code))).toEqual(row);
    expect(pgErrors({ ok: false, error: coded(code) }, contextOf())?.label).toBe(
      `postgres ${code}`,
    );
  });

  test.each<[string, ...Row]>([
    ['Connection terminated unexpectedly', 'failure', true, 'maybe'],
    ['Connection terminated', 'failure', true, 'maybe'],
    ['Query read timeout', 'failure', true, 'maybe'],
    ['timeout exceeded when trying to connect', 'failure', true, 'no'],
    ['Connection terminated due to connection timeout', 'failure', true, 'no'],
    ['timeout expired', 'failure', true, 'no'],
    ['Client has encountered a connection error and is not queryable', 'failure', true, 'no'],
    ['Client was closed and is not queryable', 'ignore', false, 'no'],
    ['Cannot use a pool after calling end on the pool', 'ignore', false, 'no'],
  ])('"%s" of the driver is a %s, retried: %s, applied: %s', (message, ...row) => {
    expect(judged(new Error(message))).toEqual(row);
  });

  test.each<[string, ...Row]>([
    ['08999', 'failure', true, 'maybe'],
    ['22999', 'ignore', false, 'no'],
    ['23999', 'ignore', false, 'no'],
    ['28999', 'failure', false, 'no'],
    ['42999', 'ignore', false, 'no'],
    ['53999', 'failure', true, 'no'],
    ['57999', 'failure', true, 'maybe'],
    ['P0999', 'ignore', false, 'no'],
  ])('%s, which nobody knows, is judged by its class: %s, %s, %s', (code, ...row) => {
    expect(judged(coded(code))).toEqual(row);
  });
});

describe('what depends on the attempt, the signal or the address', () => {
  test.each(['53000', '53200', '53400'])('%s is retried once', (code) => {
    const retries = [1, 2, 3].map((attempt) => judged(coded(code), contextOf({ attempt }))?.[1]);

    expect(retries).toEqual([true, false, false]);
  });

  test.each([new TimeoutError('t', 5), new DeadlineExceededError('d')])(
    'a cancelled statement is a failure when our $code cancelled it',
    (reason) => {
      const signal = AbortSignal.abort(reason);

      expect(judged(coded('57014'), contextOf({ signal }))).toEqual(['failure', false, 'no']);
    },
  );

  it('ignores a cancelled statement when the caller aborted', () => {
    const signal = AbortSignal.abort(new Error('the user left'));

    expect(judged(coded('57014'), contextOf({ signal }))).toEqual(['ignore', false, 'no']);
  });

  test.each([new TimeoutError('t', 5), new DeadlineExceededError('d')])(
    'our own $code may have been applied',
    (error) => {
      expect(judged(error)).toEqual(['failure', true, 'maybe']);
    },
  );

  test.each(['ETIMEDOUT', 'ECONNRESET', 'EHOSTUNREACH'])(
    '%s while it connected has not sent anything',
    (code) => {
      expect(judged(coded(code, { syscall: 'connect' }))).toEqual(['failure', true, 'no']);
      expect(judged(coded(code, { syscall: 'read' }))).toEqual(['failure', true, 'maybe']);
    },
  );

  it('judges several addresses by the most uncertain of them', () => {
    const refused = coded('ECONNREFUSED', { syscall: 'connect' });
    const both = (...errors: Error[]) =>
      Object.assign(new AggregateError(errors), { code: 'ECONNREFUSED' });

    expect(judged(both(refused, refused))).toEqual(['failure', true, 'no']);
    expect(judged(both(refused, coded('ECONNRESET')))).toEqual(['failure', true, 'maybe']);
    expect(judged(both(refused, new Error('of something else')))).toBeUndefined();
  });
});

test.each([
  ['a value', { ok: true as const, value: { code: '40001' } }],
  ['a program error', { ok: false as const, error: new TypeError('x is not a function') }],
  ['an open circuit', { ok: false as const, error: new CircuitOpenError('db', 5) }],
  ['another class', { ok: false as const, error: coded('0A000') }],
  ['a code of something else', { ok: false as const, error: coded('ENOENT') }],
  ['a five-letter code of the platform', { ok: false as const, error: coded('EPERM') }],
  ['a number', { ok: false as const, error: 40001 }],
  ['null', { ok: false as const, error: null }],
  ['nothing', { ok: false as const, error: undefined }],
  ['a numeric code', { ok: false as const, error: { code: 40001 } }],
])('leaves %s to the next classifier', (_what, outcome) => {
  expect(pgErrors(outcome, contextOf())).toBeUndefined();
});

describe('beforeCommit', () => {
  const failWith = (error: unknown) => beforeCommit(() => Promise.reject(error));

  it('makes a broken connection a failure that was not applied', async () => {
    const error = coded('ECONNRESET');
    await expect(failWith(error)).rejects.toBe(error);

    expect(judged(error)).toEqual(['failure', true, 'no']);
    expect(judged(coded('ECONNRESET'))).toEqual(['failure', true, 'maybe']);
  });

  it('leaves a timeout uncertain: another transaction may have been cut by the same one', async () => {
    const error = new TimeoutError('t', 5);
    await expect(failWith(error)).rejects.toBe(error);

    expect(judged(error)).toEqual(['failure', true, 'maybe']);
  });

  it('passes values, and rejections that are no objects', async () => {
    expect(await beforeCommit(() => 5)).toBe(5);
    await expect(failWith('no')).rejects.toBe('no');
    await expect(beforeCommit(5 as never)).rejects.toThrow('fn must be a function, got 5');
  });
});
