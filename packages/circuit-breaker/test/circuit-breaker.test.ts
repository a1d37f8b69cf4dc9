import { getEventListeners } from 'node:events';
import { createDeferred, type Deferred } from '@holdfast/internal';
import { createFakeClock, type FakeClock } from '@holdfast/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { TimeoutError } from '../src/errors.ts';
import {
  circuitBreaker,
  consecutive,
  countWindow,
  timeWindow,
  type CircuitBreaker,
  type CircuitBreakerEvents,
} from '../src/index.ts';
import { exactBreaker, type ExactOptions } from './exact-breaker.ts';

const failing = (): Promise<never> => Promise.reject(new Error('down'));

function setUp(options: ExactOptions = {}): { clock: FakeClock; breaker: CircuitBreaker } {
  const clock = createFakeClock();
  return {
    clock,
    breaker: exactBreaker({ name: 'db', failures: 2, openMs: 100, clock, ...options }),
  };
}

async function failTimes(breaker: CircuitBreaker, times: number): Promise<void> {
  for (let n = 0; n < times; n += 1) await breaker.tryExecute(failing);
}

/** Starts `count` calls that settle when the test says so. */
function startCalls(
  breaker: CircuitBreaker,
  count: number,
): { works: Deferred<void>[]; calls: Promise<unknown>[] } {
  const works = Array.from({ length: count }, () => createDeferred<void>());
  return { works, calls: works.map((work) => breaker.tryExecute(() => work.promise)) };
}

describe('a closed circuit', () => {
  it('passes values, errors and synchronous throws through unchanged', async () => {
    const { breaker } = setUp();
    const thrown = new Error('at once');

    await expect(breaker.execute(() => 7)).resolves.toBe(7);
    await expect(breaker.execute(() => Promise.resolve('later'))).resolves.toBe('later');
    await expect(
      breaker.execute(() => {
        throw thrown;
      }),
    ).rejects.toBe(thrown);
  });

  it('opens at the given number of failures in a row, then rejects without calling the work', async () => {
    const { breaker, clock } = setUp();
    let calls = 0;

    await failTimes(breaker, 2);
    await clock.advance(30);
    const rejected = breaker.execute(() => (calls += 1));

    await expect(rejected).rejects.toMatchObject({
      name: 'CircuitOpenError',
      code: 'CIRCUIT_OPEN',
      message: 'circuit "db" is open, retry after 70 ms',
      policy: 'db',
      retryAfterMs: 70,
      cause: new Error('down'),
    });
    expect(calls).toBe(0);
  });

  it('starts counting again after a success', async () => {
    const { breaker } = setUp();

    await failTimes(breaker, 1);
    await breaker.execute(() => 1);
    await failTimes(breaker, 1);

    expect(breaker.state).toBe('closed');
  });

  it('emits one transition when many concurrent calls fail', async () => {
    const { breaker } = setUp();
    const transitions: CircuitBreakerEvents['transition'][] = [];
    breaker.on('transition', (event) => transitions.push(event));

    await Promise.all(Array.from({ length: 20 }, () => breaker.tryExecute(failing)));

    expect(transitions).toEqual([{ from: 'closed', to: 'open', reason: 'tripped' }]);
    expect(breaker.snapshot().counters).toMatchObject({ failed: 2, stale: 18 });
  });

  it('takes errors that the classifier ignores as neither a failure nor a success', async () => {
    const { breaker } = setUp({
      classify: ({ error }) =>
        (error as Error | undefined)?.message === 'not found' ? { verdict: 'ignore' } : undefined,
    });
    const notFound = () => Promise.reject(new Error('not found'));

    await failTimes(breaker, 1);
    await breaker.tryExecute(notFound);
    expect(breaker.state).toBe('closed');
    await failTimes(breaker, 1);

    expect(breaker.state).toBe('open');
    expect(breaker.snapshot().counters).toMatchObject({ failed: 2, ignored: 1 });
  });

  it('counts a failure and reports both errors when the classifier throws', async () => {
    const broken = new Error('classify is broken');
    const { breaker } = setUp({
      failures: 1,
      classify: () => {
        throw broken;
      },
    });

    const error: unknown = await breaker.execute(failing).catch((caught: unknown) => caught);

    expect(error).toBeInstanceOf(AggregateError);
    expect(error).toMatchObject({ errors: [new Error('down'), broken], cause: broken });
    expect(breaker.state).toBe('open');
  });
});

describe('an open circuit', () => {
  it('reads as half-open by itself when its time is over, with no timer', async () => {
    const { breaker, clock } = setUp();
    await failTimes(breaker, 2);

    await clock.advance(99);
    expect(breaker.state).toBe('open');
    await clock.advance(1);

    expect(breaker.state).toBe('half-open');
    expect(clock.pending()).toBe(0);
  });

  it('never counts the calls that it rejects', async () => {
    const { breaker, clock } = setUp();
    await failTimes(breaker, 2);

    await failTimes(breaker, 1_000);
    await clock.advance(100);
    await breaker.execute(() => 1);

    expect(breaker.state).toBe('closed');
    expect(breaker.snapshot().counters).toMatchObject({ rejected: 1_000, failed: 2, succeeded: 1 });
  });

  it('ignores late results of calls admitted before it opened', async () => {
    const { breaker, clock } = setUp();
    const { works, calls } = startCalls(breaker, 4);
    works[0]?.reject(new Error('down'));
    works[1]?.reject(new Error('down'));
    await Promise.all(calls.slice(0, 2));

    await clock.advance(100);
    works[2]?.resolve();
    await calls[2];
    expect(breaker.state).toBe('half-open');
    await breaker.execute(() => 'probe');
    works[3]?.reject(new Error('down'));
    await calls[3];
    await failTimes(breaker, 1);

    expect(breaker.state).toBe('closed');
    expect(breaker.snapshot().counters).toMatchObject({ stale: 2 });
  });

  it('has forgotten an old failure streak after a long idle time', async () => {
    const { breaker, clock } = setUp();
    await failTimes(breaker, 2);

    await clock.advance(7 * 24 * 3_600_000);
    await breaker.execute(() => 'probe');
    await failTimes(breaker, 1);

    expect(breaker.state).toBe('closed');
  });
});

describe('a half-open circuit', () => {
  it.each([1, 3])('admits just %i of 1 000 concurrent calls', async (probes) => {
    const { breaker, clock } = setUp({ probes });
    await failTimes(breaker, 2);
    await clock.advance(100);
    let running = 0;
    const work = createDeferred<void>();

    const calls = Array.from({ length: 1_000 }, () =>
      breaker.tryExecute(() => {
        running += 1;
        return work.promise;
      }),
    );
    await clock.advance(0);
    expect(running).toBe(probes);
    work.resolve();
    const outcomes = await Promise.all(calls);

    expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(probes);
    expect(breaker.state).toBe('closed');
  });

  it('opens again for the whole time when its probe fails', async () => {
    const { breaker, clock } = setUp();
    await failTimes(breaker, 2);
    await clock.advance(150);

    await failTimes(breaker, 1);

    await expect(breaker.execute(() => 1)).rejects.toMatchObject({ retryAfterMs: 100 });
  });

  it('recovers from a probe that hangs, and ignores its late result', async () => {
    const { breaker, clock } = setUp({ maxWaitMs: 40 });
    await failTimes(breaker, 2);
    await clock.advance(100);
    const { works, calls } = startCalls(breaker, 1);

    await expect(breaker.execute(() => 1)).rejects.toMatchObject({ retryAfterMs: 40 });
    await clock.advance(40);
    expect(breaker.state).toBe('open');
    await clock.advance(100);
    await expect(breaker.execute(() => 'second probe')).resolves.toBe('second probe');
    expect(breaker.state).toBe('closed');
    works[0]?.reject(new Error('at last'));
    await Promise.all(calls);

    expect(breaker.snapshot().counters).toMatchObject({ stale: 1, failed: 2 });
  });

  it('takes the success of a probe that had expired for late, though nobody looked meanwhile', async () => {
    const { breaker, clock } = setUp({ maxWaitMs: 40 });
    await failTimes(breaker, 2);
    await clock.advance(100);
    const { works, calls } = startCalls(breaker, 1);

    await clock.advance(50);
    works[0]?.resolve();
    await Promise.all(calls);

    expect(breaker.state).toBe('open');
    expect(breaker.snapshot().counters).toMatchObject({ stale: 1, succeeded: 0 });
  });

  it('gets the place of an aborted probe back at once', async () => {
    const { breaker, clock } = setUp();
    await failTimes(breaker, 2);
    await clock.advance(100);
    const controller = new AbortController();
    const probe = breaker.execute(() => new Promise(() => undefined), {
      signal: controller.signal,
    });

    controller.abort('enough');

    await expect(probe).rejects.toBe('enough');
    expect(breaker.state).toBe('half-open');
    await expect(breaker.execute(() => 'next probe')).resolves.toBe('next probe');
  });
});

describe('a clock that moves between two readings', () => {
  /** Every reading is half a millisecond after the one before. */
  function setUpTicking() {
    let readings = 0;
    const clock = { ...createFakeClock(), now: () => (readings += 1) / 2 };
    const breaker = exactBreaker({ failures: 1, openMs: 1, clock });
    return { breaker, readings: () => readings };
  }

  it('never makes a rejection say that there is nothing to wait for', async () => {
    const { breaker } = setUpTicking();
    const hang = () => new Promise<never>(() => undefined);
    const rejections: unknown[] = [];
    breaker.on('reject', ({ error }) => rejections.push(error));

    for (const work of [failing, failing, hang, failing]) {
      void breaker.execute(work).catch(() => undefined);
      await new Promise((resolve) => setImmediate(resolve));
    }

    expect(rejections).toMatchObject([{ retryAfterMs: 0.5 }, { retryAfterMs: 0.5 }]);
  });

  it('is read once when a call enters, unless the circuit is closed, and once when it leaves', async () => {
    const { breaker, readings } = setUpTicking();

    await breaker.execute(() => 1);
    expect(readings()).toBe(1);
    await failTimes(breaker, 1);
    expect(readings()).toBe(2);
    await breaker.execute(failing).catch(() => undefined);
    expect(readings()).toBe(3);
  });
});

describe('an abort', () => {
  it('before the call rejects without calling the work', async () => {
    const { breaker } = setUp();
    let calls = 0;

    const call = breaker.execute(() => (calls += 1), { signal: AbortSignal.abort('early') });

    await expect(call).rejects.toBe('early');
    expect(calls).toBe(0);
    expect(breaker.snapshot().counters).toMatchObject({ calls: 1, aborted: 1 });
  });

  it('by a listener that hears the circuit move on stops the call, and takes no probe', async () => {
    const { breaker, clock } = setUp();
    await failTimes(breaker, 2);
    await clock.advance(100);
    const controller = new AbortController();
    const off = breaker.on('transition', () => controller.abort('enough'));
    let calls = 0;

    const call = breaker.execute(() => (calls += 1), { signal: controller.signal });

    await expect(call).rejects.toBe('enough');
    off();
    expect(calls).toBe(0);
    expect(breaker.state).toBe('half-open');
    expect(breaker.snapshot()).toMatchObject({
      counters: { calls: 3, failed: 2, aborted: 1 },
      gauges: { inFlight: 0 },
    });
    await expect(breaker.execute(() => 'probe')).resolves.toBe('probe');
  });

  it('by the caller says nothing about health, one by a timeout does', async () => {
    const { breaker } = setUp({ failures: 1 });
    const hang = () => new Promise<never>(() => undefined);
    const caller = new AbortController();
    const expired = new AbortController();

    const left = breaker.tryExecute(hang, { signal: caller.signal });
    caller.abort(new Error('the client went away'));
    await left;
    expect(breaker.state).toBe('closed');
    const cut = breaker.tryExecute(hang, { signal: expired.signal });
    expired.abort(new TimeoutError('timeout', 50));
    await cut;

    expect(breaker.state).toBe('open');
  });

  it('does not hide a failure that came first', async () => {
    const { breaker } = setUp({ failures: 1 });
    const controller = new AbortController();

    const call = breaker.tryExecute(
      () => {
        throw new Error('down');
      },
      { signal: controller.signal },
    );
    await call;
    controller.abort();

    expect(breaker.state).toBe('open');
  });
});

describe('isolation', () => {
  it('rejects all calls until every hold is released, and releasing twice is harmless', async () => {
    const { breaker } = setUp();
    const first = breaker.isolate();
    const second = breaker.isolate();

    await expect(breaker.execute(() => 1)).rejects.toMatchObject({
      name: 'CircuitIsolatedError',
      code: 'CIRCUIT_ISOLATED',
      message: 'circuit "db" is isolated',
      policy: 'db',
    });
    first();
    first();
    expect(breaker.state).toBe('isolated');
    second();

    await expect(breaker.execute(() => 1)).resolves.toBe(1);
  });

  it('leaves an open circuit open for its remaining time', async () => {
    const { breaker, clock } = setUp();
    await failTimes(breaker, 2);

    const release = breaker.isolate();
    await clock.advance(60);
    release();

    await expect(breaker.execute(() => 1)).rejects.toMatchObject({ retryAfterMs: 40 });
  });
});

describe('listeners', () => {
  it('hear transitions, failures and rejections in order', async () => {
    const { breaker, clock } = setUp();
    const heard: string[] = [];
    breaker.on('transition', ({ from, to }) => heard.push(`${from} to ${to}`));
    breaker.on('failure', ({ error }) => heard.push(`failure: ${(error as Error).message}`));
    breaker.on('reject', ({ error }) => heard.push(`reject: ${error.name}`));

    await failTimes(breaker, 3);
    await clock.advance(100);
    await breaker.execute(() => 1);

    expect(heard).toEqual([
      'failure: down',
      'closed to open',
      'failure: down',
      'reject: CircuitOpenError',
      'open to half-open',
      'half-open to closed',
    ]);
  });

  it('that throw change nothing', async () => {
    const warnings: string[] = [];
    const onWarning = (warning: Error): unknown => warnings.push(warning.name);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    const { breaker, clock } = setUp();
    for (const event of ['transition', 'failure', 'reject'] as const) {
      breaker.on(event, () => {
        throw new Error('bad listener');
      });
    }

    await failTimes(breaker, 2);
    await expect(breaker.execute(() => 1)).rejects.toMatchObject({ code: 'CIRCUIT_OPEN' });
    await clock.advance(100);
    await expect(breaker.execute(() => 'fine')).resolves.toBe('fine');

    expect(breaker.state).toBe('closed');
    await clock.advance(0);
    expect(new Set(warnings)).toEqual(new Set(['HoldfastListenerWarning']));
  });
});

describe('wrong options', () => {
  const breaker = exactBreaker();
  const saved = breaker.save();

  it.each<[() => unknown, string]>([
    [() => circuitBreaker({ random: 5 as never }), 'random must be a function, got 5'],
    [() => circuitBreaker({ clock: 5 as never }), 'clock must be an object, got 5'],
    [() => circuitBreaker({ halfOpen: 5 as never }), 'halfOpen must be an object, got 5'],
    [() => circuitBreaker({ restore: 5 as never }), 'restore must be an object, got 5'],
    [() => circuitBreaker({ openMs: null as never }), 'openMs must be an object, got null'],
    [
      () => circuitBreaker({ trip: { ...consecutive(1), shape: '' } }),
      'trip.shape must be a non-empty string, got ""',
    ],
    [() => breaker.configure(5 as never), 'rules must be an object, got 5'],
    [() => breaker.tryExecute(5 as never), 'fn must be a function, got 5'],
    [() => timeWindow(5 as never), 'options must be an object, got 5'],
    [() => countWindow(5 as never), 'options must be an object, got 5'],
    [() => countWindow({ size: 5, slow: 5 as never }), 'slow must be an object, got 5'],
  ])('are refused with a TypeError that names them (%#)', (act, message) => {
    expect(act).toThrow(new TypeError(message));
  });

  it.each<[() => unknown, string]>([
    [() => timeWindow({ spanMs: 0 }), 'spanMs must be an integer of at least 1, got 0'],
    [() => timeWindow({ buckets: 0 }), 'buckets must be an integer from 1 to 1000, got 0'],
    [
      () => countWindow({ size: 5, minimumCalls: 0 }),
      'minimumCalls must be an integer from 1 to 5, got 0',
    ],
    [() => timeWindow({ minimumCalls: 0 }), 'minimumCalls must be an integer of at least 1, got 0'],
    [
      () => countWindow({ size: 1_000_001 }),
      'size must be an integer from 1 to 1000000, got 1000001',
    ],
    [() => timeWindow({ slow: { overMs: 1, rate: 0 } }), 'slow.rate must be above 0, got 0'],
    [
      () => circuitBreaker({ restore: { ...saved, version: 0 as never } }),
      'restore.version must be an integer from 1 to 1, got 0',
    ],
    [
      () => circuitBreaker({ restore: { ...saved, openMs: -1 } }),
      'restore.openMs must be a finite number from 0 to 9007199254740991, got -1',
    ],
  ])('are refused with a RangeError that names the bounds (%#)', (act, message) => {
    expect(act).toThrow(new RangeError(message));
  });

  it('are refused by an open circuit as well', async () => {
    const { breaker: open } = setUp({ failures: 1 });
    await failTimes(open, 1);
    expect(() => open.tryExecute(5 as never)).toThrow('fn must be a function, got 5');
  });
});

it('accounts for every call', async () => {
  const { breaker, clock } = setUp({
    classify: ({ ok, error }) =>
      !ok && (error as Error).message !== 'down' ? { verdict: 'ignore' } : undefined,
  });
  const { calls, works } = startCalls(breaker, 3);
  await breaker.execute(() => 1);
  await breaker.tryExecute(() => Promise.reject(new Error('not found')));
  await failTimes(breaker, 4);
  works[0]?.resolve();
  await calls[0];
  await clock.advance(1);

  const { counters, gauges, ...rest } = breaker.snapshot();

  expect(rest).toEqual({ name: 'db', kind: 'circuit-breaker', state: 'open', mode: 'enforce' });
  expect(gauges).toEqual({ inFlight: 2, windowCalls: 2, windowFailures: 2, windowSlow: 0 });
  const { calls: total, ...parts } = counters;
  expect(parts).toEqual({ succeeded: 1, failed: 2, ignored: 1, stale: 1, rejected: 2, aborted: 0 });
  expect(total).toBe(Object.values(parts).reduce((sum, part) => sum + part, gauges.inFlight));
});

it('leaves no listener on a signal that outlives 100 000 calls', async () => {
  const { breaker } = setUp();
  const { signal } = new AbortController();

  for (let n = 0; n < 100_000; n += 1) await breaker.execute(() => n, { signal });

  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});
