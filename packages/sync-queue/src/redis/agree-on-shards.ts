import { StoreShardsDifferError } from '../errors.ts';
import { SHARDS_FIELD, stateKey, type RedisPlace } from './keys.ts';
import { Script, type RedisLike } from './run-script.ts';

/**
 * Writes the number of shards into each of them, where every call of a process with another number is refused. A queue
 * that holds nothing, dead letters included, takes on a new number.
 *
 * @throws {StoreShardsDifferError} when it holds something in another number of shards.
 */
export async function agreeOnShards(
  client: RedisLike,
  place: Pick<RedisPlace, 'prefix' | 'name'>,
  shards: number,
): Promise<void> {
  const stateOf = (shard: number): string => stateKey({ ...place, shard });
  const adopt = (shard: number, number: number): Promise<unknown> =>
    ADOPT.run(client, { keys: [stateOf(shard)], args: [number] });

  const text = (await client.callBuffer('HGET', stateOf(0), SHARDS_FIELD)) as Buffer | null;
  const recorded = text === null ? shards : Number(text);
  const all = Math.max(recorded, shards);
  for (let shard = 0; recorded !== shards && shard < all; shard += 1) {
    const held = await client.callBuffer('HMGET', stateOf(shard), 'n', 'dn');
    if ((held as (Buffer | null)[]).some((count) => Number(count ?? 0) > 0)) {
      throw new StoreShardsDifferError(place.name, recorded, shards);
    }
  }
  // The first one last, for it tells the number to those that come.
  for (let shard = all - 1; shard >= 0; shard -= 1) {
    const other = await adopt(shard, shards);
    if (other === null) continue;
    // Somebody has added meanwhile.
    for (let adopted = all - 1; adopted > shard; adopted -= 1) await adopt(adopted, Number(other));
    throw new StoreShardsDifferError(place.name, Number(other), shards);
  }
}

/** KEYS: state. ARGV: the number. Returns another one that the shard keeps to, because it holds something. */
const ADOPT = new Script(`
local state = redis.call('HMGET', KEYS[1], '${SHARDS_FIELD}', 'n', 'dn')
if state[1] == ARGV[1] then return false end
local held = tonumber(state[2] or 0) + tonumber(state[3] or 0)
if state[1] and held > 0 then return state[1] end
redis.call('HSET', KEYS[1], '${SHARDS_FIELD}', ARGV[1])
return false`);
