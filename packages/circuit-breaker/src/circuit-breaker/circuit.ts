/**
 * The state machine of a circuit. It does no I/O and holds no timer: every call says what time it is, and `elapse`
 * does what time alone has done.
 *
 * - `closed`     admits all calls and counts them in the window. Left to `open` when `trip` says so.
 * - `open`       admits nothing. Left to `half-open` when its time is over.
 * - `half-open`  admits a few probes. Left to `open` when more than `maxFailures` have failed or have run for
 *                `maxWaitMs`; to `ramping`, or `closed` without a ramp, when `probes` have succeeded.
 * - `ramping`    admits a growing share of the calls and counts them. Left to `open` as `closed` is, to `closed` when
 *                its time is over.
 *
 * On top of it the circuit is `isolated` while somebody holds it: it admits nothing, and the state beneath lives on.
 *
 * Each entry begins a new generation, but for the one from `ramping` into `closed`; a result of an admission of another
 * generation, or of a probe that was given up, is stale and changes nothing.
 */
import type { Random } from '@holdfast/internal';
import {
  NOT_ADMITTED,
  type Admission,
  type CircuitObserver,
  type CircuitRules,
  type CircuitSave,
  type CircuitState,
  type Result,
  type RunningState,
  type TransitionReason,
} from './circuit-contract.ts';
import type { CallWindow } from './trip.ts';

/** The share of calls that a ramp begins with. */
const RAMP_FLOOR = 0.1;

/** Shared by all circuits that are not half-open, and never written to: an empty map is the largest part of one. */
const NO_PROBES = new Map<Admission, number>();

export class Circuit {
  #rules: CircuitRules;
  #window: CallWindow;
  #state: RunningState = 'closed';
  /** Source of generations and of probes: no number is ever given twice. */
  #serial = 1;
  #generation = 1;
  /** When the present state ends by itself: of `open` and `ramping`. */
  #untilMs = 0;
  #openMs = 0;
  /** Of the ramp that has begun, whatever the rules say since. */
  #rampMs = 0;
  /** Openings since the circuit was last closed. */
  #opens = 0;
  #holds = 0;
  /** In flight: when each is given up. */
  #probes: Map<Admission, number> = NO_PROBES;
  #succeeded = 0;
  #failed = 0;
  readonly #observer: CircuitObserver;

  constructor(rules: CircuitRules, observer: CircuitObserver) {
    this.#rules = rules;
    this.#window = rules.trip.createWindow();
    this.#observer = observer;
  }

  get state(): CircuitState {
    return this.#holds > 0 ? 'isolated' : this.#state;
  }

  /** True: every call is admitted, so that nobody has to ask for the time. */
  get isPlainlyClosed(): boolean {
    return this.#state === 'closed' && this.#holds === 0;
  }

  get window(): CallWindow {
    return this.#window;
  }

  /** Does what time alone has done by `nowMs`. */
  elapse(nowMs: number): void {
    for (;;) {
      switch (this.#state) {
        case 'closed':
          return;
        case 'open':
          if (nowMs < this.#untilMs) return;
          this.#enter('half-open', 'waited');
          break;
        case 'half-open': {
          const next = this.#nextToExpire();
          if (next === undefined || nowMs < next.expiresMs) return;
          this.#probes.delete(next.probe);
          // Dated to when the probe expired, not to when somebody looked: a long idle time counts as waited.
          this.#failProbe('probe-expired', next.expiresMs);
          break;
        }
        case 'ramping':
          if (nowMs < this.#untilMs) return;
          this.#opens = this.#openMs = 0;
          this.#move('closed', 'ramped');
          return;
        /* v8 ignore next 4 -- @preserve */
        default: {
          const impossible: never = this.#state;
          return impossible;
        }
      }
    }
  }

  /** May one more call pass? Call `elapse` first, unless the circuit is plainly closed. */
  admit(nowMs: number, random: Random): Admission {
    if (this.#holds > 0) return NOT_ADMITTED;
    switch (this.#state) {
      case 'closed':
        return this.#generation;
      case 'open':
        return NOT_ADMITTED;
      case 'half-open': {
        const { probes, concurrent, maxWaitMs = this.#openMs } = this.#rules;
        const inFlight = this.#probes.size;
        // With none in flight one always passes: `probes` may have been lowered to what has succeeded.
        const isEnough = inFlight > 0 && inFlight + this.#succeeded >= probes;
        if (isEnough || inFlight >= concurrent) return NOT_ADMITTED;
        if (this.#probes === NO_PROBES) this.#probes = new Map();
        this.#probes.set(++this.#serial, nowMs + maxWaitMs);
        return this.#serial;
      }
      case 'ramping': {
        const share = 1 - (this.#untilMs - nowMs) / this.#rampMs;
        return random() < Math.max(RAMP_FLOOR, share) ? this.#generation : NOT_ADMITTED;
      }
      /* v8 ignore next 4 -- @preserve */
      default: {
        const impossible: never = this.#state;
        return impossible;
      }
    }
  }

  /** Milliseconds until a call that was not admitted may be, at the latest; undefined: nobody knows. */
  retryAfterMs(nowMs: number): number | undefined {
    if (this.#holds > 0 || this.#state === 'closed') return undefined;
    return (this.#nextToExpire()?.expiresMs ?? this.#untilMs) - nowMs;
  }

  /** Not always the oldest: `maxWaitMs` may have been lowered. */
  #nextToExpire(): { readonly probe: Admission; readonly expiresMs: number } | undefined {
    let next;
    for (const [probe, expiresMs] of this.#probes) {
      if (next === undefined || expiresMs < next.expiresMs) next = { probe, expiresMs };
    }
    return next;
  }

  /** What one admitted call's result does. False: it is stale. Call `elapse` first, unless the circuit is plainly closed. */
  settle(admission: Admission, result: Result, isSlow: boolean, nowMs: number): boolean {
    if (this.#state === 'half-open') return this.#settleProbe(admission, result, nowMs);
    if (admission !== this.#generation) return false;
    if (result.verdict === 'ignore') return true;
    const isFailure = result.verdict === 'failure';
    this.#window.record(isFailure, isSlow, nowMs);
    // A plain success can only improve the rates, and never opens a circuit.
    if ((isFailure || isSlow) && this.#rules.trip.isTripped(this.#window)) {
      this.#open('tripped', nowMs, result.retryAfterMs);
    }
    return true;
  }

  #settleProbe(probe: Admission, result: Result, nowMs: number): boolean {
    if (!this.#probes.delete(probe)) return false;
    if (result.verdict === 'failure') this.#failProbe('probe-failed', nowMs, result.retryAfterMs);
    if (result.verdict === 'success') {
      this.#succeeded += 1;
      if (this.#succeeded >= this.#rules.probes) this.#recover(nowMs);
    }
    return true;
  }

  #failProbe(reason: TransitionReason, sinceMs: number, retryAfterMs?: number): void {
    this.#failed += 1;
    if (this.#failed > this.#rules.maxFailures) this.#open(reason, sinceMs, retryAfterMs);
  }

  #open(reason: TransitionReason, sinceMs: number, retryAfterMs = 0): void {
    this.#opens += 1;
    this.#openMs = Math.max(retryAfterMs, this.#rules.openMs(this.#opens, this.#openMs));
    this.#untilMs = sinceMs + this.#openMs;
    this.#enter('open', reason);
  }

  #recover(nowMs: number): void {
    const { rampMs } = this.#rules;
    this.#rampMs = rampMs;
    this.#untilMs = nowMs + rampMs;
    this.#enter(rampMs > 0 ? 'ramping' : 'closed', 'probes-succeeded');
  }

  /** Adds one hold. */
  isolate(): void {
    const from = this.state;
    this.#holds += 1;
    this.#tell(from, 'isolated');
  }

  /** Takes one hold away; the last one uncovers the state beneath. */
  release(): void {
    const from = this.state;
    this.#holds -= 1;
    this.#tell(from, 'released');
  }

  /** Closes the circuit and forgets all calls. Holds stay. */
  reset(): void {
    this.#enter('closed', 'reset');
  }

  /** Keeps what it remembers when the new window has the same shape; else the present state begins anew. */
  configure(rules: CircuitRules): void {
    const isSameShape = rules.trip.shape === this.#rules.trip.shape;
    this.#rules = rules;
    if (isSameShape) return;
    this.#window = rules.trip.createWindow();
    this.#begin();
  }

  /** The state without its calls in flight: a half-open or ramping circuit is saved as one that may probe now. */
  save(nowMs: number): CircuitSave {
    const isClosed = this.#state === 'closed';
    return {
      opens: this.#opens,
      openMs: this.#openMs,
      remainingMs: isClosed ? undefined : this.#state === 'open' ? this.#untilMs - nowMs : 0,
      window: isClosed ? this.#window.save(nowMs) : [],
    };
  }

  /** Takes over what `save` gave `ageMs` milliseconds ago; only for a circuit that has not been used. */
  restore(saved: CircuitSave, ageMs: number, nowMs: number): void {
    this.#opens = saved.opens;
    this.#openMs = saved.openMs;
    if (saved.remainingMs === undefined) {
      this.#window.restore(saved.window, nowMs - ageMs, nowMs);
      return;
    }
    this.#state = 'open';
    this.#untilMs = nowMs + saved.remainingMs - ageMs;
    this.#begin();
  }

  /** Into a state in which nothing has happened yet. */
  #enter(state: RunningState, reason: TransitionReason): void {
    if (state === 'closed') this.#opens = this.#openMs = 0;
    if (state === 'closed' || state === 'ramping') this.#window = this.#rules.trip.createWindow();
    this.#begin();
    this.#move(state, reason);
  }

  #begin(): void {
    this.#generation = ++this.#serial;
    this.#probes = NO_PROBES;
    this.#succeeded = this.#failed = 0;
  }

  #move(state: RunningState, reason: TransitionReason): void {
    const from = this.state;
    this.#state = state;
    this.#tell(from, reason);
  }

  /** Last: a listener sees the circuit as it is after the change. */
  #tell(from: CircuitState, reason: TransitionReason): void {
    if (this.state !== from) this.#observer.onTransition(from, this.state, reason);
  }
}
