/**
 * The keys of one queue, all in one slot of a cluster; every script gets all of them, in this order:
 *
 * 1. `state`    HASH  field `bytes`: the payloads together
 * 2. `items`    HASH  id → 13 digits of enqueuedAtMs, a colon, the payload
 * 3. `ready`    LIST  ids in the order of their delivery
 * 4. `delayed`  ZSET  id, score: due, ms
 * 5. `leased`   ZSET  id, score: end of the lease, ms
 * 6. `attempts` HASH  id → attempt, from the first claim on
 * 7. `dead`     ZSET  id, score: died at, ms
 * 8. `reasons`  HASH  id → why it is dead
 * 9. `redriven` HASH  id → the attempt after which it was redriven
 *
 * Time is the server's (TIME), so that clocks of consumers do not matter. Number of items: HLEN of `items`.
 */
export const KEY_NAMES = [
  'state',
  'items',
  'ready',
  'delayed',
  'leased',
  'attempts',
  'dead',
  'reasons',
  'redriven',
] as const;

const HEAD = `
local STATE, ITEMS, READY, DELAYED, LEASED = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local ATTEMPTS, DEAD, REASONS, REDRIVEN = KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- 14: the digits and the colon before the payload
local function payloadBytes(id) return redis.call('HSTRLEN', ITEMS, id) - 14 end
-- Equal scores would be ordered by id: a microsecond a position keeps the order of the call.
local function inOrder(ms, position) return ms + position * 0.001 end
local function holds(id, attempt)
  return redis.call('HGET', ATTEMPTS, id) == attempt and redis.call('ZSCORE', LEASED, id)
end
local function remove(id)
  redis.call('HINCRBY', STATE, 'bytes', -payloadBytes(id))
  redis.call('HDEL', ITEMS, id)
  redis.call('HDEL', ATTEMPTS, id)
  redis.call('HDEL', REDRIVEN, id)
end
local function bury(id, reason)
  redis.call('ZADD', DEAD, now, id)
  redis.call('HSET', REASONS, id, reason)
end
`;

/** ARGV: maxCount, maxBytes, then id, payload, delayMs of each. Returns 1 accepted, 2 duplicate, 0 full of each. */
export const ENQUEUE = `${HEAD}
local maxCount, maxBytes = tonumber(ARGV[1]), tonumber(ARGV[2])
local count = redis.call('HLEN', ITEMS)
local bytes = tonumber(redis.call('HGET', STATE, 'bytes') or '0')
local verdicts = {}
for index = 3, #ARGV, 3 do
  local id, payload, delayMs = ARGV[index], ARGV[index + 1], tonumber(ARGV[index + 2])
  local verdict = 0
  if redis.call('HEXISTS', ITEMS, id) == 1 then
    verdict = 2
  elseif count < maxCount and bytes + #payload <= maxBytes then
    verdict = 1
    count = count + 1
    bytes = bytes + #payload
    redis.call('HSET', ITEMS, id, string.format('%013.0f:', now) .. payload)
    redis.call('HINCRBY', STATE, 'bytes', #payload)
    if delayMs > 0 then redis.call('ZADD', DELAYED, inOrder(now + delayMs, index), id)
    else redis.call('RPUSH', READY, id) end
  end
  verdicts[#verdicts + 1] = verdict
end
return verdicts`;

/**
 * ARGV: maxItems, leaseMs, maxTries, reason of a death by lost leases. Returns ms to the next timed item (-1: none),
 * then the dead (id, attempt, …), then the claimed (id, attempt, tries, item, …). Takes at most 250 timed items of each
 * kind a call, which bounds its time; the rest comes with the next call.
 */
export const CLAIM = `${HEAD}
local maxItems, leaseMs, maxTries = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local died, claimed = {}, {}
local function triesOf(id, attempt)
  return attempt - tonumber(redis.call('HGET', REDRIVEN, id) or '0')
end
local expired = redis.call('ZRANGEBYSCORE', LEASED, '-inf', now, 'LIMIT', 0, 250)
-- from the last to the first, so that pushing to the front keeps their order
for index = #expired, 1, -1 do
  local id = expired[index]
  local attempt = tonumber(redis.call('HGET', ATTEMPTS, id))
  redis.call('ZREM', LEASED, id)
  if triesOf(id, attempt) >= maxTries then
    bury(id, ARGV[4])
    died[#died + 1] = id
    died[#died + 1] = attempt
  else
    redis.call('LPUSH', READY, id)
  end
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', DELAYED, '-inf', now, 'LIMIT', 0, 250)) do
  redis.call('ZREM', DELAYED, id)
  redis.call('RPUSH', READY, id)
end
local ids = redis.call('LRANGE', READY, 0, maxItems - 1)
if #ids > 0 then redis.call('LTRIM', READY, #ids, -1) end
for index, id in ipairs(ids) do
  local attempt = redis.call('HINCRBY', ATTEMPTS, id, 1)
  redis.call('ZADD', LEASED, inOrder(now + leaseMs, index), id)
  claimed[#claimed + 1] = id
  claimed[#claimed + 1] = attempt
  claimed[#claimed + 1] = triesOf(id, attempt)
  claimed[#claimed + 1] = redis.call('HGET', ITEMS, id)
end
local nextMs = -1
for _, key in ipairs({ DELAYED, LEASED }) do
  local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  if first[2] then
    local inMs = math.max(0, math.ceil(tonumber(first[2]) - now))
    if nextMs < 0 or inMs < nextMs then nextMs = inMs end
  end
end
return { nextMs, died, claimed }`;

/** ARGV: id, attempt, status, delay or reason of each. Returns 1 for each that held its lease, else 0. */
export const SETTLE = `${HEAD}
local answers = {}
for index = 1, #ARGV, 4 do
  local id, status, argument = ARGV[index], ARGV[index + 2], ARGV[index + 3]
  local answer = 0
  if holds(id, ARGV[index + 1]) then
    answer = 1
    redis.call('ZREM', LEASED, id)
    if status == 'ack' then remove(id)
    elseif status == 'dead' then bury(id, argument)
    elseif status == 'release' then redis.call('LPUSH', READY, id)
    elseif tonumber(argument) > 0 then redis.call('ZADD', DELAYED, inOrder(now + argument, index), id)
    else redis.call('RPUSH', READY, id) end
  end
  answers[#answers + 1] = answer
end
return answers`;

/** ARGV: leaseMs, then id, attempt of each. Returns 1 for each that held its lease, else 0. */
export const EXTEND = `${HEAD}
local answers = {}
for index = 2, #ARGV, 2 do
  local answer = 0
  if holds(ARGV[index], ARGV[index + 1]) then
    answer = 1
    -- Without memory left ZADD is refused, except in a script that has already made a write that is not.
    redis.call('ZREM', LEASED, ARGV[index])
    redis.call('ZADD', LEASED, inOrder(now + ARGV[1], index), ARGV[index])
  end
  answers[#answers + 1] = answer
end
return answers`;

/** Returns ready, delayed, leased, dead, bytes. */
export const STATS = `${HEAD}
return {
  redis.call('LLEN', READY), redis.call('ZCARD', DELAYED), redis.call('ZCARD', LEASED),
  redis.call('ZCARD', DEAD), tonumber(redis.call('HGET', STATE, 'bytes') or '0'),
}`;

/** ARGV: limit. Returns id, attempt, reason, diedAtMs, item of each. */
export const LIST_DEAD = `${HEAD}
local found = redis.call('ZRANGE', DEAD, 0, ARGV[1] - 1, 'WITHSCORES')
local answers = {}
for index = 1, #found, 2 do
  local id = found[index]
  answers[#answers + 1] = id
  answers[#answers + 1] = tonumber(redis.call('HGET', ATTEMPTS, id) or '0')
  answers[#answers + 1] = redis.call('HGET', REASONS, id)
  answers[#answers + 1] = tonumber(found[index + 1])
  answers[#answers + 1] = redis.call('HGET', ITEMS, id)
end
return answers`;

/** ARGV: redrive or purge, number of the oldest (-1: the ids that follow). Returns the number of changed items. */
export const CHANGE_DEAD = `${HEAD}
local ids = {}
if tonumber(ARGV[2]) >= 0 then ids = redis.call('ZRANGE', DEAD, 0, ARGV[2] - 1)
else for index = 3, #ARGV do ids[#ids + 1] = ARGV[index] end end
local changed = 0
for _, id in ipairs(ids) do
  if redis.call('ZREM', DEAD, id) == 1 then
    changed = changed + 1
    redis.call('HDEL', REASONS, id)
    if ARGV[1] == 'purge' then
      remove(id)
    else
      redis.call('HSET', REDRIVEN, id, redis.call('HGET', ATTEMPTS, id) or '0')
      redis.call('RPUSH', READY, id)
    end
  end
end
return changed`;
