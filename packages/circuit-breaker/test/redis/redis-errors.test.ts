import { describe, expect, it } from 'vitest';
import { DeadlineExceededError, TimeoutError } from '@holdfast/circuit-breaker';
import type { ExecutionContext } from '../../src/policy.ts';
import { redisErrors, RedisUnavailableError, RedisWriteUnknownError } from '../../src/redis.ts';
import { replyError } from './fake-redis.ts';

const named = (name: string, message = name): Error => Object.assign(new Error(message), { name });
const context = {} as ExecutionContext;
const judge = (error: unknown) => redisErrors({ ok: false, error }, context);

const AGAIN = { verdict: 'failure', retry: true, applied: 'no' };
const AMBIGUOUS = { verdict: 'failure', retry: true, applied: 'maybe' };
const BROKEN = { verdict: 'failure', retry: false, applied: 'no' };
const IGNORED = { verdict: 'ignore', retry: false, applied: 'no' };

describe('redisErrors', () => {
  it.each([
    ["Stream isn't writeable and enableOfflineQueue options is false", AGAIN],
    ['Command timed out', AMBIGUOUS],
    ['Connection is closed.', AMBIGUOUS],
    ['None of startup nodes is available', AGAIN],
  ])('judges the client message "%s"', (message, expected) => {
    expect(judge(new Error(message))).toMatchObject(expected);
  });

  it.each([
    [named('MaxRetriesPerRequestError'), AMBIGUOUS],
    [Object.assign(named('AbortError'), { command: { name: 'incr' } }), AMBIGUOUS],
    [named('ClusterAllFailedError'), AGAIN],
    [new TimeoutError('redis', 5), AMBIGUOUS],
    [new DeadlineExceededError('redis'), AMBIGUOUS],
    [new RedisUnavailableError('redis', 'no connection'), AGAIN],
    [new RedisWriteUnknownError('redis'), AMBIGUOUS],
  ])('judges %s by its name or code', (error, expected) => {
    expect(judge(error)).toMatchObject(expected);
  });

  it.each([
    ...['LOADING', 'MASTERDOWN', 'CLUSTERDOWN', 'TRYAGAIN', 'NOREPLICAS', 'READONLY'].map(
      (code) => [code, AGAIN] as const,
    ),
    ...['OOM', 'MISCONF', 'BUSY', 'NOAUTH', 'WRONGPASS', 'NOPERM'].map(
      (code) => [code, BROKEN] as const,
    ),
    ...['WRONGTYPE', 'ERR', 'NOSCRIPT', 'EXECABORT', 'UNKILLABLE'].map(
      (code) => [code, IGNORED] as const,
    ),
  ])('judges the reply %s', (code, expected) => {
    expect(judge(replyError(`${code} and the rest of the message`))).toEqual({
      ...expected,
      label: `redis ${code}`,
    });
  });

  it.each([
    ['a reply that it does not know', replyError('MOVED 3999 127.0.0.1:6381')],
    ['an error of something else', new Error('LOADING a truck')],
    ['an abort by the caller', new DOMException('gone', 'AbortError')],
    ['what is no error', 'LOADING'],
  ])('leaves %s to the next classifier', (_what, error) => {
    expect(judge(error)).toBeUndefined();
  });

  it('leaves values to the next classifier', () => {
    expect(redisErrors({ ok: true, value: 'ERR' }, context)).toBeUndefined();
  });
});
