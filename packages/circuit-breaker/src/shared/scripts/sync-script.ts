import { Script } from '../../redis/scripts.ts';
import { FORGET_MS, SMALLEST_QUORUM_GROUP } from '../store.ts';
import { CIRCUIT_LUA } from './circuit-lua.ts';

/**
 * KEYS: as in `CIRCUIT_LUA`. ARGV: member, liveMs, voteMs, quorum, expectedVersion, openMs.
 *
 * A vote lives no longer than its member, so a member that died votes no more. Sent again late, it can only vote on the
 * version that it was meant for. Before members have been known for `liveMs`, others may not have come yet: then what
 * so few cannot decide stays a vote, see `tally`. The votes are counted before the opening forgets them: the reply tells why it opened.
 */
export const SYNC: Script = new Script(`${CIRCUIT_LUA}
local member, liveMs, voteMs, quorum = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
arrive()
longestLive = lengthen('longestLive', longestLive, liveMs)
cap()
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
local present, needed, isSettled = live(members), 1, known() >= liveMs
if quorum ~= 'any' and not (isSettled and present < ${SMALLEST_QUORUM_GROUP}) then
  if quorum ~= 'majority' then needed = isSettled and math.min(tonumber(quorum), present) or tonumber(quorum)
  elseif present < ${SMALLEST_QUORUM_GROUP} then needed = ${SMALLEST_QUORUM_GROUP}
  else needed = math.floor(present / 2) + 1 end
end
local voted = live(votes)
if voted >= needed then move(now + tonumber(ARGV[6]), opens + 1, tonumber(ARGV[6])) end
return view(0, voted)`);
