import { BasePolicy } from '../base-policy.ts';
import { invokeAbortable, type CallContext } from '../call-context.ts';
import type { Policy, PolicySnapshot, Work } from '../policy.ts';
import { HedgedCall, type HedgeEnding, type HedgeRules } from './hedged-call.ts';
import { resolveHedgeOptions, type HedgeOptions, type ResolvedHedgeOptions } from './options.ts';
import { QuantileTracker } from './quantile-tracker.ts';

export interface HedgeEvents {
  /** Another attempt starts; the first hedge is attempt 2. */
  readonly hedge: { readonly attempt: number };
  /** A call with more than one attempt ended with the outcome of this one. */
  readonly won: { readonly attempt: number };
}

/**
 * `calls = succeeded + failed + aborted + inFlight`. `hedges`: attempts beyond the first ones; `won`: calls that one of
 * those has ended; `refused`: hedges that the budget did not grant. `afterMs`: what is waited for now; -1: no hedges.
 */
export interface HedgeSnapshot extends PolicySnapshot {
  readonly kind: 'hedge';
  readonly counters: Readonly<
    Record<'calls' | 'succeeded' | 'failed' | 'aborted' | 'hedges' | 'won' | 'refused', number>
  >;
  readonly gauges: Readonly<Record<'inFlight' | 'afterMs', number>>;
}

export interface HedgePolicy extends Policy<never, HedgeEvents> {
  snapshot(): HedgeSnapshot;
}

/**
 * Starts another attempt when the first is slow; the first outcome that is accepted wins, and the other attempts'
 * signals are aborted. When all fail, the outcome of the first one surfaces. Only calls that are `idempotent` are
 * hedged: the work of others runs once. `context.attempt` numbers the attempts of a hedged call. Source: J. Dean and
 * L. A. Barroso, "The Tail at Scale", Communications of the ACM 56 (2), 2013.
 *
 * With a number or a quantile only slowness starts an attempt: when every attempt so far has failed the call has
 * failed, which is for a retry to deal with. The quantile follows the latencies of first attempts that were accepted,
 * of about the last 1 000; one that was cut off counts as longer than the quantile, if it had that long.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function hedge(options: HedgeOptions): HedgePolicy {
  return new LocalHedge(resolveHedgeOptions(options));
}

class LocalHedge extends BasePolicy<never, HedgeEvents> implements HedgePolicy {
  readonly #options: ResolvedHedgeOptions;
  readonly #rules: HedgeRules;
  readonly #latency: QuantileTracker | undefined;
  readonly #counters = {
    calls: 0,
    succeeded: 0,
    failed: 0,
    aborted: 0,
    hedges: 0,
    won: 0,
    refused: 0,
  };
  #inFlight = 0;

  constructor(options: ResolvedHedgeOptions) {
    super(options.name, options.clock, { hedge: true, won: true });
    this.#options = options;
    const { afterMs } = options;
    this.#rules = {
      clock: options.clock,
      accept: options.accept,
      mayHedge: () => this.#mayHedge(),
      onHedge: (attempt) => {
        this.#counters.hedges += 1;
        this.emit('hedge', { attempt });
      },
      onEnd: (ending) => this.#end(ending),
    };
    this.#latency = typeof afterMs === 'object' ? new QuantileTracker(afterMs.quantile) : undefined;
  }

  protected override run<T>(fn: Work<T>, context: CallContext): Promise<T> {
    const { source } = context;
    this.#counters.calls += 1;
    if (source?.aborted === true) {
      this.#counters.aborted += 1;
      return Promise.reject(source.reason);
    }
    this.#inFlight += 1;
    try {
      this.#options.budget?.deposit();
    } catch (error) {
      this.#count('failed');
      return Promise.reject(error);
    }
    return context.idempotent ? this.#runHedged(fn, context) : this.#runOnce(fn, context);
  }

  #runOnce<T>(fn: Work<T>, context: CallContext): Promise<T> {
    const { source } = context;
    return invokeAbortable(fn, context).then(
      (value) => {
        this.#count('succeeded');
        return value;
      },
      (error: unknown) => {
        const isAbort = source?.aborted === true && error === source.reason;
        this.#count(isAbort ? 'aborted' : 'failed');
        throw error;
      },
    );
  }

  #runHedged<T>(fn: Work<T>, context: CallContext): Promise<T> {
    const afterMs = this.#afterMs();
    const plan = {
      startedMs: this.#latency === undefined ? 0 : this.clock.now(),
      maxHedges: afterMs === 'never' ? 0 : this.#options.maxHedges,
      afterMs: typeof afterMs === 'number' ? afterMs : undefined,
    };
    return new HedgedCall({ fn, outer: context }, plan, this.#rules).run();
  }

  #afterMs(): number | 'on-failure' | 'never' {
    const { afterMs } = this.#options;
    if (typeof afterMs !== 'object') return afterMs;
    const { count = 0, estimate = NaN } = this.#latency ?? {};
    return count < afterMs.warmup ? 'never' : Math.max(afterMs.floorMs, estimate);
  }

  /** A budget that throws refuses: nobody could be told. */
  #mayHedge(): boolean {
    try {
      if (this.#options.budget?.tryWithdraw() ?? true) return true;
    } catch {
      // As below.
    }
    this.#counters.refused += 1;
    return false;
  }

  #end({ kind, winner, attempts, isPrimaryRunning, startedMs }: HedgeEnding): void {
    this.#count(kind);
    this.#learn({ isExact: winner === 1, isCutOff: isPrimaryRunning }, startedMs);
    if (winner === undefined || attempts === 1) return;
    if (winner > 1) this.#counters.won += 1;
    this.emit('won', { attempt: winner });
  }

  #learn(
    { isExact, isCutOff }: { readonly isExact: boolean; readonly isCutOff: boolean },
    startedMs: number,
  ): void {
    const latency = this.#latency;
    if (latency === undefined) return;
    const elapsedMs = this.clock.now() - startedMs;
    if (isExact) latency.record(elapsedMs);
    // Without those that were cut off the quantile of what is left would sink with every hedge.
    else if (isCutOff) latency.recordAtLeast(elapsedMs);
  }

  #count(kind: HedgeEnding['kind']): void {
    this.#inFlight -= 1;
    this.#counters[kind] += 1;
  }

  override snapshot(): HedgeSnapshot {
    const afterMs = this.#afterMs();
    return {
      name: this.name,
      kind: 'hedge',
      counters: { ...this.#counters },
      gauges: {
        inFlight: this.#inFlight,
        afterMs: typeof afterMs === 'number' ? afterMs : -1,
      },
    };
  }
}
