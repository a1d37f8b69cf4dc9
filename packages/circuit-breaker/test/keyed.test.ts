import { getEventListeners } from 'node:events';
import { createDeferred } from '@holdfast/internal';
import { createFakeClock } from '@holdfast/testkit';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { bulkhead } from '../src/bulkhead/bulkhead.ts';
import { circuitBreaker } from '../src/circuit-breaker/circuit-breaker.ts';
import { consecutive } from '../src/circuit-breaker/consecutive.ts';
import type { CircuitBreaker } from '../src/circuit-breaker/contract.ts';
import { fallback } from '../src/fallback/fallback.ts';
import { keyed } from '../src/keyed/keyed.ts';
import type { KeyedOptions } from '../src/keyed/options.ts';
import { pipeline } from '../src/pipeline.ts';
import type { Policy } from '../src/policy.ts';
import { timeout } from '../src/timeout/timeout.ts';

const down = (): Promise<never> => Promise.reject(new Error('down'));

function setUp(options: Partial<KeyedOptions<CircuitBreaker>> = {}) {
  const clock = createFakeClock();
  const created: string[] = [];
  const policy = keyed({
    name: 'hosts',
    create: (key) => {
      created.push(key);
      return circuitBreaker({ name: key, trip: consecutive(1), openMs: 1_000, clock });
    },
    clock,
    ...options,
  });
  const forgotten: unknown[] = [];
  policy.on('forget', (event) => forgotten.push(event));
  const use = (key: string): Promise<number> => policy.execute(() => 1, { key });
  const trip = (key: string): Promise<unknown> => policy.tryExecute(down, { key });
  return { clock, policy, created, forgotten, use, trip };
}

describe('keyed', () => {
  it('runs each call under the policy of its key', async () => {
    const { policy, created, use, trip } = setUp();

    await trip('a');
    await use('b');

    await expect(use('a')).rejects.toMatchObject({ code: 'CIRCUIT_OPEN', policy: 'a' });
    expect(created).toEqual(['a', 'b']);
    expect(policy.keys()).toEqual(['a', 'b']);
    expect(policy.size).toBe(2);
    expect(policy.for('a').state).toBe('open');
    expect(policy.for('c').state).toBe('closed');
    expect(policy.snapshot()).toEqual({
      name: 'hosts',
      kind: 'keyed',
      counters: { calls: 3, succeeded: 1, failed: 2, aborted: 0, forgotten: 0 },
      gauges: { inFlight: 0, keys: 3 },
    });
  });

  it('rejects a call without a key with a TypeError that says so', async () => {
    const { policy } = setUp();

    await expect(policy.execute(() => 1)).rejects.toThrow(
      new TypeError('"hosts" needs a key that chooses the policy: execute(fn, { key })'),
    );
    expect(() => policy.for('')).toThrow('key must be a non-empty string, got ""');
    expect(policy.snapshot().counters.calls).toBe(0);
  });

  it('passes signal, attempt and deadline on, and the alternative of its policies outwards', async () => {
    const policy = keyed({ create: () => pipeline(fallback(0), timeout({ ms: 50 })) });

    const result = policy.execute(() => Promise.reject<string>(new Error('down')), { key: 'a' });
    expectTypeOf(result).toEqualTypeOf<Promise<string | number>>();
    expect(await result).toBe(0);
    const seen = await policy.execute(
      ({ attempt, key, idempotent }) => [attempt, key, idempotent],
      {
        key: 'a',
        attempt: 3,
        idempotent: true,
      },
    );
    expect(seen).toEqual([3, 'a', true]);
    expectTypeOf(policy).toExtend<Policy<unknown>>();
  });

  it('forgets what was not used for longest when there is no room', async () => {
    const { policy, forgotten, use } = setUp({ maxKeys: 2 });
    await use('a');
    await use('b');
    await use('a');

    await use('c');

    expect(policy.keys()).toEqual(['a', 'c']);
    expect(forgotten).toEqual([{ key: 'b', reason: 'room' }]);
    policy.for('a');
    await use('d');
    expect(policy.keys()).toEqual(['a', 'd']);
  });

  it('never forgets a policy with calls in flight: then there are more than maxKeys for a while', async () => {
    const { policy, forgotten } = setUp({ maxKeys: 2 });
    const work = createDeferred<number>();
    const calls = ['a', 'b', 'c', 'd'].map((key) => policy.execute(() => work.promise, { key }));
    expect(policy.size).toBe(4);
    expect(forgotten).toEqual([]);

    work.resolve(1);
    await Promise.all(calls);

    expect(policy.size).toBe(2);
    expect(policy.snapshot().counters.forgotten).toBe(2);
  });

  it('never forgets a policy that was idle before and is in use again', async () => {
    const { policy, use } = setUp({ maxKeys: 1 });
    await use('a');
    const work = createDeferred<number>();
    const call = policy.execute(() => work.promise, { key: 'a' });

    await use('b');

    expect(policy.keys()).toEqual(['a']);
    work.resolve(1);
    await call;
  });

  it('never forgets one whose work still runs, though its caller has left', async () => {
    const clock = createFakeClock();
    const policy = keyed({
      create: () => pipeline(timeout({ ms: 10, clock }), bulkhead({ limit: 1, clock })),
      maxKeys: 1,
      clock,
    });
    const work = createDeferred<void>();
    const call = policy.tryExecute(() => work.promise, { key: 'a' });
    await clock.advance(10);
    await call;

    await policy.execute(() => 1, { key: 'b' });

    await expect(policy.execute(() => 1, { key: 'a' })).rejects.toMatchObject({
      code: 'BULKHEAD_FULL',
    });
    work.resolve();
    await clock.advance(0);
    expect(policy.size).toBe(1);
  });

  it('spares a policy whose circuit is not closed, also inside a pipeline, as long as another is idle', async () => {
    const { policy, forgotten, use, trip } = setUp({ maxKeys: 2 });
    await trip('a');
    await use('b');
    await use('c');
    expect(forgotten).toEqual([{ key: 'b', reason: 'room' }]);

    // All are open: the oldest goes, and begins anew when it is used again.
    await trip('c');
    await trip('d');
    expect(policy.keys()).toEqual(['c', 'd']);
    await use('a');

    const clock = createFakeClock();
    const nested = keyed({
      create: () =>
        pipeline(timeout({ ms: 5, clock }), circuitBreaker({ trip: consecutive(1), clock })),
      maxKeys: 1,
      clock,
    });
    await nested.tryExecute(down, { key: 'a' });
    nested.for('b');
    expect(nested.keys()).toEqual(['b']);
  });

  it('spares a circuit that was isolated by hand after its last use', async () => {
    const { clock, policy, use } = setUp({ maxKeys: 2, idleMs: 100 });
    const release = policy.for('a').isolate();
    await use('b');
    await use('c');
    expect(policy.keys()).toEqual(['a', 'c']);

    await clock.advance(1_000);
    expect(policy.keys()).toEqual(['a']);
    await expect(use('a')).rejects.toMatchObject({ code: 'CIRCUIT_ISOLATED' });
    release();
    expect(await use('a')).toBe(1);
  });

  it('forgets what was idle for idleMs when it is looked at, without a timer', async () => {
    const { clock, policy, created, forgotten, use, trip } = setUp({ idleMs: 100 });
    await use('a');
    await trip('b');
    await clock.advance(99);
    await use('c');
    expect(policy.size).toBe(3);

    await clock.advance(1);
    expect(policy.keys()).toEqual(['b', 'c']);
    await clock.advance(99);
    await use('c');

    expect(forgotten).toEqual([
      { key: 'a', reason: 'idle' },
      { key: 'c', reason: 'idle' },
    ]);
    expect(created).toEqual(['a', 'b', 'c', 'c']);
    expect(clock.pending()).toBe(0);
  });

  it('does a bounded amount of work for one call after a long idle time', async () => {
    const { clock, policy, use } = setUp({ idleMs: 100 });
    for (let n = 0; n < 1_000; n += 1) await use(`k${n}`);
    await clock.advance(1_000);

    await use('new');
    expect(policy.snapshot().gauges.keys).toBe(999);
    expect(policy.size).toBe(1);
  });

  it('rejects with what create throws, and when it gives no policy', async () => {
    const { policy } = setUp({
      create: (key) => {
        if (key === 'bad') throw new Error('no such host');
        return 5 as never;
      },
    });

    await expect(policy.execute(() => 1, { key: 'bad' })).rejects.toThrow('no such host');
    await expect(policy.execute(() => 1, { key: 'other' })).rejects.toThrow(
      'create(key) must be an object, got 5',
    );
    expect(() => policy.for('other')).toThrow('create(key) must be an object, got 5');
    expect(policy.size).toBe(0);
    expect(policy.snapshot().gauges.inFlight).toBe(0);
  });

  it('creates nothing for a call that was aborted before, and rejects at once on an abort', async () => {
    const { policy, created } = setUp();

    await expect(
      policy.execute(() => 1, { key: 'a', signal: AbortSignal.abort('early') }),
    ).rejects.toBe('early');
    expect(created).toEqual([]);
    const controller = new AbortController();
    const call = policy.execute(() => new Promise(() => undefined), {
      key: 'a',
      signal: controller.signal,
    });
    controller.abort('enough');

    await expect(call).rejects.toBe('enough');
    expect(policy.snapshot().counters).toMatchObject({ calls: 2, aborted: 2 });
  });

  it('leaves no listener behind after 1 000 calls', async () => {
    const { clock, policy } = setUp({ maxKeys: 10 });
    const { signal } = new AbortController();

    for (let n = 0; n < 1_000; n += 1) {
      await policy.execute(() => Promise.resolve(n), { key: `k${n % 37}`, signal });
    }

    expect(policy.size).toBe(10);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    expect(clock.pending()).toBe(0);
  });
});

const create = (): CircuitBreaker => circuitBreaker();
const wrong: [unknown, string][] = [
  [undefined, 'options must be an object, got undefined'],
  [{}, 'create must be a function, got undefined'],
  [{ create, maxKeys: 0 }, 'maxKeys must be an integer of at least 1, got 0'],
  [{ create, idleMs: 0 }, 'idleMs must be a finite number of at least 1, got 0'],
  [{ create, name: 5 }, 'name must be a non-empty string, got 5'],
  [{ create, clock: 5 }, 'clock must be an object, got 5'],
];

it.each(wrong)('refuses wrong options at once (%#)', (options, message) => {
  expect(() => keyed(options as never)).toThrow(message);
});
