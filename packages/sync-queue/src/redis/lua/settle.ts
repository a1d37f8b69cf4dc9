import { HEAD } from './head.ts';
import { GRAVES, LANES } from './lanes.ts';

/**
 * ARGV: the settings, then of all the ids in one piece, the attempts (JSON), the letters of the statuses (`a`ck, `r`etry,
 * `b`ack, `d`ead), and of each that is not acknowledged the delay or reason. Returns a digit of each: 1 when it held its
 * lease, 2 when it should have died and there was no room, else 0.
 */
export const SETTLE = `${HEAD}${LANES}${GRAVES}
local answers, ids, leases = {}, {}, {}
local held, letters = cjson.decode(ARGV[FIRST + 1]), ARGV[FIRST + 2]
for position, attempt in ipairs(held) do
  local id = sub(ARGV[FIRST], 19 * position - 18, 19 * position)
  ids[position], leases[position] = id, leaseOf(id, attempt)
end
local ACK, nextArgument = 97, FIRST + 3
local ends = call('ZMSCORE', LEASED, unpack(leases))
local done, acked, unleased, times = {}, {}, {}, {}
local hasNews = false
for position, id in ipairs(ids) do
  local answer = 0
  if ends[position] and not done[id] then
    answer = 1
    done[id] = true
    unleased[#unleased + 1] = leases[position]
    if byte(letters, position) == ACK then
      acked[#acked + 1] = id
      if held[position] > 1 then
        times[#times + 1] = id
        times[#times + 1] = 'r' .. id
      end
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
if #acked > 0 then call('HDEL', ITEMS, unpack(acked)) end
if #times > 0 then call('HDEL', TRIES, unpack(times)) end
for _, key in ipairs(keyed) do leave(key) end
if #keyed > 0 then hasNews = true end
for position, id in ipairs(ids) do
  local status, argument = sub(letters, position, position), nil
  if status ~= 'a' then
    argument = ARGV[nextArgument]
    nextArgument = nextArgument + 1
  end
  if answers[position] == 1 and argument then
    hasNews = true
    call('HSET', TRIES, id, held[position])
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
return table.concat(answers)`;

/** ARGV: the settings, leaseMs, then id, attempt of each. Returns 1 for each that held its lease, else 0. */
export const EXTEND = `${HEAD}
local answers = {}
local untilMs = now + tonumber(ARGV[FIRST])
for index = FIRST + 1, #ARGV, 2 do
  local lease, answer = leaseOf(ARGV[index], ARGV[index + 1]), 0
  -- Without memory left ZADD is refused, except in a script that has already made a write that is not.
  if call('ZREM', LEASED, lease) == 1 then
    answer = 1
    call('ZADD', LEASED, untilMs, lease)
  end
  answers[#answers + 1] = answer
end
return answers`;
