import { describe, expect, it } from 'vitest';
import { allZones } from '../../src/shards/all-zones.ts';
import { staticShards, type StaticShardsOptions } from '../../src/shards/static-shards.ts';
import type { ShardHost } from '../../src/shards.ts';

const zones = Array.from({ length: 3000 }, (_, n) => `zone-${n}`);
const ownedBy = (options: StaticShardsOptions): string[] => {
  const shards = staticShards(options);
  return zones.filter((zone) => shards.ownershipOf(zone) !== undefined);
};

function hostOf(drained: number[][]): ShardHost {
  return {
    drain: (shards) => Promise.resolve(void drained.push([...shards])),
    abandon: () => undefined,
  };
}

describe('static shards', () => {
  it('give every zone to exactly one of the instances', () => {
    const all = [0, 1, 2].flatMap((id) => ownedBy({ id, total: 3 }));

    expect(all.sort()).toEqual([...zones].sort());
  });

  it('move about a quarter of the zones when a fourth instance comes, all of them to it', () => {
    const before = [0, 1, 2].map((id) => new Set(ownedBy({ id, total: 3 })));
    const after = [0, 1, 2].map((id) => ownedBy({ id, total: 4 }));

    for (const [id, own] of after.entries())
      for (const zone of own) expect(before[id]?.has(zone)).toBe(true);
    expect(ownedBy({ id: 3, total: 4 }).length / zones.length).toBeCloseTo(0.25, 1);
  });

  it('read the variables of the environment', () => {
    const env = { ZONE_SHARD_ID: '2', ZONE_SHARD_TOTAL: '3' };

    expect(ownedBy({ env })).toEqual(ownedBy({ id: 2, total: 3 }));
  });

  it('take the ordinal of a StatefulSet from the name of the host', () => {
    const env = { HOSTNAME: 'zones-eu-1', ZONE_SHARD_TOTAL: '3' };

    expect(ownedBy({ env })).toEqual(ownedBy({ id: 1, total: 3 }));
  });

  it('are one object for each zone, held until they are closed', async () => {
    const shards = staticShards({ id: 0, total: 1 });
    const drained: number[][] = [];
    await shards.start(hostOf(drained));
    const ownership = shards.ownershipOf('a')!;

    expect(ownership).toEqual({ shard: 0, fence: undefined });
    expect(shards.ownershipOf('b')).toBe(ownership);
    expect(shards.isHeld(ownership)).toBe(true);
    expect(shards.snapshot()).toMatchObject({ total: 1, owned: 1, trustedForMs: null });

    await Promise.all([shards.close(), shards.close()]);

    expect(drained).toEqual([[0]]);
    expect(shards.isHeld(ownership)).toBe(false);
    expect(shards.ownershipOf('a')).toBeUndefined();
    await expect(shards.start(hostOf(drained))).rejects.toMatchObject({ code: 'SHARDS_CLOSED' });
  });

  it.each<[StaticShardsOptions['env'], string]>([
    [{}, 'ZONE_SHARD_TOTAL must be an integer from 1 to 10000, got nothing in env'],
    [
      { ZONE_SHARD_TOTAL: '3' },
      'ZONE_SHARD_ID must be an integer from 0 to 2, or HOSTNAME must end in one (zones-0), got nothing in env',
    ],
    [
      { ZONE_SHARD_TOTAL: '3', HOSTNAME: 'zones-3' },
      'ZONE_SHARD_ID must be an integer from 0 to 2, or HOSTNAME must end in one (zones-0), got "zones-3"',
    ],
    [
      { ZONE_SHARD_TOTAL: '3', ZONE_SHARD_ID: '3' },
      'ZONE_SHARD_ID must be an integer from 0 to 2, got "3"',
    ],
    // Set to nothing is a mistake of a template, and not the same as not set.
    [
      { ZONE_SHARD_TOTAL: '3', ZONE_SHARD_ID: '', HOSTNAME: 'zones-1' },
      'ZONE_SHARD_ID must be an integer from 0 to 2, got ""',
    ],
    [
      { ZONE_SHARD_TOTAL: '3', ZONE_SHARD_ID: '1.0' },
      'ZONE_SHARD_ID must be an integer from 0 to 2, got "1.0"',
    ],
    [
      { ZONE_SHARD_TOTAL: '0', ZONE_SHARD_ID: '0' },
      'ZONE_SHARD_TOTAL must be an integer from 1 to 10000, got "0"',
    ],
  ])('fail at once on %j', (env, message) => {
    expect(() => staticShards({ env })).toThrow(
      expect.objectContaining({
        name: 'ShardSettingsError',
        code: 'SHARD_SETTINGS',
        message,
      }) as Error,
    );
  });

  it('say that no env was given, for they look nowhere by themselves', () => {
    const message =
      'ZONE_SHARD_TOTAL must be an integer from 1 to 10000, got nothing: no env was given, such as { env: process.env }';

    expect(() => staticShards()).toThrow(message);
    expect(() => staticShards({ id: 0 })).toThrow(message);
  });

  it('fail at once on a wrong option', () => {
    expect(() => staticShards({ id: 3, total: 3 })).toThrow(
      new RangeError('id must be an integer from 0 to 2, got 3'),
    );
    expect(() => staticShards({ id: '1' as never, total: 3 })).toThrow(TypeError);
    expect(() => staticShards({ shard: 1 } as never)).toThrow(TypeError);
  });
});

describe('allZones', () => {
  it('has every zone', () => {
    const shards = allZones();

    expect(shards.ownershipOf('any')).toEqual({ shard: 0, fence: undefined });
    expect(shards.snapshot()).toMatchObject({ total: 1, owned: 1, unowned: 0, members: 1 });
  });
});
