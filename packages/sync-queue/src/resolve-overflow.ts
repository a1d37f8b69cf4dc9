import {
  requireInteger,
  requireNumber,
  requireOneOf,
  requireOptionGroup,
} from '@holdfast/internal';
import type { Overflow, SampleOptions, SpillOptions } from './queue-options.ts';
import { requireMethods } from './require-methods.ts';
import { PRIORITY_COUNT, type Priority, type StoreOverflow } from './store.ts';
import { textOf } from './text-of.ts';

export interface ResolvedOverflow {
  /** 0: reject at once. */
  readonly waitMs: number;
  readonly spill: SpillOptions | undefined;
  readonly overflow: StoreOverflow;
}

/** @throws {TypeError | RangeError} naming the option, the rule and the value. */
export function resolveOverflow(overflow: Overflow): ResolvedOverflow {
  if (overflow === 'reject') return { waitMs: 0, spill: undefined, overflow: { kind: 'refuse' } };
  requireKind(overflow);
  if ('spill' in overflow) {
    requireOptionGroup('overflow', overflow, { spill: true });
    return { waitMs: 0, spill: resolveSpill(overflow.spill), overflow: { kind: 'refuse' } };
  }
  if ('evict' in overflow) {
    requireOptionGroup('overflow', overflow, { evict: true, to: true, waitMs: true });
    const waitMs = requireWait(overflow.waitMs ?? 0);
    const victims = requireOneOf('overflow.evict', overflow.evict, ['oldest', 'newest']);
    const to = requireOneOf('overflow.to', overflow.to ?? 'dead', ['dead', 'drop']);
    return { waitMs, spill: undefined, overflow: { kind: 'evict', victims, to } };
  }
  if ('sample' in overflow) {
    requireOptionGroup('overflow', overflow, { sample: true, waitMs: true });
    const waitMs = requireWait(overflow.waitMs ?? 0);
    return { waitMs, spill: undefined, overflow: resolveSample(overflow.sample) };
  }
  requireOptionGroup('overflow', overflow, { waitMs: true });
  const waitMs = requireWait(overflow.waitMs);
  return { waitMs, spill: undefined, overflow: { kind: 'refuse' } };
}

const KINDS = ['waitMs', 'evict', 'sample', 'spill'];

function requireKind(overflow: unknown): void {
  const isObject = typeof overflow === 'object' && overflow !== null;
  const names = isObject ? Object.keys(overflow) : [];
  if (names.some((name) => KINDS.includes(name))) return;
  const got = isObject ? `an object with ${names.join(', ') || 'nothing'}` : textOf(overflow);
  throw new TypeError(
    `overflow must be 'reject', { waitMs }, { evict }, { sample } or { spill }, got ${got}`,
  );
}

function requireWait(waitMs: unknown): number {
  return requireNumber('overflow.waitMs', waitMs, { min: 0 });
}

function resolveSample(sample: SampleOptions): StoreOverflow {
  requireOptionGroup('overflow.sample', sample, { above: true, minPriority: true, floor: true });
  const { above = 0.8, minPriority = 4, floor = 0.01 } = sample;
  return {
    kind: 'sample',
    // Below 1, so that there is room in which the share can fall.
    above: requireNumber('overflow.sample.above', above, { min: 0, max: 0.99 }),
    minPriority: requirePriority('overflow.sample.minPriority', minPriority),
    floor: requireNumber('overflow.sample.floor', floor, { min: 0, max: 1 }),
  };
}

function resolveSpill(spill: SpillOptions): SpillOptions {
  requireOptionGroup('overflow.spill', spill, { store: true, limits: true });
  requireMethods('overflow.spill.store', spill.store, ['open', 'close', 'queue']);
  const { maxCount, maxBytes } = requireOptionGroup('overflow.spill.limits', spill.limits, {
    ...{ maxCount: true, maxBytes: true },
  });
  return {
    store: spill.store,
    limits: {
      maxCount: requireInteger('overflow.spill.limits.maxCount', maxCount, { min: 1 }),
      maxBytes: requireInteger('overflow.spill.limits.maxBytes', maxBytes, { min: 1 }),
    },
  };
}

/** @throws {TypeError | RangeError} unless `value` is one of the eight priorities. */
export function requirePriority(name: string, value: number): Priority {
  return requireInteger(name, value, { min: 0, max: PRIORITY_COUNT - 1 }) as Priority;
}
