import fc from 'fast-check';
import { testSeed } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import {
  admit,
  elapse,
  initialCircuit,
  isolate,
  release,
  settle,
  type Admission,
  type Circuit,
  type CircuitRules,
  type Verdict,
} from '../src/transition.ts';

const rules: CircuitRules = { failures: 2, openMs: 100, halfOpenProbes: 2, probeTimeoutMs: 40 };

/** Drives the pure functions as the facade does: time first, then the event. */
class Driver {
  circuit: Circuit = initialCircuit;
  readonly admissions: Admission[] = [];
  readonly #rules: CircuitRules;

  constructor(driven: CircuitRules = rules) {
    this.#rules = driven;
  }

  touch(nowMs: number): Circuit['kind'] {
    for (let next = elapse(this.circuit, this.#rules, nowMs); next !== this.circuit;) {
      this.circuit = next;
      next = elapse(this.circuit, this.#rules, nowMs);
    }
    return this.circuit.kind;
  }

  /** True, or for how long to stay away. */
  enter(nowMs: number): true | number | undefined {
    this.touch(nowMs);
    const decision = admit(this.circuit, this.#rules, nowMs);
    if (decision.admission === undefined) return decision.retryAfterMs;
    this.circuit = decision.circuit;
    this.admissions.push(decision.admission);
    return true;
  }

  leave(index: number, verdict: Verdict, nowMs: number): Circuit['kind'] {
    this.touch(nowMs);
    const admission = this.admissions[index]!;
    this.circuit = settle(this.circuit, { admission, verdict, nowMs }, this.#rules);
    return this.circuit.kind;
  }
}

/** Opens at 0, so half-open from 100 on. */
function openedDriver(): Driver {
  const driver = new Driver();
  driver.enter(0);
  driver.enter(0);
  driver.leave(0, 'failure', 0);
  driver.leave(1, 'failure', 0);
  return driver;
}

describe('time', () => {
  it.each([
    { at: 0, is: 'open' },
    { at: 99, is: 'open' },
    { at: 100, is: 'half-open' },
    { at: 1e12, is: 'half-open' },
  ])('finds a circuit that opened at 0 $is at $at ms', ({ at, is }) => {
    expect(openedDriver().touch(at)).toBe(is);
  });

  it('leaves a closed circuit as it is', () => {
    expect(elapse(initialCircuit, rules, 1e12)).toBe(initialCircuit);
  });

  it('counts a probe that hangs as failed when it expired, not when somebody looks', () => {
    const driver = openedDriver();
    driver.enter(100);

    expect(driver.touch(139)).toBe('half-open');
    expect(driver.touch(140)).toBe('open');
    expect(driver.touch(239)).toBe('open');
    expect(driver.touch(240)).toBe('half-open');
  });

  it('passes through open to half-open in one look after a long idle time', () => {
    const driver = openedDriver();
    driver.enter(100);

    expect(driver.touch(10_000)).toBe('half-open');
    expect(driver.circuit).toMatchObject({ probes: [], succeeded: 0 });
  });
});

describe('results', () => {
  it.each<{ verdicts: Verdict[]; is: Circuit['kind'] }>([
    { verdicts: ['failure'], is: 'closed' },
    { verdicts: ['failure', 'failure'], is: 'open' },
    { verdicts: ['failure', 'success', 'failure'], is: 'closed' },
    { verdicts: ['failure', 'neutral', 'failure'], is: 'open' },
    { verdicts: ['success', 'neutral', 'success'], is: 'closed' },
    { verdicts: ['neutral', 'neutral', 'neutral'], is: 'closed' },
  ])('leave a closed circuit $is after $verdicts', ({ verdicts, is }) => {
    const driver = new Driver();

    for (const [index, verdict] of verdicts.entries()) {
      driver.enter(0);
      driver.leave(index, verdict, 0);
    }

    expect(driver.circuit.kind).toBe(is);
  });

  it.each<{ verdicts: Verdict[]; is: Circuit['kind'] }>([
    { verdicts: ['success'], is: 'half-open' },
    { verdicts: ['success', 'success'], is: 'closed' },
    { verdicts: ['success', 'failure'], is: 'open' },
    { verdicts: ['failure'], is: 'open' },
    { verdicts: ['neutral', 'neutral'], is: 'half-open' },
    { verdicts: ['neutral', 'success', 'success'], is: 'closed' },
  ])('leave a half-open circuit $is after $verdicts', ({ verdicts, is }) => {
    const driver = openedDriver();

    for (const [index, verdict] of verdicts.entries()) {
      expect(driver.enter(100)).toBe(true);
      driver.leave(2 + index, verdict, 100);
    }

    expect(driver.circuit.kind).toBe(is);
  });

  it('of an earlier generation change nothing, in any state', () => {
    const driver = new Driver();
    for (let n = 0; n < 5; n += 1) driver.enter(0);
    driver.leave(0, 'failure', 0);
    driver.leave(1, 'failure', 0);

    const open = driver.circuit;
    driver.leave(2, 'success', 0);
    expect(driver.circuit).toBe(open);

    driver.touch(100);
    const halfOpen = driver.circuit;
    driver.leave(2, 'success', 100);
    driver.leave(3, 'failure', 100);
    expect(driver.circuit).toBe(halfOpen);

    driver.enter(100);
    driver.leave(5, 'success', 100);
    driver.enter(100);
    driver.leave(6, 'success', 100);
    const closed = driver.circuit;
    expect(closed.kind).toBe('closed');
    driver.leave(3, 'failure', 100);
    driver.leave(4, 'failure', 100);
    expect(driver.circuit).toBe(closed);
  });

  it('would change the state without the generation: negative control', () => {
    const { circuit } = openedDriver();
    const halfOpen = elapse(circuit, rules, 100);
    if (halfOpen.kind !== 'half-open') throw new Error('expected a half-open circuit');

    const stampedAsPresent = { generation: halfOpen.generation };
    const result = { admission: stampedAsPresent, verdict: 'failure', nowMs: 100 } as const;

    expect(settle(halfOpen, result, rules).kind).toBe('open');
  });

  it('of an admission that no open circuit gives change nothing', () => {
    const { circuit } = openedDriver();
    if (circuit.kind !== 'open') throw new Error('expected an open circuit');

    const forged = { generation: circuit.generation };

    expect(settle(circuit, { admission: forged, verdict: 'success', nowMs: 0 }, rules)).toBe(
      circuit,
    );
  });
});

describe('admission', () => {
  it('is refused by an open circuit with the remaining wait', () => {
    const driver = openedDriver();

    expect(driver.enter(0)).toBe(100);
    expect(driver.enter(70)).toBe(30);
  });

  it('is given to as many probes as must succeed, and no more', () => {
    const driver = openedDriver();

    expect([driver.enter(100), driver.enter(110), driver.enter(120)]).toEqual([true, true, 20]);
    driver.leave(2, 'success', 120);
    expect(driver.enter(120)).toBe(30);
  });

  it('is given again when a neutral probe gives its place back', () => {
    const driver = openedDriver();
    driver.enter(100);
    driver.enter(100);

    driver.leave(2, 'neutral', 110);

    expect([driver.enter(110), driver.enter(110)]).toEqual([true, 30]);
  });
});

describe('isolation', () => {
  it('refuses every call without naming a time, until each hold is released', () => {
    const driver = new Driver();
    driver.circuit = isolate(isolate(driver.circuit));

    expect(driver.enter(0)).toBeUndefined();
    driver.circuit = release(driver.circuit);
    expect(driver.enter(0)).toBeUndefined();
    driver.circuit = release(driver.circuit);
    expect(driver.enter(0)).toBe(true);
    expect(release(driver.circuit)).toBe(driver.circuit);
  });

  it('keeps the remaining wait of an open circuit', () => {
    const driver = openedDriver();
    driver.circuit = isolate(driver.circuit);

    expect(driver.touch(60)).toBe('isolated');
    driver.circuit = release(driver.circuit);

    expect(driver.enter(60)).toBe(40);
  });

  it('lets time pass and admitted calls settle beneath', () => {
    const driver = openedDriver();
    driver.enter(100);
    driver.enter(100);
    driver.circuit = isolate(driver.circuit);
    driver.leave(2, 'success', 110);
    driver.leave(3, 'success', 110);
    driver.circuit = release(driver.circuit);
    expect(driver.touch(110)).toBe('closed');

    const expired = openedDriver();
    expired.circuit = isolate(expired.circuit);
    expired.touch(150);
    expect(release(expired.circuit).kind).toBe('half-open');
  });
});

it('returns what no circuit can be unchanged', () => {
  const forged = { kind: 'melted', generation: 1 } as unknown as Circuit;
  const admission = { generation: 1 };

  expect(elapse(forged, rules, 0)).toBe(forged);
  expect(admit(forged, rules, 0)).toBe(forged);
  expect(settle(forged, { admission, verdict: 'success', nowMs: 0 }, rules)).toBe(forged);
});

/**
 * The same promises in the plainest form: it keeps the whole history of the present phase and derives the rest from
 * it. No generations: each call remembers the phase object it was admitted in.
 */
class Model {
  #phase: Phase = { kind: 'closed', results: [], running: [], sinceMs: 0 };
  #holds = 0;
  readonly #calls: { readonly phase: Phase; readonly startedMs: number }[] = [];
  readonly #rules: CircuitRules;

  constructor(modelled: CircuitRules) {
    this.#rules = modelled;
  }

  kind(nowMs: number): string {
    for (;;) {
      const phase = this.#phase;
      if (phase.kind === 'open' && nowMs - phase.sinceMs >= this.#rules.openMs) {
        this.#begin('half-open', nowMs);
        continue;
      }
      const oldestMs = Math.min(...phase.running.map((call) => this.#calls[call]!.startedMs));
      const expiredMs = oldestMs + this.#rules.probeTimeoutMs;
      if (phase.kind === 'half-open' && expiredMs <= nowMs) {
        this.#begin('open', expiredMs);
        continue;
      }
      return this.#holds > 0 ? 'isolated' : phase.kind;
    }
  }

  enter(nowMs: number): boolean {
    const kind = this.kind(nowMs);
    const phase = this.#phase;
    const successes = phase.results.filter((result) => result === 'success').length;
    const taken = phase.running.length + successes;
    const passes =
      kind === 'closed' || (kind === 'half-open' && taken < this.#rules.halfOpenProbes);
    if (passes) phase.running.push(this.#calls.push({ phase, startedMs: nowMs }) - 1);
    return passes;
  }

  leave(call: number, verdict: Verdict, nowMs: number): void {
    this.kind(nowMs);
    const { phase } = this.#calls[call]!;
    if (phase !== this.#phase) return;
    phase.running = phase.running.filter((other) => other !== call);
    if (verdict !== 'neutral') phase.results.push(verdict);
    const tail = phase.results.slice(-this.#rules.failures);
    if (phase.kind === 'closed') {
      const isFull = tail.length === this.#rules.failures;
      if (isFull && tail.every((result) => result === 'failure')) this.#begin('open', nowMs);
    } else if (phase.results.includes('failure')) {
      this.#begin('open', nowMs);
    } else if (phase.results.length === this.#rules.halfOpenProbes) {
      this.#begin('closed', nowMs);
    }
  }

  hold(by: 1 | -1): void {
    this.#holds = Math.max(0, this.#holds + by);
  }

  #begin(kind: Phase['kind'], sinceMs: number): void {
    this.#phase = { kind, results: [], running: [], sinceMs };
  }
}

interface Phase {
  readonly kind: 'closed' | 'open' | 'half-open';
  readonly results: Verdict[];
  running: number[];
  readonly sinceMs: number;
}

it('does what an independent model does, over random sequences', () => {
  const seed = testSeed();
  const size = (max: number) => fc.integer({ min: 1, max });
  const command = fc.oneof(
    { weight: 4, arbitrary: fc.constant({ do: 'enter' as const }) },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('leave' as const),
        pick: fc.nat(),
        verdict: fc.constantFrom<Verdict>('success', 'failure', 'failure', 'neutral'),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(15) }) },
    { weight: 1, arbitrary: fc.constantFrom({ do: 'hold' as const }, { do: 'free' as const }) },
  );
  const seen = new Set<string>();

  fc.assert(
    fc.property(
      fc.record({
        failures: size(3),
        openMs: size(20),
        halfOpenProbes: size(3),
        probeTimeoutMs: size(20),
      }),
      fc.array(command, { maxLength: 60 }),
      (drawn, commands) => {
        const driver = new Driver(drawn);
        const model = new Model(drawn);
        const inFlight: number[] = [];
        let nowMs = 0;
        for (const step of commands) {
          switch (step.do) {
            case 'enter': {
              const answer = driver.enter(nowMs);
              expect(answer === true).toBe(model.enter(nowMs));
              if (answer === true) inFlight.push(driver.admissions.length - 1);
              else if (answer !== undefined) expect(answer).toBeGreaterThan(0);
              break;
            }
            case 'leave': {
              if (inFlight.length === 0) break;
              const [call] = inFlight.splice(step.pick % inFlight.length, 1);
              driver.leave(call!, step.verdict, nowMs);
              model.leave(call!, step.verdict, nowMs);
              break;
            }
            case 'wait':
              nowMs += step.ms;
              break;
            case 'hold':
              driver.circuit = isolate(driver.circuit);
              model.hold(1);
              break;
            case 'free':
              driver.circuit = release(driver.circuit);
              model.hold(-1);
              break;
          }
          const kind = driver.touch(nowMs);
          seen.add(kind);
          expect(kind).toBe(model.kind(nowMs));
        }
      },
    ),
    { numRuns: 1_000, seed },
  );

  // The sequences are worth something only if they reach every state.
  expect([...seen].sort()).toEqual(['closed', 'half-open', 'isolated', 'open']);
});
