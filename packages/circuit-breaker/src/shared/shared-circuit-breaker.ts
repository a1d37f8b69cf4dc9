import { raceAbort } from '@holdfast/internal';
import { BasePolicy } from '../base-policy.ts';
import type { CallContext } from '../call-context.ts';
import {
  NOT_ADMITTED,
  type CircuitState,
  type Result,
} from '../circuit-breaker/circuit-contract.ts';
import { CircuitIsolatedError, CircuitOpenError, withoutStack } from '../errors.ts';
import type { Work } from '../policy.ts';
import { rejectSoon } from '../reject-soon.ts';
import type {
  SharedCircuitBreaker,
  SharedCircuitBreakerEvents,
  SharedCircuitBreakerSnapshot,
} from './contract.ts';
import { judgeCall } from './judge-call.ts';
import {
  resolveSharedOptions,
  type ResolvedSharedOptions,
  type SharedCircuitBreakerOptions,
} from './options.ts';
import { Probes } from './probes.ts';
import { SharedCircuit } from './shared-circuit.ts';
import { stateAt, type TimedView } from './store-link.ts';

/**
 * A circuit breaker whose state many processes share. A member whose own calls trip votes to open; when enough of the
 * live members do, the circuit opens for all, and when its time is over the members together send as many probes as
 * `halfOpen` says. While it is closed no call touches the store. While the store is down each member protects itself;
 * no call fails because of that, and none waits longer than one `storeTimeoutMs`.
 *
 * It begins to report to the store at once, in the background; `close()` ends that. The circuit is M. Nygard's ("Release
 * It!", 2007); the leases of its probes are those of C. Gray and D. Cheriton ("Leases", SOSP 1989).
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function sharedCircuitBreaker(options: SharedCircuitBreakerOptions): SharedCircuitBreaker {
  return new QuorumCircuitBreaker(resolveSharedOptions(options));
}

class QuorumCircuitBreaker
  extends BasePolicy<never, SharedCircuitBreakerEvents>
  implements SharedCircuitBreaker
{
  readonly #options: ResolvedSharedOptions;
  readonly #shared: SharedCircuit;
  readonly #probes: Probes;
  readonly #ready: Promise<boolean>;
  #closing: Promise<void> | undefined;
  #lastFailure: unknown;
  readonly #counters = {
    calls: 0,
    succeeded: 0,
    failed: 0,
    ignored: 0,
    stale: 0,
    rejected: 0,
    aborted: 0,
    probes: 0,
  };
  #inFlight = 0;

  constructor(options: ResolvedSharedOptions) {
    super(options.name, options.clock, {
      transition: true,
      reject: true,
      failure: true,
      slow: true,
      vote: true,
      store: true,
    });
    this.#options = options;
    this.#shared = new SharedCircuit(options, (event, payload) => this.emit(event, payload));
    const { link } = this.#shared;
    this.#probes = new Probes({ ...options, link });
    this.#ready = link.start();
  }

  get state(): CircuitState {
    const nowMs = this.#shared.touch();
    return this.#shared.stateAt(nowMs);
  }

  ready(): Promise<boolean> {
    return this.#ready;
  }

  protected override run<T>(fn: Work<T>, context: CallContext): Promise<T> {
    const { source } = context;
    this.#counters.calls += 1;
    const nowMs = this.#shared.touch();
    // Only now: a listener that heard the circuit move on may have aborted the call.
    if (source?.aborted === true) return this.#abort(source.reason);
    if (this.#shared.isIsolated) return this.#reject();
    const { view } = this.#shared.link;
    if (view === undefined) return this.#runOwn(fn, context, nowMs);
    switch (stateAt(view, nowMs)) {
      case 'closed':
        return this.#runOwn(fn, context, nowMs);
      case 'open':
        return this.#rejectBy(view, nowMs);
      case 'half-open':
        return this.#probes.mayAsk(view)
          ? this.#askAndProbe(fn, context, view)
          : this.#rejectBy(view, nowMs);
    }
  }

  /** By this member's own circuit, which turns calls away only when nobody else decides. */
  #runOwn<T>(fn: Work<T>, context: CallContext, nowMs: number): Promise<T> {
    const circuit = this.#shared.own;
    const { random, classifiers, rules } = this.#options;
    const admission = circuit.admit(nowMs, random);
    if (admission === NOT_ADMITTED && this.#shared.link.view === undefined) {
      return this.#reject(circuit.retryAfterMs(nowMs));
    }
    this.#inFlight += 1;
    return judgeCall(fn, context, classifiers, (result, subject) => {
      const endMs = this.clock.now();
      const slowMs = endMs - nowMs > rules.trip.slowOverMs ? endMs - nowMs : 0;
      this.#inFlight -= 1;
      this.#note(result, subject, endMs);
      circuit.elapse(endMs);
      if (admission === NOT_ADMITTED) this.#counters.ignored += 1;
      else if (
        circuit !== this.#shared.own ||
        !circuit.settle(admission, result, slowMs > 0, endMs)
      ) {
        this.#counters.stale += 1;
      } else this.#count(result, subject, slowMs);
    });
  }

  #askAndProbe<T>(fn: Work<T>, context: CallContext, view: TimedView): Promise<T> {
    this.#inFlight += 1;
    return raceAbort(this.#probe(fn, context, view), context.source);
  }

  async #probe<T>(fn: Work<T>, context: CallContext, view: TimedView): Promise<T> {
    const token = await this.#probes.ask(view);
    const { source } = context;
    this.#inFlight -= 1;
    const isWanted = source?.aborted !== true && !this.#shared.isIsolated;
    if (token !== undefined && !isWanted) this.#probes.settle(token, { verdict: 'ignore' });
    if (source?.aborted === true) return this.#abort(source.reason);
    if (this.#shared.isIsolated) return this.#reject();
    if (token === undefined) return this.#runRefused(fn, context);
    this.#inFlight += 1;
    this.#counters.probes += 1;
    return judgeCall(fn, context, this.#options.classifiers, (result, subject) => {
      this.#inFlight -= 1;
      this.#note(result, subject, this.clock.now());
      if (this.#probes.settle(token, result)) this.#count(result, subject, 0);
      else this.#counters.stale += 1;
    });
  }

  /** There was no lease: the store is down by now, or others were faster. */
  #runRefused<T>(fn: Work<T>, context: CallContext): Promise<T> {
    const nowMs = this.#shared.touch();
    const { view } = this.#shared.link;
    if (view === undefined || view.state === 'closed') return this.#runOwn(fn, context, nowMs);
    return this.#rejectBy(view, nowMs);
  }

  isolate(): () => void {
    return this.#shared.isolate();
  }

  close(): Promise<void> {
    // Leases first: afterwards nothing can be told to the store.
    this.#probes.close();
    return (this.#closing ??= this.#shared.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  override snapshot(): SharedCircuitBreakerSnapshot {
    const { state } = this;
    const { window } = this.#shared.own;
    window.expire(this.clock.now());
    return {
      name: this.name,
      kind: 'shared-circuit-breaker',
      state,
      store: this.#shared.link.state,
      counters: { ...this.#counters, storeDowns: this.#shared.downs },
      gauges: {
        inFlight: this.#inFlight,
        windowCalls: window.calls,
        windowFailures: window.failures,
        windowSlow: window.slow,
        votes: this.#shared.tally.votes,
        members: this.#shared.tally.members,
        version: this.#shared.version,
      },
    };
  }

  #abort(reason: unknown): Promise<never> {
    this.#counters.aborted += 1;
    return Promise.reject(reason);
  }

  /** Half-open, with no lease to be had: by the next report the store may say otherwise. */
  #rejectBy({ untilMs }: TimedView, nowMs: number): Promise<never> {
    return this.#reject(
      Math.max(untilMs > nowMs ? untilMs - nowMs : this.#shared.link.nextMs - nowMs, 1),
    );
  }

  /** Without a time: isolated. */
  #reject(retryAfterMs?: number): Promise<never> {
    this.#counters.rejected += 1;
    const cause = this.#lastFailure;
    const error = withoutStack(() =>
      retryAfterMs === undefined
        ? new CircuitIsolatedError(this.name)
        : new CircuitOpenError(this.name, retryAfterMs, { cause }),
    );
    this.emit('reject', { error });
    return rejectSoon(error);
  }

  #note({ verdict, retryAfterMs = 0 }: Result, subject: unknown, nowMs: number): void {
    if (verdict !== 'failure') return;
    this.#lastFailure = subject;
    this.#shared.restUntil(nowMs + retryAfterMs);
  }

  #count({ verdict }: Result, subject: unknown, slowMs: number): void {
    if (verdict === 'ignore') this.#counters.ignored += 1;
    if (verdict === 'success') this.#counters.succeeded += 1;
    if (verdict === 'failure') {
      this.#counters.failed += 1;
      this.emit('failure', { error: subject });
    }
    if (verdict !== 'ignore' && slowMs > 0) this.emit('slow', { durationMs: slowMs });
  }
}
