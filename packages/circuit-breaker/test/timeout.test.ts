import { getEventListeners } from 'node:events';
import { createDeferred } from '@holdfast/internal';
import { createFakeClock } from '@holdfast/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { timeout } from '../src/index.ts';

function setUp() {
  const clock = createFakeClock();
  const policy = timeout({ name: 'read', ms: 50, clock });
  const events: unknown[] = [];
  policy.on('timeout', (event) => events.push(event));
  return { clock, policy, events };
}

describe('timeout', () => {
  it('rejects at the deadline, though the work ignores its signal', async () => {
    const { clock, policy, events } = setUp();

    const result = policy.execute(() => new Promise(() => undefined)).catch((e: unknown) => e);
    await clock.advance(50);

    expect(await result).toMatchObject({
      name: 'TimeoutError',
      code: 'TIMEOUT',
      message: '"read" expired: the work did not settle within 50 ms',
      policy: 'read',
      timeoutMs: 50,
    });
    expect(events).toEqual([{ timeoutMs: 50 }]);
    expect(clock.pending()).toBe(0);
  });

  it('aborts the signal of the work with the same error, also when it is read later', async () => {
    const { clock, policy } = setUp();
    const reasons: unknown[] = [];

    const early = policy.tryExecute(({ signal }) => {
      signal.addEventListener('abort', () => reasons.push(signal.reason));
      return new Promise(() => undefined);
    });
    const gate = createDeferred<void>();
    const late = policy.tryExecute(async (context) => {
      await gate.promise;
      reasons.push(context.signal.reason);
    });
    await clock.advance(50);
    gate.resolve();
    const outcomes = await Promise.all([early, late]);
    await clock.advance(0);

    expect(reasons).toEqual(outcomes.map((outcome) => (outcome.ok ? undefined : outcome.error)));
    expect(reasons).toHaveLength(2);
  });

  it('lets the timeout win when the aborted work rejects with an error of its own', async () => {
    const { clock, policy } = setUp();

    const result = policy
      .execute(
        ({ signal }) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(new Error('cancelled')));
          }),
      )
      .catch((error: unknown) => error);
    await clock.advance(50);

    expect(await result).toMatchObject({ code: 'TIMEOUT' });
  });

  it('clears its timer and leaves the signal alone after a success and after a failure', async () => {
    const { clock, policy } = setUp();
    const signals: AbortSignal[] = [];

    await policy.execute(({ signal }) => signals.push(signal));
    await policy.tryExecute(({ signal }) => {
      signals.push(signal);
      throw new Error('down');
    });
    expect(clock.pending()).toBe(0);
    await clock.advance(1_000);

    expect(signals.map((signal) => signal.aborted)).toEqual([false, false]);
  });

  it('handles a rejection that comes after the deadline', async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown): unknown => unhandled.push(reason);
    process.on('unhandledRejection', onUnhandled);
    onTestFinished(() => void process.off('unhandledRejection', onUnhandled));
    const { clock, policy } = setUp();
    const work = createDeferred<void>();

    const result = policy.tryExecute(() => work.promise);
    await clock.advance(50);
    work.reject(new Error('too late'));
    await clock.advance(0);

    expect(await result).toMatchObject({ ok: false, error: { code: 'TIMEOUT' } });
    expect(unhandled).toEqual([]);
  });

  it('does not touch a healthy call that runs beside an expired one', async () => {
    const { clock, policy } = setUp();
    const work = createDeferred<string>();

    const expired = policy.tryExecute(() => new Promise(() => undefined));
    await clock.advance(30);
    const healthy = policy.execute(() => work.promise);
    await clock.advance(30);
    work.resolve('fine');

    expect(await expired).toMatchObject({ ok: false });
    await expect(healthy).resolves.toBe('fine');
  });
});

describe("an abort by the caller's signal", () => {
  it('rejects with its reason, reaches the work and is no timeout', async () => {
    const { clock, policy, events } = setUp();
    const controller = new AbortController();
    let seen: unknown;

    const result = policy.execute(
      ({ signal }) => {
        signal.addEventListener('abort', () => (seen = signal.reason as unknown));
        return new Promise(() => undefined);
      },
      { signal: controller.signal },
    );
    controller.abort('enough');

    await expect(result).rejects.toBe('enough');
    expect(seen).toBe('enough');
    expect(events).toEqual([]);
    expect(clock.pending()).toBe(0);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  it('before the call rejects without calling the work or setting a timer', async () => {
    const { clock, policy } = setUp();
    let calls = 0;

    const result = policy.execute(() => (calls += 1), { signal: AbortSignal.abort('early') });

    await expect(result).rejects.toBe('early');
    expect([calls, clock.pending()]).toEqual([0, 0]);
  });

  it('that cannot be listened to rejects, and the timer that was set does no harm', async () => {
    const { clock, policy } = setUp();
    const broken = new Error('no listeners here');
    const signal = Object.assign(new EventTarget(), {
      aborted: false,
      addEventListener: () => {
        throw broken;
      },
    });

    await expect(policy.execute(() => 1, { signal: signal as never })).rejects.toBe(broken);
    await clock.advance(50);

    expect(clock.pending()).toBe(0);
    expect(policy.snapshot().gauges).toEqual({ inFlight: 0 });
  });

  it('leaves no listener behind after 100 000 calls', async () => {
    const { clock, policy } = setUp();
    const { signal } = new AbortController();

    for (let n = 0; n < 100_000; n += 1) await policy.execute(() => n, { signal });

    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    expect(clock.pending()).toBe(0);
  });
});

it('accounts for every call', async () => {
  const { clock, policy } = setUp();
  const controller = new AbortController();
  const calls = [
    policy.tryExecute(() => 1),
    policy.tryExecute(() => Promise.reject(new Error('down'))),
    policy.tryExecute(() => new Promise(() => undefined)),
    policy.tryExecute(() => new Promise(() => undefined), { signal: controller.signal }),
    policy.tryExecute(() => 1, { signal: AbortSignal.abort() }),
  ];
  await clock.advance(10);
  controller.abort();
  await clock.advance(40);
  const running = policy.execute(() => new Promise(() => undefined));
  await Promise.all(calls);

  expect(policy.snapshot()).toEqual({
    name: 'read',
    kind: 'timeout',
    counters: { calls: 6, succeeded: 1, failed: 1, timedOut: 1, aborted: 2 },
    gauges: { inFlight: 1 },
  });
  void running;
});
