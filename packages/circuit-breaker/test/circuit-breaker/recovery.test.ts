import { createFakeClock, type FakeClock } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import {
  circuitBreaker,
  consecutive,
  countWindow,
  timeWindow,
  type CircuitBreaker,
  type CircuitBreakerOptions,
  type SavedCircuit,
} from '../../src/index.ts';

const fail = (): Promise<never> => Promise.reject(new Error('down'));
const exactly = (ms: number) => ({ baseMs: ms, capMs: ms, jitter: 'none' }) as const;

function setUp(options: CircuitBreakerOptions = {}): { clock: FakeClock; breaker: CircuitBreaker } {
  const clock = createFakeClock();
  const defaults = { trip: consecutive(1), openMs: exactly(100), halfOpen: { probes: 1 }, clock };
  return { clock, breaker: circuitBreaker({ ...defaults, ...options }) };
}

async function passed(breaker: CircuitBreaker, calls: number): Promise<number> {
  let count = 0;
  for (let n = 0; n < calls; n += 1) await breaker.tryExecute(() => (count += 1));
  return count;
}

describe('the time that a circuit is open', () => {
  it('grows with each opening in a row, and starts anew when the circuit was closed (B32)', async () => {
    const { breaker, clock } = setUp({ openMs: { baseMs: 1_000, capMs: 3_000, jitter: 'none' } });
    const waits: number[] = [];
    for (let opening = 1; opening <= 4; opening += 1) {
      await breaker.tryExecute(fail);
      const { error } = await breaker.tryExecute(fail);
      const { retryAfterMs } = error as { retryAfterMs: number };
      waits.push(retryAfterMs);
      await clock.advance(retryAfterMs);
    }
    expect(waits).toEqual([1_000, 2_000, 3_000, 3_000]);

    expect(await passed(breaker, 1)).toBe(1);
    await breaker.tryExecute(fail);
    expect((await breaker.tryExecute(fail)).error).toMatchObject({ retryAfterMs: 1_000 });
  });

  it.each([
    [0, 4_500],
    [0.5, 5_000],
    [1 - Number.EPSILON, 5_500],
  ])('is about 5 s by default: with a draw of %d it is %d ms (P14)', async (draw, expected) => {
    const { breaker } = setUp({ openMs: undefined, random: () => draw });
    await breaker.tryExecute(fail);
    const { error } = await breaker.tryExecute(fail);
    expect((error as { retryAfterMs: number }).retryAfterMs).toBeCloseTo(expected, 6);
  });

  it('a number is spread by a tenth as well, and does not grow', async () => {
    const { breaker, clock } = setUp({ openMs: 200, random: () => 0 });
    await breaker.tryExecute(fail);
    await clock.advance(180);
    expect(breaker.state).toBe('half-open');
    await breaker.tryExecute(fail);
    await clock.advance(179);
    expect(breaker.state).toBe('open');
    await clock.advance(1);
    expect(breaker.state).toBe('half-open');
  });

  it.each([
    [{}, 4_500],
    [{ baseMs: 30_000 }, 27_000],
    [{ baseMs: 90_000 }, 81_000],
    [{ jitter: 'none' as const }, 5_000],
  ])('as a back-off of %j keeps the other defaults', async (openMs, expected) => {
    const { breaker } = setUp({ openMs, random: () => 0 });
    await breaker.tryExecute(fail);
    const { error } = await breaker.tryExecute(fail);
    expect((error as { retryAfterMs: number }).retryAfterMs).toBeCloseTo(expected, 6);
  });

  it('is at least what the dependency asked for', async () => {
    const { breaker, clock } = setUp({
      classify: ({ ok }) => (ok ? undefined : { retryAfterMs: 700 }),
    });
    await breaker.tryExecute(fail);
    await clock.advance(699);
    expect(breaker.state).toBe('open');
    await clock.advance(1);
    expect(breaker.state).toBe('half-open');
    await breaker.tryExecute(fail);
    expect((await breaker.tryExecute(fail)).error).toMatchObject({ retryAfterMs: 700 });
  });
});

describe('probes', () => {
  it('may fail as often as is allowed', async () => {
    const { breaker, clock } = setUp({ halfOpen: { probes: 2, maxFailures: 1 } });
    await breaker.tryExecute(fail);
    await clock.advance(100);
    await breaker.tryExecute(fail);
    expect(breaker.state).toBe('half-open');
    expect(await passed(breaker, 1)).toBe(1);
    await breaker.tryExecute(fail);
    expect(breaker.state).toBe('open');
    await clock.advance(100);
    await breaker.tryExecute(fail);
    expect(await passed(breaker, 2)).toBe(2);
    expect(breaker.state).toBe('closed');
  });

  it('are never more than are needed (B30)', async () => {
    const { breaker, clock } = setUp({ halfOpen: { probes: 4, concurrent: 4 } });
    await breaker.tryExecute(fail);
    await clock.advance(100);
    const controllers = [1, 2, 3, 4].map(() => new AbortController());
    const hang = () => new Promise<never>(() => undefined);
    let called = 0;
    for (const { signal } of controllers) void breaker.tryExecute(hang, { signal });
    expect(await passed(breaker, 2)).toBe(0);
    controllers[2]!.abort();
    await clock.advance(0);
    void breaker.tryExecute(() => ((called += 1), hang()));
    expect(called).toBe(1);
    expect(await passed(breaker, 1)).toBe(0);
  });
});

describe('a ramp', () => {
  it('admits a growing share, beginning with a tenth, and ends closed (B37)', async () => {
    let draw = 0;
    const { breaker, clock } = setUp({ rampMs: 1_000, random: () => draw });
    await breaker.tryExecute(fail);
    await clock.advance(100);
    expect(breaker.state).toBe('half-open');
    const transitions: string[] = [];
    breaker.on('transition', ({ to, reason }) => transitions.push(`${to}: ${reason}`));
    await passed(breaker, 1);
    expect(breaker.state).toBe('ramping');
    const isAdmitted = async (share: number): Promise<boolean> => {
      draw = share;
      return (await passed(breaker, 1)) === 1;
    };
    expect([await isAdmitted(0.0999), await isAdmitted(0.1)]).toEqual([true, false]);
    await clock.advance(500);
    expect([await isAdmitted(0.499), await isAdmitted(0.5)]).toEqual([true, false]);
    const { error } = await breaker.tryExecute(() => 1);
    expect(error).toMatchObject({ code: 'CIRCUIT_OPEN', retryAfterMs: 500 });
    await clock.advance(500);
    expect([await isAdmitted(0.999), breaker.state]).toEqual([true, 'closed']);
    expect(transitions).toEqual(['ramping: probes-succeeded', 'closed: ramped']);
  });

  it('goes on as it began when its length is changed', async () => {
    const { breaker, clock } = setUp({ rampMs: 1_000, random: () => 0.7 });
    await breaker.tryExecute(fail);
    await clock.advance(100);
    await passed(breaker, 1);
    await clock.advance(800);
    expect(await passed(breaker, 1)).toBe(1);
    breaker.configure({ rampMs: 0 });
    expect(await passed(breaker, 1)).toBe(1);
    await clock.advance(200);
    expect(breaker.state).toBe('closed');
  });

  it('ends the row of openings: the next one is as long as the first', async () => {
    const openMs = { baseMs: 1_000, jitter: 'decorrelated' as const };
    const { breaker, clock } = setUp({ rampMs: 1_000, openMs, random: () => 0.99 });
    const waits: number[] = [];
    for (let n = 0; n < 3; n += 1) {
      await breaker.tryExecute(fail);
      const { error } = await breaker.tryExecute(fail);
      waits.push((error as { retryAfterMs: number }).retryAfterMs);
      await clock.advance(20_000);
      await passed(breaker, 1);
      await clock.advance(1_000);
    }
    expect(new Set(waits)).toEqual(new Set([1_000]));
  });

  it('falls back to open when its calls fail', async () => {
    const { breaker, clock } = setUp({ rampMs: 1_000, random: () => 0 });
    await breaker.tryExecute(fail);
    await clock.advance(100);
    await passed(breaker, 1);
    await breaker.tryExecute(fail);
    expect(breaker.state).toBe('open');
    expect(breaker.snapshot().counters.rejected).toBe(0);
  });

  it('keeps the calls of the ramp in the window, and their results count when it has ended', async () => {
    const { breaker, clock } = setUp({
      trip: countWindow({ size: 4 }),
      rampMs: 50,
      random: () => 0,
    });
    for (let n = 0; n < 4; n += 1) await breaker.tryExecute(fail);
    await clock.advance(100);
    await passed(breaker, 1);
    await breaker.tryExecute(fail);
    const late = withResolvers();
    const call = breaker.tryExecute(() => late.promise);
    await clock.advance(50);
    expect(breaker.state).toBe('closed');
    late.reject(new Error('late'));
    await call;
    expect(breaker.snapshot()).toMatchObject({
      gauges: { windowFailures: 2 },
      counters: { stale: 0 },
    });
  });
});

describe('modes', () => {
  it('shadow never rejects, moves all the same, and says once what it would have done (B34)', async () => {
    const { breaker, clock } = setUp({ mode: 'shadow' });
    const told: string[] = [];
    breaker.on('wouldReject', ({ state }) => told.push(state));
    await breaker.tryExecute(fail);
    expect(breaker.state).toBe('open');
    expect(await passed(breaker, 3)).toBe(3);
    expect(told).toEqual(['open']);
    await clock.advance(100);
    await breaker.tryExecute(fail);
    expect(await passed(breaker, 2)).toBe(2);
    expect(told).toEqual(['open', 'open']);
    expect(breaker.snapshot()).toMatchObject({
      mode: 'shadow',
      counters: { rejected: 0, ignored: 5 },
    });
  });

  it('off only passes calls on', async () => {
    const { breaker } = setUp({ mode: 'off' });
    for (let n = 0; n < 9; n += 1) await breaker.tryExecute(fail);
    expect(breaker.snapshot()).toMatchObject({
      state: 'closed',
      counters: { ignored: 9, failed: 0 },
    });
  });

  it('can be switched while the circuit is open', async () => {
    const { breaker } = setUp();
    await breaker.tryExecute(fail);
    expect(await passed(breaker, 1)).toBe(0);
    breaker.configure({ mode: 'off' });
    expect(await passed(breaker, 1)).toBe(1);
    breaker.configure({ mode: 'enforce' });
    expect(await passed(breaker, 1)).toBe(0);
  });
});

describe('configure', () => {
  it('keeps the window when its shape stays, with the new thresholds (P13)', async () => {
    const { breaker } = setUp({ trip: countWindow({ size: 10, minimumCalls: 5, failureRate: 1 }) });
    for (let n = 0; n < 4; n += 1) await breaker.tryExecute(fail);
    breaker.configure({ trip: countWindow({ size: 10, minimumCalls: 5, failureRate: 0.5 }) });
    expect(breaker.snapshot().gauges.windowFailures).toBe(4);
    await breaker.tryExecute(fail);
    expect(breaker.state).toBe('open');
  });

  it('begins anew when the shape changes, and what was in flight is stale', async () => {
    const { breaker } = setUp({ trip: countWindow({ size: 10 }) });
    const late = withResolvers();
    const call = breaker.tryExecute(() => late.promise);
    await breaker.tryExecute(fail);
    breaker.configure({ trip: consecutive(1) });
    late.reject(new Error('late'));
    await call;
    expect(breaker.snapshot()).toMatchObject({ state: 'closed', counters: { stale: 1 } });
  });

  it('changes nothing when a rule is wrong', async () => {
    const { breaker } = setUp();
    expect(() => breaker.configure({ mode: 'off', rampMs: NaN })).toThrow(RangeError);
    await breaker.tryExecute(fail);
    expect(await passed(breaker, 1)).toBe(0);
  });

  it('never wedges a half-open circuit whose probes are made fewer', async () => {
    const { breaker, clock } = setUp({ halfOpen: { probes: 3 } });
    await breaker.tryExecute(fail);
    await clock.advance(100);
    await passed(breaker, 2);
    breaker.configure({ halfOpen: { probes: 2 } });
    expect(await passed(breaker, 1)).toBe(1);
    expect(breaker.state).toBe('closed');
  });
});

describe('reset', () => {
  it('closes the circuit, forgets the calls and leaves a hold alone', async () => {
    const { breaker } = setUp({ trip: consecutive(2) });
    await breaker.tryExecute(fail);
    breaker.reset();
    await breaker.tryExecute(fail);
    expect(breaker.state).toBe('closed');
    await breaker.tryExecute(fail);
    const release = breaker.isolate();
    breaker.reset();
    expect(breaker.state).toBe('isolated');
    release();
    expect(breaker.state).toBe('closed');
  });
});

describe('save and restore', () => {
  const saved = async (): Promise<SavedCircuit> => {
    const { breaker, clock } = setUp({ openMs: exactly(1_000) });
    await breaker.tryExecute(fail);
    await clock.advance(400);
    return JSON.parse(JSON.stringify(breaker.save())) as SavedCircuit;
  };

  it('keeps the remaining wait, by the wall clock, whatever the monotonic one says (B23)', async () => {
    const restore = await saved();
    const clock = createFakeClock({ startMs: 5e9, wallStartMs: restore.savedAt + 250 });
    const breaker = circuitBreaker({ restore, clock });
    expect((await breaker.tryExecute(fail)).error).toMatchObject({ retryAfterMs: 350 });
    await clock.advance(350);
    expect(breaker.state).toBe('half-open');
  });

  it('never makes the wait longer when the wall clock was set back', async () => {
    const restore = await saved();
    const clock = createFakeClock({ wallStartMs: restore.savedAt - 1e9 });
    const breaker = circuitBreaker({ restore, clock });
    expect((await breaker.tryExecute(fail)).error).toMatchObject({ retryAfterMs: 600 });
  });

  it('probes at once when the wait was over long ago', async () => {
    const restore = await saved();
    const clock = createFakeClock({ wallStartMs: restore.savedAt + 1e9 });
    expect(circuitBreaker({ restore, clock }).state).toBe('half-open');
  });

  it('never saves an isolation: nobody could lift it', async () => {
    const { breaker } = setUp();
    breaker.isolate();
    expect(circuitBreaker({ restore: breaker.save() }).state).toBe('closed');
  });

  it('drops the counts of a window of another shape, but keeps an opening', async () => {
    const { breaker } = setUp({ trip: consecutive(3) });
    await breaker.tryExecute(fail);
    const restored = circuitBreaker({ trip: timeWindow(), restore: breaker.save() });
    expect(restored.snapshot().gauges.windowFailures).toBe(0);
    expect(circuitBreaker({ trip: timeWindow(), restore: await saved() }).state).toBe('half-open');
  });

  it.each([
    ['savedAt', 'now', 'restore.savedAt must be a number from 0 to 9007199254740991, got "now"'],
    ['shape', 5, 'restore.shape must be a non-empty string, got 5'],
    ['opens', -1, 'restore.opens must be an integer of at least 0, got -1'],
    ['openMs', NaN, 'restore.openMs must be a finite number from 0 to 9007199254740991, got NaN'],
    [
      'remainingMs',
      Infinity,
      'restore.remainingMs must be a finite number from 0 to 1000, got Infinity',
    ],
    ['savedAt', -1e300, 'restore.savedAt must be a finite number from 0 to 9007199254740991, got'],
    ['remainingMs', 1e300, 'restore.remainingMs must be a finite number from 0 to 1000, got'],
    ['version', 2, 'restore.version must be an integer from 1 to 1, got 2'],
  ])('refuses a wrong %s', async (field, value, message) => {
    const restore = { ...(await saved()), [field]: value } as SavedCircuit;
    expect(() => circuitBreaker({ restore })).toThrow(message);
  });
});

it('a failure that came too late to count is not the cause of a rejection', async () => {
  const { breaker } = setUp();
  const late = withResolvers();
  const call = breaker.tryExecute(() => late.promise);
  await breaker.tryExecute(fail);
  late.reject(new Error('late'));
  await call;

  expect((await breaker.tryExecute(fail)).error).toMatchObject({ cause: new Error('down') });
});

describe('a slow call', () => {
  it('counts by its duration, as the breaker saw it, and is told', async () => {
    const slow = { overMs: 10, rate: 0.5 };
    const trip = countWindow({ size: 2, minimumCalls: 2, failureRate: 1, slow });
    const { breaker, clock } = setUp({ trip });
    const durations: number[] = [];
    breaker.on('slow', ({ durationMs }) => durations.push(durationMs));
    for (const ms of [10, 11]) {
      const work = withResolvers();
      const call = breaker.tryExecute(() => work.promise);
      await clock.advance(ms);
      work.resolve();
      await call;
    }
    expect(durations).toEqual([11]);
    expect(breaker.state).toBe('open');
  });
});

describe('a value that is judged a failure', () => {
  it('is returned and counted (B18)', async () => {
    const { breaker } = setUp({
      classify: ({ value }) => (value === 503 ? { verdict: 'failure' } : undefined),
    });
    await expect(breaker.execute(() => 503)).resolves.toBe(503);
    expect(breaker.state).toBe('open');
    expect((await breaker.tryExecute(() => 1)).error).toMatchObject({ cause: 503 });
  });

  it('whose classifier throws rejects with what it threw, and the admission is given back', async () => {
    const { breaker, clock } = setUp({
      classify: ({ ok }) => {
        if (ok) throw new Error('broken');
        return undefined;
      },
    });
    await breaker.tryExecute(fail);
    await clock.advance(100);
    for (let n = 0; n < 2; n += 1) {
      await expect(breaker.execute(() => 1)).rejects.toMatchObject({ cause: new Error('broken') });
    }
    expect(breaker.state).toBe('half-open');
  });
});

function withResolvers(): {
  promise: Promise<never>;
  resolve: () => void;
  reject: (error: Error) => void;
} {
  let resolve!: (value: never) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<never>((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve: () => resolve(undefined as never), reject };
}
