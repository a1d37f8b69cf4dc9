import { describe, expect, it } from 'vitest';
import { withOptimisticRetry, type OptimisticRetryOptions } from '../src/rows/optimistic-retry.ts';
import { queryableOf } from '../src/rows/queryable-of.ts';
import type { RowLockTransaction } from '../src/rows/row-lock-transaction.ts';
import { withRowLock, type RowLockQuery } from '../src/rows/row-lock.ts';
import { updateVersioned, type VersionedChange } from '../src/rows/update-versioned.ts';

const refuse = (): Promise<never> => Promise.reject(new Error('nothing may reach the database'));
const db = { query: refuse };

describe('updateVersioned throws at once for', () => {
  const good = { table: 't', id: 1, expected: 1, set: { a: 1 } };

  it.each<[unknown, string]>([
    [undefined, 'change must be an object, got undefined'],
    [
      { ...good, where: 1 },
      'change.where is not an option; those of change are table, schema, id, idColumn, versionColumn, expected, set, also',
    ],
    [{ ...good, set: {} }, 'set must name at least one column, got none'],
    [{ ...good, set: null }, 'set must be an object, got null'],
    [{ ...good, set: { a: undefined } }, 'set.a must not be undefined: leave it out, or give null'],
    [{ ...good, set: { id: 2 } }, 'set must not name the column "id"'],
    [{ ...good, set: { version: 2 } }, 'set must not name the column "version"'],
    [{ ...good, also: [] }, 'also must be an object, got an array'],
    [
      { ...good, also: { a: undefined } },
      'also.a must not be undefined: leave it out, or give null',
    ],
    [{ ...good, also: { version: 1 } }, 'also must not name the column "version"'],
    [{ ...good, versionColumn: 'id' }, `versionColumn must not be the id's column "id"`],
    [{ ...good, id: '' }, 'id must be a non-empty string, a bigint or a safe integer, got ""'],
    [{ ...good, id: null }, 'id must be a non-empty string, a bigint or a safe integer, got null'],
    [{ ...good, id: 1.5 }, 'id must be a non-empty string, a bigint or a safe integer, got 1.5'],
    [{ ...good, id: {} }, 'id must be a non-empty string, a bigint or a safe integer, got object'],
    ...([
      [1.5, '1.5'],
      [2 ** 53, '9007199254740992'],
      ['1.0', '"1.0"'],
      ['', '""'],
      [undefined, 'undefined'],
      [null, 'null'],
    ].map(([expected, shown]) => [
      { ...good, expected },
      `expected must be a version: an integer, a bigint or its text, got ${shown}`,
    ]) as [unknown, string][]),
    [{ ...good, table: '' }, 'an identifier must be a non-empty string without NUL, got ""'],
    [
      { ...good, set: { 'a\0': 1 } },
      'an identifier must be a non-empty string without NUL, got "a\\u0000"',
    ],
  ])('%j', (change, message) => {
    expect(() => updateVersioned(db, change as VersionedChange<object>)).toThrow(
      new TypeError(message),
    );
  });

  it.each([undefined, null, {}, 'postgres://'])('a database that is %s', (nothing) => {
    const message =
      'db must be a pool, a client, a transaction or an instance of Kysely: it has no query()';
    expect(() => updateVersioned(nothing as never, good)).toThrow(new TypeError(message));
    expect(() => queryableOf(nothing as never)).toThrow(new TypeError(message));
  });
});

describe('withRowLock throws at once for', () => {
  const good = { table: 't', ids: [1] };
  const fn = (): Promise<void> => Promise.resolve();

  it.each<[unknown, string]>([
    [undefined, 'query must be an object, got undefined'],
    [
      { ...good, id: 1 },
      'query.id is not an option; those of query are table, schema, idColumn, ids, mode, wait, require',
    ],
    [{ ...good, table: '' }, 'an identifier must be a non-empty string without NUL, got ""'],
    [{ ...good, ids: [] }, 'ids must have at least one id, got none'],
    [{ ...good, ids: 1 }, 'ids must be an array, got number'],
    [{ ...good, ids: [1, '2'] }, 'ids must be all of one type, got number and string'],
    [
      { ...good, ids: [null] },
      'each of ids must be a non-empty string, a bigint or a safe integer, got null',
    ],
    [
      { ...good, ids: [NaN] },
      'each of ids must be a non-empty string, a bigint or a safe integer, got NaN',
    ],
    [
      { ...good, ids: ['a', ''] },
      'each of ids must be a non-empty string, a bigint or a safe integer, got ""',
    ],
    [
      { ...good, mode: 'exclusive' },
      'mode must be one of update, no key update, share, key share, got "exclusive"',
    ],
    [{ ...good, require: 'some' }, 'require must be one of all, any, got "some"'],
    [
      { ...good, wait: 'try' },
      'wait, unless it is milliseconds, must be one of wait, nowait, skip, got "try"',
    ],
  ])('%j', (query, message) => {
    expect(() => withRowLock(db, query as RowLockQuery, fn)).toThrow(new TypeError(message));
  });

  it.each([0, -1, 1.5, NaN, 2 ** 31])('a wait of %s', (wait) => {
    expect(() => withRowLock(db, { ...good, wait }, fn)).toThrow(
      new RangeError(`wait must be an integer from 1 to 2147483647, got ${wait}`),
    );
  });

  it('ids of which some are bigints', () => {
    expect(() => withRowLock(db, { ...good, ids: [1n, 2] }, fn)).toThrow(
      new TypeError('ids must be all of one type, got bigint and number'),
    );
  });

  it('something that is no function', () => {
    expect(() => withRowLock(db, good, 5 as never)).toThrow(
      new TypeError('fn must be a function, got 5'),
    );
  });

  it.each([undefined, {}, 'tx'])('a transaction that is %s', (tx) => {
    expect(() => withRowLock(tx as unknown as RowLockTransaction, good, fn)).toThrow(
      new TypeError('tx must be a transaction, or a client that has one open'),
    );
  });

  it('nothing else: what the database says comes as a rejection', async () => {
    await expect(withRowLock(db, good, fn)).rejects.toThrow('nothing may reach the database');
    await expect(withRowLock(db, { ...good, wait: 5 }, fn)).rejects.toThrow('nothing may reach');
  });
});

describe('withOptimisticRetry throws at once for', () => {
  const fn = (): Promise<void> => Promise.resolve();

  it.each<[unknown, string]>([
    [null, 'options must be an object, got null'],
    [{ attempts: 0 }, 'attempts must be an integer of at least 1, got 0'],
    [{ attempts: '3' }, 'attempts must be an integer of at least 1, got "3"'],
    [{ baseMs: -1 }, 'baseMs must be a finite number of at least 0, got -1'],
    [{ baseMs: 20, capMs: 10 }, 'capMs must be a finite number of at least 20, got 10'],
    [{ random: 5 }, 'random must be a function, got 5'],
    [{ clock: 5 }, 'clock must be an object, got 5'],
    [{ signal: 5 }, 'signal must be an object, got 5'],
    [{ signal: {} }, 'signal.aborted must be a boolean, got undefined'],
    [
      { max: 3 },
      'max is not an option of withOptimisticRetry; its options are attempts, baseMs, capMs, signal, clock, random',
    ],
  ])('%j', (options, message) => {
    expect(() => withOptimisticRetry(fn, options as OptimisticRetryOptions)).toThrow(message);
  });

  it('something that is no function', () => {
    expect(() => withOptimisticRetry(5 as never)).toThrow(
      new TypeError('fn must be a function, got 5'),
    );
  });
});
