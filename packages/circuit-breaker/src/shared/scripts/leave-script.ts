import { Script } from '../../redis/scripts.ts';
import { CIRCUIT_LUA } from './circuit-lua.ts';

/** KEYS: as in `CIRCUIT_LUA`. ARGV: member. Its leases end when their probes do, or by themselves. */
export const LEAVE: Script = new Script(`${CIRCUIT_LUA}
redis.call('ZREM', members, ARGV[1])
redis.call('ZREM', votes, ARGV[1])
return view(0)`);
