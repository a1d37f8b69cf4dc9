import { AsyncLocalStorage } from 'node:async_hooks';
import { getEventListeners } from 'node:events';
import { createDeferred, type Deferred } from '@holdfast/internal';
import { createFakeClock } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import { bulkhead, type Bulkhead, type BulkheadSnapshot } from '../src/bulkhead/bulkhead.ts';
import type { BulkheadOptions } from '../src/bulkhead/options.ts';
import { remaining, withDeadline } from '../src/deadline.ts';
import type { Policy } from '../src/policy.ts';
import { timeout } from '../src/timeout/timeout.ts';

function setUp(options: Partial<BulkheadOptions> = {}) {
  const clock = createFakeClock();
  const policy = bulkhead({ name: 'disk', limit: 2, clock, ...options });
  const started: number[] = [];
  const works: Deferred<number>[] = [];
  const call = (id: number, signal?: AbortSignal): Promise<number> => {
    works[id] = createDeferred();
    return policy.execute(
      () => {
        started.push(id);
        return works[id]!.promise;
      },
      { signal },
    );
  };
  return { clock, policy, started, works, call };
}

function expectBooksToBalance({ counters, gauges }: BulkheadSnapshot): void {
  const { calls, succeeded, failed, rejected, expired, aborted } = counters;
  const ended = succeeded + failed + rejected + expired + aborted;
  expect(calls).toBe(ended + gauges.inFlight + gauges.queued);
}

describe('bulkhead', () => {
  it('K01 runs two, queues one and rejects the fourth at once', async () => {
    const { policy, call, works, started } = setUp({ queue: 1 });
    const events: unknown[] = [];
    policy.on('queue', (event) => events.push({ queue: event }));
    policy.on('reject', (event) => events.push({ reject: event }));

    const calls = [call(0), call(1), call(2)];
    const error: unknown = await call(3).catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({
      name: 'BulkheadFullError',
      code: 'BULKHEAD_FULL',
      message: 'bulkhead "disk" is full: 2 running, 1 queued',
      policy: 'disk',
      limit: 2,
      queued: 1,
    });
    expect(started).toEqual([0, 1]);
    expect(events).toEqual([{ queue: { depth: 1 } }, { reject: { queued: 1 } }]);
    works.forEach((work, id) => work.resolve(id));
    expect(await Promise.all(calls)).toEqual([0, 1, 2]);
    expect(policy.snapshot()).toEqual({
      name: 'disk',
      kind: 'bulkhead',
      counters: { calls: 4, succeeded: 3, failed: 0, rejected: 1, expired: 0, aborted: 0 },
      gauges: { inFlight: 0, queued: 0, held: 0, limit: 2 },
    });
  });

  it('K02 an accepted queued item is never rejected later', async () => {
    const { call, works, started } = setUp({ limit: 1, queue: 1 });
    const accepted = [call(0), call(1)];
    const late: Promise<unknown>[] = [];

    // The first place frees in the same microtask in which two more calls arrive, before and after.
    const arrive = (id: number): void => void late.push(call(id).catch((error: unknown) => error));
    queueMicrotask(() => arrive(2));
    works[0]!.resolve(0);
    queueMicrotask(() => arrive(3));
    await accepted[0];
    works.forEach((work, id) => work.resolve(id));

    expect(await Promise.all(accepted)).toEqual([0, 1]);
    expect(started.slice(0, 2)).toEqual([0, 1]);
    works.forEach((work, id) => work.resolve(id));
    await Promise.all(late);
  });

  it('K03 a later arrival never overtakes a queued item, whichever microtask it comes in', async () => {
    for (let delay = 0; delay < 12; delay += 1) {
      const { call, works, started } = setUp({ limit: 1, queue: 5 });
      const calls = [call(0), call(1)];
      works[0]!.resolve(0);
      for (let turn = 0; turn < delay; turn += 1) await Promise.resolve();
      calls.push(call(2));
      works.forEach((work, id) => work.resolve(id));
      await Promise.all(calls);

      expect(started).toEqual([0, 1, 2]);
    }
  });

  it('K03 work that is just being started overtakes nobody with a call of its own', async () => {
    const { policy, call, works, started } = setUp({ limit: 1, queue: 5 });
    const calls = [call(0)];
    calls.push(
      policy.execute(() => {
        started.push(1);
        return call(3);
      }),
      call(2),
    );

    policy.resize(4);

    expect(started).toEqual([0, 1, 2, 3]);
    works.forEach((work, id) => work.resolve(id));
    await Promise.all(calls);
  });

  it('K06 counts successes and failures', async () => {
    const { policy } = setUp();

    await policy.execute(() => 1);
    await expect(policy.execute(() => Promise.reject(new Error('down')))).rejects.toThrow('down');
    await expect(
      policy.execute(() => {
        throw new Error('at once');
      }),
    ).rejects.toThrow('at once');

    expect(policy.snapshot().counters).toMatchObject({ succeeded: 1, failed: 2 });
    expect(policy.snapshot().gauges.held).toBe(0);
  });

  it('lets an aborted caller leave the queue at once, and gives its place to another (C15)', async () => {
    const { policy, call, works, started } = setUp({ limit: 1, queue: 1 });
    const controller = new AbortController();
    const first = call(0);
    const second = call(1, controller.signal);

    controller.abort('enough');
    await expect(second).rejects.toBe('enough');
    const third = call(2);
    expect(policy.snapshot().gauges).toMatchObject({ queued: 1 });
    works[0]!.resolve(0);
    await first;
    works[2]!.resolve(2);

    expect(await third).toBe(2);
    expect(started).toEqual([0, 2]);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  it('does not call the work of a caller that has aborted before', async () => {
    const { policy, call, started } = setUp();

    await expect(call(0, AbortSignal.abort('early'))).rejects.toBe('early');

    expect(started).toEqual([]);
    expect(policy.snapshot().counters).toMatchObject({ calls: 1, aborted: 1 });
  });

  it('does not start a queued call whose signal is being aborted, though its own listener was not told yet', async () => {
    const { policy, call, started } = setUp({ limit: 1, queue: 1 });
    const controller = new AbortController();
    // Told first: it makes the room.
    controller.signal.addEventListener('abort', () => policy.resize(2));
    void call(0);
    const queued = call(1, controller.signal);

    controller.abort('enough');

    await expect(queued).rejects.toBe('enough');
    expect(started).toEqual([0]);
    expect(policy.snapshot().gauges).toMatchObject({ held: 1, queued: 0 });
    expectBooksToBalance(policy.snapshot());
  });

  it('rejects a caller that has waited for queueWaitMs', async () => {
    const { clock, policy, call, works } = setUp({ limit: 1, queue: 2, queueWaitMs: 50 });
    const first = call(0);
    const second = call(1).catch((error: unknown) => error);
    await clock.advance(30);
    const third = call(2);
    await clock.advance(20);

    expect(await second).toMatchObject({ code: 'BULKHEAD_FULL', limit: 1, queued: 1 });
    works[0]!.resolve(0);
    await first;
    expect(clock.pending()).toBe(0);
    works[2]!.resolve(2);
    expect(await third).toBe(2);
    expect(policy.snapshot().counters).toMatchObject({ expired: 1, rejected: 0, succeeded: 2 });
  });

  it('rejects at the deadline of a call that waits for longer', async () => {
    const { clock, policy, call } = setUp({ limit: 1, queue: 1 });
    void call(0);

    const waiting = policy.tryExecute(() => 1, { deadline: 40 });
    await clock.advance(40);

    expect(await waiting).toMatchObject({ ok: false, error: { code: 'DEADLINE_EXCEEDED' } });
    expect(policy.snapshot().gauges).toMatchObject({ queued: 0 });
    expect(clock.pending()).toBe(0);
  });

  it('gives more room to those who wait at once, and lets what runs end when there is less', async () => {
    const { policy, call, works, started } = setUp({ limit: 1, queue: 3 });
    const calls = [call(0), call(1), call(2), call(3)];

    policy.resize(3);
    expect(started).toEqual([0, 1, 2]);
    policy.resize(1);
    works[0]!.resolve(0);
    await calls[0];
    expect(started).toHaveLength(3);
    works[1]!.resolve(1);
    works[2]!.resolve(2);
    await calls[2];
    expect(started).toEqual([0, 1, 2, 3]);
    works[3]!.resolve(3);
    await Promise.all(calls);

    expect(() => policy.resize(0)).toThrow('limit must be an integer of at least 1, got 0');
    expect(policy.snapshot().gauges.limit).toBe(1);
  });

  it('walks through a long line of works that throw at once', async () => {
    const { policy, call, works } = setUp({ limit: 1, queue: 20_000 });
    const first = call(0);
    const boom = (): never => {
      throw new Error('at once');
    };
    const others = Array.from({ length: 20_000 }, () => policy.tryExecute(boom));

    works[0]!.resolve(0);
    await first;
    const outcomes = await Promise.all(others);

    expect(outcomes.every(({ ok }) => !ok)).toBe(true);
    expect(policy.snapshot()).toMatchObject({
      counters: { failed: 20_000 },
      gauges: { held: 0, queued: 0 },
    });
  });

  it('lets a running caller go at once when it aborts, but holds its place until the work ends', async () => {
    const { policy, call, works, started } = setUp({ limit: 1, queue: 1 });
    const controller = new AbortController();
    const first = call(0, controller.signal);
    const second = call(1);

    controller.abort('enough');
    await expect(first).rejects.toBe('enough');
    expect(policy.snapshot().gauges).toEqual({ inFlight: 0, queued: 1, held: 1, limit: 1 });
    expect(started).toEqual([0]);
    works[0]!.reject(new Error('late, and handled'));
    works[1]!.resolve(1);

    expect(await second).toBe(1);
    expectBooksToBalance(policy.snapshot());
  });

  it('stands in no line when the signal cannot be listened to', async () => {
    const { policy, call, works } = setUp({ limit: 1, queue: 1 });
    const first = call(0);
    const broken = Object.assign(new EventTarget(), {
      aborted: false,
      addEventListener: () => {
        throw new Error('no listeners here');
      },
    });

    await expect(call(1, broken as never)).rejects.toThrow('no listeners here');

    expect(policy.snapshot().gauges).toMatchObject({ queued: 0 });
    expectBooksToBalance(policy.snapshot());
    works[0]!.resolve(0);
    await first;
  });

  it('leaves no timer and no listener behind after 1 000 calls that had to wait', async () => {
    const { clock, policy } = setUp({ limit: 1, queue: 1, queueWaitMs: 1_000 });
    const { signal } = new AbortController();

    for (let n = 0; n < 1_000; n += 1) {
      await Promise.all([
        policy.execute(() => Promise.resolve(n), { signal }),
        policy.execute(() => n, { signal }),
      ]);
    }

    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    expect(clock.pending()).toBe(0);
  });
});

describe('K05 real concurrency never exceeds the limit when calls time out', () => {
  const CALLS = 16;
  type Compose = (outer: Policy, inner: Policy) => (work: () => Promise<void>) => Promise<unknown>;
  const nested: Compose = (outer, inner) => (work) =>
    outer.tryExecute((context) => inner.execute(work, context));

  async function measure(run: (work: () => Promise<void>) => Promise<unknown>, policy: Bulkhead) {
    let running = 0;
    let most = 0;
    const works: Deferred<void>[] = [];
    const ignoresItsSignal = async (): Promise<void> => {
      running += 1;
      most = Math.max(most, running);
      const work = createDeferred<void>();
      works.push(work);
      await work.promise;
      running -= 1;
    };
    const calls = Array.from({ length: CALLS }, () => run(ignoresItsSignal));
    return { calls, works, most: () => most, running: () => running, policy };
  }

  it.each([
    ['bulkhead outside timeout', (b: Bulkhead, t: Policy) => nested(b, t)],
    ['timeout outside bulkhead', (b: Bulkhead, t: Policy) => nested(t, b)],
  ])('%s', async (_order, compose) => {
    const clock = createFakeClock();
    const policy = bulkhead({ limit: 2, queue: CALLS, clock });
    const run = compose(policy, timeout({ ms: 10, clock }));
    const { calls, works, most, running } = await measure(run, policy);

    for (let round = 0; round < CALLS; round += 1) {
      await clock.advance(100);
      expect(running()).toBeLessThanOrEqual(2);
      expect(policy.snapshot().gauges.held).toBe(running());
      works.forEach((work) => work.resolve());
    }
    await Promise.all(calls);

    expect(most()).toBe(2);
    expect(policy.snapshot().gauges).toMatchObject({ held: 0, queued: 0, inFlight: 0 });
    expectBooksToBalance(policy.snapshot());
    expect(clock.pending()).toBe(0);
  });

  it('and it does without the trackers that hold the place (negative control)', async () => {
    const clock = createFakeClock();
    const policy = bulkhead({ limit: 2, queue: CALLS, clock });
    const clipped = timeout({ ms: 10, clock });
    // A context of its own: nobody tells the bulkhead that the work still runs.
    const run = (work: () => Promise<void>): Promise<unknown> =>
      policy.tryExecute(() => clipped.execute(work));
    const { calls, works, most } = await measure(run, policy);

    await clock.advance(1_000);

    expect(most()).toBe(CALLS);
    works.forEach((work) => work.resolve());
    await Promise.all(calls);
  });
});

const wrong: [unknown, string][] = [
  [undefined, 'options must be an object, got undefined'],
  [{}, 'limit must be an integer of at least 1, got undefined'],
  [{ limit: 0 }, 'limit must be an integer of at least 1, got 0'],
  [{ limit: Infinity }, 'limit must be an integer of at least 1, got Infinity'],
  [{ limit: 1, queue: -1 }, 'queue must be an integer of at least 0, got -1'],
  [{ limit: 1, queueWaitMs: 0 }, 'queueWaitMs must be an integer of at least 1, got 0'],
  [{ limit: 1, queueWaitMs: '5' }, 'queueWaitMs must be an integer of at least 1, got "5"'],
  [{ limit: 1, name: '' }, 'name must be a non-empty string, got ""'],
  [{ limit: 1, clock: 5 }, 'clock must be an object, got 5'],
];

it.each(wrong)('refuses wrong options at once (%#)', (options, message) => {
  expect(() => bulkhead(options as never)).toThrow(message);
});

it('takes an explicit undefined as the default', async () => {
  const policy = bulkhead({
    limit: 1,
    name: undefined,
    queue: undefined,
    queueWaitMs: undefined,
    clock: undefined,
  });

  expect(await policy.execute(() => 'fine')).toBe('fine');
  expect(policy.name).toBe('bulkhead');
});

describe('the asynchronous context of work that has waited', () => {
  it('is that of its own caller, not of the call that has made the room', async () => {
    const { policy } = setUp({ limit: 1, queue: 2 });
    const user = new AsyncLocalStorage<string>();
    const order: string[] = [];
    const request = (name: string): Promise<string | undefined> =>
      user.run(name, () =>
        policy.execute(async () => {
          order.push(name);
          await Promise.resolve();
          return user.getStore();
        }),
      );

    const seen = await Promise.all(['alice', 'bob', 'carol'].map(request));

    expect(seen).toEqual(['alice', 'bob', 'carol']);
    expect(order).toEqual(['alice', 'bob', 'carol']);
  });

  it('has the deadline of its own caller', async () => {
    const { clock, policy } = setUp({ limit: 1, queue: 2 });
    const work = createDeferred<number>();
    const left = (): number => remaining(clock);

    const first = withDeadline(40, () => policy.execute(() => work.promise), { clock });
    const second = withDeadline(5_000, () => policy.execute(left), { clock });
    const third = policy.execute(left);
    await clock.advance(20);
    work.resolve(1);

    expect(await Promise.all([first, second, third])).toEqual([1, 4_980, Infinity]);
  });
});
