import { mix } from './hash.ts';
import { scoreOf, toContenders, type Member } from './rendezvous.ts';

/**
 * Who should have each of `shards` shards: rendezvous hashing in which no member gets more than `load` times its share,
 * rounded up. It depends on the set of the members alone, so that all instances that see the same set agree.
 *
 * The pairs of a shard and a member are taken from the highest score down, as long as both have room. That matching is
 * the one stable one for these scores, so that a member that comes or goes moves little more than its own share (bounded
 * loads: Mirrokni, Thorup and Zadimoghaddam, 2018; stable matching: Gale and Shapley, 1962).
 *
 * @throws {RangeError} when there is no member, an id comes twice, a weight is not above 0, or `load` is below 1.
 */
export function assignBounded(
  shards: number,
  members: readonly Member[],
  load = 1.05,
): readonly string[] {
  if (!(load >= 1)) throw new RangeError(`load must be a number of at least 1, got ${load}`);
  // Sorted, so that equal scores are decided by the ids and not by the order in which members are given.
  const contenders = [...toContenders(members)].sort((a, b) => (a.id < b.id ? -1 : 1));
  const total = contenders.reduce((sum, { weight }) => sum + weight, 0);
  const room = contenders.map(({ weight }) => Math.ceil(((shards * weight) / total) * load));

  const scores = new Float64Array(shards * contenders.length);
  for (let shard = 0; shard < shards; shard += 1) {
    const keyHash = mix(shard + 1);
    contenders.forEach((contender, index) => {
      scores[shard * contenders.length + index] = scoreOf(keyHash, contender);
    });
  }
  const pairs = Uint32Array.from(scores.keys());
  pairs.sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);

  const owners = new Array<string>(shards).fill('');
  for (const pair of pairs) {
    const index = pair % contenders.length;
    const shard = (pair - index) / contenders.length;
    const left = room[index] ?? 0;
    if (owners[shard] !== '' || left === 0) continue;
    owners[shard] = contenders[index]?.id ?? '';
    room[index] = left - 1;
  }
  return owners;
}
