import type { CallContext } from '../call-context.ts';
import { BasePolicy } from '../base-policy.ts';
import { TimeoutError } from '../errors.ts';
import type { Policy, PolicySnapshot, Work } from '../policy.ts';
import { runWithin, type Ending } from '../run-within.ts';
import {
  resolveTimeoutOptions,
  type ResolvedTimeoutOptions,
  type TimeoutOptions,
} from './options.ts';

export interface TimeoutEvents {
  /** The time was up. */
  readonly timeout: { readonly timeoutMs: number };
  /** Work that nobody waited for any more, after a timeout or an abort, settled `afterMs` milliseconds after it was called. */
  readonly late: { readonly ok: boolean; readonly afterMs: number };
}

/** `calls = succeeded + failed + timedOut + aborted + inFlight`. */
export interface TimeoutSnapshot extends PolicySnapshot {
  readonly kind: 'timeout';
  readonly counters: Readonly<
    Record<'calls' | 'succeeded' | 'failed' | 'timedOut' | 'aborted', number>
  >;
  readonly gauges: Readonly<Record<'inFlight', number>>;
}

export interface TimeoutPolicy extends Policy<never, TimeoutEvents> {
  snapshot(): TimeoutSnapshot;
}

/**
 * Rejects with a `TIMEOUT` error after `ms` milliseconds and aborts `context.signal` with that error, whether or not
 * the work looks at it. What the work does afterwards is nobody's result; its late rejection is handled.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function timeout(options: TimeoutOptions): TimeoutPolicy {
  return new Timeout(resolveTimeoutOptions(options));
}

class Timeout extends BasePolicy<never, TimeoutEvents> implements TimeoutPolicy {
  readonly #ms: number;
  readonly #counters = { calls: 0, succeeded: 0, failed: 0, timedOut: 0, aborted: 0 };
  #inFlight = 0;

  constructor({ name, clock, ms }: ResolvedTimeoutOptions) {
    super(name, clock, { timeout: true, late: true });
    this.#ms = ms;
  }

  protected override run<T>(fn: Work<T>, context: CallContext): Promise<T> {
    this.#counters.calls += 1;
    if (context.source?.aborted === true) {
      this.#counters.aborted += 1;
      return Promise.reject(context.source.reason);
    }
    this.#inFlight += 1;
    const { clock } = this;
    const ms = this.#ms;
    const startedMs = clock.now();
    return runWithin(fn, context, {
      ms,
      clock,
      expire: () => new TimeoutError(this.name, ms),
      onEnd: (ending) => this.#end(ending),
      onLate: (ok) => this.emit('late', { ok, afterMs: clock.now() - startedMs }),
    });
  }

  #end(ending: Ending): void {
    this.#inFlight -= 1;
    this.#counters[ending === 'expired' ? 'timedOut' : ending] += 1;
    if (ending === 'expired') this.emit('timeout', { timeoutMs: this.#ms });
  }

  override snapshot(): TimeoutSnapshot {
    return {
      name: this.name,
      kind: 'timeout',
      counters: { ...this.#counters },
      gauges: { inFlight: this.#inFlight },
    };
  }
}
