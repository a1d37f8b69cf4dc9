import { createDeferred, seededRandom, type Deferred, type Random } from '@holdfast/internal';
import { isTorture, recordTorture, testSeed } from '@holdfast/testkit';
import { expect, it } from 'vitest';
import {
  circuitBreaker,
  consecutive,
  countWindow,
  timeWindow,
  type CircuitBreaker,
  type CircuitBreakerOptions,
  type Trip,
} from '../../src/index.ts';
import { ReferenceModel, type ModelCall, type ModelRules } from './reference-model.ts';

/** Each of up to `LONGEST` steps. */
const SEQUENCES = sequencesFrom(process.env['HOLDFAST_MODEL_SEQUENCES']);
const LONGEST = 60;

it(
  `agrees with the reference model in ${SEQUENCES} random sequences`,
  { timeout: 600_000 },
  async () => {
    const startedMs = performance.now();
    const seed = testSeed();
    const random = seededRandom(seed);
    const seen = new Map<string, number>();
    for (let sequence = 0; sequence < SEQUENCES; sequence += 1) {
      const run = new Run(random, seen);
      for (let step = 1 + below(random, LONGEST); step > 0; step -= 1) await run.step();
    }
    const seconds = Math.round((performance.now() - startedMs) / 1000);
    const result = { divergences: 0, seen: Object.fromEntries(seen) };
    recordTorture({ name: 'breaker-model', size: SEQUENCES, seed, result, seconds });
    // The sequences reach everything that there is to disagree about; a few of them need not.
    if (SEQUENCES < 1_000) return;
    const kinds = ['closed', 'open', 'half-open', 'ramping', 'isolated'];
    const events = ['rejected', 'stale', 'aborted', 'restored', 'configured', 'reset', 'probe'];
    for (const what of [...kinds, ...events])
      expect([what, (seen.get(what) ?? 0) > SEQUENCES / 100]).toEqual([what, true]);
  },
);

it.each(['0', '-5', '1.5', 'many', ' ', '1e999'])('refuses %j sequences', (given) => {
  expect(() => sequencesFrom(given)).toThrow(
    new RangeError(
      `HOLDFAST_MODEL_SEQUENCES must be an integer of at least 1, got ${JSON.stringify(given)}`,
    ),
  );
});

function sequencesFrom(given: string | undefined): number {
  if (given === undefined || given === '') return isTorture ? 100_000 : 3_000;
  const sequences = Number(given);
  if (Number.isSafeInteger(sequences) && sequences >= 1) return sequences;
  throw new RangeError(
    `HOLDFAST_MODEL_SEQUENCES must be an integer of at least 1, got ${JSON.stringify(given)}`,
  );
}

interface Flight {
  readonly work: Deferred<'success' | 'ignore'>;
  readonly controller: AbortController;
  readonly model: ModelCall;
  readonly call: Promise<unknown>;
}

/** One breaker beside one model: after each step both must say the same. */
class Run {
  readonly #random: Random;
  readonly #seen: Map<string, number>;
  readonly #trace: string[] = [];
  #nowMs = 0;
  #draw = 0;
  #rules: ModelRules;
  #model: ReferenceModel;
  #breaker: CircuitBreaker;
  #flights: Flight[] = [];
  #releases: (() => void)[] = [];
  #stale = 0;

  constructor(random: Random, seen: Map<string, number>) {
    this.#random = random;
    this.#seen = seen;
    this.#rules = randomRules(random);
    this.#model = new ReferenceModel(this.#rules);
    this.#breaker = this.#create();
    this.#trace.push(JSON.stringify(this.#rules));
  }

  #create(restore?: CircuitBreakerOptions['restore']): CircuitBreaker {
    return circuitBreaker({
      ...optionsOf(this.#rules),
      restore,
      random: () => this.#draw,
      clock: {
        now: () => this.#nowMs,
        // Another origin than the monotonic clock's, as in life.
        wallNow: () => 1_700_000_000_000 + this.#nowMs,
        setTimer: () => {
          throw new Error('a circuit needs no timer');
        },
      },
      classify: ({ ok, value }) => (ok && value === 'ignore' ? { verdict: 'ignore' } : undefined),
    });
  }

  async step(): Promise<void> {
    const dice = below(this.#random, 100);
    if (dice < 34) await this.#call();
    else if (dice < 66) await this.#settle();
    else if (dice < 72) await this.#abort();
    else if (dice < 90) this.#note('advance', (this.#nowMs += below(this.#random, 30)));
    else if (dice < 92) this.#isolate();
    else if (dice < 94) this.#release();
    else if (dice < 96) this.#configure();
    else if (dice < 99) this.#restore();
    else this.#reset();
    this.#compare();
  }

  async #call(): Promise<void> {
    this.#draw = this.#random();
    this.#note('call', this.#draw);
    const expected = this.#model.call(this.#nowMs, this.#draw);
    const work = createDeferred<'success' | 'ignore'>();
    const controller = new AbortController();
    let isCalled = false;
    const call = this.#breaker.tryExecute(
      () => {
        isCalled = true;
        return work.promise;
      },
      { signal: controller.signal },
    );
    this.#expect(isCalled, 'state' in expected, 'admitted');
    if ('state' in expected) {
      if (expected.isProbe) this.#count('probe');
      this.#flights.push({ work, controller, model: expected, call });
      return;
    }
    this.#count('rejected');
    const { error } = (await call) as { error: { retryAfterMs?: number } };
    this.#expect(error.retryAfterMs, expected.retryAfterMs, 'retryAfterMs');
  }

  async #settle(): Promise<void> {
    const flight = this.#takeFlight();
    if (flight === undefined) return;
    const verdict = (['success', 'success', 'failure', 'failure', 'ignore'] as const)[
      below(this.#random, 5)
    ]!;
    this.#note('settle', verdict);
    if (verdict === 'failure') flight.work.reject(new Error('failure'));
    else flight.work.resolve(verdict);
    await flight.call;
    this.#settled(flight, verdict);
  }

  async #abort(): Promise<void> {
    const flight = this.#takeFlight();
    if (flight === undefined) return;
    this.#note('abort');
    this.#count('aborted');
    flight.controller.abort(new Error('abort'));
    await flight.call;
    this.#settled(flight, 'ignore');
  }

  #settled(flight: Flight, verdict: 'success' | 'failure' | 'ignore'): void {
    if (this.#model.settle(flight.model, verdict, this.#nowMs)) return;
    this.#stale += 1;
    this.#count('stale');
  }

  #takeFlight(): Flight | undefined {
    return this.#flights.splice(below(this.#random, this.#flights.length), 1)[0];
  }

  #isolate(): void {
    this.#note('isolate');
    this.#model.elapse(this.#nowMs);
    this.#releases.push(this.#breaker.isolate());
    this.#model.holds += 1;
  }

  #release(): void {
    const release = this.#releases.pop();
    if (release === undefined) return;
    this.#note('release');
    release();
    release();
    this.#model.holds -= 1;
  }

  #configure(): void {
    const isSameShape = this.#random() < 0.5;
    const fresh = randomRules(this.#random);
    this.#rules = isSameShape ? { ...fresh, trip: this.#rules.trip } : fresh;
    this.#note('configure', JSON.stringify(this.#rules));
    this.#count('configured');
    this.#breaker.configure(optionsOf(this.#rules));
    this.#model.configure(this.#rules, this.#nowMs);
  }

  #restore(): void {
    this.#note('restore');
    this.#count('restored');
    const saved = JSON.parse(
      JSON.stringify(this.#breaker.save()),
    ) as CircuitBreakerOptions['restore'];
    this.#model = this.#model.restored(this.#nowMs);
    // Calls of the process that is gone mean nothing to the new one; some time passes in between.
    [this.#flights, this.#releases, this.#stale] = [[], [], 0];
    this.#nowMs += below(this.#random, 20);
    this.#breaker = this.#create(saved);
  }

  #reset(): void {
    this.#note('reset');
    this.#count('reset');
    this.#breaker.reset();
    this.#model.reset(this.#nowMs);
  }

  #compare(): void {
    this.#model.elapse(this.#nowMs);
    const { state, counters, gauges } = this.#breaker.snapshot();
    this.#count(state);
    this.#expect(state, this.#model.visible, 'state');
    this.#expect(counters.stale, this.#stale, 'stale');
    this.#expect(gauges.inFlight, this.#flights.length, 'in flight');
    if (this.#model.kind !== 'closed' && this.#model.kind !== 'ramping') return;
    const calls = this.#model.inWindow(this.#nowMs);
    this.#expect(gauges.windowCalls, calls.length, 'calls in the window');
    this.#expect(gauges.windowFailures, calls.filter((one) => one.failed).length, 'failures');
  }

  #note(...what: unknown[]): void {
    this.#trace.push(`${this.#nowMs}: ${what.join(' ')}`);
  }

  #count(what: string): void {
    this.#seen.set(what, (this.#seen.get(what) ?? 0) + 1);
  }

  /** As `expect`, which is too slow for millions of steps. */
  #expect(actual: unknown, expected: unknown, what: string): void {
    if (Object.is(actual, expected)) return;
    throw new Error(
      `${what}: ${String(actual)}, not ${String(expected)}, after\n${this.#trace.join('\n')}`,
    );
  }
}

function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

function randomRules(random: Random): ModelRules {
  const size = 1 + below(random, 6);
  const trips: ModelRules['trip'][] = [
    { kind: 'consecutive', failures: 1 + below(random, 4) },
    {
      kind: random() < 0.5 ? 'count' : 'time',
      size: size * 4,
      buckets: 1 + below(random, 4),
      failureRate: [0.25, 0.5, 0.75, 1][below(random, 4)]!,
      minimumCalls: 1 + below(random, Math.min(4, size)),
      slow: random() < 0.5 ? { overMs: below(random, 20), rate: 0.5 } : undefined,
    },
  ];
  const openMs = 1 + below(random, 40);
  const probes = 1 + below(random, 3);
  return {
    trip: trips[below(random, 2)]!,
    openMs,
    growth: 1 + below(random, 2),
    capMs: openMs * 4,
    probes,
    concurrent: 1 + below(random, 3),
    maxFailures: below(random, 3),
    maxWaitMs: random() < 0.5 ? 1 + below(random, 40) : undefined,
    rampMs: random() < 0.5 ? 0 : 1 + below(random, 60),
  };
}

function optionsOf(rules: ModelRules): CircuitBreakerOptions {
  const { openMs, growth, capMs, probes, concurrent, maxFailures, maxWaitMs, rampMs } = rules;
  return {
    trip: tripOf(rules.trip),
    openMs: { baseMs: openMs, factor: growth, capMs, jitter: 'none' },
    halfOpen: { probes, concurrent, maxFailures, maxWaitMs },
    rampMs,
  };
}

function tripOf(trip: ModelRules['trip']): Trip {
  if (trip.kind === 'consecutive') return consecutive(trip.failures);
  const { kind, size, buckets, ...rates } = trip;
  return kind === 'count'
    ? countWindow({ size, ...rates })
    : timeWindow({ spanMs: size, buckets, ...rates });
}
