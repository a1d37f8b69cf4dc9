import {
  createBackoff,
  requireFunction,
  requireInteger,
  requireNumber,
  requireObject,
  requireOneOf,
  systemClock,
  type Backoff,
  type Clock,
} from '@holdfast/internal';
import { jsonCodec } from './json-codec.ts';
import type { Codec, ConsumeOptions, Guard, Limits, Overflow, QueueOptions } from './queue.ts';
import { requireStorableText } from './require-storable-text.ts';
import { MAX_ITEMS_PER_CALL, type QueueStore } from './store.ts';

export interface ResolvedQueueOptions<T> {
  readonly name: string;
  readonly store: QueueStore;
  readonly limits: {
    readonly maxCount: number;
    readonly maxBytes: number;
    readonly maxItemBytes: number;
  };
  /** 0: reject at once. */
  readonly waitMs: number;
  readonly leaseMs: number;
  readonly maxAttempts: number;
  readonly backoff: Backoff;
  /** Between calls of a store that fails. */
  readonly storeBackoff: Backoff;
  readonly codec: Codec<T>;
  readonly maxPendingAdds: number;
  readonly guard: Guard | undefined;
  readonly clock: Clock;
}

/** @throws {TypeError | RangeError} naming the option, the rule and the value. */
export function resolveQueueOptions<T>(options: QueueOptions<T>): ResolvedQueueOptions<T> {
  requireObject('options', options);
  const name = requireStorableText('name', options.name);
  requireMethods('store', options.store, ['open', 'close', 'enqueue', 'claim', 'settle', 'extend']);
  if (options.guard !== undefined) requireMethods('guard', options.guard, ['execute']);
  if (options.codec !== undefined) requireMethods('codec', options.codec, ['encode', 'decode']);
  const { random } = options;
  if (random !== undefined) requireFunction('random', random);
  const retry = requireObject('retry', options.retry ?? {});
  const jitter = requireOneOf('retry.jitter', retry.jitter ?? 'full', ['none', 'full', 'equal']);
  return Object.freeze({
    name,
    store: options.store,
    limits: resolveLimits(options.limits),
    waitMs: resolveWaitMs(options.overflow),
    leaseMs: requireInteger('leaseMs', options.leaseMs ?? 10_000, { min: 100 }),
    maxAttempts: requireInteger('retry.maxAttempts', retry.maxAttempts ?? 10, { min: 1 }),
    backoff: createBackoff({ baseMs: retry.baseMs, capMs: retry.capMs, jitter, random }, 'retry.'),
    storeBackoff: createBackoff({ baseMs: 50, capMs: 2000, jitter: 'equal', random }),
    codec: options.codec ?? jsonCodec<T>(),
    maxPendingAdds: requireInteger('maxPendingAdds', options.maxPendingAdds ?? 10_000, { min: 1 }),
    guard: options.guard,
    clock: options.clock ?? systemClock,
  });
}

export interface ResolvedConsumeOptions {
  readonly maxBatch: number;
  readonly concurrency: number;
  readonly pollMs: number;
  readonly signal: AbortSignal | undefined;
}

/** @throws {TypeError | RangeError} naming the option, the rule and the value. */
export function resolveConsumeOptions(options: ConsumeOptions): ResolvedConsumeOptions {
  requireObject('options', options);
  const maxBatch = { min: 1, max: MAX_ITEMS_PER_CALL };
  return Object.freeze({
    maxBatch: requireInteger('maxBatch', options.maxBatch ?? 100, maxBatch),
    concurrency: requireInteger('concurrency', options.concurrency ?? 1, { min: 1, max: 1000 }),
    pollMs: requireNumber('pollMs', options.pollMs ?? 100, { min: 1 }),
    signal: options.signal,
  });
}

function resolveLimits(limits: Limits): ResolvedQueueOptions<never>['limits'] {
  requireObject('limits', limits);
  const maxCount = requireInteger('limits.maxCount', limits.maxCount, { min: 1 });
  const maxBytes = requireInteger('limits.maxBytes', limits.maxBytes, { min: 1 });
  const range = { min: 1, max: maxBytes };
  const maxItemBytes = requireInteger(
    'limits.maxItemBytes',
    limits.maxItemBytes ?? maxBytes,
    range,
  );
  return Object.freeze({ maxCount, maxBytes, maxItemBytes });
}

function resolveWaitMs(overflow: Overflow): number {
  if (overflow === 'reject') return 0;
  if (typeof overflow !== 'object' || (overflow as unknown) === null) {
    throw new TypeError('overflow must be "reject" or { waitMs }');
  }
  return requireNumber('overflow.waitMs', overflow.waitMs, { min: 0 });
}

function requireMethods(option: string, value: object, methods: readonly string[]): void {
  const object = requireObject(option, value) as Readonly<Record<string, unknown>>;
  for (const method of methods) requireFunction(`${option}.${method}`, object[method]);
}
