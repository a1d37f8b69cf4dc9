import type { Random } from '@holdfast/internal';
import { BasePolicy } from '../base-policy.ts';
import { invokeAbortable, type CallContext } from '../call-context.ts';
import { ThrottledError, withoutStack } from '../errors.ts';
import { judgeHealth } from '../judge-health.ts';
import type { Classifier, Judgement } from '../judgement.ts';
import type { Outcome, Policy, PolicySnapshot, Work } from '../policy.ts';
import { rejectSoon } from '../reject-soon.ts';
import {
  resolveAdaptiveThrottleOptions,
  type AdaptiveThrottleOptions,
  type ResolvedAdaptiveThrottleOptions,
} from './options.ts';
import { RequestWindow } from './request-window.ts';

export interface AdaptiveThrottleEvents {
  /** A call was turned away; calls were, at that moment, with this probability, from 0 to 1. */
  readonly reject: { readonly probability: number };
}

/**
 * `calls = succeeded + failed + ignored + rejected + aborted + inFlight`. Succeeded: accepted. Ignored: it counts
 * neither way, an abort by the caller included. Aborted: before the work was called.
 */
export interface AdaptiveThrottleSnapshot extends PolicySnapshot {
  readonly kind: 'adaptive-throttle';
  readonly counters: Readonly<
    Record<'calls' | 'succeeded' | 'failed' | 'ignored' | 'rejected' | 'aborted', number>
  >;
  /** What the throttle decides by at this moment. */
  readonly gauges: Readonly<
    Record<'inFlight' | 'windowRequests' | 'windowAccepts' | 'probability', number>
  >;
}

export interface AdaptiveThrottle extends Policy<never, AdaptiveThrottleEvents> {
  snapshot(): AdaptiveThrottleSnapshot;
}

/**
 * Rejects a share of the calls here, before they cost anything there, when what is called refuses them: with the
 * probability `max(0, (requests - k × accepts) / (requests + 1))` over the last `windowMs`. A request counts from when
 * it is made, and those rejected here count too, so that the share grows with the traffic. Source: B. Beyer et al.,
 * "Site Reliability Engineering", O'Reilly 2016, chapter 21, "Handling Overload", client-side throttling.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function adaptiveThrottle(options: AdaptiveThrottleOptions = {}): AdaptiveThrottle {
  return new LocalAdaptiveThrottle(resolveAdaptiveThrottleOptions(options));
}

class LocalAdaptiveThrottle
  extends BasePolicy<never, AdaptiveThrottleEvents>
  implements AdaptiveThrottle
{
  readonly #k: number;
  readonly #maxRejection: number;
  readonly #minimumCalls: number;
  readonly #classifiers: readonly Classifier[];
  readonly #random: Random;
  readonly #window: RequestWindow;
  readonly #counters = { calls: 0, succeeded: 0, failed: 0, ignored: 0, rejected: 0, aborted: 0 };
  #inFlight = 0;

  constructor(options: ResolvedAdaptiveThrottleOptions) {
    super(options.name, options.clock, { reject: true });
    this.#k = options.k;
    this.#maxRejection = options.maxRejection;
    this.#minimumCalls = options.minimumCalls;
    this.#classifiers = options.classifiers;
    this.#random = options.random;
    this.#window = new RequestWindow(options.windowMs);
  }

  protected override run<T>(fn: Work<T>, context: CallContext): Promise<T> {
    const { source } = context;
    this.#counters.calls += 1;
    if (source?.aborted === true) {
      this.#counters.aborted += 1;
      return Promise.reject(source.reason);
    }
    const probability = this.#probability();
    const bucket = this.#window.request();
    if (probability > 0 && this.#random() < probability) {
      this.#counters.rejected += 1;
      this.emit('reject', { probability });
      return rejectSoon(withoutStack(() => new ThrottledError(this.name, probability)));
    }
    this.#inFlight += 1;
    return invokeAbortable(fn, context).then(
      (value) => {
        this.#settle(bucket, { ok: true, value }, context);
        return value;
      },
      (error: unknown) => {
        this.#settle(bucket, { ok: false, error }, context);
        throw error;
      },
    );
  }

  #probability(): number {
    const window = this.#window;
    window.expire(this.clock.now());
    if (window.requests < this.#minimumCalls) return 0;
    const excess = window.requests - this.#k * window.accepts;
    return Math.min(this.#maxRejection, Math.max(0, excess / (window.requests + 1)));
  }

  #settle(bucket: number, outcome: Outcome<unknown>, context: CallContext): void {
    this.#inFlight -= 1;
    let verdict: Judgement['verdict'] = outcome.ok ? 'ignore' : 'failure';
    try {
      verdict = judgeHealth(this.#classifiers, outcome, context).verdict;
    } finally {
      // Also when a classifier throws.
      this.#count(bucket, verdict);
    }
  }

  #count(bucket: number, verdict: Judgement['verdict']): void {
    switch (verdict) {
      case 'success':
        this.#counters.succeeded += 1;
        this.#window.accept(bucket);
        return;
      case 'failure':
        this.#counters.failed += 1;
        return;
      case 'ignore':
        this.#counters.ignored += 1;
        this.#window.withdraw(bucket);
        return;
      default: {
        const impossible: never = verdict;
        return impossible;
      }
    }
  }

  override snapshot(): AdaptiveThrottleSnapshot {
    const probability = this.#probability();
    return {
      name: this.name,
      kind: 'adaptive-throttle',
      counters: { ...this.#counters },
      gauges: {
        inFlight: this.#inFlight,
        windowRequests: this.#window.requests,
        windowAccepts: this.#window.accepts,
        probability,
      },
    };
  }
}
