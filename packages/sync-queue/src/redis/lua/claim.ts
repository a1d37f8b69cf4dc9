import { LEASES_RAN_OUT } from '../../store.ts';
import { HEAD } from './head.ts';
import { GRAVES, LANES } from './lanes.ts';

/**
 * ARGV: the settings, maxItems, leaseMs, maxTries, agingMs (-1: strict), count and perMs of the rate (0: none), retention of
 * dead letters in ms (-1: for ever). Returns ms to the next timed item (-1: none), then the dead (id, attempt, …), then the
 * claimed (see `ClaimReply`). Takes at most 250 timed items of each kind a call, and puts back at most 1000 whose keys are
 * stopped, which bounds its time; the rest comes with the next call, which is due at once.
 */
export const CLAIM = `${HEAD}${LANES}${GRAVES}
local maxItems, leaseMs, maxTries = tonumber(ARGV[FIRST]), tonumber(ARGV[FIRST + 1]), tonumber(ARGV[FIRST + 2])
local agingMs, rateCount = tonumber(ARGV[FIRST + 3]), tonumber(ARGV[FIRST + 4])
local ratePerMs, retentionMs = tonumber(ARGV[FIRST + 5]), tonumber(ARGV[FIRST + 6])
local died, claimed = {}, { '', {}, '', '', {} }
local wanted = maxItems
local hasChanged = false
local MOST_RETREATS = 1000

if retentionMs >= 0 then
  for _, id in ipairs(call('ZRANGEBYSCORE', DEAD, '-inf', now - retentionMs, 'LIMIT', 0, 64)) do
    deleteDead(id)
    call('HINCRBY', STATE, 'dx', 1)
    hasChanged = true
  end
end

local function firstAt(key) return tonumber(call('ZRANGE', key, 0, 0, 'WITHSCORES')[2] or math.huge) end
local leasedUntil, delayedUntil = firstAt(LEASED), firstAt(DELAYED)
if leasedUntil <= now then
  -- From the last to the first, so that pushing to the front keeps their order.
  local expired = call('ZRANGEBYSCORE', LEASED, '-inf', now, 'LIMIT', 0, 250)
  for index = #expired, 1, -1 do
    local lease = expired[index]
    local id, attempt = sub(lease, 1, 19), tonumber(sub(lease, 21))
    local tries = attempt - tonumber(call('HGET', TRIES, 'r' .. id) or 0)
    call('ZREM', LEASED, lease)
    call('HSET', TRIES, id, attempt)
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
  leasedUntil, delayedUntil = firstAt(LEASED), firstAt(DELAYED)
end
if delayedUntil <= now then
  for _, id in ipairs(call('ZRANGEBYSCORE', DELAYED, '-inf', now, 'LIMIT', 0, 250)) do
    call('ZREM', DELAYED, id)
    makeReady(id)
  end
  delayedUntil = firstAt(DELAYED)
end

local waitMs = nil
if isPaused then maxItems = 0 end
if rateCount > 0 and maxItems > 0 then
  local interval = ratePerMs / rateCount
  -- It is full within that time, unless the clock was set back.
  if fullAt > now + ratePerMs then
    fullAt = now + ratePerMs
    call('HSET', STATE, 'tat', format('%.17g', fullAt))
  end
  local permits = math.floor(rateCount - math.max(0, fullAt - now) / interval + 1e-9)
  if permits < 1 then waitMs = math.ceil(fullAt - now - (rateCount - 1) * interval) end
  maxItems = math.min(maxItems, math.max(0, permits))
end

-- The heads of the lists are merged by ready time + priority × agingMs, each looked at a piece at a time.
local PIECE = math.min(maxItems, 32)
-- As text once: the server formats each number that it is given.
local LAST = tostring(PIECE - 1)
local lists = {}
for priority = 0, 7 do
  if maxItems > 0 and not string.find(pausedPriorities, priority, 1, true) then
    local some = call('LRANGE', KEYS[FIRST_READY + priority], '0', LAST)
    if some[1] then lists[#lists + 1] = { priority = priority, some = some, at = 1, taken = 0, head = some[1] } end
  end
end
local function takeHead(list)
  local head = list.head
  list.taken = list.taken + 1
  list.at = list.at + 1
  if list.at > PIECE then
    list.some = call('LRANGE', KEYS[FIRST_READY + list.priority], list.taken, list.taken + PIECE - 1)
    list.at = 1
  end
  list.head = list.some[list.at]
  return idOf(head)
end
local function mostUrgent()
  local best, bestDeadline = nil, nil
  for _, list in ipairs(lists) do
    if list.head then
      local deadline = list.priority
      if agingMs >= 0 then deadline = tonumber(sub(list.head, 1, 12), 16) + list.priority * agingMs end
      if not best or deadline < bestDeadline then best, bestDeadline = list, deadline end
    end
  end
  return best
end
local ids, idCount, extrasById = {}, 0, {}
local retreats = 0
while idCount < maxItems and retreats < MOST_RETREATS do
  local best = lists[1]
  if #lists > 1 then best = mostUrgent() end
  if not (best and best.head) then break end
  local id = takeHead(best)
  local extras = extrasOf(id)
  if extras and extras[1] and call('HEXISTS', STOPPED, extras[1]) == 1 then
    retreat(id, extras[1])
    retreats = retreats + 1
  else
    idCount = idCount + 1
    ids[idCount] = id
    if extras then
      freeze(id, extras)
      extrasById[id] = extras
    end
  end
end
for _, list in ipairs(lists) do
  if list.taken > 0 then call('LTRIM', KEYS[FIRST_READY + list.priority], list.taken, -1) end
end

if idCount > 0 then
  local payloads = call('HMGET', ITEMS, unpack(ids))
  -- Of those that were delivered before; of others both are 1.
  local attempts, tries = {}, {}
  if call('HLEN', TRIES) > 0 then
    for index, attempt in ipairs(call('HMGET', TRIES, unpack(ids))) do
      if attempt then
        attempts[index] = attempt + 1
        tries[index] = attempts[index] - tonumber(call('HGET', TRIES, 'r' .. ids[index]) or 0)
      end
    end
  end
  local untilMs = format('%d', now + leaseMs)
  local leases, numbers, sizes, facts = {}, {}, {}, {}
  for index, id in ipairs(ids) do
    leases[2 * index - 1], leases[2 * index] = untilMs, leaseOf(id, attempts[index] or '1')
    sizes[index] = #payloads[index]
    if attempts[index] then
      local at = #numbers
      numbers[at + 1], numbers[at + 2], numbers[at + 3] = index, attempts[index], tries[index]
    end
    local extras = extrasById[id]
    if extras and (extras[1] or extras[3] < 1) then
      local at = #facts
      facts[at + 1], facts[at + 2] = index, format('%.17g', extras[3])
      facts[at + 3], facts[at + 4] = extras[1] and 1 or 0, extras[1] or ''
    end
  end
  claimed = { table.concat(ids), numbers, table.concat(sizes, ','), table.concat(payloads), facts }
  call('ZADD', LEASED, unpack(leases))
  leasedUntil = math.min(leasedUntil, now + leaseMs)
  -- It has all that it can take, and for what is left there was perhaps no token: one for all that were added in a call, and
  -- none for what the caller meant to claim itself.
  if idCount == wanted and mostUrgent() then tellNews() end
  if rateCount > 0 then
    call('HSET', STATE, 'tat', format('%.17g', math.max(fullAt, now) + idCount * ratePerMs / rateCount))
  end
end
if hasChanged then saveCounts() end

local nextMs = math.max(0, math.ceil(math.min(leasedUntil, delayedUntil) - now))
if waitMs then nextMs = math.min(nextMs, waitMs) end
if retreats == MOST_RETREATS then nextMs = 0 end
return { nextMs < math.huge and nextMs or -1, died, unpack(claimed) }`;
