import { onAbort, type Clock } from '@holdfast/internal';
import { AbortScope } from './abort-scope.ts';
import { invoke, type CallContext, type InnerWork } from './call-context.ts';

/** How a bounded call ended, for its caller. */
export type Ending = 'succeeded' | 'failed' | 'expired' | 'aborted';

export interface Bound {
  /** Milliseconds from now. */
  readonly ms: number;
  readonly clock: Clock;
  /** The error to reject with, and to abort the work's signal with, when the time is up. */
  readonly expire: () => Error;
  /** Told once. */
  readonly onEnd?: ((ending: Ending) => void) | undefined;
  /** The work settled after all, when nobody waited for it any more. */
  readonly onLate?: ((isOk: boolean) => void) | undefined;
}

/**
 * Runs the work in an abort scope of its own for at most `ms`. What the work does afterwards is nobody's result; its
 * late rejection is handled. Not for an `outer` that is aborted already.
 */
export function runWithin<T>(fn: InnerWork<T>, outer: CallContext, bound: Bound): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const scope = new AbortScope();
    const context = outer.derive(bound.clock);
    context.source = scope;
    context.deadline = Math.min(outer.deadline, bound.clock.now() + bound.ms);
    let isOver = false;
    // Every way out passes here, and only the first one counts.
    const end = (ending: Ending): boolean => {
      if (isOver) return false;
      isOver = true;
      timer.cancel();
      off();
      bound.onEnd?.(ending);
      return true;
    };
    const cut = (ending: Ending, reason: unknown): void => {
      if (!end(ending)) return;
      reject(reason);
      scope.abort(reason);
    };
    // Set before the timer, which may fire although listening to the signal threw.
    let off = (): void => undefined;
    const timer = bound.clock.setTimer(() => cut('expired', bound.expire()), bound.ms);
    off = onAbort(outer.source, (reason) => cut('aborted', reason));
    invoke(fn, context).then(
      (value) => {
        if (end('succeeded')) resolve(value);
        else bound.onLate?.(true);
      },
      (error: unknown) => {
        if (end('failed')) reject(error);
        else bound.onLate?.(false);
      },
    );
  });
}
