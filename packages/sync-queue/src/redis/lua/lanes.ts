/** What is ready and what waits behind its key. Needs HEAD. */
export const LANES = `
local function makeReady(id) call('RPUSH', readyKey(id), format('%012x', now) .. id) end
local function activate(id, due)
  if due > now then call('ZADD', DELAYED, due, id) else makeReady(id) end
end
-- True: it is active from now on. False: it waits.
local function enter(id, key)
  if not key then return true end
  local active = tonumber(call('HGET', ACTIVE, key) or 0)
  if active < KEY_CONCURRENCY and call('HEXISTS', STOPPED, key) == 0 then
    call('HINCRBY', ACTIVE, key, 1)
    return true
  end
  call('ZADD', WAITING, 0, key .. '\\0' .. id)
  return false
end
local function admit(key)
  local active = tonumber(call('HGET', ACTIVE, key) or 0)
  if call('HEXISTS', STOPPED, key) == 0 then
    while active < KEY_CONCURRENCY do
      local first = call('ZRANGEBYLEX', WAITING, '[' .. key .. '\\0', '(' .. key .. '\\1', 'LIMIT', 0, 1)[1]
      if not first then break end
      local id = idOf(first)
      call('ZREM', WAITING, first)
      active = call('HINCRBY', ACTIVE, key, 1)
      activate(id, extrasOf(id)[5])
    end
  end
  if active <= 0 then call('HDEL', ACTIVE, key) end
end
local function leave(key)
  if not key then return end
  call('HINCRBY', ACTIVE, key, -1)
  admit(key)
end
-- An active item goes back to where it waits.
local function retreat(id, key)
  call('HINCRBY', ACTIVE, key, -1)
  call('ZADD', WAITING, 0, key .. '\\0' .. id)
end
local function resume(key)
  call('HDEL', STOPPED, key)
  admit(key)
end
-- Nothing of it may be coalesced any more.
local function freeze(id, extras)
  if not (extras and extras[2]) then return end
  if call('HGET', EXTRAS, '~' .. extras[2]) == id then call('HDEL', EXTRAS, '~' .. extras[2]) end
  extras[2] = false
  call('HSET', EXTRAS, id, cmsgpack.pack(extras))
end
`;

/** The dead letters. Needs HEAD and LANES. */
export const GRAVES = `
local function haltsKey(id, extras)
  local key = extras and extras[1]
  if key and call('HGET', STOPPED, key) == id then return key end
  return nil
end
local function forget(id)
  call('HDEL', ITEMS, id)
  call('HDEL', TRIES, id, 'r' .. id)
  if byte(id, -1) >= 97 then call('HDEL', EXTRAS, id) end
end
local function deleteDead(id)
  local halted = haltsKey(id, extrasOf(id))
  call('ZREM', DEAD, id)
  call('HDEL', EXTRAS, '!' .. id)
  deadCount = deadCount - 1
  deadBytes = deadBytes - payloadBytes(id)
  forget(id)
  if halted then resume(halted) end
end
local function makeRoomAmongDead(size)
  if DROPS_DEAD and size <= DEAD_BYTES then
    while deadCount >= DEAD_COUNT or deadBytes + size > DEAD_BYTES do
      local oldest = call('ZRANGE', DEAD, 0, 0)[1]
      if not oldest then break end
      deleteDead(oldest)
      call('HINCRBY', STATE, 'do', 1)
    end
  end
  return deadCount < DEAD_COUNT and deadBytes + size <= DEAD_BYTES
end
local function addDead(id, size, reason)
  deadCount = deadCount + 1
  deadBytes = deadBytes + size
  call('ZADD', DEAD, now, id)
  call('HSET', EXTRAS, '!' .. id, reason)
end
-- An active item that no list holds dies; false: there is no room, so it comes back after a minute.
local function bury(id, reason)
  local size = payloadBytes(id)
  if not makeRoomAmongDead(size) then
    call('ZADD', DELAYED, now + 60000, id)
    return false
  end
  local extras = extrasOf(id)
  local key = extras and extras[1]
  freeze(id, extras)
  count = count - 1
  bytes = bytes - size
  addDead(id, size, reason)
  if key and HALTS and call('HEXISTS', STOPPED, key) == 0 then call('HSET', STOPPED, key, id) end
  leave(key)
  return true
end
`;
