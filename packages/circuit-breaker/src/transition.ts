/**
 * The state machine of a circuit, pure: every function takes the circuit and returns the next one.
 *
 * - `closed`     counts failures in a row. Left when `rules.failures` is reached.
 * - `open`       admits nothing. Left by time, at `untilMs`.
 * - `half-open`  admits `rules.halfOpenProbes` probes. Left to `closed` when all have succeeded, to `open` when one has
 *                failed or has run for `rules.probeTimeoutMs`. A neutral probe gives its place back.
 * - `isolated`   admits nothing. The state `beneath` lives on: it sees time pass and admitted calls settle.
 *
 * Each entry into a state other than `isolated` begins a new generation; a result of an admission of another
 * generation is ignored in every state. Time moves only when asked: call `elapse` until it changes nothing, then act.
 */
export type Circuit = Running | Isolated;
type Running = Closed | Open | HalfOpen;

interface Closed {
  readonly kind: 'closed';
  readonly generation: number;
  readonly failuresInRow: number;
}

interface Open {
  readonly kind: 'open';
  readonly generation: number;
  readonly untilMs: number;
}

interface HalfOpen {
  readonly kind: 'half-open';
  readonly generation: number;
  readonly succeeded: number;
  /** In flight, oldest first. */
  readonly probes: readonly Probe[];
}

interface Isolated {
  readonly kind: 'isolated';
  readonly holds: number;
  readonly beneath: Running;
}

interface Probe {
  readonly admission: Admission;
  readonly expiresMs: number;
}

export interface CircuitRules {
  readonly failures: number;
  readonly openMs: number;
  readonly halfOpenProbes: number;
  readonly probeTimeoutMs: number;
}

/** The right to call the work once; its identity is what tells one probe from another. */
export interface Admission {
  readonly generation: number;
}

export type Verdict = 'success' | 'failure' | 'neutral';

export interface Result {
  readonly admission: Admission;
  readonly verdict: Verdict;
  readonly nowMs: number;
}

export type Decision =
  | { readonly admission: Admission; readonly circuit: Circuit }
  | { readonly admission: undefined; readonly retryAfterMs: number | undefined };

export const initialCircuit: Circuit = { kind: 'closed', generation: 1, failuresInRow: 0 };

/** One step of what time alone does; the same circuit when nothing is due. */
export function elapse(circuit: Circuit, rules: CircuitRules, nowMs: number): Circuit {
  if (circuit.kind !== 'isolated') return elapseRunning(circuit, rules, nowMs);
  const beneath = elapseRunning(circuit.beneath, rules, nowMs);
  return beneath === circuit.beneath ? circuit : { ...circuit, beneath };
}

/** May one more call pass? `retryAfterMs` is undefined when no time is known: isolated. */
export function admit(circuit: Circuit, rules: CircuitRules, nowMs: number): Decision {
  switch (circuit.kind) {
    case 'closed':
      return { admission: { generation: circuit.generation }, circuit };
    case 'open':
      return { admission: undefined, retryAfterMs: circuit.untilMs - nowMs };
    case 'half-open': {
      const oldest = circuit.probes[0];
      if (oldest !== undefined && circuit.succeeded + circuit.probes.length >= rules.halfOpenProbes)
        return { admission: undefined, retryAfterMs: oldest.expiresMs - nowMs };
      const admission = { generation: circuit.generation };
      const probe = { admission, expiresMs: nowMs + rules.probeTimeoutMs };
      return { admission, circuit: { ...circuit, probes: [...circuit.probes, probe] } };
    }
    case 'isolated':
      return { admission: undefined, retryAfterMs: undefined };
    default: {
      const impossible: never = circuit;
      return impossible;
    }
  }
}

/** False: the circuit has moved on since `admission`, so that its result means nothing any more. */
export function isCurrent(circuit: Circuit, admission: Admission): boolean {
  const running = circuit.kind === 'isolated' ? circuit.beneath : circuit;
  return running.generation === admission.generation;
}

/** What one admitted call's result does. */
export function settle(circuit: Circuit, result: Result, rules: CircuitRules): Circuit {
  if (!isCurrent(circuit, result.admission)) return circuit;
  return circuit.kind === 'isolated'
    ? { ...circuit, beneath: settleRunning(circuit.beneath, result, rules) }
    : settleRunning(circuit, result, rules);
}

/** Adds one hold. */
export function isolate(circuit: Circuit): Circuit {
  return circuit.kind === 'isolated'
    ? { ...circuit, holds: circuit.holds + 1 }
    : { kind: 'isolated', holds: 1, beneath: circuit };
}

/** Takes one hold away; the last one uncovers the state beneath. */
export function release(circuit: Circuit): Circuit {
  if (circuit.kind !== 'isolated') return circuit;
  return circuit.holds > 1 ? { ...circuit, holds: circuit.holds - 1 } : circuit.beneath;
}

function elapseRunning(circuit: Running, rules: CircuitRules, nowMs: number): Running {
  switch (circuit.kind) {
    case 'closed':
      return circuit;
    case 'open':
      return nowMs < circuit.untilMs ? circuit : halfOpened(circuit);
    case 'half-open': {
      const oldest = circuit.probes[0];
      if (oldest === undefined || nowMs < oldest.expiresMs) return circuit;
      // Dated to when the probe expired, not to when somebody looked: a long idle time counts as waited.
      return opened(circuit, rules, oldest.expiresMs);
    }
    default: {
      const impossible: never = circuit;
      return impossible;
    }
  }
}

function settleRunning(circuit: Running, result: Result, rules: CircuitRules): Running {
  switch (circuit.kind) {
    case 'closed':
      return settleClosed(circuit, result, rules);
    case 'open':
      // No admission carries the generation of an open circuit.
      return circuit;
    case 'half-open':
      return settleProbe(circuit, result, rules);
    default: {
      const impossible: never = circuit;
      return impossible;
    }
  }
}

function settleClosed(circuit: Closed, { verdict, nowMs }: Result, rules: CircuitRules): Running {
  if (verdict === 'neutral') return circuit;
  if (verdict === 'success') {
    return circuit.failuresInRow === 0 ? circuit : { ...circuit, failuresInRow: 0 };
  }
  const failuresInRow = circuit.failuresInRow + 1;
  if (failuresInRow >= rules.failures) return opened(circuit, rules, nowMs);
  return { ...circuit, failuresInRow };
}

function settleProbe(circuit: HalfOpen, result: Result, rules: CircuitRules): Running {
  if (result.verdict === 'failure') return opened(circuit, rules, result.nowMs);
  const probes = circuit.probes.filter((probe) => probe.admission !== result.admission);
  if (result.verdict === 'neutral') return { ...circuit, probes };
  const succeeded = circuit.succeeded + 1;
  return succeeded >= rules.halfOpenProbes ? closed(circuit) : { ...circuit, probes, succeeded };
}

function closed({ generation }: Running): Closed {
  return { kind: 'closed', generation: generation + 1, failuresInRow: 0 };
}

function opened({ generation }: Running, rules: CircuitRules, sinceMs: number): Open {
  return { kind: 'open', generation: generation + 1, untilMs: sinceMs + rules.openMs };
}

function halfOpened({ generation }: Running): HalfOpen {
  return { kind: 'half-open', generation: generation + 1, succeeded: 0, probes: [] };
}
