import { HoldfastError, onAbort, type Clock, type Timer } from '@holdfast/internal';
import { AbortScope } from '../abort-scope.ts';
import { invoke, type CallContext } from '../call-context.ts';
import { withoutStack } from '../errors.ts';
import type { Outcome, Work } from '../policy.ts';

/** How a hedged call ended, for its caller. */
export interface HedgeEnding {
  readonly kind: 'succeeded' | 'failed' | 'aborted';
  /** Number of the attempt whose outcome was accepted. */
  readonly winner: number | undefined;
  readonly attempts: number;
  readonly isPrimaryRunning: boolean;
  readonly startedMs: number;
}

/** What all calls of a policy share. */
export interface HedgeRules {
  readonly clock: Clock;
  readonly accept: (outcome: Outcome<unknown>) => boolean;
  /** Asked before each hedge. */
  readonly mayHedge: () => boolean;
  readonly onHedge: (attempt: number) => void;
  /** Told once a call. */
  readonly onEnd: (ending: HedgeEnding) => void;
}

export interface HedgePlan {
  readonly startedMs: number;
  readonly maxHedges: number;
  /** Between the start of one attempt and the next; undefined: only when the one before has failed. */
  readonly afterMs: number | undefined;
}

/**
 * One call and its attempts. Its states:
 *
 * - running  entered at creation; attempts start; left when an outcome is accepted, when all attempts have failed and
 *            no more may start, or when the caller aborts
 * - over     final; attempts that still ran were aborted, and what becomes of them is ignored
 */
export class HedgedCall<T> {
  readonly #fn: Work<T>;
  readonly #outer: CallContext;
  readonly #rules: HedgeRules;
  readonly #plan: HedgePlan;
  /** Of each attempt, in order; undefined: it has settled. */
  readonly #scopes: (AbortScope | undefined)[] = [];
  #running = 0;
  #mayHedge: boolean;
  #isOver = false;
  #primary: Outcome<T> | undefined;
  #timer: Timer | undefined;
  #off: (() => void) | undefined;
  #resolve: ((value: T) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;

  constructor(
    { fn, outer }: { readonly fn: Work<T>; readonly outer: CallContext },
    plan: HedgePlan,
    rules: HedgeRules,
  ) {
    this.#fn = fn;
    this.#outer = outer;
    this.#plan = plan;
    this.#rules = rules;
    this.#mayHedge = plan.maxHedges > 0;
  }

  /** Once only, and not for a context that is aborted already. */
  run(): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      try {
        this.#off = onAbort(this.#outer.source, (reason) => {
          if (this.#end('aborted', undefined)) this.#leave({ ok: false, error: reason }, reason);
        });
      } catch (error) {
        // A signal that cannot be listened to.
        this.#finish({ ok: false, error }, undefined);
        return;
      }
      this.#start();
    });
  }

  #start(): void {
    const attempt = this.#scopes.length + 1;
    if (attempt > this.#plan.maxHedges) this.#mayHedge = false;
    if (attempt > 1) this.#rules.onHedge(attempt);
    // A listener may have aborted the caller.
    if (this.#isOver) return;
    const scope = new AbortScope();
    this.#scopes.push(scope);
    const context = this.#outer.derive();
    context.source = scope;
    context.attempt = attempt;
    this.#running += 1;
    invoke(this.#fn, context).then(
      (value) => this.#settle(attempt, { ok: true, value }),
      (error: unknown) => this.#settle(attempt, { ok: false, error }),
    );
    this.#planNext();
  }

  #planNext(): void {
    const { afterMs } = this.#plan;
    // The work may have aborted its own caller.
    if (this.#isOver || !this.#mayHedge || afterMs === undefined) return;
    if (afterMs === 0) this.#tryHedge();
    else this.#timer = this.#rules.clock.setTimer(() => this.#tryHedge(), afterMs);
  }

  #tryHedge(): boolean {
    if (!this.#mayHedge) return false;
    this.#mayHedge = this.#rules.mayHedge();
    // The budget, or what has accepted nothing so far, may have aborted the caller.
    if (this.#mayHedge && !this.#isOver) this.#start();
    return this.#running > 0;
  }

  #settle(attempt: number, outcome: Outcome<T>): void {
    if (this.#isOver) return;
    this.#scopes[attempt - 1] = undefined;
    this.#running -= 1;
    if (attempt === 1) this.#primary = outcome;
    const verdict = this.#judge(outcome);
    if (verdict instanceof AggregateError) {
      this.#finish({ ok: false, error: verdict }, undefined);
    } else if (verdict) {
      this.#finish(outcome, attempt);
    } else if (this.#running === 0) {
      if (this.#plan.afterMs === undefined && this.#tryHedge()) return;
      this.#finish(this.#primary ?? outcome, undefined);
    }
  }

  #judge(outcome: Outcome<T>): boolean | AggregateError {
    try {
      return this.#rules.accept(outcome);
    } catch (thrown) {
      const errors = outcome.ok ? [thrown] : [outcome.error, thrown];
      return new AggregateError(errors, 'accept threw while it judged an outcome', {
        cause: thrown,
      });
    }
  }

  #finish(outcome: Outcome<T>, winner: number | undefined): void {
    if (!this.#end(outcome.ok ? 'succeeded' : 'failed', winner)) return;
    const reason =
      this.#running === 0
        ? undefined
        : withoutStack(() => new HoldfastError('HEDGE_LOST', 'another attempt has ended the call'));
    this.#leave(outcome, reason);
  }

  /** True: just now, and not before. */
  #end(kind: HedgeEnding['kind'], winner: number | undefined): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#off?.();
    this.#rules.onEnd({
      kind,
      winner,
      attempts: this.#scopes.length,
      isPrimaryRunning: this.#scopes[0] !== undefined,
      startedMs: this.#plan.startedMs,
    });
    return true;
  }

  #leave(outcome: Outcome<T>, reasonForOthers: unknown): void {
    if (outcome.ok) this.#resolve?.(outcome.value);
    else this.#reject?.(outcome.error);
    if (this.#running === 0) return;
    for (const scope of this.#scopes) scope?.abort(reasonForOthers);
  }
}
