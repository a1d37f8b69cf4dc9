import { misuse } from '../misuse.ts';
import { throwIfAborted } from '@holdfast/internal';
import { BasePolicy } from '../base-policy.ts';
import type { CallContext } from '../call-context.ts';
import { judge } from '../judgement.ts';
import type { Outcome, Policy, PolicySnapshot, Work } from '../policy.ts';
import type { CacheEntry } from './cache-store.ts';
import { Flights, type Landing } from './flights.ts';
import { GuardedStore, type StoreOperation } from './guarded-store.ts';
import {
  resolveCachedFallbackOptions,
  type CachedFallbackOptions,
  type ResolvedCachedFallbackOptions,
} from './options.ts';

export interface CachedFallbackEvents {
  /** A value that was no longer fresh answered a call. */
  readonly stale: { readonly ageMs: number };
  /** The store failed, did not answer in time, or had something else than an entry; the call went on without it. */
  readonly storeError: { readonly operation: StoreOperation; readonly error: unknown };
}

/**
 * `calls = hits + stale + succeeded + failed + aborted + inFlight`. Hits: answered by a fresh value. `revalidations`:
 * calls of the work that were begun in the background.
 */
export interface CachedFallbackSnapshot extends PolicySnapshot {
  readonly kind: 'cached-fallback';
  readonly counters: Readonly<
    Record<
      | 'calls'
      | 'hits'
      | 'stale'
      | 'succeeded'
      | 'failed'
      | 'aborted'
      | 'revalidations'
      | 'storeErrors',
      number
    >
  >;
  readonly gauges: Readonly<Record<'inFlight', number>>;
}

export interface CachedFallback extends Policy<never, CachedFallbackEvents> {
  snapshot(): CachedFallbackSnapshot;
}

/**
 * Keeps the last good value of each key: it answers without a call while it is fresh, and for `staleIfErrorMs` after
 * that when a call fails; then the error surfaces. With `staleWhileRevalidateMs` a value that has just gone stale
 * answers at once, and one call in the background renews it. Source: RFC 5861.
 *
 * The key decides what a value is: every work that is run under one key must give the same type. Calls for one key
 * share one call of the work while it is in flight, with the attempt number of the first. A caller's abort ends only
 * its own wait; the work is aborted when the last one has left, and nobody joins a call that somebody has given up. A
 * renewal in the background has no signal that aborts, but a deadline `staleWhileRevalidateMs` away. The work sees no
 * caller's `withDeadline`: `context` says for how long its result is of use.
 *
 * A call without a key rejects with a `TypeError`. Writing to the store is not waited for.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function cachedFallback(options: CachedFallbackOptions): CachedFallback {
  return new LocalCachedFallback(resolveCachedFallbackOptions(options));
}

class LocalCachedFallback
  extends BasePolicy<never, CachedFallbackEvents>
  implements CachedFallback
{
  readonly #options: ResolvedCachedFallbackOptions;
  readonly #store: GuardedStore;
  readonly #flights: Flights;
  readonly #counters = {
    calls: 0,
    hits: 0,
    stale: 0,
    succeeded: 0,
    failed: 0,
    aborted: 0,
    revalidations: 0,
    storeErrors: 0,
  };
  #inFlight = 0;

  constructor(options: ResolvedCachedFallbackOptions) {
    super(options.name, options.clock, { stale: true, storeError: true });
    this.#options = options;
    this.#store = new GuardedStore(options.store, options.storeTimeoutMs, {
      clock: options.clock,
      onError: (operation, error) => {
        this.#counters.storeErrors += 1;
        this.emit('storeError', { operation, error });
      },
    });
    this.#flights = new Flights((key, outcome, context) => this.#land(key, outcome, context));
  }

  protected override async run<T>(fn: Work<T>, context: CallContext): Promise<T> {
    const key = this.#keyOf(context);
    this.#counters.calls += 1;
    if (context.source?.aborted === true) {
      this.#counters.aborted += 1;
      throw context.source.reason;
    }
    this.#inFlight += 1;
    let ending: 'hits' | 'stale' | 'succeeded' | 'failed' | 'aborted' = 'failed';
    try {
      const answer = await this.#answer(key, fn, context);
      ending = answer.from;
      return answer.value as T;
    } catch (error) {
      if (isAbort(error, context)) ending = 'aborted';
      throw error;
    } finally {
      this.#inFlight -= 1;
      this.#counters[ending] += 1;
    }
  }

  #keyOf(context: CallContext): string {
    const key: unknown = this.#options.key(context);
    if (typeof key === 'string' && key !== '') return key;
    throw misuse(
      new TypeError(
        `"${this.name}" needs a key that says what the call is about: execute(fn, { key }), got ${
          key === '' ? 'an empty string' : typeof key
        }`,
      ),
    );
  }

  async #answer(key: string, fn: Work<unknown>, context: CallContext): Promise<Answer> {
    const { freshMs, staleWhileRevalidateMs, staleIfErrorMs } = this.#options;
    const entry = await this.#store.get(key, context.source);
    throwIfAborted(context.source);
    const ageMs = this.#ageMs(entry);
    if (entry !== undefined && ageMs < freshMs) return { from: 'hits', value: entry.value };
    if (entry !== undefined && ageMs < freshMs + staleWhileRevalidateMs) {
      const deadline = this.clock.now() + staleWhileRevalidateMs;
      if (this.#flights.begin(key, fn, context, deadline)) this.#counters.revalidations += 1;
      return this.#stale(entry, ageMs);
    }
    const { outcome, verdict } = await this.#flights.join(key, fn, context);
    if (verdict === 'failure' && entry !== undefined) {
      const nowAgeMs = this.#ageMs(entry);
      if (nowAgeMs < freshMs + staleIfErrorMs) return this.#stale(entry, nowAgeMs);
    }
    if (!outcome.ok) throw outcome.error;
    return { from: 'succeeded', value: outcome.value };
  }

  /** By the wall clock, because a store may be shared; one that was set back makes nothing older than it was. */
  #ageMs(entry: CacheEntry | undefined): number {
    return entry === undefined ? Infinity : Math.max(0, this.clock.wallNow() - entry.storedAtMs);
  }

  #stale(entry: CacheEntry, ageMs: number): Answer {
    this.emit('stale', { ageMs });
    return { from: 'stale', value: entry.value };
  }

  #land(key: string, outcome: Outcome<unknown>, context: CallContext): Landing {
    try {
      const { verdict } = judge(this.#options.classifiers, outcome, context);
      if (outcome.ok && verdict === 'success') this.#keep(key, outcome.value);
      return { outcome, verdict };
    } catch (error) {
      return { outcome: { ok: false, error }, verdict: 'ignore' };
    }
  }

  #keep(key: string, value: unknown): void {
    const { freshMs, staleIfErrorMs, staleWhileRevalidateMs } = this.#options;
    const ttlMs = freshMs + Math.max(staleIfErrorMs, staleWhileRevalidateMs);
    if (ttlMs > 0) this.#store.set(key, { value, storedAtMs: this.clock.wallNow() }, ttlMs);
  }

  override snapshot(): CachedFallbackSnapshot {
    return {
      name: this.name,
      kind: 'cached-fallback',
      counters: { ...this.#counters },
      gauges: { inFlight: this.#inFlight },
    };
  }
}

interface Answer {
  readonly from: 'hits' | 'stale' | 'succeeded';
  readonly value: unknown;
}

function isAbort(error: unknown, { source }: CallContext): boolean {
  return source?.aborted === true && error === source.reason;
}
