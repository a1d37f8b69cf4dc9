import { onAbort } from '@holdfast/internal';
import { AbortScope } from '../abort-scope.ts';
import { ambient } from '../ambient-deadline.ts';
import { invoke, type CallContext } from '../call-context.ts';
import type { Judgement } from '../judgement.ts';
import type { Outcome, Work } from '../policy.ts';

/** What the outcome of a shared call means, judged once. */
export interface Landing {
  readonly outcome: Outcome<unknown>;
  readonly verdict: Judgement['verdict'];
}

/** One call of the work for one key, whoever waits for it. */
interface Flight {
  readonly scope: AbortScope;
  readonly context: CallContext;
  readonly landing: Promise<Landing>;
  waiting: number;
}

/**
 * Calls that are shared by all who ask for the same key meanwhile. An abort ends only the wait of its caller; the work
 * is aborted when the last one has left. Nobody joins a call that somebody has given up, so that one that hangs cannot
 * keep a key down for longer than its callers' patience. No caller's `withDeadline` bounds what others wait for too.
 */
export class Flights {
  readonly #flights = new Map<string, Flight>();
  readonly #land: (key: string, outcome: Outcome<unknown>, context: CallContext) => Landing;

  /** `land` judges each outcome before those who wait for it are told; it must not throw. */
  constructor(land: (key: string, outcome: Outcome<unknown>, context: CallContext) => Landing) {
    this.#land = land;
  }

  /** Waits for the call that is in flight for this key, or for a new one. Rejects only with the reason of an abort. */
  join(key: string, fn: Work<unknown>, context: CallContext): Promise<Landing> {
    const flight = this.#find(key, context) ?? this.#start(key, fn, context);
    // The work sees for how long somebody can use its result.
    flight.context.deadline = Math.max(flight.context.deadline, context.deadline);
    flight.waiting += 1;
    return new Promise((resolve, reject) => {
      const off = onAbort(context.source, (reason) => {
        this.#forget(key, flight);
        flight.waiting -= 1;
        reject(reason);
        if (flight.waiting === 0) flight.scope.abort(reason);
      });
      void flight.landing.then((landing) => {
        off();
        resolve(landing);
      });
    });
  }

  /** Begins a call that nobody waits for, unless one is in flight. True: it has begun. */
  begin(key: string, fn: Work<unknown>, context: CallContext, deadline: number): boolean {
    if (this.#find(key, context) !== undefined) return false;
    const inner = context.derive();
    inner.deadline = deadline;
    // Counts as waited for: callers that join it, and leave, do not abort it.
    this.#start(key, fn, inner).waiting += 1;
    return true;
  }

  #find(key: string, { clock }: CallContext): Flight | undefined {
    const flight = this.#flights.get(key);
    if (flight === undefined || flight.context.deadline === Infinity) return flight;
    return clock.now() < flight.context.deadline ? flight : undefined;
  }

  #start(key: string, fn: Work<unknown>, outer: CallContext): Flight {
    const scope = new AbortScope();
    const context = outer.derive();
    context.source = scope;
    const land = (outcome: Outcome<unknown>): Landing => {
      this.#forget(key, flight);
      return this.#land(key, outcome, context);
    };
    const landing = ambient.detached(() =>
      invoke(fn, context).then(
        (value) => land({ ok: true, value }),
        (error: unknown) => land({ ok: false, error }),
      ),
    );
    const flight: Flight = { scope, context, landing, waiting: 0 };
    this.#flights.set(key, flight);
    return flight;
  }

  #forget(key: string, flight: Flight): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }
}
