import { createFakeClock } from '@holdfast/testkit';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  adaptiveThrottle,
  Break,
  bulkhead,
  cachedFallback,
  circuitBreaker,
  consecutive,
  countWindow,
  fallbackWith,
  Guarded,
  hedge,
  keyed,
  memoryCacheStore,
  pipeline,
  rateLimiter,
  Retry,
  retry,
  retryBudget,
  timeout,
  timeWindow,
  withDeadline,
  type Policy,
} from '../src/index.ts';
import { everyPolicy } from './every-policy.ts';

const BAD_DEADLINES = [NaN, '5s', null, {}];

/** Of all policies: one that a policy does not have is never emitted. */
const EVENTS = [
  'transition',
  'reject',
  'failure',
  'slow',
  'retry',
  'giveUp',
  'timeout',
  'late',
  'queue',
  'limit',
  'wait',
  'throttle',
  'hedge',
  'won',
  'fallback',
  'stale',
  'storeError',
  'create',
  'forget',
];

const cases: [string, () => unknown, string][] = [
  ['retry', () => retry(5 as never), 'options must be an object, got 5'],
  ['retry', () => retry({ name: '' }), 'name must be a non-empty string, got ""'],
  ['retry', () => retry({ attempts: 0 }), 'attempts must be an integer of at least 1, got 0'],
  ['retry', () => retry({ attempts: 1.5 }), 'attempts must be an integer of at least 1, got 1.5'],
  ['retry', () => retry({ backoff: 100 as never }), 'backoff must be an object, got 100'],
  [
    'retry',
    () => retry({ backoff: { baseMs: -1 } }),
    'backoff.baseMs must be a finite number of at least 0, got -1',
  ],
  [
    'retry',
    () => retry({ backoff: { baseMs: 50, capMs: 10 } }),
    'backoff.capMs must be a finite number of at least 50, got 10',
  ],
  [
    'retry',
    () => retry({ backoff: { factor: 0.5 } }),
    'backoff.factor must be a finite number of at least 1, got 0.5',
  ],
  [
    'retry',
    () => retry({ backoff: { jitter: 'some' as never } }),
    'backoff.jitter must be one of none, full, equal, decorrelated, got "some"',
  ],
  [
    'retry',
    () => retry({ maxElapsedMs: -1 }),
    'maxElapsedMs must be a finite number of at least 0, got -1',
  ],
  ['retry', () => retry({ classify: true as never }), 'classify must be a function, got true'],
  ['retry', () => retry({ clock: 1 as never }), 'clock must be an object, got 1'],
  ['retry', () => retry({ random: 4 as never }), 'random must be a function, got 4'],
  ['circuitBreaker', () => circuitBreaker(null as never), 'options must be an object, got null'],
  [
    'circuitBreaker',
    () => circuitBreaker({ name: 5 as never }),
    'name must be a non-empty string, got 5',
  ],
  ['consecutive', () => consecutive(0), 'failures must be an integer of at least 1, got 0'],
  [
    'countWindow',
    () => countWindow({ size: 0 }),
    'size must be an integer from 1 to 1000000, got 0',
  ],
  [
    'countWindow',
    () => countWindow({ size: 5, minimumCalls: 6 }),
    'minimumCalls must be an integer from 1 to 5, got 6',
  ],
  [
    'timeWindow',
    () => timeWindow({ spanMs: Infinity }),
    'spanMs must be an integer of at least 1, got Infinity',
  ],
  [
    'timeWindow',
    () => timeWindow({ buckets: 1_001 }),
    'buckets must be an integer from 1 to 1000, got 1001',
  ],
  ['timeWindow', () => timeWindow({ failureRate: 0 }), 'failureRate must be above 0, got 0'],
  [
    'timeWindow',
    () => timeWindow({ failureRate: 50 }),
    'failureRate must be a finite number from 0 to 1, got 50',
  ],
  [
    'timeWindow',
    () => timeWindow({ slow: { overMs: -1, rate: 0.5 } }),
    'slow.overMs must be a finite number of at least 0, got -1',
  ],
  ['circuitBreaker', () => circuitBreaker({ trip: 5 as never }), 'trip must be an object, got 5'],
  [
    'circuitBreaker',
    () => circuitBreaker({ openMs: 0 }),
    'openMs must be a finite number of at least 1, got 0',
  ],
  [
    'circuitBreaker',
    () => circuitBreaker({ openMs: NaN }),
    'openMs must be a finite number of at least 1, got NaN',
  ],
  [
    'circuitBreaker',
    () => circuitBreaker({ openMs: { baseMs: 0 } }),
    'openMs.baseMs must be a finite number of at least 1, got 0',
  ],
  [
    'circuitBreaker',
    () => circuitBreaker({ openMs: { baseMs: 10, capMs: 5 } }),
    'openMs.capMs must be a finite number of at least 10, got 5',
  ],
  [
    'circuitBreaker',
    () => circuitBreaker({ openMs: { jitter: 2 } }),
    'openMs.jitter must be a finite number from 0 to 1, got 2',
  ],
  [
    'circuitBreaker',
    () => circuitBreaker({ halfOpen: { probes: -1 } }),
    'halfOpen.probes must be an integer of at least 1, got -1',
  ],
  [
    'circuitBreaker',
    () => circuitBreaker({ halfOpen: { concurrent: 0 } }),
    'halfOpen.concurrent must be an integer of at least 1, got 0',
  ],
  [
    'circuitBreaker',
    () => circuitBreaker({ halfOpen: { maxFailures: -1 } }),
    'halfOpen.maxFailures must be an integer of at least 0, got -1',
  ],
  [
    'circuitBreaker',
    () => circuitBreaker({ halfOpen: { maxWaitMs: 0 } }),
    'halfOpen.maxWaitMs must be a finite number of at least 1, got 0',
  ],
  [
    'circuitBreaker',
    () => circuitBreaker({ rampMs: -1 }),
    'rampMs must be a finite number of at least 0, got -1',
  ],
  [
    'circuitBreaker',
    () => circuitBreaker({ mode: 'on' as never }),
    'mode must be one of enforce, shadow, off, got "on"',
  ],
  [
    'circuitBreaker',
    () => circuitBreaker({ classify: 'yes' as never }),
    'classify must be a function, got a string',
  ],
  [
    'circuitBreaker',
    () => circuitBreaker({ restore: { version: 2 } as never }),
    'restore.version must be an integer from 1 to 1, got 2',
  ],
  [
    'circuitBreaker',
    () => circuitBreaker({ restore: { ...circuitBreaker().save(), window: [1, 2] } }),
    'restore.window must be 30 integers of at least 0, got [1,2]',
  ],
  [
    'circuitBreaker',
    () => circuitBreaker().configure({ openMs: 'x' as never }),
    'openMs must be a number of at least 1, got "x"',
  ],
  [
    'retryBudget',
    () => retryBudget({ ratio: 2 }),
    'ratio must be a finite number from 0 to 1, got 2',
  ],
  [
    'retryBudget',
    () => retryBudget({ minPerSecond: -1 }),
    'minPerSecond must be a finite number of at least 0, got -1',
  ],
  [
    'retryBudget',
    () => retryBudget({ ttlMs: 9 }),
    'ttlMs must be an integer of at least 10, got 9',
  ],
  [
    'retry',
    () => retry({ budget: {} as never }),
    'budget.deposit must be a function, got undefined',
  ],
  [
    'retry',
    () => retry({ onOpenCircuit: 'hope' as never }),
    'onOpenCircuit must be one of fail, wait, got "hope"',
  ],
  [
    'retry',
    () => retry({ nested: 'maybe' as never }),
    'nested must be one of suppress, allow, got "maybe"',
  ],
  ['Guarded', () => Guarded(1 as never), 'policy must be an object, got 1'],
  [
    'withDeadline',
    () => withDeadline(-1, () => 1),
    'ms must be a finite number of at least 0, got -1',
  ],
  ['withDeadline', () => withDeadline(1, 5 as never), 'fn must be a function, got 5'],
  ['timeout', () => timeout(undefined as never), 'options must be an object, got undefined'],
  ['timeout', () => timeout({} as never), 'ms must be an integer of at least 1, got undefined'],
  ['timeout', () => timeout({ ms: 0 }), 'ms must be an integer of at least 1, got 0'],
  ['timeout', () => timeout({ ms: Infinity }), 'ms must be an integer of at least 1, got Infinity'],
  ['timeout', () => timeout({ ms: 5, name: '' }), 'name must be a non-empty string, got ""'],
  ['pipeline', () => pipeline(retry(), null as never), 'policies[1] must be an object, got null'],
  [
    'pipeline',
    () => pipeline({} as never),
    'policies[0].execute must be a function, got undefined',
  ],
];

it.each(cases)('%s refuses a wrong argument at once (%#)', (_name, make, message) => {
  expect(make).toThrow(message);
  expect(make).toThrow(Error);
});

const store = memoryCacheStore({ maxEntries: 1 });
const BREAKER = 'name, trip, openMs, halfOpen, rampMs, mode, classify, restore, clock, random';
const RETRY =
  'name, attempts, backoff, maxElapsedMs, classify, budget, retryAfter, onOpenCircuit, nested, exhausted, clock, random';

/** Each with one name that is not an option, which only a literal would have shown to the compiler. */
const misspelt: [string, (unknown: object) => unknown, string][] = [
  ['retry', (unknown) => retry({ ...unknown }), RETRY],
  ['Retry', (unknown) => Retry({ ...unknown }), RETRY],
  ['circuitBreaker', (unknown) => circuitBreaker({ ...unknown }), BREAKER],
  ['Break', (unknown) => Break({ ...unknown }), BREAKER],
  [
    'configure',
    (unknown) => circuitBreaker().configure({ ...unknown }),
    'trip, openMs, halfOpen, rampMs, mode',
  ],
  [
    'countWindow',
    (unknown) => countWindow({ size: 5, ...unknown }),
    'size, failureRate, minimumCalls, slow',
  ],
  [
    'timeWindow',
    (unknown) => timeWindow({ ...unknown }),
    'spanMs, buckets, failureRate, minimumCalls, slow',
  ],
  ['timeout', (unknown) => timeout({ ms: 5, ...unknown }), 'name, ms, clock'],
  [
    'bulkhead',
    (unknown) => bulkhead({ limit: 1, ...unknown }),
    'name, limit, queue, queueWaitMs, clock',
  ],
  [
    'rateLimiter',
    (unknown) => rateLimiter({ permits: 1, perMs: 1, ...unknown }),
    'name, permits, perMs, burst, maxWaitMs, clock',
  ],
  [
    'hedge',
    (unknown) => hedge({ afterMs: 1, ...unknown }),
    'name, afterMs, maxHedges, budget, accept, clock',
  ],
  [
    'adaptiveThrottle',
    (unknown) => adaptiveThrottle({ ...unknown }),
    'name, k, windowMs, maxRejection, minimumCalls, classify, clock, random',
  ],
  ['retryBudget', (unknown) => retryBudget({ ...unknown }), 'ratio, minPerSecond, ttlMs, clock'],
  [
    'keyed',
    (unknown) => keyed({ create: () => timeout({ ms: 1 }), ...unknown }),
    'name, create, maxKeys, idleMs, clock',
  ],
  ['fallbackWith', (unknown) => fallbackWith({ ...unknown }, 0), 'name, classify, clock'],
  [
    'cachedFallback',
    (unknown) => cachedFallback({ store, staleIfErrorMs: 1, ...unknown }),
    'name, store, freshMs, staleIfErrorMs, staleWhileRevalidateMs, key, classify, storeTimeoutMs, clock',
  ],
  [
    'memoryCacheStore',
    (unknown) => memoryCacheStore({ maxEntries: 1, ...unknown }),
    'maxEntries, clock',
  ],
  [
    'withDeadline',
    (unknown) => withDeadline(5, () => 1, { ...unknown }),
    'signal, key, idempotent, clock',
  ],
];

describe('a name that is not an option', () => {
  const ownerOf: Record<string, string> = { Retry: 'retry', Break: 'circuitBreaker' };

  it.each(misspelt)('is refused by %s at once', (name, make, names) => {
    const message = `is not an option of ${ownerOf[name] ?? name}; its options are ${names}`;

    expect(() => make({ windw: 5 })).toThrow(new TypeError(`windw ${message}`));
    expect(() => make({ windw: undefined })).toThrow(new TypeError(`windw ${message}`));
  });

  it.each(misspelt)('is let pass by %s when it is a symbol', (_name, make) => {
    expect(() => make({ [Symbol('mark')]: 5 })).not.toThrow();
  });

  it('is let pass when it is inherited, and what is inherited and known counts', () => {
    const options = Object.create({ windw: 5, name: 'inherited' }) as object;

    expect(circuitBreaker(options).name).toBe('inherited');
  });

  it.each([
    [
      () => retry({ backoff: { base: 5 } as object }),
      'backoff.base is not an option; those of backoff are baseMs, capMs, factor, jitter',
    ],
    [
      () => retry({ backoff: { random: () => 0 } as object }),
      'backoff.random is not an option; those of backoff are baseMs, capMs, factor, jitter',
    ],
    [
      () => circuitBreaker({ openMs: { base: 5 } as object }),
      'openMs.base is not an option; those of openMs are baseMs, capMs, factor, jitter',
    ],
    [
      () => circuitBreaker({ halfOpen: { probe: 5 } as object }),
      'halfOpen.probe is not an option; those of halfOpen are probes, concurrent, maxFailures, maxWaitMs',
    ],
    [
      () => circuitBreaker().configure({ halfOpen: { probe: 5 } as object }),
      'halfOpen.probe is not an option; those of halfOpen are probes, concurrent, maxFailures, maxWaitMs',
    ],
    [
      () => timeWindow({ slow: { overMs: 5, rate: 0.5, ...{ share: 5 } } }),
      'slow.share is not an option; those of slow are overMs, rate',
    ],
    [
      () => hedge({ afterMs: { quantile: 0.9, ...{ floor: 5 } } }),
      'afterMs.floor is not an option; those of afterMs are quantile, warmup, floorMs',
    ],
  ])('is told with its path (%#)', (make, message) => {
    expect(make).toThrow(new TypeError(message));
  });

  it('may be one of a context, which withDeadline takes as it is and as a copy', async () => {
    const policy = retry({ attempts: 1 });

    const answers = await policy.execute(async (context) => [
      await withDeadline(1_000, () => 1, context),
      await withDeadline(1_000, () => 2, { ...context }),
    ]);

    expect(answers).toEqual([1, 2]);
    await policy.execute((context) =>
      expect(() => withDeadline(5, () => 1, { ...context, ...{ idempotnt: true } })).toThrow(
        /^idempotnt is not an option of withDeadline; /,
      ),
    );
  });
});

it('takes an explicit undefined as the default', async () => {
  const policy = pipeline(
    retry({
      name: undefined,
      attempts: undefined,
      backoff: undefined,
      maxElapsedMs: undefined,
      classify: undefined,
      budget: undefined,
      retryAfter: undefined,
      onOpenCircuit: undefined,
      nested: undefined,
      exhausted: undefined,
      clock: undefined,
      random: undefined,
    }),
    circuitBreaker({
      name: undefined,
      trip: undefined,
      openMs: undefined,
      halfOpen: undefined,
      rampMs: undefined,
      mode: undefined,
      restore: undefined,
      classify: undefined,
      clock: undefined,
      random: undefined,
    }),
    timeout({ ms: 1_000, name: undefined, clock: undefined }),
  );

  await expect(policy.execute(() => 'fine')).resolves.toBe('fine');
});

const badCalls: [unknown, string][] = [
  [null, 'options must be an object, got null'],
  [new AbortController().signal, 'options must be { signal }, got the signal itself'],
  [{ attempt: 0.5 }, 'attempt must be an integer of at least 1, got 0.5'],
  [{ deadline: NaN }, 'deadline must be a number, got NaN'],
  [{ deadline: '5s' }, 'deadline must be a number, got 5s'],
  [{ key: '' }, 'key must be a non-empty string, got ""'],
  [{ idempotent: 1 }, 'idempotent must be a boolean, got 1'],
  [new AbortController().signal.aborted, 'options must be an object, got false'],
  [{ signal: null }, 'signal must be an object, got null'],
  [{ signal: 'abort' }, 'signal must be an object, got a string'],
  [{ signal: new AbortController() }, 'signal.aborted must be a boolean, got undefined'],
  [{ signal: { aborted: 0 } }, 'signal.aborted must be a boolean, got 0'],
  [{ signal: { aborted: false } }, 'signal.addEventListener must be a function, got undefined'],
  [
    { signal: { aborted: false, addEventListener: () => undefined } },
    'signal.removeEventListener must be a function, got undefined',
  ],
];
const policies: Record<string, () => Policy> = {
  retry: () => retry({ attempts: 1 }),
  circuitBreaker: () => circuitBreaker({ trip: consecutive(1) }),
  timeout: () => timeout({ ms: 1_000 }),
  pipeline: () => pipeline(circuitBreaker({ trip: consecutive(1) }), timeout({ ms: 1_000 })),
  'pipeline of none': () => pipeline(),
};

it.each(Object.entries(policies))(
  '%s refuses wrong call options at once: nothing runs, nothing is counted',
  (_name, make) => {
    const policy = make();
    const before = policy.snapshot();
    let calls = 0;

    for (const [options, message] of badCalls) {
      const refusal = expect.objectContaining({ message }) as Error;
      expect(() => policy.execute(() => (calls += 1), options as never)).toThrow(refusal);
      expect(() => policy.tryExecute(() => (calls += 1), options as never)).toThrow(refusal);
    }

    expect(calls).toBe(0);
    expect(policy.snapshot()).toEqual(before);
  },
);

it.each(Object.entries(policies))(
  '%s takes an undefined signal, and one that only looks like a signal',
  async (_name, make) => {
    const lookalike = {
      aborted: false,
      addEventListener: () => undefined,
      removeEventListener: () => undefined,
    };

    await expect(make().execute(() => 1, { signal: undefined })).resolves.toBe(1);
    await expect(make().execute(() => 1, { signal: lookalike as never })).resolves.toBe(1);
  },
);

describe.each(Object.entries(everyPolicy))('%s', (_name, create) => {
  it('refuses work that is not a function, at once', () => {
    const policy = create();
    const before = policy.snapshot();
    for (const fn of [undefined, null, 5, 'work', {}, Promise.resolve(1)]) {
      expect(() => policy.execute(fn as never)).toThrow(/^fn must be a function, got /);
      expect(() => policy.tryExecute(fn as never)).toThrow(/^fn must be a function, got /);
      expect(() => policy.guard(fn as never)).toThrow(/^fn must be a function, got /);
    }
    expect(policy.snapshot()).toEqual(before);
  });

  it('gives the same results and counts when every listener throws', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    onTestFinished(() => warn.mockRestore());
    const results = async (listens: boolean): Promise<unknown> => {
      const clock = createFakeClock();
      const policy = create(clock);
      for (const event of listens ? EVENTS.filter((name) => isEventOf(policy, name)) : []) {
        policy.on(event as never, () => {
          throw new Error('bad listener');
        });
      }
      const outcomes: unknown[] = [];
      for (let n = 0; n < 50; n += 1) {
        const work = n % 3 === 0 ? () => n : () => Promise.reject(new Error(`error ${n}`));
        const call = policy.tryExecute(work, { key: 'a', idempotent: true });
        await clock.advance(200_000);
        outcomes.push(await call);
      }
      return [JSON.stringify(outcomes), policy.snapshot().counters];
    };
    // The jitter of waits is the one thing that may differ, and nothing here depends on it.
    expect(await results(true)).toEqual(await results(false));
  });

  it.each(BAD_DEADLINES)('refuses a deadline of %s', (deadline) => {
    expect(() => create().execute(() => 1, { deadline: deadline as never })).toThrow(
      /^deadline must be a number, got /,
    );
  });
});

describe('a delay of 2^31 ms or more', () => {
  const LONG = 2 ** 31;

  it.each([
    ['timeout', () => timeout({ ms: LONG })],
    ['hedge', () => hedge({ afterMs: LONG })],
    ['a deadline', () => ({ execute: (fn: () => Promise<string>) => withDeadline(LONG, fn) })],
  ])('of %s does not fire at once', async (_name, create) => {
    let calls = 0;
    const work = async (): Promise<string> => {
      calls += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
      return 'in time';
    };

    await expect(create().execute(work, { idempotent: true })).resolves.toBe('in time');
    expect(calls).toBe(1);
  });

  it.each([
    ['back-off', () => retry({ backoff: { baseMs: LONG, capMs: LONG, jitter: 'none' } })],
    [
      'Retry-After',
      () => retry({ classify: ({ ok }) => (ok ? undefined : { retryAfterMs: LONG }) }),
    ],
  ])('of a %s is waited for, not looped over', async (_name, create) => {
    const controller = new AbortController();
    let calls = 0;
    const call = create().tryExecute(() => ((calls += 1), Promise.reject(new Error('down'))), {
      signal: controller.signal,
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    controller.abort();
    await call;

    expect(calls).toBe(1);
  });
});

describe('a classifier that throws', () => {
  const broken = new Error('broken');
  const classify = (): never => {
    throw broken;
  };
  const store = memoryCacheStore({ maxEntries: 1 });

  it.each([
    ['retry', () => retry({ classify })],
    ['circuitBreaker', () => circuitBreaker({ classify })],
    ['adaptiveThrottle', () => adaptiveThrottle({ classify })],
    ['fallbackWith', () => fallbackWith({ classify }, 0)],
    ['cachedFallback', () => cachedFallback({ store, staleIfErrorMs: 1, classify })],
    ['hedge', () => hedge({ afterMs: 1, accept: classify })],
  ])('in %s surfaces with the error that it was asked about', async (_name, create) => {
    const down = new Error('down');
    const call = create().execute(() => Promise.reject(down), { key: 'a', idempotent: true });

    await expect(call).rejects.toMatchObject({
      name: 'AggregateError',
      errors: [down, broken],
      cause: broken,
    });
  });
});

/** A policy refuses a listener to an event that is none of its own. */
function isEventOf(policy: Pick<Policy<unknown>, 'on'>, name: string): boolean {
  try {
    policy.on(name as never, () => undefined)();
    return true;
  } catch {
    return false;
  }
}
