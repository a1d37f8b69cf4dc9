import { getEventListeners } from 'node:events';
import { createDeferred, type Deferred } from '@holdfast/internal';
import { createFakeClock } from '@holdfast/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CacheStore } from '../src/cached-fallback/cache-store.ts';
import { cachedFallback } from '../src/cached-fallback/cached-fallback.ts';
import { memoryCacheStore } from '../src/cached-fallback/memory-cache-store.ts';
import type { CachedFallbackOptions } from '../src/cached-fallback/options.ts';
import { remaining, withDeadline } from '../src/deadline.ts';
import type { ExecutionContext } from '../src/policy.ts';
import { timeout } from '../src/timeout/timeout.ts';

const down = new Error('down');
const fail = (): Promise<string> => Promise.reject(down);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function setUp(options: Partial<CachedFallbackOptions> = {}) {
  const clock = createFakeClock();
  const store = memoryCacheStore({ maxEntries: 10, clock });
  const policy = cachedFallback({
    name: 'prices',
    store,
    staleIfErrorMs: 1_000,
    clock,
    ...options,
  });
  const events: unknown[] = [];
  policy.on('stale', (event) => events.push(event));
  policy.on('storeError', (event) => events.push(event));
  let calls = 0;
  const count =
    <T>(fn: () => T) =>
    (): T => {
      calls += 1;
      return fn();
    };
  return { clock, store, policy, events, count, calls: () => calls };
}

describe('cached fallback', () => {
  it('F04 answers fresh without a call, then stale on error, then with the error', async () => {
    const { clock, policy, events, count, calls } = setUp({ freshMs: 100 });
    const options = { key: 'tea' };

    expect(
      await policy.execute(
        count(() => 'v1'),
        options,
      ),
    ).toBe('v1');
    await clock.advance(99);
    expect(await policy.execute(count(fail), options)).toBe('v1');
    expect(calls()).toBe(1);
    await clock.advance(1);
    expect(await policy.execute(count(fail), options)).toBe('v1');
    await clock.advance(999);
    expect(await policy.execute(count(fail), options)).toBe('v1');
    expect(calls()).toBe(3);
    await clock.advance(1);
    await expect(policy.execute(count(fail), options)).rejects.toBe(down);

    expect(events).toEqual([{ ageMs: 100 }, { ageMs: 1_099 }]);
    expect(policy.snapshot()).toEqual({
      name: 'prices',
      kind: 'cached-fallback',
      counters: {
        calls: 5,
        hits: 1,
        stale: 2,
        succeeded: 1,
        failed: 1,
        aborted: 0,
        revalidations: 0,
        storeErrors: 0,
      },
      gauges: { inFlight: 0 },
    });
    expect(clock.pending()).toBe(0);
  });

  it('keeps the newest good value, and calls each time by default', async () => {
    const { policy, count, calls } = setUp();

    await policy.execute(
      count(() => 'v1'),
      { key: 'tea' },
    );
    await policy.execute(
      count(() => 'v2'),
      { key: 'tea' },
    );

    expect(await policy.execute(count(fail), { key: 'tea' })).toBe('v2');
    expect(calls()).toBe(3);
  });

  it('measures staleness when the call has failed, not when it began', async () => {
    const { clock, policy } = setUp();
    await policy.execute(() => 'v1', { key: 'tea' });
    const work = createDeferred<string>();

    const result = policy.execute(() => work.promise, { key: 'tea' });
    await clock.advance(1_000);
    work.reject(down);

    await expect(result).rejects.toBe(down);
  });

  it('keeps keys apart, and takes the key from the option if there is one', async () => {
    const { policy } = setUp({ freshMs: 100 });
    await policy.execute(() => 'tea', { key: 'tea' });
    expect(await policy.execute(() => 'salt', { key: 'salt' })).toBe('salt');

    const byOption = setUp({ freshMs: 100, key: ({ key }) => `v2:${key ?? 'all'}` });
    await byOption.policy.execute(() => 'everything');
    expect(byOption.store.get('v2:all')).toMatchObject({ value: 'everything' });
  });

  it('rejects a call without a key with a TypeError that says so', async () => {
    const { policy, count, calls } = setUp();

    await expect(policy.execute(count(() => 1))).rejects.toThrow(
      new TypeError(
        '"prices" needs a key that says what the call is about: execute(fn, { key }), got undefined',
      ),
    );
    await expect(setUp({ key: () => '' }).policy.execute(() => 1)).rejects.toThrow(
      'got an empty string',
    );
    expect(calls()).toBe(0);
    expect(policy.snapshot().counters.calls).toBe(0);
  });

  it('neither keeps nor replaces what is to be ignored, and replaces a value that is judged a failure', async () => {
    const { policy } = setUp({
      classify: ({ ok, value }) =>
        ok
          ? { verdict: value === 'busy' ? 'failure' : value === 'empty' ? 'ignore' : 'success' }
          : { verdict: 'ignore' },
    });
    const options = { key: 'tea' };

    expect(await policy.execute(() => 'busy', options)).toBe('busy');
    expect(await policy.execute(() => 'empty', options)).toBe('empty');
    await policy.execute(() => 'v1', options);
    expect(await policy.execute(() => 'empty', options)).toBe('empty');
    expect(await policy.execute(() => 'busy', options)).toBe('v1');
    await expect(policy.execute(fail, options)).rejects.toBe(down);
  });

  it('rejects when a classifier throws', async () => {
    const { policy } = setUp({
      classify: () => {
        throw new Error('bug');
      },
    });

    await expect(policy.execute(() => 1, { key: 'tea' })).rejects.toBeInstanceOf(AggregateError);
  });

  it('does not answer an abort with a stale value', async () => {
    const { policy, count, calls } = setUp();
    await policy.execute(() => 'v1', { key: 'tea' });
    const controller = new AbortController();

    const result = policy.execute(() => new Promise<string>(() => undefined), {
      key: 'tea',
      signal: controller.signal,
    });
    await turn();
    controller.abort('enough');

    await expect(result).rejects.toBe('enough');
    await expect(
      policy.execute(
        count(() => 'v2'),
        { key: 'tea', signal: AbortSignal.abort('early') },
      ),
    ).rejects.toBe('early');
    expect(calls()).toBe(0);
    expect(policy.snapshot().counters).toMatchObject({ aborted: 2, stale: 0 });
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  it('does not call the work when the caller aborts while the store is read', async () => {
    const controller = new AbortController();
    const { policy, count, calls } = setUp({
      store: {
        get: () => {
          controller.abort('enough');
          return undefined;
        },
        set: () => undefined,
      },
    });

    const result = policy.execute(
      count(() => 1),
      { key: 'tea', signal: controller.signal },
    );

    await expect(result).rejects.toBe('enough');
    expect(calls()).toBe(0);
  });
});

describe('stale while revalidate', () => {
  it('answers at once with the old value while one call renews it', async () => {
    const { clock, policy, events, count, calls } = setUp({
      freshMs: 100,
      staleWhileRevalidateMs: 500,
    });
    const options = { key: 'tea' };
    await policy.execute(
      count(() => 'v1'),
      options,
    );
    await clock.advance(100);
    const work = createDeferred<string>();

    const renewing = count(() => work.promise);
    expect(await policy.execute(renewing, options)).toBe('v1');
    expect(await policy.execute(renewing, options)).toBe('v1');
    expect(calls()).toBe(2);
    work.resolve('v2');
    await turn();
    expect(await policy.execute(renewing, options)).toBe('v2');

    expect(calls()).toBe(2);
    expect(events).toEqual([{ ageMs: 100 }, { ageMs: 100 }]);
    expect(policy.snapshot().counters).toMatchObject({ revalidations: 1, stale: 2, hits: 1 });
    expect(clock.pending()).toBe(0);
  });

  it('handles a renewal that fails, and lets no caller abort it', async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown): unknown => unhandled.push(reason);
    process.on('unhandledRejection', onUnhandled);
    onTestFinished(() => void process.off('unhandledRejection', onUnhandled));
    const { clock, policy } = setUp({ staleWhileRevalidateMs: 500 });
    await policy.execute(() => 'v1', { key: 'tea' });
    const controller = new AbortController();
    const work = createDeferred<string>();
    let context: ExecutionContext | undefined;

    await policy.execute(
      (given) => {
        context = given;
        return work.promise;
      },
      { key: 'tea', signal: controller.signal, deadline: 50 },
    );
    controller.abort();
    expect(context!.signal.aborted).toBe(false);
    expect(context!.remainingMs()).toBe(500);
    work.reject(down);
    await turn();

    expect(unhandled).toEqual([]);
    expect(clock.pending()).toBe(0);
    expect(policy.snapshot().counters).toMatchObject({ stale: 1, failed: 0 });
  });

  it('begins another renewal once one that hangs is past its deadline', async () => {
    const { clock, policy, count, calls } = setUp({
      staleWhileRevalidateMs: 500,
      staleIfErrorMs: 5_000,
    });
    await policy.execute(() => 'v1', { key: 'tea' });
    const hang = count(() => new Promise<string>(() => undefined));

    expect(await policy.execute(hang, { key: 'tea' })).toBe('v1');
    await clock.advance(500);

    expect(
      await policy.execute(
        count(() => 'v2'),
        { key: 'tea' },
      ),
    ).toBe('v2');
    expect(calls()).toBe(2);
  });
});

describe('concurrent calls for one key', () => {
  function setUpShared() {
    const all = setUp();
    const works: Deferred<string>[] = [];
    const contexts: ExecutionContext[] = [];
    const call = (signal?: AbortSignal, deadline?: number): Promise<string> =>
      all.policy.execute(
        (context) => {
          contexts.push(context);
          const work = createDeferred<string>();
          works.push(work);
          return work.promise;
        },
        { key: 'tea', signal, deadline },
      );
    return { ...all, works, contexts, call };
  }

  it('share one call', async () => {
    const { works, call } = setUpShared();

    const calls = [call(), call(), call()];
    await turn();
    expect(works).toHaveLength(1);
    works[0]!.resolve('v1');

    expect(await Promise.all(calls)).toEqual(['v1', 'v1', 'v1']);
    const after = call();
    await turn();
    expect(works).toHaveLength(2);
    works[1]!.resolve('v2');
    expect(await after).toBe('v2');
  });

  it("are not killed by one caller's abort, the first one's neither", async () => {
    const { contexts, works, call } = setUpShared();
    const controller = new AbortController();
    const first = call(controller.signal);
    const second = call();
    await turn();

    controller.abort('enough');
    await expect(first).rejects.toBe('enough');
    expect(contexts[0]!.signal.aborted).toBe(false);
    works[0]!.resolve('v1');

    expect(await second).toBe('v1');
  });

  it('abort the work when the last of them has left', async () => {
    const { contexts, policy, call } = setUpShared();
    const controllers = [new AbortController(), new AbortController()];
    const calls = controllers.map(({ signal }) => call(signal).catch((error: unknown) => error));
    await turn();
    expect(contexts[0]!.signal.aborted).toBe(false);

    controllers[0]!.abort('one');
    expect(contexts[0]!.signal.aborted).toBe(false);
    controllers[1]!.abort('two');

    expect(contexts[0]!.signal.reason).toBe('two');
    expect(await Promise.all(calls)).toEqual(['one', 'two']);
    expect(policy.snapshot().counters.aborted).toBe(2);
  });

  it('do not join a call that somebody has given up, so that one that hangs keeps no key down', async () => {
    const { clock, policy } = setUpShared();
    const outer = timeout({ ms: 100, clock });
    let runs = 0;
    const run = (): Promise<unknown> =>
      outer.tryExecute(
        (context) =>
          policy.execute(() => {
            runs += 1;
            return runs === 1 ? new Promise<string>(() => undefined) : 'well';
          }, context),
        { key: 'tea' },
      );

    const outcomes = [run()];
    for (let n = 0; n < 5; n += 1) {
      await clock.advance(30);
      outcomes.push(run());
    }
    await clock.advance(1_000);

    expect((await Promise.all(outcomes)).map((one) => (one as { ok: boolean }).ok)).toEqual([
      false,
      false,
      false,
      false,
      true,
      true,
    ]);
  });

  it('show the work the latest of their deadlines', async () => {
    const { clock, contexts, works, call } = setUpShared();
    const calls = [call(undefined, 100), call(undefined, 300), call(undefined, 200)];
    await turn();

    expect(contexts[0]!.remainingMs()).toBe(300);
    works[0]!.resolve('v1');
    await Promise.all(calls);
    expect(clock.pending()).toBe(0);
  });
});

describe('a store that fails', () => {
  const broken: [string, CacheStore][] = [
    [
      'throws',
      {
        get: () => {
          throw down;
        },
        set: () => {
          throw down;
        },
      },
    ],
    ['rejects', { get: () => Promise.reject(down), set: () => Promise.reject(down) }],
  ];

  it.each(broken)('%s: the call goes on without it', async (_how, store) => {
    const { policy, events } = setUp({ store });

    expect(await policy.execute(() => 'v1', { key: 'tea' })).toBe('v1');
    await turn();

    expect(events).toEqual([
      { operation: 'get', error: down },
      { operation: 'set', error: down },
    ]);
    expect(policy.snapshot().counters.storeErrors).toBe(2);
  });

  it('hangs: it is waited for no longer than storeTimeoutMs, and writing not at all', async () => {
    const hang = (): Promise<never> => new Promise(() => undefined);
    const { clock, policy, events } = setUp({ store: { get: hang, set: hang } });

    const result = policy.execute(() => 'v1', { key: 'tea' });
    await clock.advance(100);
    expect(await result).toBe('v1');
    await clock.advance(100);

    expect(events).toMatchObject([
      { operation: 'get', error: { message: 'get of the store did not answer within 100 ms' } },
      { operation: 'set', error: { message: 'set of the store did not answer within 100 ms' } },
    ]);
    expect(clock.pending()).toBe(0);
  });

  it('hangs: an abort ends the wait at once and leaves no timer', async () => {
    const hang = (): Promise<never> => new Promise(() => undefined);
    const { clock, policy, events } = setUp({ store: { get: hang, set: hang } });
    const controller = new AbortController();

    const result = policy.execute(() => 'v1', { key: 'tea', signal: controller.signal });
    controller.abort('enough');

    await expect(result).rejects.toBe('enough');
    expect(events).toEqual([]);
    expect(clock.pending()).toBe(0);
  });

  it('leaves no timer when the caller aborts while an asynchronous store is asked', async () => {
    const controller = new AbortController();
    const { clock, policy } = setUp({
      store: {
        get: () => {
          controller.abort('enough');
          return new Promise(() => undefined);
        },
        set: () => undefined,
      },
    });

    const result = policy.execute(() => 1, { key: 'tea', signal: controller.signal });

    await expect(result).rejects.toBe('enough');
    expect(clock.pending()).toBe(0);
  });

  it.each([5, 'text', {}, { value: 1 }, { value: 1, storedAtMs: 'now' }])(
    'has %j instead of an entry: it counts as empty',
    async (found) => {
      const { policy, events } = setUp({
        freshMs: 100,
        store: { get: () => found, set: () => undefined },
      });

      expect(await policy.execute(() => 'v1', { key: 'tea' })).toBe('v1');
      expect(events).toMatchObject([{ operation: 'get' }]);
    },
  );

  it('is asynchronous, and gives what it was given as plain JSON', async () => {
    const kept = new Map<string, string>();
    const ttls: number[] = [];
    const { clock, policy } = setUp({
      freshMs: 100,
      store: {
        get: async (key) => JSON.parse(kept.get(key) ?? 'null') as unknown,
        set: async (key, entry, ttlMs) => {
          ttls.push(ttlMs);
          kept.set(key, JSON.stringify(entry));
        },
      },
    });

    await policy.execute(() => ({ price: 5 }), { key: 'tea' });
    await turn();

    expect(await policy.execute(() => ({ price: 6 }), { key: 'tea' })).toEqual({ price: 5 });
    expect(ttls).toEqual([1_100]);
    expect(clock.pending()).toBe(0);
  });
});

it('leaves no listener and no timer behind after 1 000 calls', async () => {
  const { clock, policy } = setUp();
  const { signal } = new AbortController();

  for (let n = 0; n < 1_000; n += 1) {
    await policy.execute(() => Promise.resolve(n), { key: `k${n % 20}`, signal });
  }

  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  expect(clock.pending()).toBe(0);
});

describe('memory store', () => {
  const entry = (value: unknown) => ({ value, storedAtMs: 0 });

  it('keeps maxEntries, and drops what was not used for longest', () => {
    const store = memoryCacheStore({ maxEntries: 2, clock: createFakeClock() });
    store.set('a', entry(1), 100);
    store.set('b', entry(2), 100);
    store.get('a');
    store.set('c', entry(3), 100);

    expect([store.get('a'), store.get('b'), store.get('c')]).toEqual([
      entry(1),
      undefined,
      entry(3),
    ]);
    store.set('c', entry(4), 100);
    expect(store.size).toBe(2);
    store.delete('c');
    store.delete('never there');
    expect(store.size).toBe(1);
  });

  it('forgets an entry after its time, without a timer', async () => {
    const clock = createFakeClock();
    const store = memoryCacheStore({ maxEntries: 2, clock });
    store.set('a', entry(1), 100);

    await clock.advance(99);
    expect(store.get('a')).toEqual(entry(1));
    expect(clock.pending()).toBe(0);
    await clock.advance(1);

    expect(store.get('a')).toBeUndefined();
    expect(store.size).toBe(0);
  });

  it('refuses wrong options at once', () => {
    expect(() => memoryCacheStore({} as never)).toThrow(
      'maxEntries must be an integer of at least 1, got undefined',
    );
    expect(() => memoryCacheStore({ maxEntries: 1, clock: 5 as never })).toThrow(
      'clock must be an object, got 5',
    );
  });
});

const store = memoryCacheStore({ maxEntries: 1 });
const wrong: [unknown, string][] = [
  [undefined, 'options must be an object, got undefined'],
  [{ staleIfErrorMs: 1 }, 'store must be an object, got undefined'],
  [{ store: {}, staleIfErrorMs: 1 }, 'store.get must be a function, got undefined'],
  [
    { store: { get: () => undefined }, staleIfErrorMs: 1 },
    'store.set must be a function, got undefined',
  ],
  [{ store }, 'staleIfErrorMs must be a number of at least 0, got undefined'],
  [{ store, staleIfErrorMs: -1 }, 'staleIfErrorMs must be a finite number of at least 0, got -1'],
  [{ store, staleIfErrorMs: 1, freshMs: NaN }, 'freshMs must be a finite number of at least 0'],
  [
    { store, staleIfErrorMs: 1, staleWhileRevalidateMs: -1 },
    'staleWhileRevalidateMs must be a finite number of at least 0, got -1',
  ],
  [{ store, staleIfErrorMs: 1, key: 'tea' }, 'key must be a function, got a string'],
  [{ store, staleIfErrorMs: 1, classify: 5 }, 'classify must be a function, got 5'],
  [
    { store, staleIfErrorMs: 1, storeTimeoutMs: 0 },
    'storeTimeoutMs must be an integer of at least 1, got 0',
  ],
  [{ store, staleIfErrorMs: 1, clock: 5 }, 'clock must be an object, got 5'],
  [{ store, staleIfErrorMs: 1, name: '' }, 'name must be a non-empty string, got ""'],
];

it.each(wrong)('refuses wrong options at once (%#)', (options, message) => {
  expect(() => cachedFallback(options as never)).toThrow(message);
});

describe('callers with a deadline of their own (withDeadline)', () => {
  const options = { key: 'tea' };

  it("do not bound a renewal in the background, which has the policy's deadline", async () => {
    const { clock, policy } = setUp({ freshMs: 10, staleWhileRevalidateMs: 2_000 });
    const upstream = timeout({ ms: 1_000, clock });
    const works: Deferred<string>[] = [];
    const contexts: ExecutionContext[] = [];
    const left: number[] = [];
    const load = (context: ExecutionContext): Promise<string> => {
      const work = createDeferred<string>();
      works.push(work);
      contexts.push(context);
      left.push(remaining(clock));
      return upstream.execute(() => work.promise);
    };
    const first = policy.execute(load, options);
    await clock.advance(0);
    works[0]!.resolve('v1');
    await first;
    await clock.advance(20);

    expect(await withDeadline(30, () => policy.execute(load, options), { clock })).toBe('v1');
    await clock.advance(60);
    expect(contexts[1]!.deadline).toBe(2_020);
    works[1]!.resolve('v2');
    await turn();

    expect(await policy.execute(load, options)).toBe('v2');
    expect(left).toEqual([Infinity, Infinity]);
  });

  it('end their own wait, not the call that others share', async () => {
    const { clock, policy } = setUp();
    const upstream = timeout({ ms: 1_000, clock });
    const work = createDeferred<string>();
    const load = (): Promise<string> => upstream.execute(() => work.promise);

    const first = withDeadline(30, () => policy.execute(load, options), { clock });
    const failed = expect(first).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const second = withDeadline(5_000, () => policy.execute(load, options), { clock });
    const third = policy.execute(load, options);
    await clock.advance(60);
    work.resolve('v1');

    await failed;
    expect(await Promise.all([second, third])).toEqual(['v1', 'v1']);
  });

  it('do not bound the writing of what others wait for too', async () => {
    const clock = createFakeClock();
    const left: number[] = [];
    const store: CacheStore = {
      get: () => undefined,
      set: () => left.push(remaining(clock)),
    };
    const policy = cachedFallback({ store, staleIfErrorMs: 1_000, clock });

    await withDeadline(30, () => policy.execute(() => 'v1', options), { clock });

    expect(left).toEqual([Infinity]);
  });
});
