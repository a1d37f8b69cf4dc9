import { HEAD } from './head.ts';
import { GRAVES, LANES } from './lanes.ts';

/**
 * ARGV: the settings, then id, attempt, status (`a`ck, `r`etry, `b`ack, `d`ead), delay or reason of each. Returns of each 1
 * when it held its lease, 2 when it should have died and there was no room, else 0.
 */
export const SETTLE = `${HEAD}${LANES}${GRAVES}
local answers, ids = {}, {}
for index = FIRST, #ARGV, 4 do ids[#ids + 1] = ARGV[index] end
if #ids == 0 then return answers end
local attempts, ends = call('HMGET', TRIES, unpack(ids)), call('ZMSCORE', LEASED, unpack(ids))
local done, acked, unleased, times = {}, {}, {}, {}
local hasNews = false
for position, id in ipairs(ids) do
  local index = FIRST + 4 * (position - 1)
  local status, argument = ARGV[index + 2], ARGV[index + 3]
  local answer = 0
  if ends[position] and attempts[position] == ARGV[index + 1] and not done[id] then
    answer = 1
    done[id] = true
    unleased[#unleased + 1] = id
    if status == 'a' then
      acked[#acked + 1] = id
      times[#times + 1] = id
      times[#times + 1] = 'r' .. id
    end
  end
  answers[position] = answer
end
if #unleased > 0 then call('ZREM', LEASED, unpack(unleased)) end
local keyed = {}
for _, id in ipairs(acked) do
  count = count - 1
  bytes = bytes - payloadBytes(id)
  if byte(id, -1) >= 97 then
    keyed[#keyed + 1] = extrasOf(id)[1] or nil
    call('HDEL', EXTRAS, id)
  end
end
if #acked > 0 then
  call('HDEL', ITEMS, unpack(acked))
  call('HDEL', TRIES, unpack(times))
end
for _, key in ipairs(keyed) do leave(key) end
if #keyed > 0 then hasNews = true end
for position, id in ipairs(ids) do
  local index = FIRST + 4 * (position - 1)
  local status, argument = ARGV[index + 2], ARGV[index + 3]
  if answers[position] == 1 and status ~= 'a' then
    hasNews = true
    if status == 'd' then
      if not bury(id, argument) then answers[position] = 2 end
    elseif status == 'b' then
      call('LPUSH', readyKey(id), id)
    else
      activate(id, now + tonumber(argument))
    end
  end
end
if hasNews then tellNews() end
if #unleased > 0 then saveCounts() end
return answers`;

/** ARGV: the settings, leaseMs, then id, attempt of each. Returns 1 for each that held its lease, else 0. */
export const EXTEND = `${HEAD}
local answers = {}
local untilMs = now + tonumber(ARGV[FIRST])
for index = FIRST + 1, #ARGV, 2 do
  local id, answer = ARGV[index], 0
  if call('HGET', TRIES, id) == ARGV[index + 1] and call('ZSCORE', LEASED, id) then
    answer = 1
    -- Without memory left ZADD is refused, except in a script that has already made a write that is not.
    call('ZREM', LEASED, id)
    call('ZADD', LEASED, untilMs, id)
  end
  answers[#answers + 1] = answer
end
return answers`;
