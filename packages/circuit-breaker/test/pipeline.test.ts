import { getEventListeners } from 'node:events';
import { createFakeClock } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import {
  circuitBreaker,
  consecutive,
  pipeline,
  retry,
  timeout,
  type Policy,
} from '../src/index.ts';

const backoff = { jitter: 'none', baseMs: 10, factor: 1 } as const;
const hang = () => new Promise<never>(() => undefined);

describe('lint', () => {
  const fake = (kind: string): Policy => ({
    ...pipeline(),
    name: kind,
    execute: (fn) => pipeline().execute(fn),
    snapshot: () => ({ name: kind, kind, counters: {}, gauges: {} }),
  });

  it.each([
    ['retry', 'fallback', 'nothing is ever tried again'],
    ['hedge', 'cached-fallback', 'nothing is ever tried again'],
    ['circuit-breaker', 'fallback', 'hides every failure'],
    ['retry', 'retry', 'multiply'],
    ['bulkhead', 'retry', 'a place is held'],
    ['rate-limiter', 'retry', 'past the limit'],
  ])('finds fault with %s(%s)', (outer, inner, why) => {
    const findings = pipeline(fake(outer), pipeline(fake(inner))).lint();

    expect(findings).toEqual([expect.stringContaining(why)]);
    expect(findings[0]).toContain(`${inner} "${inner}" stands inside ${outer} "${outer}"`);
  });

  it('finds fault with a policy that a call would enter twice', () => {
    const limit = timeout({ ms: 5 });
    expect(pipeline(limit, limit).lint()).toEqual([expect.stringContaining('twice')]);
  });

  it('has nothing against the usual orders', () => {
    const usual = ['fallback', 'retry', 'circuit-breaker', 'rate-limiter', 'bulkhead', 'timeout'];
    expect(pipeline(...usual.map(fake)).lint()).toEqual([]);
    expect(
      pipeline(timeout({ ms: 9 }), retry(), circuitBreaker(), timeout({ ms: 5 })).lint(),
    ).toEqual([]);
  });
});

describe('pipeline', () => {
  it('gives each attempt its own timeout when retry is outside', async () => {
    const clock = createFakeClock();
    const policy = pipeline(retry({ attempts: 3, backoff, clock }), timeout({ ms: 50, clock }));
    const attempts: number[] = [];

    const result = policy.execute(({ attempt, signal }) => {
      attempts.push(attempt);
      expect(signal.aborted).toBe(false);
      return attempt < 3 ? hang() : 'third time lucky';
    });
    await clock.advance(200);

    await expect(result).resolves.toBe('third time lucky');
    expect(attempts).toEqual([1, 2, 3]);
    expect(clock.pending()).toBe(0);
  });

  it('bounds all attempts together when the timeout is outside', async () => {
    const clock = createFakeClock();
    const policy = pipeline(timeout({ ms: 25, clock }), retry({ attempts: 9, backoff, clock }));
    let calls = 0;

    const result = policy.tryExecute(() => {
      calls += 1;
      return calls < 2 ? Promise.reject(new Error('down')) : hang();
    });
    await clock.advance(1_000);

    expect(await result).toMatchObject({ ok: false, error: { code: 'TIMEOUT' } });
    expect(calls).toBe(2);
    expect(clock.pending()).toBe(0);
  });

  it('ends with the real error, at once, when the next wait would outlast the timeout outside', async () => {
    const clock = createFakeClock();
    const inner = retry({ attempts: 9, backoff, clock });
    const reasons: string[] = [];
    inner.on('giveUp', ({ reason }) => reasons.push(reason));

    const result = pipeline(timeout({ ms: 25, clock }), inner).tryExecute(() =>
      Promise.reject(new Error('down')),
    );
    await clock.advance(20);

    expect(await result).toMatchObject({ ok: false, error: { message: 'down' } });
    expect(reasons).toEqual(['deadline']);
    expect(clock.pending()).toBe(0);
  });

  it.each(['inside', 'outside'])(
    'opens the circuit when the work hangs and the timeout is %s it',
    async (place) => {
      const clock = createFakeClock();
      const breaker = circuitBreaker({ trip: consecutive(2), clock });
      const limit = timeout({ ms: 50, clock });
      const policy = place === 'inside' ? pipeline(breaker, limit) : pipeline(limit, breaker);

      for (let n = 0; n < 2; n += 1) {
        const result = policy.tryExecute(hang);
        await clock.advance(50);
        await result;
      }

      expect(breaker.state).toBe('open');
    },
  );

  it('creates no signal when nobody looks at it', async () => {
    const clock = createFakeClock();
    const policy = pipeline(
      retry({ clock }),
      circuitBreaker({ clock }),
      timeout({ ms: 50, clock }),
    );
    const original = globalThis.AbortController;
    let created = 0;
    globalThis.AbortController = class extends original {
      constructor() {
        super();
        created += 1;
      }
    };

    try {
      await policy.execute(() => 1);
      expect(created).toBe(0);
      await policy.execute(({ signal }) => signal.aborted);
      expect(created).toBe(1);
    } finally {
      globalThis.AbortController = original;
    }
  });

  it('carries an abort through every layer and leaves no listener', async () => {
    const clock = createFakeClock();
    const policy = pipeline(
      retry({ clock }),
      circuitBreaker({ clock }),
      timeout({ ms: 50, clock }),
      retry({ clock }),
    );
    const controller = new AbortController();
    let seen: unknown;

    const result = policy.execute(
      ({ signal }) => {
        signal.addEventListener('abort', () => (seen = signal.reason as unknown));
        return hang();
      },
      { signal: controller.signal },
    );
    await clock.advance(10);
    controller.abort('enough');

    await expect(result).rejects.toBe('enough');
    expect(seen).toBe('enough');
    expect(clock.pending()).toBe(0);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  it('passes signal and attempt on when policies are nested by hand', async () => {
    const clock = createFakeClock();
    const outer = retry({ attempts: 2, backoff, clock });
    const inner = timeout({ ms: 50, clock });
    const seen: number[] = [];

    const result = outer.tryExecute((context) =>
      inner.execute(({ attempt }) => {
        seen.push(attempt);
        throw new Error('down');
      }, context),
    );
    await clock.advance(10);
    await result;

    expect(seen).toEqual([1, 2]);
  });

  it('is a policy of any length, also of none, and composes with itself', async () => {
    const clock = createFakeClock();
    const many = pipeline(...Array.from({ length: 12 }, () => timeout({ ms: 50, clock })));

    await expect(many.execute(() => 'twelve')).resolves.toBe('twelve');
    await expect(pipeline().execute(({ attempt }) => attempt)).resolves.toBe(1);
    await expect(pipeline(pipeline(many), retry({ clock })).execute(() => 'all')).resolves.toBe(
      'all',
    );
    await expect(pipeline().execute(() => 1, { signal: AbortSignal.abort('early') })).rejects.toBe(
      'early',
    );
    const controller = new AbortController();
    const hanging = pipeline().execute(hang, { signal: controller.signal });
    controller.abort('enough');
    await expect(hanging).rejects.toBe('enough');
  });

  it('shows the snapshots of its policies, outer to inner, and has no events of its own', () => {
    const policy = pipeline(retry(), circuitBreaker({ name: 'db' }));

    expect(policy.snapshot()).toMatchObject({
      name: 'pipeline',
      kind: 'pipeline',
      policies: [{ kind: 'retry' }, { kind: 'circuit-breaker', name: 'db', state: 'closed' }],
    });
    expect(JSON.parse(JSON.stringify(policy.snapshot()))).toEqual(policy.snapshot());
    expect(() => policy.on('anything' as never, () => undefined)).toThrow(
      new TypeError('there are no events to listen to, got "anything"'),
    );
  });
});
