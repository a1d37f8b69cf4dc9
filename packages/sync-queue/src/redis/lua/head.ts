import type { QueueSettings } from '../../store.ts';

/** What every script begins with: names of keys and settings, the time, ids and extras. */
export const HEAD = `
local STATE, ITEMS, EXTRAS, TRIES, ACTIVE, WAITING = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local LEASED, DELAYED, KNOWN, KNOWN_UNTIL = KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local DEAD, STOPPED, NEWS, FIRST_READY = KEYS[11], KEYS[12], KEYS[13], 14
local MAX_COUNT, MAX_BYTES = tonumber(ARGV[1]), tonumber(ARGV[2])
local DEAD_COUNT, DEAD_BYTES, DROPS_DEAD = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5] == '1'
local KEY_CONCURRENCY, HALTS = tonumber(ARGV[6]), ARGV[7] == '1'
local SHARDS, FIRST = ARGV[8], 9
local call, byte, sub, format = redis.call, string.byte, string.sub, string.format
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- In one call: a call takes longer than most of what it does.
local state = call('HMGET', STATE, 'n', 'b', 'dn', 'db', 'seq', 'tat', 'p', 'pp', 'sh', 'at')
-- A shard that tells no number is taken for the only one.
local shards = state[9] or '1'
if shards ~= SHARDS then
  return redis.error_reply('SHARDS the queue has ' .. shards .. ' shards, and this process has ' .. SHARDS)
end
local count, bytes = tonumber(state[1] or 0), tonumber(state[2] or 0)
local deadCount, deadBytes = tonumber(state[3] or 0), tonumber(state[4] or 0)
local sequence, fullAt = tonumber(state[5] or 0), tonumber(state[6] or 0)
local isPaused, pausedPriorities = state[7] == '1', state[8] or ''
local function saveCounts()
  call('HSET', STATE, 'n', count, 'b', bytes, 'dn', deadCount, 'db', deadBytes)
end

local function idOf(element) return sub(element, -19) end
local function priorityOf(id)
  local last = byte(id, -1)
  if last >= 97 then return last - 97 end
  return last - 48
end
local function readyKey(id) return KEYS[FIRST_READY + priorityOf(id)] end
-- key, coalescing key, sample rate, revision, due
local function extrasOf(id)
  if byte(id, -1) < 97 then return nil end
  local packed = call('HGET', EXTRAS, id)
  return packed and cmsgpack.unpack(packed) or nil
end
-- What LEASED holds of an item: its id and the attempt.
local function leaseOf(id, attempt) return id .. ':' .. attempt end
local function payloadBytes(id) return call('HSTRLEN', ITEMS, id) end
local function tellNews() if call('LLEN', NEWS) < 16 then call('RPUSH', NEWS, '1') end end
`;

/** The settings that every script gets before its own arguments. */
export function settingsOf(settings: QueueSettings, shards: number): readonly (number | string)[] {
  const { limits, dead, keyConcurrency, onPoison } = settings;
  return [
    ...[limits.maxCount, limits.maxBytes],
    ...[dead.maxCount, dead.maxBytes, dead.whenFull === 'drop-oldest' ? 1 : 0],
    ...[keyConcurrency, onPoison === 'halt-key' ? 1 : 0, shards],
  ];
}
