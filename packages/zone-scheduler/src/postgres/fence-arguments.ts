import { isInTransaction, requireInteger, requireText } from '@holdfast/internal';
import type { Fence } from '../shards.ts';
import { isPool } from './is-pool.ts';
import type { TransactionLike } from './ports.ts';

/**
 * Without types anything can be given: the fence of a zone that is not ours, which is undefined, or its ownership.
 *
 * @throws {TypeError | RangeError} naming the field, the rule and the value.
 */
export function requireFence(fence: Fence | undefined): Fence {
  if (typeof fence !== 'object' || (fence as Fence | null) === null) {
    throw new TypeError(
      `fence must be that of a zone which this instance owns, got ${kindOf(fence)}: there is none for other zones, nor with shards that nobody can take away`,
    );
  }
  requireText('fence.group', fence.group);
  requireInteger('fence.shard', fence.shard, { min: 0 });
  requireText('fence.owner', fence.owner);
  const epoch: unknown = fence.epoch;
  if (typeof epoch !== 'bigint') {
    throw new TypeError(`fence.epoch must be a bigint, got ${kindOf(epoch)}`);
  }
  if (epoch < 0n) throw new RangeError(`fence.epoch must be at least 0, got ${epoch}`);
  return fence;
}

/**
 * In a pool, or in a Kysely outside of a transaction, the shard would be held for the length of one statement only.
 *
 * @throws {TypeError} unless `tx` may be an open transaction.
 */
export function requireTransaction(tx: TransactionLike): TransactionLike {
  const got = whyNone(tx);
  if (got === undefined) return tx;
  throw noTransaction(got);
}

/**
 * A client without BEGIN would hold the shard for the length of one statement as well.
 *
 * @throws {TypeError} or with the driver's error.
 */
export async function requireBegun(tx: TransactionLike): Promise<void> {
  if ('withoutPlugins' in tx || (await isInTransaction(tx))) return;
  throw noTransaction('one without an open transaction');
}

function noTransaction(got: string): TypeError {
  return new TypeError(
    `tx must be a client of pg after BEGIN, or a transaction of Kysely, got ${got}`,
  );
}

function whyNone(tx: unknown): string | undefined {
  if (typeof tx !== 'object' || tx === null) return kindOf(tx);
  const { query, withoutPlugins, isTransaction } = tx as {
    readonly query?: unknown;
    readonly withoutPlugins?: unknown;
    readonly isTransaction?: unknown;
  };
  if (typeof withoutPlugins === 'function') {
    return isTransaction === false ? 'a Kysely that has begun none' : undefined;
  }
  if (isPool(tx)) return 'a pool';
  return typeof query === 'function' ? undefined : 'an object without query';
}

/** Not what a text holds: in the place of a client it is a URL, which may have a password in it. */
function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return Array.isArray(value) || typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
