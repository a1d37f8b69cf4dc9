import { AsyncResource } from 'node:async_hooks';
import { onAbort, type Timer } from '@holdfast/internal';
import { BasePolicy } from '../base-policy.ts';
import { invokeAbortable, type CallContext } from '../call-context.ts';
import { BulkheadFullError, withoutStack } from '../errors.ts';
import type { Policy, PolicySnapshot, Work } from '../policy.ts';
import { rejectSoon } from '../reject-soon.ts';
import {
  requireLimit,
  resolveBulkheadOptions,
  type BulkheadOptions,
  type ResolvedBulkheadOptions,
} from './options.ts';
import { Slot } from './slot.ts';
import { WaitingLine } from './waiting-line.ts';

export interface BulkheadEvents {
  /** A call was turned away, at once or because its wait was too long; `queued` callers wait. */
  readonly reject: { readonly queued: number };
  /** A caller began to wait, as number `depth` of the queue. */
  readonly queue: { readonly depth: number };
}

/**
 * `calls = succeeded + failed + rejected + expired + aborted + inFlight + queued`. Expired: waited longer than
 * `queueWaitMs`. `held` is how many places are taken: above `inFlight` when work runs whose caller has left.
 */
export interface BulkheadSnapshot extends PolicySnapshot {
  readonly kind: 'bulkhead';
  readonly counters: Readonly<
    Record<'calls' | 'succeeded' | 'failed' | 'rejected' | 'expired' | 'aborted', number>
  >;
  readonly gauges: Readonly<Record<'inFlight' | 'queued' | 'held' | 'limit', number>>;
}

export interface Bulkhead extends Policy<never, BulkheadEvents> {
  /**
   * Changes the limit. More room is given to those who wait at once; with less, what runs is left to end.
   *
   * @throws {TypeError | RangeError} unless `limit` is an integer of at least 1.
   */
  resize(limit: number): void;
  snapshot(): BulkheadSnapshot;
}

/**
 * Runs at most `limit` calls at once; up to `queue` callers wait, first come, first served. A caller leaves the queue
 * only by running, by an abort, or after `queueWaitMs`; it is never rejected for lack of room once it stands there.
 *
 * A place is held until the work settles, not until its caller stopped waiting, so that work that ignores its signal
 * counts as long as it runs, whether a timeout stands inside or outside. What is limited is calls: a retry or hedge
 * inside may run several attempts in one place; put the bulkhead inside it to limit those.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function bulkhead(options: BulkheadOptions): Bulkhead {
  return new LocalBulkhead(resolveBulkheadOptions(options));
}

class LocalBulkhead extends BasePolicy<never, BulkheadEvents> implements Bulkhead {
  readonly #queue: number;
  readonly #queueWaitMs: number | undefined;
  /** Each item starts the call that waits. */
  readonly #line = new WaitingLine<() => void>();
  readonly #counters = { calls: 0, succeeded: 0, failed: 0, rejected: 0, expired: 0, aborted: 0 };
  readonly #free = (): void => {
    this.#held -= 1;
    this.#admit();
  };
  #limit: number;
  #held = 0;
  #inFlight = 0;
  #isAdmitting = false;

  constructor({ name, clock, limit, queue, queueWaitMs }: ResolvedBulkheadOptions) {
    super(name, clock, { reject: true, queue: true });
    this.#limit = limit;
    this.#queue = queue;
    this.#queueWaitMs = queueWaitMs;
  }

  protected override run<T>(fn: Work<T>, context: CallContext): Promise<T> {
    const { source } = context;
    this.#counters.calls += 1;
    if (source?.aborted === true) {
      this.#counters.aborted += 1;
      return Promise.reject(source.reason);
    }
    // The line may be longer than there is room while #admit walks through it: nobody overtakes it.
    if (this.#held < this.#limit && this.#line.length === 0) return this.#start(fn, context);
    if (this.#line.length < this.#queue) return this.#wait(fn, context);
    this.#counters.rejected += 1;
    return rejectSoon(this.#refuse());
  }

  resize(limit: number): void {
    this.#limit = requireLimit(limit);
    this.#admit();
  }

  #start<T>(fn: Work<T>, context: CallContext): Promise<T> {
    this.#held += 1;
    this.#inFlight += 1;
    const { source } = context;
    return invokeAbortable(fn, new Slot(this.#free).contextIn(context)).then(
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

  #wait<T>(fn: Work<T>, context: CallContext): Promise<T> {
    const { source } = context;
    return new Promise<T>((resolve, reject) => {
      let timer: Timer | undefined;
      const leave = (why: 'aborted' | 'expired', errorOf: () => unknown): void => {
        this.#line.leave(place);
        timer?.cancel();
        off();
        this.#counters[why] += 1;
        reject(errorOf());
      };
      let off: () => void;
      try {
        off = onAbort(source, (reason) => leave('aborted', () => reason));
      } catch (error) {
        // A signal that cannot be listened to: nobody stands in line for it.
        this.#counters.failed += 1;
        throw error;
      }
      const enter = (): void => {
        timer?.cancel();
        off();
        // Whoever was told of the same abort first may have made the room.
        if (source?.aborted === true) leave('aborted', () => source.reason);
        else resolve(this.#start(fn, context));
      };
      // Else the work would see the asynchronous context of the call that has made the room: its user, its deadline.
      const place = this.#line.join(AsyncResource.bind(enter));
      if (this.#queueWaitMs !== undefined) {
        timer = this.clock.setTimer(
          () => leave('expired', () => this.#refuse()),
          this.#queueWaitMs,
        );
      }
      this.emit('queue', { depth: this.#line.length });
    });
  }

  /** At once when there is room, so that a call that arrives in the same moment finds none. */
  #admit(): void {
    // Work that throws synchronously frees its place in here: a loop, however long the line, not a recursion.
    if (this.#isAdmitting) return;
    this.#isAdmitting = true;
    while (this.#held < this.#limit && this.#line.length > 0) this.#line.takeFirst()?.();
    this.#isAdmitting = false;
  }

  #refuse(): BulkheadFullError {
    const queued = this.#line.length;
    this.emit('reject', { queued });
    return withoutStack(() => new BulkheadFullError(this.name, this.#limit, queued));
  }

  override snapshot(): BulkheadSnapshot {
    return {
      name: this.name,
      kind: 'bulkhead',
      counters: { ...this.#counters },
      gauges: {
        inFlight: this.#inFlight,
        queued: this.#line.length,
        held: this.#held,
        limit: this.#limit,
      },
    };
  }
}
