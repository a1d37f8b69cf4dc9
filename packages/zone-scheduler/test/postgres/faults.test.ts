import {
  createFakeClock,
  spawnNode,
  startFaultProxy,
  startPgbouncerServer,
  startPostgresServer,
  type FaultProxy,
} from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import type { PgClientLike } from '../../src/postgres.ts';
import {
  ALL,
  createMember,
  database,
  epochs,
  group,
  join,
  shared,
  together,
  useDatabase,
} from './group.ts';

useDatabase();

/** Resolves when the server has been told of so many renewals of the member. */
async function renewals(memberId: string, count: number): Promise<void> {
  let last = '';
  for (let seen = -1; seen < count;) {
    const { rows } = await database.pool.query<{ at: string }>(
      'select beat_until::text as at from holdfast_zones.member where group_name = $1 and member = $2',
      [group, memberId],
    );
    const at = rows[0]?.at ?? last;
    if (at !== last) seen += 1;
    last = at;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const proxyOf = (url: string): Promise<FaultProxy> => {
  const { hostname, port } = new URL(url);
  return startFaultProxy({ host: hostname, port: Number(port) });
};

describe('a process that is killed', () => {
  it('is replaced when its lease has ended', async () => {
    const file = new URL('../fixtures/shard-holder.ts', import.meta.url);
    const args = [database.url, group, 'victim', String(ALL.length), '900'];
    await using victim = await spawnNode(file, args);
    await victim.next();
    const before = await epochs();
    const heir = await join('heir');
    await victim.kill();
    await heir.until(() => heir.owned().length === ALL.length);

    for (const [shard, epoch] of await epochs()) expect(epoch).toBeGreaterThan(before.get(shard)!);
  });
});

describe('connections that break', () => {
  it('cost no shard when the next one is there in time', async () => {
    await using proxy = await proxyOf(database.url);
    const one = await join('a', { url: proxy.urlFor(database.url) });
    await one.until(() => one.owned().length === ALL.length);
    for (let turn = 0; turn < 4; turn += 1) {
      proxy.cutAll();
      await renewals('a', 1);
    }

    expect(one.abandoned).toEqual([]);
    expect(one.owned()).toEqual(ALL);
    await one.shards.close();
  });

  it('cost the shards when there is none for the length of the lease, and they come back with newer epochs', async () => {
    await using proxy = await proxyOf(database.url);
    const one = await join('a', { url: proxy.urlFor(database.url) });
    await one.until(() => one.owned().length === ALL.length);
    const ownership = one.shards.ownershipOf('zone-1')!;
    await proxy.refuse();
    proxy.cutAll();
    await one.until(() => one.owned().length === 0);

    expect(one.abandoned).toEqual([{ code: 'SHARDS_LOST', shards: ALL }]);
    expect(one.shards.isHeld(ownership)).toBe(false);
    expect(one.shards.snapshot()).toMatchObject({ owned: 0, trustedForMs: 0 });
    expect(one.errors.length).toBeGreaterThan(0);
    await proxy.accept();
    await one.until(() => one.owned().length === ALL.length);
    expect(one.shards.ownershipOf('zone-1')!.fence!.epoch).toBeGreaterThan(ownership.fence!.epoch);
    await one.shards.close();
  });

  it('leave no shard behind whose taking was answered to nobody', async () => {
    await using proxy = await proxyOf(database.url);
    const settleMs = 150;
    const one = await join('a', {
      url: proxy.urlFor(database.url),
      lease: { ttlMs: 900, settleMs },
    });
    const cut = proxy.set('open', {
      kind: 'cut',
      rule: { pattern: 'taken', when: 'before' },
      direction: 'toClient',
    });
    await cut.fired;
    await one.until(() => one.owned().length === ALL.length);

    const { rows } = await database.pool.query<{ epoch: string }>(
      'select epoch::text from holdfast_zones.shard_group where name = $1',
      [group],
    );
    // Taken twice: once for nobody.
    expect(rows).toEqual([{ epoch: '2' }]);
    await one.shards.close();
  });
});

describe('a server that stops', () => {
  it('holds up the start only until it goes on', async () => {
    await using server = await startPostgresServer();
    const first = await join('a', { url: server.url });
    await first.shards.close();
    await using proxy = await proxyOf(server.url);
    // The look at the schema is answered, the join is not.
    const drop = proxy.set('next', {
      kind: 'cut',
      rule: { pattern: 'join_v1', when: 'before' },
      direction: 'toServer',
    });
    const url = proxy.urlFor(server.url);
    await expect(createMember('b', { url }).start()).rejects.toThrow();
    await drop.fired;

    const freeze = proxy.set('next', { kind: 'delay', ms: 250, direction: 'toClient' });
    const slow = createMember('c', { url, lease: { ttlMs: 600, renewMs: 200 } });
    await slow.start();
    expect(slow.errors).toMatchObject([{ code: 'SHARD_REQUEST_TIMEOUT' }]);
    freeze.lift();
    await slow.until(() => slow.owned().length === ALL.length);
    await slow.shards.close();
  });

  it('rejects the start when the look at the schema is not answered, and starts with the next call', async () => {
    await using proxy = await proxyOf(database.url);
    const hold = proxy.set('next', { kind: 'delay', ms: 600_000, direction: 'toClient' });
    const clock = createFakeClock();
    const url = proxy.urlFor(database.url);
    const late = createMember('a', { url, clock });
    const starting = late.start();
    const outcome = starting.catch((error: unknown) => error);
    await hold.fired;
    await clock.advance(30_000);

    expect(await outcome).toMatchObject({ code: 'SHARD_REQUEST_TIMEOUT', timeoutMs: 30_000 });
    hold.lift();
    await late.start();
    expect(late.shards.snapshot().trustedForMs).toBeGreaterThan(0);
    await late.shards.close();
  });

  it('ends the ownership in time, and gives it back with newer epochs when it goes on', async () => {
    await using server = await startPostgresServer();
    const one = await join('a', { url: server.url });
    await one.until(() => one.owned().length === ALL.length);
    const before = one.shards.ownershipOf('zone-1')!;
    await server.freeze();
    await one.until(() => one.owned().length === 0);
    expect(one.abandoned).toEqual([{ code: 'SHARDS_LOST', shards: ALL }]);

    server.thaw();
    await one.until(() => one.owned().length === ALL.length);
    expect(one.shards.ownershipOf('zone-1')!.fence!.epoch).toBeGreaterThan(before.fence!.epoch);
    await one.shards.close();
  });
});

describe('a row of the group that somebody holds', () => {
  it('has but few requests of a member wait for it, however often that tries again', async () => {
    const one = await join('a', { lease: { ttlMs: 300, settleMs: 0 } });
    await one.until(() => one.owned().length === ALL.length);
    const holder = await database.pool.connect();
    await holder.query('begin');
    const locked = 'select from holdfast_zones.shard_group where name = $1 for update';
    await holder.query(locked, [group]);
    const two = await join('b', { lease: { ttlMs: 300, settleMs: 0 } });
    const waiting = async (): Promise<number> => {
      const { rows } = await database.pool.query(
        `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%join_v1%'`,
      );
      return rows.length;
    };

    let most = 0;
    while (two.errors.length < 12) most = Math.max(most, await waiting());
    await holder.query('rollback');
    holder.release();

    // Two, as the one before may be about to end, and more where the machine is slow; all twelve without a bound.
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(5);
    await shared(one, two);
  });
});

describe('a taking that has to wait', () => {
  it('ends with the lease that it is for', async () => {
    const one = await join('a', { lease: { ttlMs: 300, settleMs: 60_000 } });
    const holder = await database.pool.connect();
    const { rows } = await holder.query<{ instance: string }>(
      'select instance from holdfast_zones.member where group_name = $1',
      [group],
    );
    await holder.query('begin');
    const locked = 'select from holdfast_zones.shard_group where name = $1 for update';
    await holder.query(locked, [group]);

    const take = 'select from holdfast_zones.take_v1($1, $2, $3, $4)';
    const taking = database.pool.query(take, [group, 'a', rows[0]?.instance, [0]]);
    await expect(taking).rejects.toMatchObject({ code: '55P03' });

    await holder.query('rollback');
    holder.release();
    await one.shards.close();
  });
});

describe('behind PgBouncer in transaction mode', () => {
  it('members share the shards, and one that leaves is replaced', async () => {
    await using pooler = await startPgbouncerServer(database.url, {
      mode: 'transaction',
      poolSize: 2,
    });
    const one = await join('a', { url: pooler.url });
    const two = await join('b', { url: pooler.url });
    await shared(one, two);
    await renewals('b', 3);
    expect(together(one, two)).toEqual(ALL);

    await one.shards.close();
    await two.until(() => two.owned().length === ALL.length);
    await two.shards.close();
  });
});

describe('a pool whose connections are all in use', () => {
  it('does not cost the lease, which has a connection of its own', async () => {
    const jobs = database.createPool({ max: 2 });
    const one = await join('a');
    await one.until(() => one.owned().length === ALL.length);
    const busy = [await jobs.connect(), await jobs.connect()];
    // More than fit into one lease.
    await renewals('a', 4);

    expect(one.abandoned).toEqual([]);
    expect(one.owned()).toEqual(ALL);
    for (const client of busy) client.release();
  });

  it('costs the lease of one that renews over it (negative control)', async () => {
    const jobs = database.createPool({ max: 2 });
    const overPool = (): PgClientLike => ({
      connect: () => Promise.resolve(),
      query: (text, values) => jobs.query(text, values),
      end: () => Promise.resolve(),
      on: () => undefined,
    });
    const one = await join('a', { createClient: overPool });
    await one.until(() => one.owned().length === ALL.length);
    const busy = [await jobs.connect(), await jobs.connect()];
    await one.until(() => one.owned().length === 0);

    expect(one.abandoned).toEqual([{ code: 'SHARDS_LOST', shards: ALL }]);
    for (const client of busy) client.release();
  });
});
