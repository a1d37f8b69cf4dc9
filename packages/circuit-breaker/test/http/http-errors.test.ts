import { httpErrors, type HttpErrorsOptions } from '@holdfast/circuit-breaker/http';
import { createFakeClock } from '@holdfast/testkit';
import { describe, expect, it, test } from 'vitest';
import {
  CircuitOpenError,
  DeadlineExceededError,
  TimeoutError,
  type Outcome,
} from '../../src/index.ts';
import type { Judgement } from '../../src/judgement.ts';
import { contextOf } from '../postgres/context.ts';

type Row = readonly [Judgement['verdict'], boolean, Judgement['applied'], number?];

function judged(
  outcome: Outcome<unknown>,
  options: HttpErrorsOptions = {},
  signal = new AbortController().signal,
): Row | undefined {
  const clock = createFakeClock();
  const judgement = httpErrors({ clock, ...options })(outcome, contextOf({ signal }));
  if (judgement === undefined) return undefined;
  const { verdict, retry, applied, retryAfterMs } = judgement as Judgement;
  return retryAfterMs === undefined
    ? [verdict, retry, applied]
    : [verdict, retry, applied, retryAfterMs];
}

const answered = (status: number, headers: Record<string, string> = {}): Outcome<unknown> => ({
  ok: true,
  value: { status, headers },
});
const failed = (error: unknown): Outcome<unknown> => ({ ok: false, error });
const coded = (code: string, more: object = {}): Error =>
  Object.assign(new Error(code), { code, ...more });
const fetchFailed = (cause: unknown): Error => new TypeError('fetch failed', { cause });

describe('each row of the table, for responses', () => {
  const asks = { 'retry-after': '2' };
  test.each<[number, Record<string, string>, ...Row]>([
    [200, {}, 'success', false, 'yes'],
    [204, {}, 'success', false, 'yes'],
    [304, {}, 'success', false, 'yes'],
    [400, {}, 'success', false, 'yes'],
    [401, {}, 'success', false, 'yes'],
    [404, {}, 'success', false, 'yes'],
    [409, {}, 'success', false, 'yes'],
    [408, {}, 'failure', true, 'maybe'],
    [425, {}, 'ignore', true, 'no'],
    [429, {}, 'ignore', true, 'no'],
    [429, asks, 'ignore', true, 'no', 2_000],
    [500, {}, 'failure', true, 'maybe'],
    [502, {}, 'failure', true, 'maybe'],
    [503, {}, 'failure', true, 'maybe'],
    [503, asks, 'failure', true, 'no', 2_000],
    [504, {}, 'failure', true, 'maybe'],
    [501, {}, 'failure', false, 'maybe'],
    [505, {}, 'failure', false, 'maybe'],
  ])('%i with %o', (status, headers, ...row) => {
    expect(judged(answered(status, headers))).toEqual(row);
  });
});

describe('each row of the table, for errors', () => {
  test.each<[string, ...Row]>([
    ['ECONNREFUSED', 'failure', true, 'no'],
    ['ENOTFOUND', 'failure', true, 'no'],
    ['EAI_AGAIN', 'failure', true, 'no'],
    ['UND_ERR_CONNECT_TIMEOUT', 'failure', true, 'no'],
    ['ECONNRESET', 'failure', true, 'maybe'],
    ['EPIPE', 'failure', true, 'maybe'],
    ['ETIMEDOUT', 'failure', true, 'maybe'],
    ['UND_ERR_SOCKET', 'failure', true, 'maybe'],
    ['UND_ERR_HEADERS_TIMEOUT', 'failure', true, 'maybe'],
    ['UND_ERR_BODY_TIMEOUT', 'failure', true, 'maybe'],
    ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'failure', true, 'maybe'],
    ['UND_ERR_RES_EXCEEDED_MAX_SIZE', 'failure', true, 'maybe'],
    ['UND_ERR_DESTROYED', 'failure', true, 'maybe'],
    ['UND_ERR_INFO', 'failure', true, 'maybe'],
    ['UND_ERR_OF_THE_FUTURE', 'failure', true, 'maybe'],
    ['HPE_INVALID_CONSTANT', 'failure', true, 'maybe'],
    ['ERR_HTTP2_STREAM_ERROR', 'failure', true, 'maybe'],
    ['ERR_HTTP2_SESSION_ERROR', 'failure', true, 'maybe'],
    ['ERR_STREAM_PREMATURE_CLOSE', 'failure', true, 'maybe'],
    ['UND_ERR_CLOSED', 'failure', true, 'no'],
    ['UND_ERR_PRX_TLS', 'failure', true, 'no'],
    ['UND_ERR_BPL_MISSING_UPSTREAM', 'failure', true, 'no'],
    ['UND_ERR_MAX_ORIGINS_REACHED', 'failure', true, 'no'],
    ['ERR_HTTP2_GOAWAY_SESSION', 'failure', true, 'no'],
    ['ERR_HTTP2_INVALID_SESSION', 'failure', true, 'no'],
    ['ERR_HTTP2_OUT_OF_STREAMS', 'failure', true, 'no'],
    ['UND_ERR_ABORTED', 'ignore', false, 'maybe'],
    ['UND_ERR_INVALID_ARG', 'ignore', false, 'no'],
    ['ERR_INVALID_URL', 'ignore', false, 'no'],
    ['CERT_HAS_EXPIRED', 'ignore', false, 'no'],
    ['CERT_NOT_YET_VALID', 'ignore', false, 'no'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'ignore', false, 'no'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'ignore', false, 'no'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'ignore', false, 'no'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'ignore', false, 'no'],
  ])('%s is a %s, retried: %s, applied: %s, by itself and as fetch wraps it', (code, ...row) => {
    expect(judged(failed(coded(code)))).toEqual(row);
    expect(judged(failed(fetchFailed(coded(code))))).toEqual(row);
    expect(judged(failed(new Error('of a library', { cause: fetchFailed(coded(code)) })))).toEqual(
      row,
    );
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['something unknown', new Error('?')],
    ['a broken connection', coded('UND_ERR_SOCKET')],
    ['what else comes before sending', coded('ECONNREFUSED')],
    ['an open circuit', new CircuitOpenError('c', 5)],
  ])(
    'knows that an answer that was cut off was asked for, with %s as its cause',
    (_what, cause) => {
      const terminated = new TypeError('terminated', cause === undefined ? {} : { cause });

      expect(judged(failed(terminated))).toEqual(['failure', true, 'maybe']);
      expect(judged(failed(new Error('of a library', { cause: terminated })))).toEqual([
        'failure',
        true,
        'maybe',
      ]);
    },
  );

  it('takes an answer that was cut off by the abort of the caller for an abort', () => {
    const cause = new DOMException('This operation was aborted', 'AbortError');

    expect(judged(failed(new TypeError('terminated', { cause })))).toEqual([
      'ignore',
      false,
      'maybe',
    ]);
  });

  it('counts what the parser of the client gives no code for as a broken connection', () => {
    const error = Object.assign(new Error('Parse Error'), { name: 'HTTPParserError' });

    expect(judged(failed(error))).toEqual(['failure', true, 'maybe']);
  });

  it('does not ask again for an answer that cannot be parsed', async () => {
    const error: unknown = await new Response('<html>').json().catch((thrown: unknown) => thrown);

    expect(judged(failed(error))).toEqual(['failure', false, 'maybe']);
  });

  it('ignores an abort by the caller', () => {
    const aborted = new DOMException('This operation was aborted', 'AbortError');

    expect(judged(failed(aborted))).toEqual(['ignore', false, 'maybe']);
  });

  test.each([new TimeoutError('t', 5), new DeadlineExceededError('d')])(
    'counts our own $code as a failure, also when the client hides it behind an AbortError',
    (reason) => {
      const row = ['failure', true, 'maybe'];

      expect(judged(failed(reason))).toEqual(row);
      expect(judged(failed(fetchFailed(reason)))).toEqual(row);
      const hidden = new DOMException('This operation was aborted', 'AbortError');
      expect(judged(failed(hidden), {}, AbortSignal.abort(reason))).toEqual(row);
    },
  );

  it('counts the timeout of the platform as a failure', () => {
    const error = new DOMException('The operation was aborted due to timeout', 'TimeoutError');

    expect(judged(failed(error))).toEqual(['failure', true, 'maybe']);
  });

  it('knows that nothing was sent to any of several addresses', () => {
    const refused = coded('ECONNREFUSED', { syscall: 'connect' });
    const late = coded('ETIMEDOUT', { syscall: 'connect' });
    const all = Object.assign(new AggregateError([refused, late]), { code: 'ECONNREFUSED' });

    expect(judged(failed(fetchFailed(all)))).toEqual(['failure', true, 'no']);
  });
});

describe('what is a response', () => {
  const row = ['failure', true, 'maybe'];

  it.each<[string, unknown]>([
    ['of fetch', new Response(null, { status: 503 })],
    ['of undici', { statusCode: 503, headers: {}, body: {} }],
    ['of another client', { status: 503, headers: { 'content-type': 'text/plain' }, data: '' }],
  ])('one %s', (_of, value) => {
    expect(judged({ ok: true, value })).toEqual(row);
  });

  it.each<[string, unknown]>([
    ['is one', coded('UND_ERR_RESPONSE', { statusCode: 503, headers: {} })],
    [
      'has one',
      Object.assign(new Error('HTTP 503'), { response: new Response(null, { status: 503 }) }),
    ],
  ])('an error that %s', (_what, error) => {
    expect(judged(failed(error))).toEqual(row);
  });

  it.each<[string, Outcome<unknown>]>([
    ['a value without headers', { ok: true, value: { status: 503 } }],
    ['a status of something else', { ok: true, value: { status: 'active', headers: {} } }],
    ['a number that is no status', { ok: true, value: { status: 7, headers: {} } }],
    ['a value that is null', { ok: true, value: null }],
    ['a text', { ok: true, value: 'text' }],
    ['an error of the program', failed(new TypeError('x is not a function'))],
    [
      'an open circuit, whatever opened it',
      failed(new CircuitOpenError('c', 5, { cause: coded('ECONNRESET') })),
    ],
    ['nothing', failed(undefined)],
    ['an error that is its own cause', failed(ownCause())],
  ])('%s is left to the next classifier', (_what, outcome) => {
    expect(judged(outcome)).toBeUndefined();
  });
});

function ownCause(): Error {
  const error = new Error('round');
  error.cause = error;
  return error;
}

describe('options', () => {
  it('retries on the statuses that it is given, and no others', () => {
    const options = { retryOn: [409, 503] };

    expect(judged(answered(409), options)).toEqual(['ignore', true, 'no']);
    expect(judged(answered(503), options)).toEqual(['failure', true, 'maybe']);
    expect(judged(answered(500), options)).toEqual(['failure', false, 'maybe']);
    expect(judged(answered(429), options)).toEqual(['success', false, 'yes']);
  });

  it('counts as failures what it is told to', () => {
    const failOn = (status: number) => status === 429 || status === 404;

    expect(judged(answered(429), { failOn })).toEqual(['failure', true, 'no']);
    expect(judged(answered(404), { failOn })).toEqual(['failure', false, 'no']);
    expect(judged(answered(501), { failOn })).toEqual(['success', false, 'yes']);
    expect(judged(answered(503), { failOn })).toEqual(['ignore', true, 'maybe']);
  });

  it('does not retry, rather than wait less, when the server asks for more than it may', () => {
    const at = (seconds: string, maxRetryAfterMs?: number): Row | undefined =>
      judged(answered(503, { 'retry-after': seconds }), { maxRetryAfterMs });

    expect(at('60')).toEqual(['failure', true, 'no', 60_000]);
    expect(at('61')).toEqual(['failure', false, 'no']);
    expect(at('61', 61_000)).toEqual(['failure', true, 'no', 61_000]);
    expect(at('1', 0)).toEqual(['failure', false, 'no']);
    expect(at('0', 0)).toEqual(['failure', true, 'no', 0]);
  });

  it('compares dates with the time of its clock', () => {
    const headers = { 'retry-after': 'Thu, 01 Jan 2026 00:00:05 GMT' };

    expect(judged(answered(429, headers))).toEqual(['ignore', true, 'no', 5_000]);
  });

  test.each<[unknown, string]>([
    [5, 'options must be an object, got 5'],
    [{ retryOn: 503 }, 'retryOn must be an array of statuses, got number'],
    [{ retryOn: [99] }, 'retryOn must be an integer from 100 to 599, got 99'],
    [{ retryOn: ['503'] }, 'retryOn must be an integer from 100 to 599, got "503"'],
    [{ failOn: [500] }, 'failOn must be a function, got an array'],
    [{ maxRetryAfterMs: -1 }, 'maxRetryAfterMs must be a finite number of at least 0, got -1'],
    [{ maxRetryAfterMs: '1' }, 'maxRetryAfterMs must be a number of at least 0, got "1"'],
    [{ clock: 5 }, 'clock must be an object, got 5'],
  ])('%o is refused', (options, message) => {
    expect(() => httpErrors(options as HttpErrorsOptions)).toThrow(message);
  });
});
