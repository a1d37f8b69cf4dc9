import { FORGET_MS } from '../store.ts';

/**
 * What every script begins with. KEYS: state, members, votes, leases, all of one circuit and in one slot.
 *
 * `state` is a hash that is missing until the first report; the other three are sorted sets whose scores are
 * expiries, so that what has expired is not counted even before it is removed. The time is the server's. `ends` is 0
 * while the circuit is closed; a circuit whose `ends` has passed is half-open, and nothing is written to make it so.
 * `since` is when the first of the present members came, of whom there has been one at any time since; 0: not known.
 *
 * The server's clock may be set back, or a replica take over whose clock is behind. So nothing may have longer to go
 * than the longest time that it can have been given: an opening its own `openMs`, members and votes `longestLive`, leases
 * `longestLease`; the last two only ever rise, for what ends too early is worse than what ends late. `ends` is 1 once the
 * circuit was seen half-open, which no clock undoes. A clock that is set forward cannot be told from time that passed.
 */
export const CIRCUIT_LUA = `
local state, members, votes, leases = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local time = redis.call('TIME')
local micros = time[1] * 1000000 + time[2]
local now = math.floor(micros / 1000)
local fields = redis.call('HMGET', state, 'version', 'ends', 'opens', 'openMs', 'succeeded', 'failed',
  'since', 'longestLive', 'longestLease')
for i = 1, 9 do fields[i] = tonumber(fields[i] or 0) end
local version, ends, opens, openMs, succeeded, failed, since, longestLive, longestLease = unpack(fields)
local storedEnds = ends
if ends > 0 then ends = ends <= now and 1 or math.min(ends, now + openMs) end

local function live(key) return redis.call('ZCOUNT', key, '(' .. now, '+inf') end
local function purge(key) redis.call('ZREMRANGEBYSCORE', key, '-inf', now) end
local function isHalfOpen() return ends > 0 and ends <= now end

local function capExpiries(key, longest)
  if longest == 0 then return end
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', key, '(' .. now + longest, '+inf')) do
    redis.call('ZADD', key, now + longest, name)
  end
end

-- Written down, for otherwise what is capped would begin anew each time that somebody looks.
local function cap()
  if ends ~= storedEnds then redis.call('HSET', state, 'ends', string.format('%.0f', ends)) end
  capExpiries(members, longestLive)
  capExpiries(votes, longestLive)
  capExpiries(leases, longestLease)
end

local function lengthen(field, longest, ms)
  if ms <= longest then return longest end
  redis.call('HSET', state, field, ms)
  return ms
end

-- A key that is missing stays so.
local function keep() redis.call('PEXPIRE', state, math.max(0, ends - now) + ${FORGET_MS}) end

-- From the clock, so that a circuit that was forgotten comes back with no version that anybody has seen; written out,
-- because Lua's own text of so large a number is rounded.
local function move(newEnds, newOpens, newOpenMs)
  version = math.max(version + 1, micros)
  ends, opens, openMs, succeeded, failed = newEnds, newOpens, newOpenMs, 0, 0
  redis.call('HSET', state, 'version', string.format('%.0f', version), 'ends', string.format('%.0f', ends),
    'opens', opens, 'openMs', openMs, 'succeeded', 0, 'failed', 0)
  redis.call('DEL', votes, leases)
  keep()
end

-- A clock that was set back begins anew: what it said before is of no use.
local function arrive()
  if since > 0 and since <= now and live(members) > 0 then return end
  since = now
  redis.call('HSET', state, 'since', string.format('%.0f', since))
end

local function known() return live(members) > 0 and math.max(0, now - since) or 0 end

local function view(flag, voted)
  local remaining = ends == 0 and -1 or math.max(0, ends - now)
  return { flag, version, remaining, opens, openMs, succeeded, live(leases), voted or live(votes), live(members),
    known() }
end
`;
