import { Script } from '../../redis/scripts.ts';
import { CIRCUIT_LUA } from './circuit-lua.ts';

/**
 * KEYS: as in `CIRCUIT_LUA`. ARGV: token, expectedVersion, verdict, probes, maxFailures, openMs.
 *
 * The lease is the right to be counted: it is taken away here, so a result that is sent again, or comes after its lease
 * expired, finds none. The version is looked at first, because leases of two openings never meet.
 */
export const SETTLE: Script = new Script(`${CIRCUIT_LUA}
cap()
if version ~= tonumber(ARGV[2]) or ends == 0 then return view(0) end
purge(leases)
if redis.call('ZREM', leases, ARGV[1]) == 0 then return view(0) end
if ARGV[3] == 'success' then
  succeeded = redis.call('HINCRBY', state, 'succeeded', 1)
  if succeeded >= tonumber(ARGV[4]) then move(0, 0, 0) end
elseif ARGV[3] == 'failure' then
  failed = redis.call('HINCRBY', state, 'failed', 1)
  if failed > tonumber(ARGV[5]) then move(now + tonumber(ARGV[6]), opens + 1, tonumber(ARGV[6])) end
end
keep()
return view(1)`);
