import { isHoldfastError } from '@holdfast/internal';
import { textOfSettings } from '../recorded-settings.ts';
import type { QueueSettings } from '../store.ts';
import { agreeOnShards } from './agree-on-shards.ts';
import { namesKey, SETTINGS_FIELD, stateKey, type RedisPlace } from './keys.ts';
import { redisFailure, type RedisLike } from './run-script.ts';

/**
 * Writes down what a queue is: the number of its shards for all its processes, the rest for operators, who know the
 * prefix alone.
 *
 * @throws {StoreShardsDifferError | StoreFailedError}
 */
export async function recordSettings(
  client: RedisLike,
  { prefix, name }: RedisPlace,
  { settings, shards }: { readonly settings: QueueSettings; readonly shards: number },
): Promise<void> {
  const place = { prefix, name };
  try {
    await agreeOnShards(client, place, shards);
    const state = stateKey({ ...place, shard: 0 });
    await client.callBuffer('HSET', state, SETTINGS_FIELD, textOfSettings(settings));
    await client.callBuffer('SADD', namesKey(prefix), name);
  } catch (error) {
    throw isHoldfastError(error) ? error : redisFailure(error);
  }
}
