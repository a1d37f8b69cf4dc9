import { textOfSettings } from '../recorded-settings.ts';
import type { QueueSettings } from '../store.ts';
import { namesKey, SETTINGS_FIELD, SHARDS_FIELD, stateKey, type RedisPlace } from './keys.ts';
import { redisFailure, type RedisLike } from './run-script.ts';

/** Writes down for operators what a queue is: they know the prefix alone. */
export async function recordSettings(
  client: RedisLike,
  { prefix, name }: RedisPlace,
  { settings, shards }: { readonly settings: QueueSettings; readonly shards: number },
): Promise<void> {
  const text = textOfSettings(settings);
  const state = stateKey({ prefix, name, shard: 0 });
  try {
    await client.callBuffer('HSET', state, SETTINGS_FIELD, text, SHARDS_FIELD, shards);
    await client.callBuffer('SADD', namesKey(prefix), name);
  } catch (error) {
    throw redisFailure(error);
  }
}
