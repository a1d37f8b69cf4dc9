import { Script } from '../../redis/scripts.ts';
import { FORGET_MS, SMALLEST_QUORUM_GROUP } from '../store.ts';
import { CIRCUIT_LUA } from './circuit-lua.ts';

/**
 * KEYS: as in `CIRCUIT_LUA`. ARGV: member, liveMs, voteMs, quorum, expectedVersion, openMs.
 *
 * A vote lives no longer than its member, so a member that died votes no more. Sent again late, it can only vote on the
 * version that it was meant for. The votes are counted before the opening forgets them: the reply tells why it opened.
 */
export const SYNC: Script = new Script(`${CIRCUIT_LUA}
local member, liveMs, voteMs, quorum = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
redis.call('ZADD', members, now + liveMs, member)
redis.call('PEXPIRE', members, ${FORGET_MS})
purge(members)
keep()
if voteMs == 0 or ends > 0 or version ~= tonumber(ARGV[5]) then
  redis.call('ZREM', votes, member)
  return view(0)
end
redis.call('ZADD', votes, now + math.min(voteMs, liveMs), member)
redis.call('PEXPIRE', votes, ${FORGET_MS})
purge(votes)
local present, needed = live(members), 1
if present >= ${SMALLEST_QUORUM_GROUP} then
  if quorum == 'majority' then needed = math.floor(present / 2) + 1
  elseif quorum ~= 'any' then needed = math.min(tonumber(quorum), present) end
end
local voted = live(votes)
if voted >= needed then move(now + tonumber(ARGV[6]), opens + 1, tonumber(ARGV[6])) end
return view(0, voted)`);
