import { randomUUID } from 'node:crypto';
import {
  raceAbort,
  requireFunction,
  requireInteger,
  requireObject,
  requireText,
  sleep,
  systemClock,
  systemRandom,
  throwIfAborted,
  type Clock,
  type Random,
} from '@holdfast/internal';
import type { Lease, Leases } from '../leases/lease-contract.ts';
import { LeaseReentryError, LeaseTimeoutError } from '../leases/lease-errors.ts';
import { requireHolder } from '../leases/lease-options.ts';
import { describeKey, requireNamespace, type LockKey } from '../lock-key.ts';
import { RedisGate } from './redis-gate.ts';
import type { EmitTwoTierEvent, RedisLike, TwoTierLocks } from './two-tier-contract.ts';
import { RedisUnavailableError } from './two-tier-errors.ts';
import { resolveTwoTierOptions, type ResolvedTwoTierOptions } from './two-tier-options.ts';

export interface CreateTwoTierOptions {
  /** The second tier. */
  readonly leases: Pick<Leases, 'hold' | 'holds' | 'timedOut'>;
  /** The first tier. */
  readonly redis: RedisLike;
  /** The same as that of the leases. */
  readonly namespace: string;
  /** In front of the names of the keys in Redis. Default `holdfast:lock:`. */
  readonly prefix?: string | undefined;
  /** Longest wait for one answer of Redis, milliseconds. Default 100. */
  readonly redisTimeoutMs?: number | undefined;
  /** Who holds the locks, unless an option of the call says so. Default: a random UUID. */
  readonly holder?: string | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  /** Must not throw. Default: nobody is told. */
  readonly emit?: EmitTwoTierEvent | undefined;
}

/** Between two looks at a key that somebody has, milliseconds: 50 to 150. Redis does not tell when it is given back. */
const POLL_MS = 100;

interface Call {
  readonly key: string;
  readonly gate: RedisGate;
  readonly options: ResolvedTwoTierOptions;
  readonly startedAtMs: number;
}

/**
 * Creates locks of two tiers. Nothing has to be closed.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function createTwoTier(twoTierOptions: CreateTwoTierOptions): TwoTierLocks {
  const {
    leases,
    redis,
    clock = systemClock,
    random = systemRandom,
    emit = () => undefined,
  } = requireObject('options', twoTierOptions);
  requireObject('leases', leases);
  requireObject('redis', redis);
  requireFunction('redis.call', (redis as { readonly call?: unknown }).call);
  const namespace = requireNamespace(twoTierOptions.namespace);
  const prefix = requireText('prefix', twoTierOptions.prefix ?? 'holdfast:lock:');
  const timeoutMs = requireInteger('redisTimeoutMs', twoTierOptions.redisTimeoutMs ?? 100, {
    min: 1,
  });
  const defaultHolder = requireHolder(twoTierOptions.holder ?? randomUUID());
  const counts = { admitted: 0, shed: 0, redisDown: 0 };

  const gateOf = (key: string, { lease }: ResolvedTwoTierOptions): RedisGate =>
    new RedisGate({
      redis,
      key: `${prefix}${key}`,
      value: `${randomUUID()} ${lease.holder}`,
      ttlMs: lease.ttlMs,
      timeoutMs,
      clock,
      onDown(error) {
        counts.redisDown += 1;
        emit('redisDown', { key, error });
      },
    });

  const leftMs = ({ startedAtMs, options }: Call): number =>
    startedAtMs + options.lease.waitMs - clock.now();

  /** Redis says who it is: Postgres is not asked. */
  const timeOut = async ({ key, gate, startedAtMs }: Call): Promise<never> => {
    const holder = await gate.holder();
    const waitedMs = clock.now() - startedAtMs;
    leases.timedOut({ key, waitedMs, holder });
    throw new LeaseTimeoutError(key, waitedMs, holder);
  };

  /** Resolves when Redis lets this call pass, or does not answer. */
  const pass = async (call: Call): Promise<void> => {
    const { signal } = call.options.lease;
    for (;;) {
      throwIfAborted(signal);
      const answer = await raceAbort(call.gate.enter(), signal);
      switch (answer.state) {
        case 'entered':
          counts.admitted += 1;
          return;
        case 'down':
          if (call.options.redisDown === 'fail')
            throw new RedisUnavailableError(call.key, answer.error);
          return;
        case 'held': {
          counts.shed += 1;
          const left = leftMs(call);
          if (left <= 0) return timeOut(call);
          await sleep(Math.min(left, POLL_MS * (0.5 + random())), { clock, signal });
          break;
        }
        default: {
          const impossible: never = answer;
          return impossible;
        }
      }
    }
  };

  const run = async <T>(
    lockKey: LockKey,
    fn: (lease: Lease) => Promise<T>,
    call: Call,
  ): Promise<T> => {
    const { gate, key, options } = call;
    if (leases.holds(lockKey)) throw new LeaseReentryError(key);
    try {
      await pass(call);
      const left = leftMs(call);
      const wait = left === Infinity ? 'forever' : left > 0 ? Math.ceil(left) : 'try';
      const leaseOptions = { ...options.leaseOptions, holder: options.lease.holder, wait } as const;
      const withGate = (lease: Lease): Promise<T> => {
        gate.extendSoon();
        return fn(lease);
      };
      const value = await leases.hold(lockKey, withGate, leaseOptions, {
        onRenewed: () => gate.extendSoon(),
      });
      // Last, so that who comes in finds the lease free.
      await gate.leave();
      return value;
    } finally {
      // After a failure nobody should have to wait for it; it does nothing the second time.
      void gate.leave();
    }
  };

  return {
    // Not an async function: a wrong argument is thrown at once.
    withTwoTierLock(key, fn, options = {}) {
      requireFunction('fn', fn);
      const name = describeKey(namespace, key);
      const resolved = resolveTwoTierOptions(options, defaultHolder);
      const gate = gateOf(name, resolved);
      return run(key, fn, { key: name, gate, options: resolved, startedAtMs: clock.now() });
    },
    snapshot: () => ({ ...counts }),
  };
}
