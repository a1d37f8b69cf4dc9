import {
  guardPg,
  observeQueries,
  retryOnDatabaseError,
  type GuardPgOptions,
  type ObserveQueriesOptions,
} from '@holdfast/circuit-breaker/postgres';
import { expect, test } from 'vitest';
import { timeout } from '../../src/index.ts';

const pool = { query: () => Promise.resolve(1), connect: () => Promise.resolve(1) };
const policy = timeout({ ms: 10 });
const observe = (options: unknown) => () => observeQueries(pool, options as ObserveQueriesOptions);

test.each<[string, () => unknown]>([
  ['pool must be an object, got null', () => guardPg(null as never, policy)],
  ['pool.query must be a function, got undefined', () => guardPg({} as never, policy)],
  ['policy must be an object, got undefined', () => guardPg(pool, undefined as never)],
  ['policy.execute must be a function, got undefined', () => guardPg(pool, {} as never)],
  ['options must be an object, got 5', () => guardPg(pool, policy, 5 as never)],
  [
    'optionsOf must be a function, got true',
    () => guardPg(pool, policy, { optionsOf: true } as unknown as GuardPgOptions),
  ],
  [
    'options is not an option of guardPg; its options are optionsOf',
    () => guardPg(pool, policy, { options: () => ({}) } as object),
  ],
  ['pool must be an object, got undefined', () => observeQueries(undefined as never)],
  ['pool.query must be a function, got undefined', () => observeQueries({} as never)],
  [
    'pool.connect must be a function, got 5',
    () => observeQueries({ query: () => 1, connect: 5 } as never),
  ],
  ['options must be an object, got 5', observe(5)],
  ['slowMs must be a finite number of at least 0, got -1', observe({ slowMs: -1 })],
  ['slowMs must be a number of at least 0, got "1"', observe({ slowMs: '1' })],
  ['onSlow must be a function, got true', observe({ onSlow: true })],
  ['onError must be a function, got an object', observe({ onError: {} })],
  ['parameters must be one of redact, types, show, got "all"', observe({ parameters: 'all' })],
  ['maxSqlLength must be an integer of at least 1, got 0', observe({ maxSqlLength: 0 })],
  ['captureCaller must be one of event, call, got "no"', observe({ captureCaller: 'no' })],
  ['clock must be an object, got 7', observe({ clock: 7 })],
  [
    'slow is not an option of observeQueries; its options are slowMs, onSlow, onError, parameters, maxSqlLength, captureCaller, clock',
    observe({ slow: undefined }),
  ],
  ['options must be an object, got 5', () => retryOnDatabaseError(5 as never)],
  ['attempts must be an integer of at least 1, got 0', () => retryOnDatabaseError({ attempts: 0 })],
  ['backoff must be an object, got 5', () => retryOnDatabaseError({ backoff: 5 as never })],
  ['classify must be a function, got 5', () => retryOnDatabaseError({ classify: 5 as never })],
  [
    'attempt is not an option of retryOnDatabaseError; its options are name, attempts, backoff, maxElapsedMs, classify, budget, retryAfter, onOpenCircuit, nested, exhausted, clock, random',
    () => retryOnDatabaseError({ attempt: 3 } as object),
  ],
  [
    'backoff.base is not an option; those of backoff are baseMs, capMs, factor, jitter',
    () => retryOnDatabaseError({ backoff: { base: 3 } as object }),
  ],
])('says "%s"', (message, act) => {
  expect(act).toThrow(message);
});

test.each([{ slowMs: -1 }, { slow: 5 }])('a pool is left as it was when %j is refused', (wrong) => {
  expect(observe(wrong)).toThrow();

  expect(Object.keys(pool)).toEqual(['query', 'connect']);
  expect(pool.query.name).toBe('query');
});
