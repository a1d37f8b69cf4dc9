import type { QueueSettings } from '../../store.ts';
import { HEAD } from './head.ts';
import { GRAVES, LANES } from './lanes.ts';

/**
 * ARGV: the settings, the window of idempotency keys and how many are kept, how to overflow, how many items the caller
 * claims right behind (nobody else is woken for so many), then of all items the heads (JSON), the sizes of the payloads
 * (JSON), and the payloads in one piece: a server and a client take long to tell many small arguments apart. A head is the priority, or an object: `p` priority, `d` delay, `k` key, `i` idempotency key, `c` coalescing
 * key, `m` its mode, `v` the revision, `u` the draw.
 *
 * Returns items, bytes, evicted items, then of each: its id (with `:` and the sample rate where that is below 1), `d` or `c`
 * and an id for a duplicate or coalesced one, `s` and the rate for one that is sampled out, `f` for full, `F` when it would take the place of a held one and has too many bytes, `g` when there is
 * nothing left to fold into, or revision and payload of what to fold into. Where there are ids alone they are one string.
 *
 * What can be is written at the end in one command of each kind; before anything is evicted it is written, too, since an
 * item may have to make room that came with the same call.
 */
export const ENQUEUE = `${HEAD}${LANES}${GRAVES}
local WINDOW, MAX_KNOWN = tonumber(ARGV[FIRST]), tonumber(ARGV[FIRST + 1])
local EVICTS, FROM_TAIL, TO_DEAD = ARGV[FIRST + 2] == 'e', ARGV[FIRST + 3] == '1', ARGV[FIRST + 4] == '1'
local SAMPLES, ABOVE = ARGV[FIRST + 2] == 's', tonumber(ARGV[FIRST + 3])
local LEAST_URGENT, FLOOR = tonumber(ARGV[FIRST + 4]), tonumber(ARGV[FIRST + 5])
local AWAITED = tonumber(ARGV[FIRST + 6])
FIRST = FIRST + 7
local evicted, accepted = 0, 0
-- Ids never go back, though the clock may be set back: they are the order of a key.
local bornMs = math.max(now, tonumber(state[10] or 0))
local born = format('%012x', bornMs)
local payloads, pushes = {}, {}
local answers = {}

local function flush()
  if #payloads > 0 then call('HSET', ITEMS, unpack(payloads)) end
  for key, ids in pairs(pushes) do call('RPUSH', key, unpack(ids)) end
  payloads, pushes = {}, {}
end
local function hasRoom(size) return count < MAX_COUNT and bytes + size <= MAX_BYTES end

local function findVictims(priority, size)
  local victims, tooMany, tooLarge = {}, count + 1 - MAX_COUNT, bytes + size - MAX_BYTES
  for class = 7, priority + 1, -1 do
    local key, taken = KEYS[FIRST_READY + class], 0
    while tooMany > 0 or tooLarge > 0 do
      local from, to = taken, taken + 63
      if FROM_TAIL then from, to = -taken - 64, -taken - 1 end
      local some = call('LRANGE', key, from, to)
      if #some == 0 or (FROM_TAIL and taken >= call('LLEN', key)) then break end
      for position = 1, #some do
        if tooMany <= 0 and tooLarge <= 0 then break end
        local id = idOf(FROM_TAIL and some[#some + 1 - position] or some[position])
        local length = payloadBytes(id)
        victims[#victims + 1] = { id, length }
        taken = taken + 1
        tooMany = tooMany - 1
        tooLarge = tooLarge - length
      end
    end
    if taken > 0 then victims[#victims].last = true; victims[#victims].taken = taken end
    if tooMany <= 0 and tooLarge <= 0 then return victims end
  end
  return nil
end
local function canBury(victims)
  local size = 0
  for _, victim in ipairs(victims) do size = size + victim[2] end
  local before = DROPS_DEAD and 0 or 1
  return before * deadCount + #victims <= DEAD_COUNT and before * deadBytes + size <= DEAD_BYTES
end
local function evictFor(priority, size)
  flush()
  local victims = findVictims(priority, size)
  if not victims or (TO_DEAD and not canBury(victims)) then return false end
  for _, victim in ipairs(victims) do
    if victim.last then
      local key = readyKey(victim[1])
      if FROM_TAIL then call('LTRIM', key, 0, -victim.taken - 1) else call('LTRIM', key, victim.taken, -1) end
    end
  end
  for _, victim in ipairs(victims) do
    local id, length = victim[1], victim[2]
    local extras = extrasOf(id)
    local key = extras and extras[1]
    freeze(id, extras)
    count = count - 1
    bytes = bytes - length
    evicted = evicted + 1
    if TO_DEAD then
      makeRoomAmongDead(length)
      addDead(id, length, 'evicted: it made room for an item of a higher priority')
    else
      forget(id)
    end
    leave(key)
  end
  return true
end

local function remember(key, id)
  call('HSET', KNOWN, key, id)
  call('ZADD', KNOWN_UNTIL, now + WINDOW, key)
  for _, old in ipairs(call('ZRANGEBYSCORE', KNOWN_UNTIL, '-inf', now, 'LIMIT', 0, 64)) do
    call('ZREM', KNOWN_UNTIL, old)
    call('HDEL', KNOWN, old)
  end
  while call('ZCARD', KNOWN_UNTIL) > MAX_KNOWN do
    call('HDEL', KNOWN, call('ZPOPMIN', KNOWN_UNTIL)[1])
  end
end

-- What becomes of an item that is to be coalesced, or nil when it is to be accepted as any other.
local function coalesce(head, payload)
  local id = call('HGET', EXTRAS, '~' .. head.c)
  if not id then return head.v and 'g' or nil end
  if head.m == 'keep-first' then return 'c' .. id end
  flush()
  local extras = extrasOf(id)
  if head.m == 'fold' and head.v ~= extras[4] then return { extras[4], call('HGET', ITEMS, id) } end
  local more = #payload - payloadBytes(id)
  if bytes + more > MAX_BYTES then return 'F' end
  bytes = bytes + more
  extras[4] = extras[4] + 1
  call('HSET', ITEMS, id, payload)
  call('HSET', EXTRAS, id, cmsgpack.pack(extras))
  return 'c' .. id
end
local function sampleRate(priority)
  if not SAMPLES or priority < LEAST_URGENT then return 1 end
  local fill = math.max(count / MAX_COUNT, bytes / MAX_BYTES)
  if fill <= ABOVE then return 1 end
  return math.max(FLOOR, math.min(1, (1 - fill) / (1 - ABOVE)))
end

local function nextId(letter)
  sequence = (sequence + 1) % 16777216
  if sequence == 0 then
    bornMs = bornMs + 1
    born = format('%012x', bornMs)
  end
  return format('%s%06x%c', born, sequence, letter)
end
-- An id and its payload, to be written at the end.
local function hold(id, payload)
  count = count + 1
  bytes = bytes + #payload
  accepted = accepted + 1
  local at = #payloads
  payloads[at + 1], payloads[at + 2] = id, payload
end
local function push(priority, id)
  local key = KEYS[FIRST_READY + priority]
  local ids = pushes[key]
  if ids then ids[#ids + 1] = id else pushes[key] = { id } end
end
-- An item with a priority alone, for which there is room.
local function acceptPlain(priority, payload)
  local id = nextId(48 + priority)
  hold(id, payload)
  push(priority, id)
  return id
end
local function accept(priority, head, payload)
  local rate = sampleRate(priority)
  if rate < 1 and head.u >= rate then return format('s%.17g', rate) end
  if not hasRoom(#payload) and not (EVICTS and evictFor(priority, #payload)) then return 'f' end
  if not head and rate == 1 then return acceptPlain(priority, payload) end
  local due = head and head.d and now + head.d or 0
  local hasExtras = rate < 1 or (head and (head.k or head.c))
  local id = nextId((hasExtras and 97 or 48) + priority)
  if hasExtras then
    call('HSET', EXTRAS, id, cmsgpack.pack({ head.k or false, head.c or false, rate, 1, due }))
    if head.c then call('HSET', EXTRAS, '~' .. head.c, id) end
  end
  hold(id, payload)
  if enter(id, head and head.k) then
    if due > now then call('ZADD', DELAYED, due, id) else push(priority, id) end
  end
  if rate < 1 then return id .. format(':%.17g', rate) end
  return id
end

local heads, sizes, all, from = cjson.decode(ARGV[FIRST]), cjson.decode(ARGV[FIRST + 1]), ARGV[FIRST + 2], 1
local areIds = true
local function answerTo(head, payload)
  if type(head) == 'number' then
    if not SAMPLES and hasRoom(#payload) then return acceptPlain(head, payload) end
    return accept(head, nil, payload)
  end
  local known = head.i
  if known then
    local untilMs = call('ZSCORE', KNOWN_UNTIL, known)
    if untilMs and tonumber(untilMs) > now then return 'd' .. call('HGET', KNOWN, known) end
  end
  local answer = head.c and coalesce(head, payload) or accept(head.p, head, payload)
  if known and type(answer) == 'string' then
    local kind = sub(answer, 1, 1)
    if kind == '0' then remember(known, sub(answer, 1, 19)) end
    if kind == 'c' then remember(known, sub(answer, 2)) end
  end
  return answer
end
for index, head in ipairs(heads) do
  local answer = answerTo(head, sub(all, from, from + sizes[index] - 1))
  from = from + sizes[index]
  areIds = areIds and #answer == 19 and byte(answer) == 48
  answers[index] = answer
end
flush()
if accepted > 0 or evicted > 0 then
  if evicted > 0 then call('HINCRBY', STATE, 'ev', evicted) end
  if accepted > AWAITED then tellNews() end
end
call('HSET', STATE, 'n', count, 'b', bytes, 'dn', deadCount, 'db', deadBytes, 'seq', sequence, 'at', bornMs)
return { count, bytes, evicted, areIds and table.concat(answers) or answers }`;

/** How the script is told to overflow. */
export function overflowArguments({ overflow }: QueueSettings): readonly (number | string)[] {
  switch (overflow.kind) {
    case 'refuse':
      return ['', 0, 0, 0];
    case 'evict':
      return ['e', overflow.victims === 'newest' ? 1 : 0, overflow.to === 'dead' ? 1 : 0, 0];
    case 'sample':
      return ['s', overflow.above, overflow.minPriority, overflow.floor];
    default: {
      const impossible: never = overflow;
      return impossible;
    }
  }
}
