import { LEASES_RAN_OUT } from '../../store.ts';
import { HEAD } from './head.ts';
import { GRAVES, LANES } from './lanes.ts';

/**
 * ARGV: the settings, maxItems, leaseMs, maxTries, agingMs (-1: strict), count and perMs of the rate (0: none), retention of
 * dead letters in ms (-1: for ever). Returns ms to the next timed item (-1: none), then the dead (id, attempt, …), then the
 * claimed (see `ClaimReply`). Takes at most 250 timed items of each kind
 * a call, which bounds its time; the rest comes with the next call.
 */
export const CLAIM = `${HEAD}${LANES}${GRAVES}
local maxItems, leaseMs, maxTries = tonumber(ARGV[FIRST]), tonumber(ARGV[FIRST + 1]), tonumber(ARGV[FIRST + 2])
local agingMs, rateCount = tonumber(ARGV[FIRST + 3]), tonumber(ARGV[FIRST + 4])
local ratePerMs, retentionMs = tonumber(ARGV[FIRST + 5]), tonumber(ARGV[FIRST + 6])
local died, claimed = {}, { '', '', '', '', '', {} }
local hasChanged = false

if retentionMs >= 0 then
  for _, id in ipairs(call('ZRANGEBYSCORE', DEAD, '-inf', now - retentionMs, 'LIMIT', 0, 64)) do
    deleteDead(id)
    call('HINCRBY', STATE, 'dx', 1)
    hasChanged = true
  end
end

-- From the last to the first, so that pushing to the front keeps their order.
local expired = call('ZRANGEBYSCORE', LEASED, '-inf', now, 'LIMIT', 0, 250)
for index = #expired, 1, -1 do
  local id = expired[index]
  local attempt = tonumber(call('HGET', TRIES, id))
  local tries = attempt - tonumber(call('HGET', TRIES, 'r' .. id) or 0)
  call('ZREM', LEASED, id)
  hasChanged = true
  if tries >= maxTries then
    if bury(id, '${LEASES_RAN_OUT}') then
      died[#died + 1] = id
      died[#died + 1] = attempt
    end
  elseif tries >= 3 then
    call('ZADD', DELAYED, now + math.min(60000, 1000 * 2 ^ (tries - 3)), id)
  else
    call('LPUSH', readyKey(id), id)
  end
end
for _, id in ipairs(call('ZRANGEBYSCORE', DELAYED, '-inf', now, 'LIMIT', 0, 250)) do
  call('ZREM', DELAYED, id)
  makeReady(id)
end

local controls = call('HMGET', STATE, 'p', 'pp', 'tat')
local isPaused, pausedPriorities, fullAt = controls[1] == '1', controls[2] or '', tonumber(controls[3] or 0)
local waitMs = nil
if isPaused then maxItems = 0 end
if rateCount > 0 and maxItems > 0 then
  local interval = ratePerMs / rateCount
  local permits = math.floor(rateCount - math.max(0, fullAt - now) / interval + 1e-9)
  if permits < 1 then waitMs = math.ceil(fullAt - now - (rateCount - 1) * interval) end
  maxItems = math.min(maxItems, math.max(0, permits))
end

-- The heads of the lists are merged by ready time + priority × agingMs, each looked at a piece at a time.
local PIECE = math.min(maxItems, 32)
local lists = {}
for priority = 0, 7 do
  if maxItems > 0 and not string.find(pausedPriorities, priority, 1, true) then
    local some = call('LRANGE', KEYS[FIRST_READY + priority], 0, PIECE - 1)
    if #some > 0 then lists[#lists + 1] = { priority = priority, some = some, at = 1, taken = 0 } end
  end
end
local function headOf(list)
  if list.at > #list.some and #list.some == PIECE then
    list.some = call('LRANGE', KEYS[FIRST_READY + list.priority], list.taken, list.taken + PIECE - 1)
    list.at = 1
  end
  return list.some[list.at]
end
local hasStopped = call('HLEN', STOPPED) > 0
local ids, extrasById = {}, {}
while #ids < maxItems do
  local best, bestDeadline = nil, nil
  if #lists == 1 then
    if headOf(lists[1]) then best = lists[1] end
  else
    for _, list in ipairs(lists) do
      local head = headOf(list)
      if head then
        local deadline = list.priority
        if agingMs >= 0 then deadline = tonumber(sub(head, 1, 12), 16) + list.priority * agingMs end
        if not best or deadline < bestDeadline then best, bestDeadline = list, deadline end
      end
    end
  end
  if not best then break end
  local id = idOf(best.some[best.at])
  best.at = best.at + 1
  best.taken = best.taken + 1
  local extras = extrasOf(id)
  if hasStopped and extras and extras[1] and call('HEXISTS', STOPPED, extras[1]) == 1 then
    retreat(id, extras[1])
  else
    ids[#ids + 1] = id
    if extras then
      freeze(id, extras)
      extrasById[id] = extras
    end
  end
end
for _, list in ipairs(lists) do
  if list.taken > 0 then call('LTRIM', KEYS[FIRST_READY + list.priority], list.taken, -1) end
end

if #ids > 0 then
  local redriven, leases, attempts = {}, {}, {}
  local numbers, tries, sizes, facts = {}, {}, {}, {}
  for index, id in ipairs(ids) do redriven[index] = 'r' .. id end
  local before, bases, payloads = call('HMGET', TRIES, unpack(ids)), call('HMGET', TRIES, unpack(redriven)), call('HMGET', ITEMS, unpack(ids))
  for index, id in ipairs(ids) do
    local attempt = tonumber(before[index] or 0) + 1
    attempts[2 * index - 1], attempts[2 * index] = id, attempt
    leases[2 * index - 1], leases[2 * index] = now + leaseMs, id
    numbers[index], tries[index], sizes[index] = attempt, attempt - tonumber(bases[index] or 0), #payloads[index]
    local extras = extrasById[id]
    if extras and (extras[1] or extras[3] < 1) then
      local at = #facts
      facts[at + 1], facts[at + 2] = index, format('%.17g', extras[3])
      facts[at + 3], facts[at + 4] = extras[1] and 1 or 0, extras[1] or ''
    end
  end
  local function join(values) return table.concat(values, ',') end
  claimed = { table.concat(ids), join(numbers), join(tries), join(sizes), table.concat(payloads), facts }
  call('HSET', TRIES, unpack(attempts))
  call('ZADD', LEASED, unpack(leases))
  if rateCount > 0 then
    call('HSET', STATE, 'tat', format('%.17g', math.max(fullAt, now) + #ids * ratePerMs / rateCount))
  end
end
if hasChanged then saveCounts() end

local nextMs = -1
for _, key in ipairs({ DELAYED, LEASED }) do
  local first = call('ZRANGE', key, 0, 0, 'WITHSCORES')
  if first[2] then
    local inMs = math.max(0, math.ceil(tonumber(first[2]) - now))
    if nextMs < 0 or inMs < nextMs then nextMs = inMs end
  end
end
if waitMs and (nextMs < 0 or waitMs < nextMs) then nextMs = waitMs end
return { nextMs, died, unpack(claimed) }`;
