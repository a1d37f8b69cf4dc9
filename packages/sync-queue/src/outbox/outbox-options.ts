import {
  createBackoff,
  requireFunction,
  requireInteger,
  requireNumber,
  requireObject,
  requireOptionGroup,
  requireOptions,
  systemClock,
  systemRandom,
  type Backoff,
  type Clock,
  type Random,
} from '@holdfast/internal';
import { jsonCodec } from '../json-codec.ts';
import type { Limits } from '../queue-options.ts';
import { requireIds } from '../require-ids.ts';
import { requireMethods } from '../require-methods.ts';
import { requireStorableText } from '../require-storable-text.ts';
import type { OutboxBounds } from './admit-unit.ts';
import type { Resolver } from './conflict.ts';
import type { Op } from './op.ts';
import { createOpPayload, type OpPayload } from './op-payload.ts';
import type {
  EnqueueOptions,
  OnlineSignal,
  OutboxBatchOptions,
  OutboxOptions,
  OutboxRetryOptions,
  PageOptions,
} from './outbox.ts';
import type { OutboxStore } from './outbox-store.ts';
import { resolvers } from './resolvers.ts';
import type { Push } from './wire.ts';

export interface ResolvedOutboxOptions {
  readonly store: OutboxStore;
  readonly push: Push;
  readonly clientId: string;
  readonly bounds: OutboxBounds;
  readonly resolverFor: (entity: string) => Resolver;
  readonly batch: {
    readonly maxOps: number;
    readonly maxBytes: number;
    readonly lingerMs: number;
    readonly concurrency: number;
    readonly timeoutMs: number;
  };
  readonly retry: {
    readonly backoff: Backoff;
    readonly probeBackoff: Backoff;
    readonly spreadMs: number;
    readonly maxAttempts: number;
    readonly maxRounds: number;
    readonly budgetRatio: number;
    readonly budgetPerSecond: number;
  };
  readonly payload: OpPayload;
  readonly online: OnlineSignal | undefined;
  readonly stallAfterMs: number;
  readonly maxDriftMs: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** @throws {TypeError | RangeError} naming the option, the rule and the value. */
export function resolveOutboxOptions(options: OutboxOptions): ResolvedOutboxOptions {
  requireOptions('createOutbox', options, {
    ...{ store: true, push: true, clientId: true, limits: true, conflict: true, batch: true },
    ...{ retry: true, codec: true, online: true, stallAfterMs: true, maxDriftMs: true },
    ...{ clock: true, random: true },
  });
  requireMethods('store', options.store, ['open', 'close', 'write', 'read']);
  const { codec, online } = options;
  if (codec !== undefined) requireMethods('codec', codec, ['encode', 'decode']);
  if (online !== undefined) requireMethods('online', online, ['isOnline', 'subscribe']);
  const random = requireFunction('random', options.random ?? systemRandom);
  return Object.freeze({
    store: options.store,
    push: requireFunction('push', options.push),
    clientId: requireStorableText('clientId', options.clientId),
    bounds: resolveBounds(options.limits),
    resolverFor: resolveResolvers(options.conflict),
    batch: resolveBatch(options.batch ?? {}),
    retry: resolveRetry(options.retry ?? {}, random),
    payload: createOpPayload(codec ?? jsonCodec<readonly Op[]>()),
    online,
    stallAfterMs: requireNumber('stallAfterMs', options.stallAfterMs ?? 60_000, { min: 1 }),
    maxDriftMs: requireNumber('maxDriftMs', options.maxDriftMs ?? 60_000, { min: 0 }),
    clock: options.clock ?? systemClock,
    random,
  });
}

/** @throws {TypeError | RangeError} naming the option, the rule and the value. */
export function resolveEnqueueOptions(options: EnqueueOptions): {
  readonly priority: number;
  readonly dependsOn: readonly string[];
} {
  requireOptions('enqueue', options, { priority: true, dependsOn: true });
  return {
    priority: requireInteger('priority', options.priority ?? 3, { min: 0, max: 7 }),
    dependsOn: requireIds('dependsOn', options.dependsOn ?? []),
  };
}

/** @throws {TypeError | RangeError} naming the option, the rule and the value. */
export function resolvePage(options: PageOptions): { limit: number; after: string | undefined } {
  const { after } = options;
  return {
    limit: requireInteger('limit', options.limit ?? 100, { min: 1, max: 1000 }),
    after: after === undefined ? undefined : requireStorableText('after', after),
  };
}

function resolveBounds(limits: Limits): OutboxBounds {
  requireOptionGroup('limits', limits, { maxCount: true, maxBytes: true, maxItemBytes: true });
  const maxCount = requireInteger('limits.maxCount', limits.maxCount, { min: 1 });
  const maxBytes = requireInteger('limits.maxBytes', limits.maxBytes, { min: 1 });
  const most = { min: 1, max: maxBytes };
  const maxItemBytes = requireInteger('limits.maxItemBytes', limits.maxItemBytes ?? maxBytes, most);
  return Object.freeze({ maxCount, maxBytes, maxItemBytes });
}

function resolveResolvers(conflict: OutboxOptions['conflict']): (entity: string) => Resolver {
  const fallback = resolvers.merge();
  if (conflict === undefined) return () => fallback;
  if (typeof conflict === 'function') return () => conflict;
  const byEntity = new Map(Object.entries(requireObject('conflict', conflict)));
  for (const [entity, resolver] of byEntity) requireFunction(`conflict.${entity}`, resolver);
  return (entity) => byEntity.get(entity) ?? fallback;
}

function resolveBatch(batch: OutboxBatchOptions): ResolvedOutboxOptions['batch'] {
  requireOptionGroup('batch', batch, {
    ...{ maxOps: true, maxBytes: true, lingerMs: true, concurrency: true, timeoutMs: true },
  });
  const most = { min: 1, max: 10_000 };
  return Object.freeze({
    maxOps: requireInteger('batch.maxOps', batch.maxOps ?? 100, most),
    maxBytes: requireInteger('batch.maxBytes', batch.maxBytes ?? 262_144, { min: 1 }),
    lingerMs: requireNumber('batch.lingerMs', batch.lingerMs ?? 10, { min: 0 }),
    concurrency: requireInteger('batch.concurrency', batch.concurrency ?? 2, { min: 1, max: 100 }),
    timeoutMs: requireNumber('batch.timeoutMs', batch.timeoutMs ?? 30_000, { min: 1 }),
  });
}

function resolveRetry(retry: OutboxRetryOptions, random: Random): ResolvedOutboxOptions['retry'] {
  requireOptionGroup('retry', retry, {
    ...{ baseMs: true, capMs: true, probeCapMs: true, spreadMs: true, maxAttempts: true },
    ...{ maxRounds: true, budgetRatio: true, budgetPerSecond: true },
  });
  const baseMs = requireNumber('retry.baseMs', retry.baseMs ?? 500, { min: 1 });
  const capMs = requireNumber('retry.capMs', retry.capMs ?? 60_000, { min: baseMs });
  const longest = Math.max(baseMs, Math.min(30_000, capMs));
  const probeCapMs = requireNumber('retry.probeCapMs', retry.probeCapMs ?? longest, {
    min: baseMs,
  });
  return Object.freeze({
    backoff: createBackoff({ baseMs, capMs, random }),
    probeBackoff: createBackoff({ baseMs, capMs: probeCapMs, random }),
    spreadMs: requireNumber('retry.spreadMs', retry.spreadMs ?? 1000, { min: 0 }),
    maxAttempts: requireInteger('retry.maxAttempts', retry.maxAttempts ?? 10, { min: 1 }),
    maxRounds: requireInteger('retry.maxRounds', retry.maxRounds ?? 5, { min: 0 }),
    budgetRatio: requireNumber('retry.budgetRatio', retry.budgetRatio ?? 0.1, { min: 0 }),
    budgetPerSecond: requireNumber('retry.budgetPerSecond', retry.budgetPerSecond ?? 1, { min: 0 }),
  });
}
