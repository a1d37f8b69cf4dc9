import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testSeed } from '@holdfast/testkit';
import { assignBounded } from '../../src/shards/assign-bounded.ts';
import { hashText, shardOf } from '../../src/shards/hash.ts';
import { rendezvous, toContenders, winnerOf, type Member } from '../../src/shards/rendezvous.ts';

const SHARDS = 1024;
const params = { seed: testSeed(), numRuns: 60 };

const ids = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), {
  minLength: 1,
  maxLength: 20,
});
const members = ids.map((some) => some.map((id): Member => ({ id })));
const weighted = ids.chain((some) =>
  fc.tuple(
    ...some.map((id) => fc.record({ id: fc.constant(id), weight: fc.integer({ min: 1, max: 4 }) })),
  ),
);
const shuffled = (some: readonly Member[]): fc.Arbitrary<readonly Member[]> =>
  fc.shuffledSubarray([...some], { minLength: some.length });

function countOf(owners: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const owner of owners) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  return counts;
}

const moved = (before: readonly string[], after: readonly string[]): number =>
  before.filter((owner, shard) => owner !== after[shard]).length;

const plain = (some: readonly Member[]): string[] => {
  const contenders = toContenders(some);
  return Array.from({ length: SHARDS }, (_, shard) =>
    winnerOf(hashText(`zone-${shard}`), contenders),
  );
};

describe('rendezvous', () => {
  it('does not depend on the order of the members', () => {
    const pair = weighted.chain((some) => fc.tuple(fc.constant(some), shuffled(some)));
    fc.assert(
      fc.property(pair, fc.string(), ([some, other], key) => {
        expect(rendezvous(key, other)).toBe(rendezvous(key, some));
      }),
      params,
    );
  });

  it('moves exactly what the member had that leaves', () => {
    fc.assert(
      fc.property(
        members.filter(({ length }) => length > 1),
        (some) => {
          const [leaver, ...rest] = some;
          const before = plain(some);
          const after = plain(rest);

          for (const [key, owner] of before.entries()) {
            if (owner !== leaver?.id) expect(after[key]).toBe(owner);
            else expect(after[key]).not.toBe(owner);
          }
        },
      ),
      params,
    );
  });

  it('gives each member a share in proportion to its weight', () => {
    const some = [
      { id: 'a', weight: 1 },
      { id: 'b', weight: 3 },
    ];
    const owners = Array.from({ length: 20_000 }, (_, key) => rendezvous(`zone-${key}`, some));

    expect(countOf(owners).get('b')! / owners.length).toBeCloseTo(0.75, 1);
  });

  it.each([
    [[], 'members must not be empty'],
    [[{ id: 'a' }, { id: 'a' }], 'members must have different ids'],
    [[{ id: 'a', weight: 0 }], 'weight of member a must be a finite number above 0, got 0'],
  ])('refuses %j', (some, message) => {
    expect(() => rendezvous('zone', some)).toThrow(new RangeError(message));
  });
});

describe('assignBounded', () => {
  it('depends on the set of the members alone', () => {
    const pair = weighted.chain((some) => fc.tuple(fc.constant(some), shuffled(some)));
    fc.assert(
      fc.property(pair, ([some, other]) => {
        expect(assignBounded(SHARDS, other)).toEqual(assignBounded(SHARDS, some));
      }),
      params,
    );
  });

  it('gives every shard to a member, and none more than its bound', () => {
    fc.assert(
      fc.property(weighted, fc.integer({ min: 1, max: SHARDS }), (some, shards) => {
        const owners = assignBounded(shards, some);
        const total = some.reduce((sum, { weight }) => sum + weight, 0);

        expect(owners).toHaveLength(shards);
        const counts = countOf(owners);
        for (const { id, weight } of some) {
          const most = Math.ceil(((shards * weight) / total) * 1.05);
          expect(counts.get(id) ?? 0).toBeLessThanOrEqual(most);
          counts.delete(id);
        }
        expect(counts.size).toBe(0);
      }),
      params,
    );
  });

  it('spreads 1,024 shards over up to 20 members with at most 1.10 times the mean', () => {
    fc.assert(
      fc.property(members, (some) => {
        const most = Math.max(...countOf(assignBounded(SHARDS, some)).values());
        expect(most / (SHARDS / some.length)).toBeLessThanOrEqual(1.1);
      }),
      params,
    );
  });

  it('moves at most 1.5 points more than the ideal share on a join or a leave, in the mean', () => {
    const rounds = 40;
    const figures = [2, 3, 5, 8, 10, 16, 20].map((size) => {
      const shares = Array.from({ length: rounds }, (_, round) => {
        const some = Array.from({ length: size }, (_unused, n) => ({ id: `pod-${round}-${n}` }));
        // The same step read in both directions: the last member joins, or it leaves.
        return moved(assignBounded(SHARDS, some.slice(1)), assignBounded(SHARDS, some)) / SHARDS;
      });
      const points = (share: number): number => Number((share * 100).toFixed(2));
      return {
        members: size,
        ideal: points(1 / size),
        mean: points(shares.reduce((sum, share) => sum + share, 0) / rounds),
        worst: points(Math.max(...shares)),
      };
    });

    process.stdout.write(`moved of 1,024 shards, percent: ${JSON.stringify(figures)}\n`);
    for (const { ideal, mean, worst } of figures) {
      expect(mean).toBeLessThanOrEqual(ideal + 1.5);
      expect(worst).toBeLessThanOrEqual(ideal + 4);
    }
  });

  it('refuses a load below 1', () => {
    expect(() => assignBounded(8, [{ id: 'a' }], 0.9)).toThrow(RangeError);
  });
});

describe('shardOf', () => {
  it('spreads zones evenly, whatever their ids have in common', () => {
    const counts = new Array<number>(16).fill(0);
    for (let zone = 0; zone < 50_000; zone += 1)
      counts[shardOf(`greenhouse-7/zone-${zone}`, 16)]! += 1;

    const mean = 50_000 / 16;
    for (const count of counts) expect(Math.abs(count - mean)).toBeLessThan(mean * 0.1);
  });

  // Instances of different releases work together: what it gives must never change.
  it.each([
    ['', 684],
    ['zone-1', 534],
    ['zone-2', 590],
    ['gewächshaus', 169],
  ])('puts %j in the shard that it has always been in', (id, shard) => {
    expect(shardOf(id, 1024)).toBe(shard);
  });
});
