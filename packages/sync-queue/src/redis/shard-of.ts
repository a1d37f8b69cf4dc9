import { createHash } from 'node:crypto';
import type { NewItem } from '../store.ts';

/**
 * What decides where an item lies: its key, so that its order holds; else its coalescing key; else its idempotency key.
 * Undefined: it may lie anywhere.
 */
export function routeOf({ key, coalesce, idempotencyKey }: NewItem): string | undefined {
  return key ?? coalesce?.key ?? idempotencyKey;
}

/** The same in every process and version: items of one route meet in one shard. */
export function shardOf(route: string, shards: number): number {
  return createHash('sha1').update(route).digest().readUInt32BE(0) % shards;
}

/** An id as the queue tells it, which says where its item lies. */
export function idIn(shard: number, id: string): string {
  return `${shard}-${id}`;
}

/** Undefined: no shard has given it. */
export function placeOfId(
  id: string,
  shards: number,
): { readonly shard: number; readonly id: string } | undefined {
  const [, digits = '', rest = ''] = /^(0|[1-9]\d{0,3})-(.+)$/s.exec(id) ?? [];
  const shard = Number(digits);
  return digits === '' || shard >= shards ? undefined : { shard, id: rest };
}
