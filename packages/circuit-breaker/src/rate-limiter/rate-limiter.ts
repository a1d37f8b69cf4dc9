import { AsyncResource } from 'node:async_hooks';
import { onAbort, type Timer } from '@holdfast/internal';
import { BasePolicy } from '../base-policy.ts';
import { WaitingLine } from '../bulkhead/waiting-line.ts';
import { invokeAbortable, type CallContext } from '../call-context.ts';
import { RateLimitedError, withoutStack } from '../errors.ts';
import type { Policy, PolicySnapshot, Work } from '../policy.ts';
import { rejectSoon } from '../reject-soon.ts';
import { Gcra, ROUNDING_MS } from './gcra.ts';
import {
  resolveRateLimiterOptions,
  type RateLimiterOptions,
  type ResolvedRateLimiterOptions,
} from './options.ts';

export interface RateLimiterEvents {
  /** A call was turned away; its permit would have come after `retryAfterMs` milliseconds. */
  readonly reject: { readonly retryAfterMs: number };
  /** A caller began to wait for its permit, as number `depth` of the queue. */
  readonly queue: { readonly depth: number; readonly waitMs: number };
}

/**
 * `calls = succeeded + failed + rejected + aborted + inFlight + queued`. `available`: permits that could be used now;
 * below 0 when callers wait.
 */
export interface RateLimiterSnapshot extends PolicySnapshot {
  readonly kind: 'rate-limiter';
  readonly counters: Readonly<
    Record<'calls' | 'succeeded' | 'failed' | 'rejected' | 'aborted', number>
  >;
  readonly gauges: Readonly<Record<'inFlight' | 'queued' | 'available', number>>;
}

export interface RateLimiter extends Policy<never, RateLimiterEvents> {
  snapshot(): RateLimiterSnapshot;
}

/**
 * Lets `permits` calls begin in each `perMs`, up to `burst` of them at once. The others wait in order, for at most
 * `maxWaitMs` and never beyond their deadline, or are rejected with the time of the next permit. It keeps one number
 * and no timer while nobody waits. Source: the generic cell rate algorithm, ITU-T I.371.
 *
 * A caller that aborts while it waits gives its permit back: those behind it move up, each by one interval. A permit is
 * spent when the work is called, whatever becomes of it.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function rateLimiter(options: RateLimiterOptions): RateLimiter {
  return new LocalRateLimiter(resolveRateLimiterOptions(options));
}

class LocalRateLimiter extends BasePolicy<never, RateLimiterEvents> implements RateLimiter {
  readonly #maxWaitMs: number;
  readonly #gcra: Gcra;
  /** Each item starts the call that waits; its permit is taken already. */
  readonly #line = new WaitingLine<() => void>();
  readonly #counters = { calls: 0, succeeded: 0, failed: 0, rejected: 0, aborted: 0 };
  #inFlight = 0;
  /** For the first in line: the only one. */
  #timer: Timer | undefined;

  constructor({ name, clock, intervalMs, burst, maxWaitMs }: ResolvedRateLimiterOptions) {
    super(name, clock, { reject: true, queue: true });
    this.#maxWaitMs = maxWaitMs;
    this.#gcra = new Gcra(intervalMs, burst);
  }

  protected override run<T>(fn: Work<T>, context: CallContext): Promise<T> {
    const { source } = context;
    this.#counters.calls += 1;
    if (source?.aborted === true) {
      this.#counters.aborted += 1;
      return Promise.reject(source.reason);
    }
    const nowMs = this.clock.now();
    const waitMs = this.#gcra.waitMs(nowMs);
    if (waitMs === 0 && this.#line.length === 0) {
      this.#gcra.take(nowMs);
      return this.#start(fn, context);
    }
    if (waitMs <= this.#maxWaitMs && waitMs <= context.remainingMs()) {
      return this.#wait(fn, context, { nowMs, waitMs });
    }
    this.#counters.rejected += 1;
    this.emit('reject', { retryAfterMs: waitMs });
    return rejectSoon(withoutStack(() => new RateLimitedError(this.name, waitMs)));
  }

  #start<T>(fn: Work<T>, context: CallContext): Promise<T> {
    this.#inFlight += 1;
    const { source } = context;
    return invokeAbortable(fn, context).then(
      (value) => {
        this.#inFlight -= 1;
        this.#counters.succeeded += 1;
        return value;
      },
      (error: unknown) => {
        this.#inFlight -= 1;
        const isAbort = source?.aborted === true && error === source.reason;
        this.#counters[isAbort ? 'aborted' : 'failed'] += 1;
        throw error;
      },
    );
  }

  #wait<T>(
    fn: Work<T>,
    context: CallContext,
    { nowMs, waitMs }: { readonly nowMs: number; readonly waitMs: number },
  ): Promise<T> {
    const { source } = context;
    return new Promise<T>((resolve, reject) => {
      const leave = (reason: unknown): void => {
        this.#line.leave(place);
        off();
        this.#gcra.giveBack();
        this.#counters.aborted += 1;
        // Else the first in line is due when the one that has left was: the timer stands.
        if (this.#line.length === 0) this.#setTimer();
        reject(reason);
      };
      let off: () => void;
      try {
        off = onAbort(source, leave);
      } catch (error) {
        // A signal that cannot be listened to: no permit is taken for it.
        this.#counters.failed += 1;
        throw error;
      }
      this.#gcra.take(nowMs);
      const enter = (): void => {
        off();
        // Whoever was told of the same abort first may have been what let the line move.
        if (source?.aborted === true) leave(source.reason);
        else resolve(this.#start(fn, context));
      };
      // Else the work would see the asynchronous context of the call that has set the timer: its user, its deadline.
      const place = this.#line.join(AsyncResource.bind(enter));
      if (this.#line.length === 1) this.#setTimer();
      this.emit('queue', { depth: this.#line.length, waitMs });
    });
  }

  /** Lets those in who are due. A timer may fire early, by up to a millisecond in Node.js, or late. */
  readonly #admit = (): void => {
    for (;;) {
      const taken = this.#line.length;
      if (taken === 0) break;
      const lateMs = this.clock.now() - this.#gcra.dueMs(taken);
      if (lateMs < -ROUNDING_MS) break;
      this.#gcra.useLate(lateMs);
      this.#line.takeFirst()?.();
    }
    this.#setTimer();
  };

  #setTimer(): void {
    this.#timer?.cancel();
    const taken = this.#line.length;
    this.#timer =
      taken === 0
        ? undefined
        : this.clock.setTimer(this.#admit, this.#gcra.dueMs(taken) - this.clock.now());
  }

  override snapshot(): RateLimiterSnapshot {
    return {
      name: this.name,
      kind: 'rate-limiter',
      counters: { ...this.#counters },
      gauges: {
        inFlight: this.#inFlight,
        queued: this.#line.length,
        available: this.#gcra.available(this.clock.now()),
      },
    };
  }
}
