import { expect, it } from 'vitest';
import { circuitBreaker, pipeline, retry, timeout, type Policy } from '../src/index.ts';

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
    'maxElapsedMs must be an integer of at least 0, got -1',
  ],
  ['retry', () => retry({ retryIf: true as never }), 'retryIf must be a function, got true'],
  ['retry', () => retry({ clock: 1 as never }), 'clock must be an object, got 1'],
  ['retry', () => retry({ random: 4 as never }), 'random must be a function, got 4'],
  ['circuitBreaker', () => circuitBreaker(null as never), 'options must be an object, got null'],
  [
    'circuitBreaker',
    () => circuitBreaker({ name: 5 as never }),
    'name must be a non-empty string, got 5',
  ],
  [
    'circuitBreaker',
    () => circuitBreaker({ failures: 0 }),
    'failures must be an integer of at least 1, got 0',
  ],
  [
    'circuitBreaker',
    () => circuitBreaker({ openMs: 0 }),
    'openMs must be an integer of at least 1, got 0',
  ],
  [
    'circuitBreaker',
    () => circuitBreaker({ openMs: NaN }),
    'openMs must be an integer of at least 1, got NaN',
  ],
  [
    'circuitBreaker',
    () => circuitBreaker({ halfOpenProbes: -1 }),
    'halfOpenProbes must be an integer of at least 1, got -1',
  ],
  [
    'circuitBreaker',
    () => circuitBreaker({ probeTimeoutMs: 0 }),
    'probeTimeoutMs must be an integer of at least 1, got 0',
  ],
  [
    'circuitBreaker',
    () => circuitBreaker({ isFailure: 'yes' as never }),
    'isFailure must be a function, got "yes"',
  ],
  [
    'circuitBreaker',
    () => circuitBreaker({ clock: null as never, openMs: 'x' as never }),
    'openMs must be an integer of at least 1, got "x"',
  ],
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

it('takes an explicit undefined as the default', async () => {
  const policy = pipeline(
    retry({
      name: undefined,
      attempts: undefined,
      backoff: undefined,
      maxElapsedMs: undefined,
      retryIf: undefined,
      clock: undefined,
      random: undefined,
    }),
    circuitBreaker({
      name: undefined,
      failures: undefined,
      openMs: undefined,
      halfOpenProbes: undefined,
      probeTimeoutMs: undefined,
      isFailure: undefined,
      clock: undefined,
    }),
    timeout({ ms: 1_000, name: undefined, clock: undefined }),
  );

  await expect(policy.execute(() => 'fine')).resolves.toBe('fine');
});

const badCalls: [unknown, string][] = [
  [null, 'options must be an object, got null'],
  [new AbortController().signal.aborted, 'options must be an object, got false'],
  [{ signal: null }, 'signal must be an object, got null'],
  [{ signal: 'abort' }, 'signal must be an object, got "abort"'],
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
  circuitBreaker: () => circuitBreaker({ failures: 1 }),
  timeout: () => timeout({ ms: 1_000 }),
  pipeline: () => pipeline(circuitBreaker({ failures: 1 }), timeout({ ms: 1_000 })),
  'pipeline of none': () => pipeline(),
};

it.each(Object.entries(policies))(
  '%s refuses wrong call options at once: nothing runs, nothing is counted',
  (_name, make) => {
    const policy = make();
    const before = policy.snapshot();
    let calls = 0;

    for (const [options, message] of badCalls) {
      const refusal = new TypeError(message);
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
