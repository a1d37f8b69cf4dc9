import { createGate, watchLeaks } from '@holdfast/testkit';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import {
  ALL,
  createMember,
  database,
  epochs,
  group,
  join,
  shared,
  together,
  until,
  useDatabase,
} from './group.ts';

useDatabase();

describe('members of a group', () => {
  it('has all shards as the only one, each with a fence', async () => {
    const one = await join('a');
    await one.until(() => one.owned().length === ALL.length);

    const ownership = one.shards.ownershipOf('zone-1')!;
    expect(ownership.fence).toMatchObject({ group, owner: 'a', shard: ownership.shard });
    expect(one.shards.ownershipOf('zone-1')).toBe(ownership);
    expect(one.shards.isHeld(ownership)).toBe(true);
    expect(one.shards.snapshot()).toMatchObject({ total: 64, owned: 64, members: 1 });
    expect(one.shards.snapshot().trustedForMs).toBeGreaterThan(0);
  });

  it('starts with the next call when the server could not be reached at first', async () => {
    const urls = ['postgres://127.0.0.1:1/nowhere', database.url];
    const one = createMember('a', {
      createClient: () => new pg.Client({ connectionString: urls.shift() }),
    });

    await expect(one.start()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await one.start();
    await one.until(() => one.owned().length === ALL.length);

    expect(urls).toEqual([]);
  });

  it('shares them when another one joins, drained before they are given', async () => {
    const gate = createGate();
    const one = await join('a', { drain: () => gate.pass() });
    await one.until(() => one.owned().length === ALL.length);
    const before = one.shards.ownershipOf('zone-1');
    const two = await join('b');
    await gate.arrived();

    // On their way: no zone of them starts, and those that run are still ours.
    expect(one.owned().length).toBeLessThan(ALL.length);
    expect(one.shards.isHeld(before!)).toBe(true);
    expect(two.owned()).toEqual([]);
    gate.open();
    // In more than one round, when it is more than the mean share.
    await shared(one, two);

    expect(together(one, two)).toEqual(ALL);
    expect(one.drained.sort((a, b) => a - b)).toEqual(two.owned());
    expect(one.abandoned).toEqual([]);
  });

  it('abandons what cannot be drained within the length of a lease', async () => {
    let drains = 0;
    const one = await join('a', { drain: () => ((drains += 1) === 1 ? hang() : done()) });
    await one.until(() => one.owned().length === ALL.length);
    const two = await join('b');
    await two.until(() => one.abandoned.length > 0);
    const [abandoned] = one.abandoned;
    // More of them may come later, in another round.
    await two.until(() => abandoned!.shards.every((shard) => two.owned().includes(shard)));

    expect(abandoned).toMatchObject({ code: 'SHARDS_LOST' });
    expect(abandoned!.shards.length).toBeGreaterThan(0);
  });

  it('takes over what a closed one gave back, with newer epochs', async () => {
    const one = await join('a');
    await one.until(() => one.owned().length === ALL.length);
    const before = await epochs();
    const two = await join('b');
    await two.until(() => two.owned().length > 0);
    await one.shards.close();
    expect(one.owned()).toEqual([]);
    await two.until(() => two.owned().length === ALL.length);

    for (const [shard, epoch] of await epochs()) expect(epoch).toBeGreaterThan(before.get(shard)!);
  });

  it('moves nothing when one is back within its grace', async () => {
    const grace = { rejoinGraceMs: 60_000 };
    const one = await join('a', grace);
    const two = await join('b', grace);
    await shared(one, two);
    const [ofOne, ofTwo] = [one.owned(), two.owned()];
    const lostByOne: number[] = [];
    one.shards.on('change', ({ gained, lost }) => lostByOne.push(...gained, ...lost));
    const before = await epochs();

    await two.shards.close();
    const back = await join('b', grace);
    await back.until(() => back.owned().length === ofTwo.length);

    expect(back.owned()).toEqual(ofTwo);
    expect(one.owned()).toEqual(ofOne);
    expect(lostByOne).toEqual([]);
    const after = await epochs();
    for (const shard of ofTwo) expect(after.get(shard)).toBeGreaterThan(before.get(shard)!);
  });

  it('waits for the lease of another process of the same name', async () => {
    const one = await join('a');
    await one.until(() => one.owned().length === ALL.length);
    const twin = await join('a');

    expect(twin.shards.snapshot().mismatch).toBe(`another process is member a of ${group}`);
    expect(twin.owned()).toEqual([]);
    await one.shards.close();
    await twin.until(() => twin.owned().length === ALL.length);
    expect(twin.shards.snapshot().mismatch).toBeUndefined();
  });

  it('has shares in proportion to the weights', async () => {
    const one = await join('a', { weight: 1 });
    const two = await join('b', { weight: 3 });
    await shared(one, two);

    expect(two.owned().length).toBeGreaterThanOrEqual(44);
  });

  it('gives back no more in a round than it may', async () => {
    const one = await join('a', { maxMovesPerRound: 5 });
    await one.until(() => one.owned().length === ALL.length);
    const rounds: number[] = [];
    one.shards.on('change', ({ lost }) => rounds.push(lost.length));
    const two = await join('b');
    await until(
      [one, two],
      () => together(one, two).length === ALL.length && two.owned().length > 25,
    );

    expect(Math.max(...rounds)).toBeLessThanOrEqual(5);
  });

  it('knows which shards nobody has', async () => {
    const one = await join('a', { lease: { ttlMs: 900, settleMs: 60_000 } });

    await expect
      .poll(() => one.shards.snapshot())
      .toMatchObject({ owned: 0, unowned: 64, members: 1, isSettling: true });
  });

  it('says that it settles until every shard has an owner', async () => {
    const one = await join('a');
    expect(one.shards.snapshot()).toMatchObject({ unowned: 64, isSettling: true });
    await one.until(() => one.owned().length === ALL.length);

    await expect.poll(() => one.shards.snapshot()).toMatchObject({ unowned: 0, isSettling: false });
  });

  it('says so for a bounded time, for shards may stay without an owner', async () => {
    const grace = { rejoinGraceMs: 60_000 };
    const one = await join('a', grace);
    const two = await join('b', grace);
    await shared(one, two);
    const ofTwo = two.owned().length;
    await one.shards.close();
    await two.shards.close();
    const back = await join('a', grace);
    await back.until(() => back.owned().length === ALL.length - ofTwo);

    await expect
      .poll(() => back.shards.snapshot())
      .toMatchObject({ unowned: ofTwo, isSettling: false });
  });
});

describe('start and close', () => {
  it('refuses another number of shards than the others have', async () => {
    await join('a');
    const other = createMember('b', { shards: 32 });

    await expect(other.start()).rejects.toMatchObject({ code: 'SHARD_TOTAL', total: 64 });
  });

  it('may have another number of shards when nobody is there, with newer epochs all the same', async () => {
    const one = await join('a');
    await one.until(() => one.owned().length === ALL.length);
    const newest = [...(await epochs()).values()].reduce((a, b) => (a > b ? a : b));
    await one.shards.close();
    const other = await join('b', { shards: 16 });
    await other.until(() => other.owned().length === 16);

    const after = await epochs();
    expect(after.size).toBe(16);
    for (const epoch of after.values()) expect(epoch).toBeGreaterThan(newest);
  });

  it('can be called twice, together and in any order, and leaves nothing behind', async () => {
    const leaks = watchLeaks();
    const one = createMember('a');
    await Promise.all([one.start(), one.start()]);
    await Promise.all([one.shards.close(), one.shards.close()]);

    await expect(one.start()).rejects.toMatchObject({ code: 'SHARDS_CLOSED' });
    await createMember('b').shards.close();
    await leaks.assertNone();
  });
});

describe('the schema', () => {
  it('is refused when it is not there and may not be made', async () => {
    const one = createMember('a', { schema: 'elsewhere', install: false });

    await expect(one.start()).rejects.toMatchObject({
      code: 'SHARD_SCHEMA',
      message:
        'the schema elsewhere is not installed, needed is version 1: see postgresShardsStatements',
    });
  });

  it.each([0, 2])('is refused when it has version %i', async (version) => {
    const schema = `other_${version}`;
    await join('a', { schema });
    await database.pool.query(`update ${schema}.version set version = ${version}`);
    const one = createMember('b', { schema, install: false });

    await expect(one.start()).rejects.toMatchObject({ code: 'SHARD_SCHEMA', version });
  });

  it('is made once by many that start together', async () => {
    const some = ['a', 'b', 'c', 'd'].map((id) => createMember(id, { schema: 'together' }));

    await Promise.all(some.map((one) => one.start()));
  });
});

const hang = (): Promise<void> => new Promise(() => undefined);
const done = (): Promise<void> => Promise.resolve();
