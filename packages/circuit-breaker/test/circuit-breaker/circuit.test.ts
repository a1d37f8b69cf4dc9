import { createFakeClock } from '@holdfast/testkit';
import { systemRandom } from '@holdfast/internal';
import { describe, expect, it } from 'vitest';
import { Circuit } from '../../src/circuit-breaker/circuit.ts';
import { resolveRules } from '../../src/circuit-breaker/options.ts';
import { circuitBreaker, consecutive, type CircuitBreaker } from '../../src/index.ts';

const fail = (): Promise<never> => Promise.reject(new Error('down'));
const exactly = (ms: number) => ({ baseMs: ms, capMs: ms, jitter: 'none' }) as const;

describe('a circuit that was never used', () => {
  const create = (): Circuit =>
    new Circuit(resolveRules({}, systemRandom), { onTransition: () => undefined });

  it('is plainly closed until somebody holds it', () => {
    const circuit = create();
    expect(circuit.isPlainlyClosed).toBe(true);
    circuit.isolate();
    expect(circuit.isPlainlyClosed).toBe(false);
    circuit.release();
    expect(circuit.isPlainlyClosed).toBe(true);
  });

  it('knows of no time to wait for', () => {
    expect(create().retryAfterMs(5)).toBeUndefined();
  });
});

describe('the rules of a breaker', () => {
  it('are shared by all that ask for nothing else', () => {
    const rules = resolveRules({}, systemRandom);
    expect(resolveRules({ mode: undefined }, systemRandom)).toBe(rules);
    expect(resolveRules({ rampMs: 0 }, systemRandom)).not.toBe(rules);
  });

  it.each([
    [0, 4_500],
    [0.75, 5_250],
  ])('use the random source that is given: a draw of %d makes %d ms', (draw, expected) => {
    resolveRules({}, systemRandom);
    expect(resolveRules({}, () => draw).openMs(1, 0)).toBeCloseTo(expected, 6);
  });

  it('double the time of an opening up to 60 s by default', () => {
    const { openMs } = resolveRules({}, () => 0.5);
    const openings = [1, 2, 3, 4, 5, 6].map((opens) => openMs(opens, 0));
    expect(openings).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
  });
});

describe('a transition', () => {
  function setUp() {
    const clock = createFakeClock();
    const breaker: CircuitBreaker = circuitBreaker({
      trip: consecutive(1),
      openMs: exactly(100),
      halfOpen: { probes: 1, maxWaitMs: 40 },
      clock,
    });
    const heard: string[] = [];
    breaker.on('transition', ({ from, to, reason }) => heard.push(`${from}, ${reason}: ${to}`));
    return { clock, breaker, heard };
  }

  it('tells why', async () => {
    const { breaker, clock, heard } = setUp();
    await breaker.tryExecute(fail);
    await clock.advance(100);
    await breaker.tryExecute(fail);
    await clock.advance(100);
    void breaker.tryExecute(() => new Promise(() => undefined));
    await clock.advance(140);
    await breaker.tryExecute(() => 1);
    expect(heard).toEqual([
      'closed, tripped: open',
      'open, waited: half-open',
      'half-open, probe-failed: open',
      'open, waited: half-open',
      'half-open, probe-expired: open',
      'open, waited: half-open',
      'half-open, probes-succeeded: closed',
    ]);
  });

  it('is told of the first hold, the last release and the reset of an open circuit only', async () => {
    const { breaker, heard } = setUp();
    breaker.reset();
    const releases = [breaker.isolate(), breaker.isolate()];
    breaker.reset();
    for (const release of releases) release();
    await breaker.tryExecute(fail);
    breaker.reset();
    expect(heard).toEqual([
      'closed, isolated: isolated',
      'isolated, released: closed',
      'closed, tripped: open',
      'open, reset: closed',
    ]);
  });
});

it('a saved circuit holds no counts unless it is closed', async () => {
  const breaker = circuitBreaker({ trip: consecutive(1), openMs: exactly(100) });
  expect(breaker.save()).toMatchObject({ remainingMs: null, window: [0] });
  await breaker.tryExecute(fail);
  expect(breaker.save().window).toEqual([]);
});
