import {
  requireFunction,
  requireInteger,
  requireNumber,
  requireObject,
  requireOptions,
  requireText,
  systemClock,
  type Clock,
  type OptionNames,
} from '@holdfast/internal';
import { resolveClassifiers, type Classifier } from '../judgement.ts';
import type { ExecutionContext } from '../policy.ts';
import type { CacheStore } from './cache-store.ts';

export interface CachedFallbackOptions {
  /** Names the policy in errors and in the snapshot. Default `cached-fallback`. */
  readonly name?: string | undefined;
  /** `memoryCacheStore({ maxEntries })`, or one of your own. */
  readonly store: CacheStore;
  /** For so many milliseconds a value answers without a call; at least 0. Default 0. */
  readonly freshMs?: number | undefined;
  /** For so many more it answers when a call has failed; at least 0. */
  readonly staleIfErrorMs: number;
  /** For so many more, counted like `staleIfErrorMs`, it answers at once, and a call renews it meanwhile; at least 0. Default 0. */
  readonly staleWhileRevalidateMs?: number | undefined;
  /** What a call is about. Default: `context.key`. */
  readonly key?: ((context: ExecutionContext) => string) | undefined;
  /**
   * Only a `success` is kept, and only a `failure` is answered from the store. Default: an error is a failure, a value
   * a success.
   */
  readonly classify?: Classifier | readonly Classifier[] | undefined;
  /** How long an answer of the store is waited for, milliseconds; at least 1. Then it counts as empty. Default 100. */
  readonly storeTimeoutMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

export interface ResolvedCachedFallbackOptions {
  readonly name: string;
  readonly store: CacheStore;
  readonly freshMs: number;
  readonly staleIfErrorMs: number;
  readonly staleWhileRevalidateMs: number;
  readonly key: (context: ExecutionContext) => string | undefined;
  readonly classifiers: readonly Classifier[];
  readonly storeTimeoutMs: number;
  readonly clock: Clock;
}

const NAMES: OptionNames<CachedFallbackOptions> = {
  name: true,
  store: true,
  freshMs: true,
  staleIfErrorMs: true,
  staleWhileRevalidateMs: true,
  key: true,
  classify: true,
  storeTimeoutMs: true,
  clock: true,
};

/** @throws {TypeError | RangeError} when an option is wrong. */
export function resolveCachedFallbackOptions(
  options: CachedFallbackOptions,
): ResolvedCachedFallbackOptions {
  requireOptions('cachedFallback', options, NAMES);
  const { staleIfErrorMs, staleWhileRevalidateMs = 0 } = options;
  const least = { min: 0 };
  return Object.freeze({
    name: requireText('name', options.name ?? 'cached-fallback'),
    store: requireStore(options.store),
    freshMs: requireNumber('freshMs', options.freshMs ?? 0, least),
    staleIfErrorMs: requireNumber('staleIfErrorMs', staleIfErrorMs, least),
    staleWhileRevalidateMs: requireNumber('staleWhileRevalidateMs', staleWhileRevalidateMs, least),
    key: requireFunction('key', options.key ?? keyOf),
    classifiers: resolveClassifiers(options.classify),
    storeTimeoutMs: requireInteger('storeTimeoutMs', options.storeTimeoutMs ?? 100, { min: 1 }),
    clock: requireObject('clock', options.clock ?? systemClock),
  });
}

function requireStore(store: CacheStore): CacheStore {
  requireObject('store', store);
  const shape: { readonly get?: unknown; readonly set?: unknown } = store;
  requireFunction('store.get', shape.get);
  requireFunction('store.set', shape.set);
  return store;
}

function keyOf(context: ExecutionContext): string | undefined {
  return context.key;
}
