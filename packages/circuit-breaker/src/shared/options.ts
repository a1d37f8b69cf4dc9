import { randomUUID } from 'node:crypto';
import {
  requireFunction,
  requireInteger,
  requireNumber,
  requireObject,
  requireOneOf,
  requireOptions,
  requireText,
  type OptionNames,
} from '@holdfast/internal';
import {
  resolveCircuitBreakerOptions,
  type CircuitBreakerOptions,
  type ResolvedCircuitBreakerOptions,
} from '../circuit-breaker/options.ts';
import { LIVE_POLLS, type BreakerStore, type Quorum } from './store.ts';

/** What it has of the circuit that each member keeps for itself. */
type OwnOptions = Omit<CircuitBreakerOptions, 'mode' | 'restore' | 'rampMs'>;

/**
 * The rules of one circuit should be the same for all its members: what happens is decided by those of the member that
 * acts. `halfOpen` counts for the circuit as a whole, not for each member. `halfOpen.maxWaitMs` is at most, and by
 * default, `leaseMs - storeTimeoutMs`.
 */
export interface SharedCircuitBreakerOptions extends OwnOptions {
  /** Where the members meet: `redisBreakerStore` or `memoryBreakerStore`. */
  readonly store: BreakerStore;
  /** Names the circuit, in the store as well: members are those who give the same name. */
  readonly name: string;
  /** How many of the live members must have tripped before the circuit opens for all. Default `majority`. */
  readonly quorum?: Quorum | undefined;
  /**
   * The member looks at the store, and shows that it lives, at least so often, milliseconds; from 10 to 60 000. Up to
   * a fifth sooner, so that members do not come in step. It counts as gone after three. Default 1 000.
   */
  readonly pollMs?: number | undefined;
  /**
   * A probe whose process died holds its place so long, milliseconds; at least 2, and above `storeTimeoutMs`. Default
   * 10 000.
   */
  readonly leaseMs?: number | undefined;
  /** The store counts as down when it has not answered after so many milliseconds; at least 1. Default 200. */
  readonly storeTimeoutMs?: number | undefined;
  /** Names this member; no two that live may have the same name. Default: a random one. */
  readonly member?: string | undefined;
}

export interface ResolvedSharedOptions extends ResolvedCircuitBreakerOptions {
  readonly store: BreakerStore;
  readonly quorum: Quorum;
  readonly pollMs: number;
  /** A member counts for so long without a report, milliseconds. */
  readonly liveMs: number;
  readonly leaseMs: number;
  readonly maxWaitMs: number;
  readonly storeTimeoutMs: number;
  readonly member: string;
}

const NAMES: OptionNames<SharedCircuitBreakerOptions> = {
  store: true,
  name: true,
  trip: true,
  openMs: true,
  halfOpen: true,
  classify: true,
  quorum: true,
  pollMs: true,
  leaseMs: true,
  storeTimeoutMs: true,
  member: true,
  clock: true,
  random: true,
};

/** @throws {TypeError | RangeError} when an option is wrong. */
export function resolveSharedOptions(options: SharedCircuitBreakerOptions): ResolvedSharedOptions {
  for (const name of ['mode', 'restore', 'rampMs']) {
    if (!Object.hasOwn(requireObject('options', options), name)) continue;
    throw new TypeError(`${name} must be left out: a shared circuit has none`);
  }
  requireOptions('sharedCircuitBreaker', options, NAMES);
  const { trip, openMs, halfOpen, classify, clock, random } = options;
  const name = requireText('name', options.name);
  const own: Required<OwnOptions> = { name, trip, openMs, halfOpen, classify, clock, random };
  const resolved = resolveCircuitBreakerOptions(own);
  const storeTimeoutMs = requireInteger('storeTimeoutMs', options.storeTimeoutMs ?? 200, {
    min: 1,
  });
  const pollMs = requireInteger('pollMs', options.pollMs ?? 1_000, { min: 10, max: 60_000 });
  const leaseMs = requireInteger('leaseMs', options.leaseMs ?? 10_000, { min: storeTimeoutMs + 1 });
  // Told while the lease still holds: after that the verdict counts for nothing.
  const longestMs = leaseMs - storeTimeoutMs;
  const { maxWaitMs = longestMs } = resolved.rules;
  return Object.freeze({
    ...resolved,
    store: requireStore(options.store),
    quorum: resolveQuorum(options.quorum ?? 'majority'),
    pollMs,
    liveMs: LIVE_POLLS * pollMs + storeTimeoutMs,
    leaseMs,
    maxWaitMs: requireNumber('halfOpen.maxWaitMs', maxWaitMs, { min: 1, max: longestMs }),
    storeTimeoutMs,
    member: requireText('member', options.member ?? randomUUID()),
  });
}

function requireStore(store: BreakerStore): BreakerStore {
  const shape = requireObject('store', store) as { readonly [K in keyof BreakerStore]: unknown };
  for (const method of ['sync', 'lease', 'settle', 'leave'] as const) {
    requireFunction(`store.${method}`, shape[method]);
  }
  return store;
}

function resolveQuorum(quorum: Quorum): Quorum {
  if (typeof quorum === 'number') return requireInteger('quorum', quorum, { min: 1 });
  return requireOneOf('quorum', quorum, ['any', 'majority']);
}
