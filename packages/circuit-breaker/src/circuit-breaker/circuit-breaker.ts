import { requireFunction, requireObject, requireOptions, type Random } from '@holdfast/internal';
import { ambient } from '../ambient-deadline.ts';
import { BasePolicy } from '../base-policy.ts';
import { invokeAbortable, type CallContext } from '../call-context.ts';
import { CircuitIsolatedError, CircuitOpenError, withoutStack } from '../errors.ts';
import { judgeHealth } from '../judge-health.ts';
import type { Classifier } from '../judgement.ts';
import type { ExecuteOptions, Outcome, Work } from '../policy.ts';
import {
  NOT_ADMITTED,
  type Admission,
  type CircuitObserver,
  type CircuitState,
  type Result,
  type TransitionReason,
} from './circuit-contract.ts';
import { Circuit } from './circuit.ts';
import type { CircuitBreaker, CircuitBreakerEvents, CircuitBreakerSnapshot } from './contract.ts';
import {
  resolveCircuitBreakerOptions,
  resolveRules,
  RULE_NAMES,
  type CircuitBreakerOptions,
  type CircuitBreakerRules,
  type ResolvedRules,
  type SavedCircuit,
} from './options.ts';
import { rejectSoon } from '../reject-soon.ts';
import { Refusal } from './refusal.ts';
import { loadCircuit, saveCircuit } from './saved-circuit.ts';

/**
 * Stops calling what keeps failing. When `trip` says so calls are rejected for `openMs`; then probes decide whether the
 * circuit closes. It holds no timer: the state moves when it is touched. A call is judged by what its caller sees, so
 * an abort by the caller settles it as ignored at once.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function circuitBreaker(options: CircuitBreakerOptions = DEFAULTS): CircuitBreaker {
  return new LocalCircuitBreaker(options);
}

const DEFAULTS: CircuitBreakerOptions = {};

class LocalCircuitBreaker
  extends BasePolicy<never, CircuitBreakerEvents>
  implements CircuitBreaker, CircuitObserver
{
  readonly #classifiers: readonly Classifier[];
  readonly #random: Random;
  readonly #circuit: Circuit;
  #given: CircuitBreakerRules;
  #rules: ResolvedRules;
  #lastFailure: unknown;
  #hasToldShadow = false;
  #calls = 0;
  #succeeded = 0;
  #failed = 0;
  #ignored = 0;
  #stale = 0;
  #rejected = 0;
  #aborted = 0;
  #inFlight = 0;

  constructor(options: CircuitBreakerOptions) {
    const { name, clock, random, rules, classifiers } = resolveCircuitBreakerOptions(options);
    super(name, clock, {
      transition: true,
      reject: true,
      wouldReject: true,
      failure: true,
      slow: true,
    });
    this.#given = options;
    this.#classifiers = classifiers;
    this.#random = random;
    this.#rules = rules;
    this.#circuit = new Circuit(rules, this);
    if (options.restore !== undefined) {
      loadCircuit(this.#circuit, options.restore, rules.trip.shape, clock);
    }
  }

  onTransition(from: CircuitState, to: CircuitState, reason: TransitionReason): void {
    this.#hasToldShadow = false;
    this.emit('transition', { from, to, reason });
  }

  get state(): CircuitState {
    this.#touch();
    return this.#circuit.state;
  }

  protected override run<T>(fn: Work<T>, context: CallContext): Promise<T> {
    const { source } = context;
    this.#calls += 1;
    const nowMs = this.#touch();
    // Only now: a listener that heard the circuit move on may have aborted the call.
    if (source?.aborted === true) {
      this.#aborted += 1;
      return Promise.reject(source.reason);
    }
    const { mode } = this.#rules;
    const admission = mode === 'off' ? NOT_ADMITTED : this.#circuit.admit(nowMs, this.#random);
    if (admission === NOT_ADMITTED && mode !== 'off') {
      if (mode === 'enforce') return rejectSoon(this.#refuse(nowMs)());
      this.#tellShadow();
    }
    return this.#runAdmitted(fn, context, admission, nowMs);
  }

  // By `then`: an async function in between is a third of what a closed circuit costs.
  #runAdmitted<T>(
    fn: Work<T>,
    context: CallContext,
    admission: Admission,
    startedMs: number,
  ): Promise<T> {
    this.#inFlight += 1;
    return invokeAbortable(fn, context).then(
      (value) => {
        this.#inFlight -= 1;
        if (this.#classifiers.length === 0) this.#settle(admission, startedMs, SUCCEEDED, value);
        else this.#judge(admission, startedMs, { ok: true, value }, context);
        return value;
      },
      (error: unknown) => {
        this.#inFlight -= 1;
        this.#judge(admission, startedMs, { ok: false, error }, context);
        throw error;
      },
    );
  }

  /** While the circuit rejects, an outcome costs a fraction of an exception: its error is made when somebody reads it. */
  override tryExecute<T>(fn: Work<T>, options?: ExecuteOptions): Promise<Outcome<T>> {
    if (options !== undefined || ambient.deadline() !== Infinity)
      return super.tryExecute(fn, options);
    requireFunction('fn', fn);
    const nowMs = this.#touch();
    const { state } = this.#circuit;
    const isRejecting =
      this.#rules.mode === 'enforce' && (state === 'open' || state === 'isolated');
    if (!isRejecting) return super.tryExecute(fn);
    this.#calls += 1;
    return Promise.resolve(new Refusal(this.#refuse(nowMs)));
  }

  isolate(): () => void {
    this.#touch();
    this.#circuit.isolate();
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#touch();
      this.#circuit.release();
    };
  }

  reset(): void {
    this.#touch();
    this.#circuit.reset();
  }

  configure(rules: CircuitBreakerRules): void {
    requireOptions('configure', requireObject('rules', rules), RULE_NAMES);
    const given = { ...this.#given, ...rules };
    const resolved = resolveRules(given, this.#random);
    this.#touch();
    this.#given = given;
    this.#rules = resolved;
    this.#circuit.configure(resolved);
  }

  save(): SavedCircuit {
    this.#touch();
    return saveCircuit(this.#circuit, this.#rules.trip.shape, this.clock);
  }

  override snapshot(): CircuitBreakerSnapshot {
    const nowMs = this.clock.now();
    this.#circuit.elapse(nowMs);
    const { window, state } = this.#circuit;
    window.expire(nowMs);
    return {
      name: this.name,
      kind: 'circuit-breaker',
      state,
      mode: this.#rules.mode,
      counters: {
        calls: this.#calls,
        succeeded: this.#succeeded,
        failed: this.#failed,
        ignored: this.#ignored,
        stale: this.#stale,
        rejected: this.#rejected,
        aborted: this.#aborted,
      },
      gauges: {
        inFlight: this.#inFlight,
        windowCalls: window.calls,
        windowFailures: window.failures,
        windowSlow: window.slow,
      },
    };
  }

  /** Lets time do its work. A closed circuit that looks at no durations needs no time: then NaN. */
  #touch(): number {
    if (this.#circuit.isPlainlyClosed && this.#rules.trip.slowOverMs === Infinity) return NaN;
    const nowMs = this.clock.now();
    this.#circuit.elapse(nowMs);
    return nowMs;
  }

  #tellShadow(): void {
    if (this.#hasToldShadow) return;
    this.#hasToldShadow = true;
    this.emit('wouldReject', { state: this.#circuit.state });
  }

  #refuse(nowMs: number): () => Error {
    this.#rejected += 1;
    const retryAfterMs = this.#circuit.retryAfterMs(nowMs);
    const cause = this.#lastFailure;
    const create = (): Error =>
      withoutStack(() =>
        retryAfterMs === undefined
          ? new CircuitIsolatedError(this.name)
          : new CircuitOpenError(this.name, retryAfterMs, { cause }),
      );
    if (!this.isWatched) return create;
    const error = create();
    this.emit('reject', { error });
    return () => error;
  }

  #judge(
    admission: Admission,
    startedMs: number,
    outcome: Outcome<unknown>,
    context: CallContext,
  ): void {
    let judgement: Result = outcome.ok ? IGNORED : FAILED;
    try {
      judgement = judgeHealth(this.#classifiers, outcome, context);
    } finally {
      // Also when a classifier throws: an admission that is never settled would wedge a half-open circuit.
      this.#settle(admission, startedMs, judgement, outcome.ok ? outcome.value : outcome.error);
    }
  }

  #settle(admission: Admission, startedMs: number, judgement: Result, error: unknown): void {
    const { verdict } = judgement;
    const nowMs = this.clock.now();
    const isSlow = nowMs - startedMs > this.#rules.trip.slowOverMs;
    this.#circuit.elapse(nowMs);
    if (admission === NOT_ADMITTED) this.#ignored += 1;
    else if (!this.#circuit.settle(admission, judgement, isSlow, nowMs)) this.#stale += 1;
    else this.#count(verdict, error, isSlow ? nowMs - startedMs : undefined);
  }

  #count(verdict: Result['verdict'], error: unknown, slowMs: number | undefined): void {
    if (verdict === 'ignore') {
      this.#ignored += 1;
      return;
    }
    if (verdict === 'success') this.#succeeded += 1;
    else {
      this.#failed += 1;
      this.#lastFailure = error;
      this.emit('failure', { error });
    }
    if (slowMs !== undefined) this.emit('slow', { durationMs: slowMs });
  }
}

const SUCCEEDED = { verdict: 'success' } as const;
const FAILED = { verdict: 'failure' } as const;
const IGNORED = { verdict: 'ignore' } as const;
