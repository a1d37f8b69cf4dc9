import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { createLocks, leaseSchema, withOptimisticRetry, type Locks } from '../src/index.ts';

let connects = 0;
const db = {
  connect: () => {
    connects += 1;
    return Promise.reject(new Error('nothing may reach the database'));
  },
};
const fn = (): Promise<number> => Promise.resolve(1);
const locks = createLocks({ db, namespace: 'n' });
/** As a caller without types sees it. */
const loose = locks as unknown as Record<keyof Locks, (...args: unknown[]) => unknown>;

describe('a signal that is none', () => {
  const listening = { addEventListener: () => undefined };
  it.each<[unknown, string]>([
    [{}, 'signal.aborted must be a boolean, got undefined'],
    [{ aborted: false }, 'signal.addEventListener must be a function, got undefined'],
    [
      { aborted: false, ...listening },
      'signal.removeEventListener must be a function, got undefined',
    ],
  ])('%j is refused before a connection is taken', (signal, message) => {
    const calls = [
      () => loose.withAdvisoryLock('k', fn, { signal }),
      () => loose.runTransaction(fn, { signal }),
      () => loose.withSessionLock('k', fn, { signal }),
      () => loose.withLease('k', fn, { signal }),
      () => loose.acquireLease('k', { signal }),
      () => withOptimisticRetry(fn, { signal } as never),
    ];

    for (const call of calls) expect(call).toThrow(new TypeError(message));
    expect(connects).toBe(0);
  });
});

describe('options that are no options', () => {
  it.each<[string, () => unknown, string]>([
    [
      'wait of tryAdvisoryLock',
      () => loose.tryAdvisoryLock('k', fn, { wait: 5 }),
      'wait is not an option of tryAdvisoryLock',
    ],
    [
      'null of tryAdvisoryLock',
      () => loose.tryAdvisoryLock('k', fn, null),
      'options must be an object, got null',
    ],
    [
      'null of withAdvisoryLock',
      () => loose.withAdvisoryLock('k', fn, null),
      'options must be an object, got null',
    ],
    [
      'a number of withAdvisoryLocks',
      () => loose.withAdvisoryLocks(['k'], fn, 5),
      'options must be an object, got 5',
    ],
    [
      'a misspelt table',
      () => leaseSchema({ tabel: 'x' } as never),
      'tabel is not an option of leaseSchema; its options are table, schema',
    ],
    [
      'a text for the table',
      () => leaseSchema('x' as never),
      'options must be an object, got a string',
    ],
  ])('%s: throws at once', (_, call, message) => {
    expect(call).toThrow(TypeError);
    expect(call).toThrow(message);
  });
});

it.each(['withAdvisoryLock', 'tryAdvisoryLock', 'withSessionLock', 'withLease'] as const)(
  '%s takes no number for a key',
  (name) => {
    expect(() => loose[name](7, fn)).toThrow('key must be text, or an array of parts, got 7');
  },
);

it('inspect throws at once for a wrong key', () => {
  expect(() => loose.inspect('')).toThrow(TypeError);
});

describe('on', () => {
  it('refuses an event that there is not', () => {
    expect(() => loose.on('aquired', () => undefined)).toThrow(
      /^event must be one of acquired, .*leaseReleaseFailed.*, got "aquired"$/,
    );
  });

  it('refuses a listener that is no function', () => {
    expect(() => loose.on('acquired')).toThrow('listener must be a function, got undefined');
  });
});

it.each(['db', 'lockDb'])('createLocks refuses a client as %s', (name) => {
  const options = { db, namespace: 'n', [name]: new Client() };

  expect(() => createLocks(options as never)).toThrow(
    `${name} must be a pg pool, got one client: all would share its session`,
  );
});
