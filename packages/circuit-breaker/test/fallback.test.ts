import { getEventListeners } from 'node:events';
import { createDeferred } from '@holdfast/internal';
import { createFakeClock } from '@holdfast/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { fallback, fallbackWith } from '../src/fallback/fallback.ts';
import { timeout } from '../src/timeout/timeout.ts';

const down = new Error('down');
const failing = (): Promise<string> => Promise.reject(down);

function collectUnhandled(): unknown[] {
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown): unknown => unhandled.push(reason);
  process.on('unhandledRejection', onUnhandled);
  onTestFinished(() => void process.off('unhandledRejection', onUnhandled));
  return unhandled;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('fallback', () => {
  it('F01 is not used on success', async () => {
    let calls = 0;
    const policy = fallback(() => (calls += 1));

    expect(await policy.execute(() => 'fine')).toBe('fine');
    expect(calls).toBe(0);
  });

  it('F01 is used on failure, with the error as argument', async () => {
    const seen: unknown[] = [];
    const policy = fallback((error, context) => {
      seen.push(error, context.key);
      return 'instead';
    });
    const events: unknown[] = [];
    policy.on('fallback', (event) => events.push(event));

    expect(await policy.execute(failing, { key: 'k' })).toBe('instead');
    expect(await policy.tryExecute(() => failing(), { key: 'k' })).toEqual({
      ok: true,
      value: 'instead',
    });
    expect(seen).toEqual([down, 'k', down, 'k']);
    expect(events).toEqual([
      { step: 1, error: down },
      { step: 1, error: down },
    ]);
  });

  it('F02 is called once when a timeout and a later rejection both happen', async () => {
    const unhandled = collectUnhandled();
    const clock = createFakeClock();
    let calls = 0;
    const policy = fallback(() => (calls += 1));
    const inner = timeout({ ms: 10, clock });
    const work = createDeferred<number>();

    const result = policy.execute((context) => inner.execute(() => work.promise, context));
    await clock.advance(10);
    expect(await result).toBe(1);
    work.reject(new Error('late'));
    await turn();

    expect(calls).toBe(1);
    expect(unhandled).toEqual([]);
  });

  it('F03 that fails rejects with all errors, the first one as the cause', async () => {
    const unhandled = collectUnhandled();
    const second = new Error('replica down');
    const third = new Error('cache down');
    const seen: unknown[] = [];
    const policy = fallback(
      (error) => {
        seen.push(error);
        throw second;
      },
      (error) => {
        seen.push(error);
        return Promise.reject(third);
      },
    );

    const error: unknown = await policy.execute(failing).catch((thrown: unknown) => thrown);
    await turn();

    expect(error).toBeInstanceOf(AggregateError);
    expect(error).toMatchObject({ errors: [down, second, third], cause: down });
    expect(seen).toEqual([down, second]);
    expect(unhandled).toEqual([]);
  });

  it('tries the steps in order, values and functions', async () => {
    const policy = fallback(() => Promise.reject(new Error('no replica')), 0, 'never');
    const events: unknown[] = [];
    policy.on('fallback', ({ step }) => events.push(step));

    expect(await policy.execute(failing)).toBe(0);
    expect(events).toEqual([2]);
    expect(await fallback(undefined).execute(failing)).toBeUndefined();
    expect(await fallback([] as string[]).execute(failing)).toEqual([]);
    expect(await fallback(() => () => 'a function').execute(failing)).toBeTypeOf('function');
  });

  it('never answers an abort by the caller', async () => {
    let calls = 0;
    const policy = fallback(() => (calls += 1));
    const controller = new AbortController();

    const result = policy.execute(() => new Promise(() => undefined), {
      signal: controller.signal,
    });
    controller.abort('enough');

    await expect(result).rejects.toBe('enough');
    await expect(policy.execute(() => 1, { signal: AbortSignal.abort('early') })).rejects.toBe(
      'early',
    );
    const own = new AbortController();
    const thrown = policy.execute(
      () => {
        own.abort('by itself');
        throw new Error('because of the abort');
      },
      { signal: own.signal },
    );
    await expect(thrown).rejects.toBeDefined();
    expect(calls).toBe(0);
    expect(policy.snapshot().counters).toEqual({
      calls: 3,
      succeeded: 0,
      replaced: 0,
      failed: 0,
      aborted: 3,
    });
  });

  it('rejects at once when the caller aborts while a step runs, and tries no further one', async () => {
    let further = 0;
    const policy = fallback(
      () => new Promise<never>(() => undefined),
      () => (further += 1),
    );
    const controller = new AbortController();

    const result = policy.execute(failing, { signal: controller.signal });
    await turn();
    controller.abort('enough');

    await expect(result).rejects.toBe('enough');
    expect(further).toBe(0);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  it('does not answer a deadline of the call itself', async () => {
    const clock = createFakeClock();
    const outer = timeout({ ms: 10, clock });
    const policy = fallback('instead');

    const result = outer.tryExecute((context) =>
      policy.execute(() => new Promise(() => undefined), context),
    );
    await clock.advance(10);

    expect(await result).toMatchObject({ ok: false, error: { code: 'TIMEOUT' } });
    await turn();
    expect(policy.snapshot()).toMatchObject({ counters: { aborted: 1 }, gauges: { inFlight: 0 } });
  });

  it('replaces a value that is judged a failure; the step gets it as its error', async () => {
    const seen: unknown[] = [];
    const policy = fallbackWith(
      {
        name: 'page',
        classify: ({ value }) => (value === 503 ? { verdict: 'failure' } : undefined),
      },
      (error) => {
        seen.push(error);
        return 200;
      },
    );

    expect(await policy.execute(() => 503)).toBe(200);
    expect(await policy.execute(() => 404)).toBe(404);
    expect(seen).toEqual([503]);
    expect(policy.snapshot()).toEqual({
      name: 'page',
      kind: 'fallback',
      counters: { calls: 2, succeeded: 1, replaced: 1, failed: 0, aborted: 0 },
      gauges: { inFlight: 0 },
    });
  });

  it('lets an error that is to be ignored pass', async () => {
    const policy = fallbackWith(
      { classify: ({ ok }) => (ok ? undefined : { verdict: 'ignore' }) },
      'instead',
    );

    await expect(policy.execute(failing)).rejects.toBe(down);
    expect(policy.snapshot().counters).toMatchObject({ failed: 1, replaced: 0 });
  });

  it('leaves no listener behind after 1 000 calls', async () => {
    const { signal } = new AbortController();
    const policy = fallback(() => Promise.resolve('instead'));

    for (let n = 0; n < 1_000; n += 1) await policy.execute(failing, { signal });

    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

it('refuses wrong arguments at once', () => {
  const make = fallback as (...steps: unknown[]) => unknown;

  expect(() => make()).toThrow(new TypeError('steps must be at least one, got none'));
  expect(() => make(1, Promise.resolve(2))).toThrow(
    'steps[1] must be a value or a function, got a promise',
  );
  expect(() => fallbackWith(5 as never, 1)).toThrow('options must be an object, got 5');
  expect(() => fallbackWith({ name: '' }, 1)).toThrow('name must be a non-empty string, got ""');
  expect(() => fallbackWith({ classify: 5 as never }, 1)).toThrow(
    'classify must be a function, got 5',
  );
});

it('measures the deadline of a call by its clock', async () => {
  const clock = createFakeClock({ startMs: 1e9 });
  const policy = fallbackWith({ clock }, 'instead');

  expect(await policy.execute(() => 'fine', { deadline: clock.now() + 50 })).toBe('fine');
  await expect(policy.execute(() => 'fine', { deadline: clock.now() })).rejects.toMatchObject({
    code: 'DEADLINE_EXCEEDED',
  });
  expect(() => fallbackWith({ clock: 5 as never }, 1)).toThrow('clock must be an object, got 5');
});
