import { misuse } from '../misuse.ts';
import { requireText } from '@holdfast/internal';
import { BasePolicy } from '../base-policy.ts';
import { invokeAbortable, type CallContext } from '../call-context.ts';
import type { AlternativeOf, Policy, PolicySnapshot, Work } from '../policy.ts';
import { resolveKeyedOptions, type KeyedOptions, type ResolvedKeyedOptions } from './options.ts';
import { Registry, type ForgetReason } from './registry.ts';

export interface KeyedEvents {
  /** A key's policy was dropped, with all that it had counted, for lack of use or of room. */
  readonly forget: { readonly key: string; readonly reason: ForgetReason };
}

/** `calls = succeeded + failed + aborted + inFlight`. The policies of the keys have snapshots of their own. */
export interface KeyedSnapshot extends PolicySnapshot {
  readonly kind: 'keyed';
  readonly counters: Readonly<
    Record<'calls' | 'succeeded' | 'failed' | 'aborted' | 'forgotten', number>
  >;
  readonly gauges: Readonly<Record<'inFlight' | 'keys', number>>;
}

export interface KeyedPolicy<P extends Policy<unknown>> extends Policy<
  AlternativeOf<P>,
  KeyedEvents
> {
  /** Policies that are kept. */
  readonly size: number;
  /**
   * The policy of a key, made when there is none. Calls that are made through it directly do not keep it from being
   * forgotten.
   *
   * @throws {TypeError} when `key` is not a text or `create` did not give a policy; and what `create` throws.
   */
  for(key: string): P;
  keys(): readonly string[];
  snapshot(): KeyedSnapshot;
}

/**
 * Runs each call under the policy of its key, such as a circuit breaker for each host: `execute(fn, { key })`. A call
 * without a key rejects with a `TypeError`.
 *
 * At most `maxKeys` policies are kept; the one that was not used for longest goes first. One whose work still runs
 * never goes: while more than `maxKeys` are busy there are more than that. One with a circuit breaker that is not
 * closed, be it inside a pipeline, goes only when no other idle one is left; then its key starts anew, closed. Each
 * call costs O(1) on average, and there are no timers: idle policies are dropped when others are used.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function keyed<P extends Policy<unknown>>(options: KeyedOptions<P>): KeyedPolicy<P> {
  return new PolicyPerKey(resolveKeyedOptions(options));
}

class PolicyPerKey<P extends Policy<unknown>>
  extends BasePolicy<AlternativeOf<P>, KeyedEvents>
  implements KeyedPolicy<P>
{
  readonly #registry: Registry<P>;
  readonly #counters = { calls: 0, succeeded: 0, failed: 0, aborted: 0, forgotten: 0 };
  #inFlight = 0;

  constructor(options: ResolvedKeyedOptions<P>) {
    super(options.name, options.clock, { forget: true });
    this.#registry = new Registry(options, (key, reason) => {
      this.#counters.forgotten += 1;
      this.emit('forget', { key, reason });
    });
  }

  get size(): number {
    this.#registry.expire();
    return this.#registry.size;
  }

  for(key: string): P {
    const entry = this.#registry.use(requireText('key', key));
    this.#registry.touch(entry);
    return entry.policy;
  }

  keys(): readonly string[] {
    this.#registry.expire();
    return this.#registry.keys();
  }

  protected override async run<T>(
    fn: Work<T>,
    context: CallContext,
  ): Promise<T | AlternativeOf<P>> {
    const { key } = context;
    if (key === undefined) {
      throw misuse(
        new TypeError(`"${this.name}" needs a key that chooses the policy: execute(fn, { key })`),
      );
    }
    this.#counters.calls += 1;
    if (context.source?.aborted === true) {
      this.#counters.aborted += 1;
      throw context.source.reason;
    }
    this.#inFlight += 1;
    let ending: 'succeeded' | 'failed' | 'aborted' = 'failed';
    try {
      const answer = await this.#runFor(key, fn, context);
      ending = 'succeeded';
      return answer;
    } catch (error) {
      if (isAbort(error, context)) ending = 'aborted';
      throw error;
    } finally {
      this.#inFlight -= 1;
      this.#counters[ending] += 1;
    }
  }

  #runFor<T>(key: string, fn: Work<T>, outer: CallContext): Promise<T | AlternativeOf<P>> {
    const entry = this.#registry.use(key);
    const context = outer.derive();
    context.trackers = outer.trackers === undefined ? [entry] : [...outer.trackers, entry];
    return invokeAbortable(
      (inner) => entry.policy.execute(fn, inner) as Promise<T | AlternativeOf<P>>,
      context,
    );
  }

  override snapshot(): KeyedSnapshot {
    return {
      name: this.name,
      kind: 'keyed',
      counters: { ...this.#counters },
      gauges: { inFlight: this.#inFlight, keys: this.#registry.size },
    };
  }
}

function isAbort(error: unknown, { source }: CallContext): boolean {
  return source?.aborted === true && error === source.reason;
}
