import { describe, expect, it } from 'vitest';
import {
  createLocks,
  lockKey,
  updateVersioned,
  type AdvisoryLockOptions,
  type LockKey,
  type LocksOptions,
  type VersionedChange,
} from '../src/index.ts';

const db = {
  connect: () => Promise.reject(new Error('nothing may reach the database')),
  query: () => Promise.reject(new Error('nothing may reach the database')),
};
const fn = (): Promise<void> => Promise.resolve();

describe('createLocks refuses', () => {
  it.each<[unknown, string]>([
    [undefined, 'options must be an object, got undefined'],
    [{ db, namespace: '' }, 'namespace must be a non-empty, well-formed string, got ""'],
    [{ db, namespace: 5 }, 'namespace must be a non-empty, well-formed string, got 5'],
    [{ namespace: 'n' }, 'db must be an object, got undefined'],
    [{ db: {}, namespace: 'n' }, 'db.connect must be a function, got undefined'],
  ])('%j', (options, message) => {
    expect(() => createLocks(options as LocksOptions)).toThrow(new TypeError(message));
  });
});

describe('withAdvisoryLock throws at once for', () => {
  const locks = createLocks({ db, namespace: 'n' });

  it.each<[unknown, string]>([
    [
      '',
      'each part of key must be a non-empty, well-formed string, a bigint or a safe integer, got ""',
    ],
    [[], 'key must have at least one part, got none'],
    [
      ['a', ''],
      'each part of key must be a non-empty, well-formed string, a bigint or a safe integer, got ""',
    ],
    [
      [1.5],
      'each part of key must be a non-empty, well-formed string, a bigint or a safe integer, got 1.5',
    ],
    [
      [null],
      'each part of key must be a non-empty, well-formed string, a bigint or a safe integer, got null',
    ],
    [undefined, 'key must be text, or an array of parts, got undefined'],
    [7, 'key must be text, or an array of parts, got 7'],
  ])('the key %j', (key, message) => {
    expect(() => locks.withAdvisoryLock(key as LockKey, fn)).toThrow(new TypeError(message));
    expect(() => lockKey('n', key as LockKey)).toThrow(new TypeError(message));
  });

  it.each<[unknown, string]>([
    [-1, "wait, unless 'forever' or 'try', must be an integer from 1 to 2147483647, got -1"],
    [0, "wait, unless 'forever' or 'try', must be an integer from 1 to 2147483647, got 0"],
    [1.5, "wait, unless 'forever' or 'try', must be an integer from 1 to 2147483647, got 1.5"],
    [NaN, "wait, unless 'forever' or 'try', must be an integer from 1 to 2147483647, got NaN"],
    [
      Infinity,
      "wait, unless 'forever' or 'try', must be an integer from 1 to 2147483647, got Infinity",
    ],
    [
      2 ** 31,
      "wait, unless 'forever' or 'try', must be an integer from 1 to 2147483647, got 2147483648",
    ],
    ['soon', `wait must be 'forever', 'try' or milliseconds, got "soon"`],
    [null, "wait, unless 'forever' or 'try', must be an integer from 1 to 2147483647, got null"],
  ])('a wait of %s', (wait, message) => {
    const options = { wait } as AdvisoryLockOptions;
    expect(() => locks.withAdvisoryLock('k', fn, options)).toThrow(message);
  });

  it('something that is no function', () => {
    expect(() => locks.withAdvisoryLock('k', 5 as never)).toThrow(
      new TypeError('fn must be a function, got 5'),
    );
  });

  it('nothing else: what the pool says comes as a rejection', async () => {
    await expect(locks.withAdvisoryLock('k', fn)).rejects.toThrow('nothing may reach the database');
    await expect(
      locks.withAdvisoryLock('k', () => {
        throw new Error('never called');
      }),
    ).rejects.toThrow('nothing may reach the database');
  });
});

describe('updateVersioned throws at once for', () => {
  const good = { table: 't', id: 1, expected: 1, set: { a: 1 } };

  it.each<[unknown, string]>([
    [undefined, 'change must be an object, got undefined'],
    [{ ...good, set: {} }, 'set must name at least one column, got none'],
    [{ ...good, set: null }, 'set must be an object, got null'],
    [{ ...good, set: { a: undefined } }, 'set.a must not be undefined: leave it out, or give null'],
    [{ ...good, set: { id: 2 } }, 'set must not name the column "id"'],
    [{ ...good, set: { version: 2 } }, 'set must not name the column "version"'],
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
});
