import { HEAD } from './head.ts';
import { LANES } from './lanes.ts';

/** ARGV: the settings, 1 to pause or 0 to resume, `q`, `p` or `k`, the priority or key. */
export const SET_PAUSED = `${HEAD}${LANES}
local pauses, kind, target = ARGV[FIRST] == '1', ARGV[FIRST + 1], ARGV[FIRST + 2]
if kind == 'q' then
  if pauses then call('HSET', STATE, 'p', 1) else call('HDEL', STATE, 'p') end
elseif kind == 'p' then
  local others = string.gsub(pausedPriorities, target, '')
  call('HSET', STATE, 'pp', pauses and others .. target or others)
elseif pauses then
  call('HSET', STOPPED, target, 'paused')
else
  resume(target)
end
tellNews()
return 1`;

/**
 * Returns ready, delayed, leased, waiting, items, bytes, age of the oldest ready one in ms (-1: none), dead, their bytes,
 * evicted, dead that overflowed, dead that expired, whether the queue is paused, paused priorities, stopped keys,
 * ready ones of each priority.
 */
export const STATS = `${HEAD}
local ready, readyByPriority, oldestAt = 0, {}, nil
for priority = 0, 7 do
  local key = KEYS[FIRST_READY + priority]
  local head = call('LINDEX', key, 0)
  readyByPriority[priority + 1] = call('LLEN', key)
  if head then
    ready = ready + readyByPriority[priority + 1]
    local at = tonumber(sub(head, 1, 12), 16)
    if not oldestAt or at < oldestAt then oldestAt = at end
  end
end
local dropped = call('HMGET', STATE, 'ev', 'do', 'dx')
return {
  ready, call('ZCARD', DELAYED), call('ZCARD', LEASED), call('ZCARD', WAITING), count, bytes,
  oldestAt and math.max(0, now - oldestAt) or -1, deadCount, deadBytes,
  tonumber(dropped[1] or 0), tonumber(dropped[2] or 0), tonumber(dropped[3] or 0),
  isPaused and 1 or 0, pausedPriorities, call('HKEYS', STOPPED), readyByPriority,
}`;
