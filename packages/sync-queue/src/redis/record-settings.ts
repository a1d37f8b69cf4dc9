import { textOfSettings } from '../recorded-settings.ts';
import type { QueueSettings } from '../store.ts';
import { namesKey, SETTINGS_FIELD, stateKey, type RedisPlace } from './keys.ts';
import { redisFailure, type RedisLike } from './run-script.ts';

/** Writes down what a queue is, for operators, who know the prefix alone. @throws {StoreFailedError} */
export async function recordSettings(
  client: RedisLike,
  { prefix, name }: RedisPlace,
  settings: QueueSettings,
): Promise<void> {
  try {
    const state = stateKey({ prefix, name, shard: 0 });
    await client.callBuffer('HSET', state, SETTINGS_FIELD, textOfSettings(settings));
    await client.callBuffer('SADD', namesKey(prefix), name);
  } catch (error) {
    throw redisFailure(error);
  }
}
