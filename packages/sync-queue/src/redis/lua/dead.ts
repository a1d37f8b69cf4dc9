import { HEAD } from './head.ts';
import { GRAVES, LANES } from './lanes.ts';

/**
 * ARGV: the settings, limit, score and id behind which the page begins (-1 and nothing: at the first). Returns of each one more
 * than the limit, so that there is a next page: id, attempt, diedAtMs, payload, reason, whether it has a key, key.
 */
export const LIST_DEAD = `${HEAD}
local limit, afterMs, afterId = tonumber(ARGV[FIRST]), tonumber(ARGV[FIRST + 1]), ARGV[FIRST + 2]
local answers, found, offset = {}, 0, 0
while found < limit do
  local some = call('ZRANGEBYSCORE', DEAD, afterMs, '+inf', 'WITHSCORES', 'LIMIT', offset, limit)
  if #some == 0 then break end
  offset = offset + #some / 2
  for index = 1, #some, 2 do
    local id, diedAtMs = some[index], tonumber(some[index + 1])
    if found < limit and (diedAtMs > afterMs or id > afterId) then
      found = found + 1
      local extras = extrasOf(id)
      local at = #answers
      answers[at + 1], answers[at + 2], answers[at + 3] = id, tonumber(call('HGET', TRIES, id) or 0), diedAtMs
      answers[at + 4], answers[at + 5] = call('HGET', ITEMS, id), call('HGET', EXTRAS, '!' .. id)
      answers[at + 6] = extras and extras[1] and 1 or 0
      answers[at + 7] = extras and extras[1] or ''
    end
  end
end
return answers`;

/** ARGV: the settings, then ids. Returns how many were redriven, and how many found no room. */
export const REDRIVE = `${HEAD}${LANES}${GRAVES}
local redriven, full = 0, 0
for index = FIRST, #ARGV do
  local id = ARGV[index]
  if call('ZSCORE', DEAD, id) then
    local extras, size = extrasOf(id), payloadBytes(id)
    local halted = haltsKey(id, extras)
    -- Without room for the item that halts its key, a full queue whose keys have all halted could never empty.
    if halted or (count < MAX_COUNT and bytes + size <= MAX_BYTES) then
      call('ZREM', DEAD, id)
      call('HDEL', EXTRAS, '!' .. id)
      deadCount = deadCount - 1
      deadBytes = deadBytes - size
      count = count + 1
      bytes = bytes + size
      local attempt = call('HGET', TRIES, id)
      if attempt then call('HSET', TRIES, 'r' .. id, attempt) end
      if extras then
        extras[5] = 0
        call('HSET', EXTRAS, id, cmsgpack.pack(extras))
      end
      if enter(id, extras and extras[1]) then makeReady(id) end
      if halted then resume(halted) end
      redriven = redriven + 1
    else
      full = full + 1
    end
  end
end
if redriven > 0 then
  saveCounts()
  tellNews()
end
return { redriven, full }`;

/** ARGV: the settings, then ids. Returns the number of those that were deleted. */
export const PURGE = `${HEAD}${LANES}${GRAVES}
local purged = 0
for index = FIRST, #ARGV do
  if call('ZSCORE', DEAD, ARGV[index]) then
    deleteDead(ARGV[index])
    purged = purged + 1
  end
end
if purged > 0 then
  saveCounts()
  tellNews()
end
return purged`;
