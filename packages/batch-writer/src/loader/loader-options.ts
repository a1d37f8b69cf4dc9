import {
  requireFunction,
  requireInteger,
  requireNumber,
  requireOptions,
  systemClock,
  systemRandom,
  type OptionNames,
} from '@holdfast/internal';
import type { BatchLoaderOptions } from './batch-loader.ts';
import { keyItself } from './key-itself.ts';

export type ResolvedLoaderOptions<K, V> = Readonly<
  Required<Omit<BatchLoaderOptions<K, V>, 'createMissing' | Defaulted>> &
    Pick<BatchLoaderOptions<K, V>, 'createMissing'> & {
      readonly [Name in Defaulted]-?: NonNullable<BatchLoaderOptions<K, V>[Name]>;
    }
>;

type Defaulted = 'keyOf' | keyof typeof CACHE_OPTION_NAMES;

/** The options that do not say where values come from. */
export const CACHE_OPTION_NAMES = {
  maxBatch: true,
  lingerMs: true,
  concurrency: true,
  maxPending: true,
  loadTimeoutMs: true,
  ttlMs: true,
  ttlJitter: true,
  negativeTtlMs: true,
  maxEntries: true,
  maxNegativeShare: true,
  staleWhileRevalidateMs: true,
  staleIfErrorMs: true,
  clock: true,
  random: true,
} as const;

const NAMES: OptionNames<BatchLoaderOptions<unknown, unknown>> = {
  load: true,
  createMissing: true,
  keyOf: true,
  ...CACHE_OPTION_NAMES,
};

/** @throws {TypeError | RangeError} when an option is unknown, missing or out of range: the option, the rule, the value. */
export function resolveLoaderOptions<K, V>(
  given: BatchLoaderOptions<K, V>,
): ResolvedLoaderOptions<K, V> {
  const o = requireOptions(
    'createBatchLoader',
    given,
    NAMES as OptionNames<BatchLoaderOptions<K, V>>,
  );
  if (o.createMissing !== undefined) requireFunction('createMissing', o.createMissing);
  return Object.freeze({
    load: requireFunction('load', o.load),
    createMissing: o.createMissing,
    keyOf: requireFunction('keyOf', o.keyOf ?? keyItself),
    maxBatch: requireInteger('maxBatch', o.maxBatch ?? 1000, { min: 1, max: 1_000_000 }),
    lingerMs: requireNumber('lingerMs', o.lingerMs ?? 1, { min: 0 }),
    concurrency: requireInteger('concurrency', o.concurrency ?? 2, { min: 1, max: 1000 }),
    maxPending: requireInteger('maxPending', o.maxPending ?? 100_000, { min: 1 }),
    loadTimeoutMs: requireNumber('loadTimeoutMs', o.loadTimeoutMs ?? 30_000, { min: 1 }),
    ttlMs: o.ttlMs === Infinity ? Infinity : requireNumber('ttlMs', o.ttlMs ?? 60_000, { min: 0 }),
    ttlJitter: requireNumber('ttlJitter', o.ttlJitter ?? 0.1, { min: 0, max: 1 }),
    negativeTtlMs: requireNumber('negativeTtlMs', o.negativeTtlMs ?? 5000, { min: 0 }),
    // A Map holds 2 ** 24 entries at most.
    maxEntries: requireInteger('maxEntries', o.maxEntries ?? 100_000, { min: 1, max: 16_000_000 }),
    maxNegativeShare: requireNumber('maxNegativeShare', o.maxNegativeShare ?? 0.1, {
      min: 0,
      max: 1,
    }),
    staleWhileRevalidateMs: requireNumber('staleWhileRevalidateMs', o.staleWhileRevalidateMs ?? 0, {
      min: 0,
    }),
    staleIfErrorMs: requireNumber('staleIfErrorMs', o.staleIfErrorMs ?? 0, { min: 0 }),
    clock: o.clock ?? systemClock,
    random: requireFunction('random', o.random ?? systemRandom),
  });
}
