import { Script } from '../../redis/scripts.ts';
import { FORGET_MS } from '../store.ts';
import { CIRCUIT_LUA } from './circuit-lua.ts';

/**
 * KEYS: as in `CIRCUIT_LUA`. ARGV: token, leaseMs, expectedVersion, probes, concurrent.
 *
 * Sent again it finds its own lease and takes no second one. With none out one always passes: `probes` may have been
 * lowered to what has succeeded.
 */
export const LEASE: Script = new Script(`${CIRCUIT_LUA}
cap()
if version ~= tonumber(ARGV[3]) or not isHalfOpen() then return view(0) end
purge(leases)
if redis.call('ZSCORE', leases, ARGV[1]) then return view(1) end
local out = live(leases)
local isEnough = out > 0 and out + succeeded >= tonumber(ARGV[4])
if isEnough or out >= tonumber(ARGV[5]) then return view(0) end
lengthen('longestLease', longestLease, tonumber(ARGV[2]))
redis.call('ZADD', leases, now + tonumber(ARGV[2]), ARGV[1])
redis.call('PEXPIRE', leases, tonumber(ARGV[2]) + ${FORGET_MS})
keep()
return view(1)`);
