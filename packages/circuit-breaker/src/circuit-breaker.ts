import { createListeners, isHoldfastError, raceAbort } from '@holdfast/internal';
import { askClassifier } from './ask-classifier.ts';
import { CircuitIsolatedError, CircuitOpenError } from './errors.ts';
import { abortSource, invoke, passOn } from './execution-context.ts';
import { resolveCircuitBreakerOptions, type CircuitBreakerOptions } from './options.ts';
import { createPolicyMethods, type Run } from './policy-methods.ts';
import type { CircuitBreaker, CircuitBreakerEvents } from './policy.ts';
import {
  admit,
  elapse,
  initialCircuit,
  isCurrent,
  isolate,
  release,
  settle,
  type Admission,
  type Circuit,
  type Verdict,
} from './transition.ts';

/**
 * Stops calling what keeps failing. After `failures` failures in a row calls are rejected for `openMs`; then probes
 * decide whether it closes. It holds no timer: the state moves when it is touched. A call is judged by what its caller
 * sees, so an abort by the caller settles it as neutral at once.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function circuitBreaker(options: CircuitBreakerOptions = {}): CircuitBreaker {
  const { name, rules, isFailure, clock } = resolveCircuitBreakerOptions(options);
  const listeners = createListeners<CircuitBreakerEvents>();
  const counters = {
    calls: 0,
    succeeded: 0,
    failed: 0,
    ignored: 0,
    stale: 0,
    rejected: 0,
    aborted: 0,
  };
  const gauges = { inFlight: 0 };
  let circuit: Circuit = initialCircuit;
  let lastFailure: unknown;

  const moveTo = (next: Circuit): void => {
    const from = circuit.kind;
    circuit = next;
    if (next.kind !== from) listeners.emit('transition', { from, to: next.kind });
  };

  // One reading of the clock for each decision: with a second one an open circuit could have nothing left to wait for.
  const touch = (nowMs: number): Circuit => {
    for (let next = elapse(circuit, rules, nowMs); next !== circuit;) {
      moveTo(next);
      next = elapse(circuit, rules, nowMs);
    }
    return circuit;
  };

  const enter = (nowMs: number): Admission => {
    const decision = admit(circuit, rules, nowMs);
    if (decision.admission !== undefined) {
      moveTo(decision.circuit);
      return decision.admission;
    }
    const error =
      decision.retryAfterMs === undefined
        ? new CircuitIsolatedError(name)
        : new CircuitOpenError(name, decision.retryAfterMs, { cause: lastFailure });
    counters.rejected += 1;
    listeners.emit('reject', { error });
    throw error;
  };

  const leave = (admission: Admission, verdict: Verdict, error?: unknown): void => {
    const nowMs = clock.now();
    touch(nowMs);
    if (!isCurrent(circuit, admission)) {
      counters.stale += 1;
      return;
    }
    counters[COUNTED_AS[verdict]] += 1;
    if (verdict === 'failure') lastFailure = error;
    moveTo(settle(circuit, { admission, verdict, nowMs }, rules));
    if (verdict === 'failure') listeners.emit('failure', { error });
  };

  const leaveFailed = (admission: Admission, error: unknown, source?: AbortSignal): void => {
    let verdict: Verdict = 'failure';
    try {
      const isNeutral =
        isCallersAbort(error, source) || !askClassifier('isFailure', error, () => isFailure(error));
      if (isNeutral) verdict = 'neutral';
    } finally {
      // Also when the classifier throws: an admission that is never settled would wedge a half-open circuit.
      leave(admission, verdict, error);
    }
  };

  const run: Run = async (fn, callOptions) => {
    const source = abortSource(callOptions);
    counters.calls += 1;
    const nowMs = clock.now();
    touch(nowMs);
    // Only now: a listener that heard the circuit move on may have aborted the call.
    if (source?.aborted === true) {
      counters.aborted += 1;
      throw source.reason;
    }
    const admission = enter(nowMs);
    gauges.inFlight += 1;
    let value;
    try {
      value = await raceAbort(invoke(fn, passOn(callOptions)), source);
    } catch (error) {
      gauges.inFlight -= 1;
      leaveFailed(admission, error, source);
      throw error;
    }
    gauges.inFlight -= 1;
    leave(admission, 'success');
    return value;
  };

  return {
    name,
    ...createPolicyMethods(run),
    get state() {
      return touch(clock.now()).kind;
    },
    isolate() {
      touch(clock.now());
      moveTo(isolate(circuit));
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        touch(clock.now());
        moveTo(release(circuit));
      };
    },
    on: (event, listener) => listeners.on(event, listener),
    snapshot: () => ({
      name,
      kind: 'circuit-breaker',
      state: touch(clock.now()).kind,
      counters: { ...counters },
      gauges: { ...gauges },
    }),
  };
}

const COUNTED_AS = { success: 'succeeded', failure: 'failed', neutral: 'ignored' } as const;

/** A timeout around the breaker aborts the same signal, yet it is the best evidence of ill health that there is. */
function isCallersAbort(error: unknown, source: AbortSignal | undefined): boolean {
  return source?.aborted === true && error === source.reason && !isHoldfastError(error, 'TIMEOUT');
}
