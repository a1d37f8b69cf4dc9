import {
  createBackoff,
  requireFunction,
  requireInteger,
  requireNumber,
  requireOneOf,
  requireOptionGroup,
  requireOptions,
  systemClock,
  systemRandom,
  type Backoff,
  type Clock,
  type Random,
} from '@holdfast/internal';
import type { ConsumeBatchOptions, ConsumeOptions } from './consuming.ts';
import { jsonCodec } from './json-codec.ts';
import type { PressureThresholds } from './pressure-gauge.ts';
import type { Codec, Guard, QueueOptions, SpillOptions } from './queue-options.ts';
import { requireMethods } from './require-methods.ts';
import { requireSignal } from './require-signal.ts';
import { requireStorableText } from './require-storable-text.ts';
import { resolveOverflow } from './resolve-overflow.ts';
import { MAX_ITEMS_PER_CALL, type QueueSettings, type QueueStore } from './store.ts';

export interface ResolvedQueueOptions<T> {
  readonly name: string;
  readonly store: QueueStore;
  /** In a call of the store. */
  readonly maxItems: number;
  readonly settings: QueueSettings;
  readonly maxItemBytes: number;
  /** 0: reject at once. */
  readonly waitMs: number;
  readonly spill: SpillOptions | undefined;
  readonly leaseMs: number;
  readonly maxAttempts: number;
  readonly backoff: Backoff;
  readonly retryCapMs: number;
  readonly retryBudget: { readonly ratio: number; readonly burst: number } | undefined;
  /** Between calls of a store that fails. */
  readonly storeBackoff: Backoff;
  readonly alerts: PressureThresholds & {
    /** Undefined: nobody asked for alerts, so the store is not asked either. */
    readonly everyMs: number | undefined;
  };
  readonly codec: Codec<T>;
  readonly maxPendingAdds: number;
  readonly guard: Guard | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

/** @throws {TypeError | RangeError} naming the option, the rule and the value. */
export function resolveQueueOptions<T>(options: QueueOptions<T>): ResolvedQueueOptions<T> {
  requireOptions('createQueue', options, {
    ...{ name: true, store: true, limits: true, overflow: true, leaseMs: true, retry: true },
    ...{ order: true, dead: true, idempotency: true, rate: true, alerts: true, codec: true },
    ...{ maxPendingAdds: true, guard: true, clock: true, random: true },
  });
  const name = requireStorableText('name', options.name);
  requireMethods('store', options.store, ['open', 'close', 'queue']);
  if (options.guard !== undefined) requireMethods('guard', options.guard, ['execute']);
  if (options.codec !== undefined) requireMethods('codec', options.codec, ['encode', 'decode']);
  const { random } = options;
  if (random !== undefined) requireFunction('random', random);
  const retry = resolveRetry(options);
  const { waitMs, spill, overflow } = resolveOverflow(options.overflow);
  const shards = options.store.shards ?? 1;
  const { maxItemBytes, ...limits } = resolveLimits(options.limits, shards);
  return Object.freeze({
    name,
    store: options.store,
    maxItems: options.store.maxItemsPerCall ?? MAX_ITEMS_PER_CALL,
    settings: Object.freeze({
      limits,
      dead: resolveDead(options, limits, shards),
      maxTries: retry.maxAttempts,
      ...resolveOrder(options),
      idempotency: resolveIdempotency(options),
      rate: resolveRate(options, shards),
      overflow,
    }),
    maxItemBytes,
    waitMs,
    spill,
    leaseMs: requireInteger('leaseMs', options.leaseMs ?? 10_000, { min: 100 }),
    ...retry,
    storeBackoff: createBackoff({ baseMs: 50, capMs: 1000, jitter: 'equal', random }),
    alerts: resolveAlerts(options),
    codec: options.codec ?? jsonCodec<T>(),
    maxPendingAdds: requireInteger('maxPendingAdds', options.maxPendingAdds ?? 10_000, { min: 1 }),
    guard: options.guard,
    clock: options.clock ?? systemClock,
    random: random ?? systemRandom,
  });
}

export interface ResolvedConsumeOptions {
  /** Items that one call of the handler gets at most. */
  readonly maxBatch: number;
  readonly concurrency: number;
  readonly pollMs: number;
  readonly signal: AbortSignal | undefined;
}

/** @throws {TypeError | RangeError} naming the option, the rule and the value. */
export function resolveConsumeBatchOptions(
  options: ConsumeBatchOptions,
  maxItems: number,
): ResolvedConsumeOptions {
  requireOptions('consume', options, { maxBatch: true, ...CONSUME_OPTIONS });
  const most = { min: 1, max: maxItems };
  const maxBatch = requireInteger('maxBatch', options.maxBatch ?? 100, most);
  return { ...resolveConsuming(options), maxBatch };
}

/** @throws {TypeError | RangeError} naming the option, the rule and the value. */
export function resolveConsumeOptions(options: ConsumeOptions): ResolvedConsumeOptions {
  requireOptions('consumeEach', options, CONSUME_OPTIONS);
  return { ...resolveConsuming(options), maxBatch: 1 };
}

const CONSUME_OPTIONS = { concurrency: true, pollMs: true, signal: true } as const;

function resolveConsuming(options: ConsumeOptions): Omit<ResolvedConsumeOptions, 'maxBatch'> {
  return {
    concurrency: requireInteger('concurrency', options.concurrency ?? 1, { min: 1, max: 1000 }),
    pollMs: requireNumber('pollMs', options.pollMs ?? 1000, { min: 1 }),
    signal: requireSignal(options.signal),
  };
}

/** Each shard of a store has a share of the bounds; in the smallest one there must be room, too. */
function resolveLimits(
  limits: QueueOptions<never>['limits'],
  shards: number,
): QueueSettings['limits'] & { readonly maxItemBytes: number } {
  requireOptionGroup('limits', limits, { maxCount: true, maxBytes: true, maxItemBytes: true });
  const maxCount = requireShares('limits.maxCount', limits.maxCount, shards);
  const maxBytes = requireShares('limits.maxBytes', limits.maxBytes, shards);
  const largest = Math.floor(maxBytes / shards);
  const range = { min: 1, max: shards > 1 ? Number.MAX_SAFE_INTEGER : largest };
  const maxItemBytes = requireInteger('limits.maxItemBytes', limits.maxItemBytes ?? largest, range);
  if (maxItemBytes <= largest) return { maxCount, maxBytes, maxItemBytes };
  const share = `${largest}, the share of each of ${shards} shards in limits.maxBytes`;
  throw new RangeError(`limits.maxItemBytes must be at most ${share}, got ${maxItemBytes}`);
}

/** @throws {TypeError | RangeError} unless `value` is an integer of which each shard has a share. */
function requireShares(name: string, value: unknown, shards: number): number {
  const whole = requireInteger(name, value, { min: 1 });
  if (whole >= shards) return whole;
  throw new RangeError(`${name} must be at least ${shards}, one for each shard, got ${whole}`);
}

function resolveRetry({
  retry = {},
  random,
}: Pick<QueueOptions<unknown>, 'retry' | 'random'>): Pick<
  ResolvedQueueOptions<never>,
  'maxAttempts' | 'backoff' | 'retryCapMs' | 'retryBudget'
> {
  requireOptionGroup('retry', retry, {
    ...{ baseMs: true, capMs: true, jitter: true, maxAttempts: true, budget: true },
  });
  const { baseMs = 100, capMs = Math.max(20_000, baseMs), budget } = retry;
  const jitter = requireOneOf('retry.jitter', retry.jitter ?? 'full', ['none', 'full', 'equal']);
  if (budget !== undefined) {
    requireOptionGroup('retry.budget', budget, { ratio: true, burst: true });
    requireNumber('retry.budget.ratio', budget.ratio, { min: 0 });
    requireNumber('retry.budget.burst', budget.burst, { min: 1 });
  }
  return {
    maxAttempts: requireInteger('retry.maxAttempts', retry.maxAttempts ?? 10, { min: 1 }),
    backoff: createBackoff({ baseMs, capMs, jitter, random }, 'retry.'),
    retryCapMs: capMs,
    retryBudget: budget,
  };
}

function resolveOrder({
  order = {},
}: Pick<QueueOptions<unknown>, 'order'>): Pick<
  QueueSettings,
  'agingMs' | 'keyConcurrency' | 'onPoison'
> {
  requireOptionGroup('order', order, { agingMs: true, keyConcurrency: true, onPoison: true });
  return {
    agingMs: requireDurationOrInfinity('order.agingMs', order.agingMs ?? 30_000, 0),
    keyConcurrency: requireInteger('order.keyConcurrency', order.keyConcurrency ?? 1, { min: 1 }),
    onPoison: requireOneOf('order.onPoison', order.onPoison ?? 'advance', ['advance', 'halt-key']),
  };
}

function resolveDead(
  { dead = {} }: Pick<QueueOptions<unknown>, 'dead'>,
  limits: QueueSettings['limits'],
  shards: number,
): QueueSettings['dead'] {
  const names = { maxCount: true, maxBytes: true, whenFull: true, retentionMs: true } as const;
  requireOptionGroup('dead', dead, names);
  return {
    maxCount: requireShares('dead.maxCount', dead.maxCount ?? limits.maxCount, shards),
    maxBytes: requireShares('dead.maxBytes', dead.maxBytes ?? limits.maxBytes, shards),
    whenFull: requireOneOf('dead.whenFull', dead.whenFull ?? 'keep', ['keep', 'drop-oldest']),
    retentionMs: requireDurationOrInfinity('dead.retentionMs', dead.retentionMs ?? Infinity, 1),
  };
}

function resolveIdempotency({
  idempotency = {},
}: Pick<QueueOptions<unknown>, 'idempotency'>): QueueSettings['idempotency'] {
  requireOptionGroup('idempotency', idempotency, { windowMs: true, maxKeys: true });
  const { windowMs = 3_600_000, maxKeys = 100_000 } = idempotency;
  return {
    windowMs: requireNumber('idempotency.windowMs', windowMs, { min: 1 }),
    maxKeys: requireInteger('idempotency.maxKeys', maxKeys, { min: 1 }),
  };
}

function resolveRate(
  { rate }: Pick<QueueOptions<unknown>, 'rate'>,
  shards: number,
): QueueSettings['rate'] {
  if (rate === undefined) return undefined;
  requireOptionGroup('rate', rate, { count: true, perMs: true });
  return {
    count: requireShares('rate.count', rate.count, shards),
    perMs: requireNumber('rate.perMs', rate.perMs, { min: 1 }),
  };
}

function resolveAlerts({
  alerts,
}: Pick<QueueOptions<unknown>, 'alerts'>): ResolvedQueueOptions<never>['alerts'] {
  const names = { raiseAt: true, clearAt: true, oldestMs: true, everyMs: true } as const;
  const {
    raiseAt = 0.8,
    oldestMs = Infinity,
    everyMs = 5000,
  } = requireOptionGroup('alerts', alerts ?? {}, names);
  requireNumber('alerts.raiseAt', raiseAt, { min: 0, max: 1 });
  const clearAt = alerts?.clearAt ?? Math.min(0.6, raiseAt);
  return {
    raiseAt,
    clearAt: requireNumber('alerts.clearAt', clearAt, { min: 0, max: raiseAt }),
    oldestMs: requireDurationOrInfinity('alerts.oldestMs', oldestMs, 1),
    everyMs:
      alerts === undefined ? undefined : requireNumber('alerts.everyMs', everyMs, { min: 1 }),
  };
}

function requireDurationOrInfinity(name: string, value: number, min: number): number {
  return value === Infinity ? value : requireNumber(name, value, { min });
}
