import { createListeners, onAbort } from '@holdfast/internal';
import { TimeoutError } from './errors.ts';
import { AbortableContext, abortSource, invoke } from './execution-context.ts';
import { resolveTimeoutOptions, type TimeoutOptions } from './options.ts';
import { createPolicyMethods, type Run } from './policy-methods.ts';
import type { ExecuteOptions, TimeoutEvents, TimeoutPolicy, Work } from './policy.ts';

/**
 * Rejects with a `TIMEOUT` error after `ms` milliseconds and aborts `context.signal` with that error, whether or not
 * the work looks at it. What the work does afterwards is nobody's result; its late rejection is handled.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function timeout(options: TimeoutOptions): TimeoutPolicy {
  const { name, ms, clock } = resolveTimeoutOptions(options);
  const listeners = createListeners<TimeoutEvents>();
  const counters = { calls: 0, succeeded: 0, failed: 0, timedOut: 0, aborted: 0 };
  const gauges = { inFlight: 0 };

  const run: Run = <T>(fn: Work<T>, callOptions: ExecuteOptions) => {
    const source = abortSource(callOptions);
    counters.calls += 1;
    if (source?.aborted === true) {
      counters.aborted += 1;
      return Promise.reject(source.reason);
    }
    gauges.inFlight += 1;
    return new Promise<T>((resolve, reject) => {
      const context = new AbortableContext(callOptions.attempt ?? 1);
      let isSettled = false;
      // Every way out passes here, and only the first one counts.
      const settleAs = (how: 'succeeded' | 'failed' | 'timedOut' | 'aborted'): boolean => {
        if (isSettled) return false;
        isSettled = true;
        timer.cancel();
        off();
        gauges.inFlight -= 1;
        counters[how] += 1;
        return true;
      };
      // Set before the timer, which may fire although listening to the signal threw.
      let off = (): void => undefined;
      const timer = clock.setTimer(() => {
        if (!settleAs('timedOut')) return;
        const error = new TimeoutError(name, ms);
        reject(error);
        context.abort(error);
        listeners.emit('timeout', { timeoutMs: ms });
      }, ms);
      off = onAbort(source, (reason) => {
        if (!settleAs('aborted')) return;
        reject(reason);
        context.abort(reason);
      });
      invoke(fn, context).then(
        (value) => {
          if (settleAs('succeeded')) resolve(value);
        },
        (error: unknown) => {
          if (settleAs('failed')) reject(error);
        },
      );
    });
  };

  return {
    name,
    ...createPolicyMethods(run),
    on: (event, listener) => listeners.on(event, listener),
    snapshot: () => ({ name, kind: 'timeout', counters: { ...counters }, gauges: { ...gauges } }),
  };
}
