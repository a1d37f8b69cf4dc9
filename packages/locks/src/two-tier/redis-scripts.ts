/** KEYS: the gate. ARGV: value. Deletes it if it is ours. */
export const LEAVE = `if redis.call('get', KEYS[1]) == ARGV[1] then
  return redis.call('del', KEYS[1])
end
return 0`;

/**
 * KEYS: the gate. ARGV: value, milliseconds. Keeps it for longer if it is ours, or takes it if it is nobody's: Redis may
 * have lost it, or was down when the lock was acquired.
 */
export const EXTEND = `local value = redis.call('get', KEYS[1])
if value == ARGV[1] then
  return redis.call('pexpire', KEYS[1], ARGV[2])
end
if not value then
  redis.call('set', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 1
end
return 0`;

/** KEYS: the gate. Its value, or false, and for how many milliseconds more. */
export const LOOK = `return { redis.call('get', KEYS[1]), redis.call('pttl', KEYS[1]) }`;
