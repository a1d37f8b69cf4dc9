import { systemClock, type Clock } from '@holdfast/internal';
import { createTestDatabase, type TestDatabase } from '@holdfast/testkit';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createZoneScheduler, staticShards, type Shards } from '../../src/index.ts';
import { postgresShardRegistry } from '../../src/postgres.ts';

let database: TestDatabase;
let opened: Shards[] = [];
let groups = 0;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  groups += 1;
  await Promise.all(opened.map((shards) => shards.close()));
  opened = [];
});
afterAll(() => database.close());

/** An instance of static shards with short times, and a look at it until it is so. */
async function start(
  id: number,
  total: number,
  { url = database.url, clock }: { readonly url?: string; readonly clock?: Clock } = {},
) {
  const createClient = () => new pg.Client({ connectionString: url });
  const group = `g-${groups}`;
  const registry = postgresShardRegistry({ createClient, group, ttlMs: 300, clock });
  const shards = staticShards({ id, total, registry });
  opened.push(shards);
  await shards.start({ drain: () => Promise.resolve(), abandon: () => undefined });
  const until = async (isSo: (snapshot: ReturnType<Shards['snapshot']>) => boolean) => {
    while (!isSo(shards.snapshot())) await database.pool.query('select pg_sleep(0.02)');
  };
  return { shards, until };
}

describe('static shards with a registry', () => {
  it('see which instances are missing, and when they have come', async () => {
    const one = await start(0, 3);
    await one.until(({ unowned }) => unowned === 2);
    const two = await start(1, 3);
    const three = await start(2, 3);
    await one.until(({ unowned }) => unowned === 0);
    await two.until(({ unowned }) => unowned === 0);

    await three.shards.close();
    await one.until(({ unowned }) => unowned === 1);

    expect(one.shards.snapshot().mismatch).toBeUndefined();
  });

  it('see an instance that counts others, and that it fits again', async () => {
    const one = await start(0, 2);
    await one.until(({ unowned }) => unowned === 1);
    const other = await start(2, 3);
    await other.until(({ mismatch }) => mismatch !== undefined);

    expect(other.shards.snapshot().mismatch).toBe(
      'this instance counts 3 instances, those that are there count 2',
    );
    await one.shards.close();
    await other.until(({ mismatch }) => mismatch === undefined);
  });

  it('see two processes of one number', async () => {
    const one = await start(0, 2);
    await one.until(({ unowned }) => unowned === 1);
    const twin = await start(0, 2);
    await twin.until(({ mismatch }) => mismatch !== undefined);

    expect(twin.shards.snapshot().mismatch).toBe('another process is instance 0 of 2');
    expect(one.shards.snapshot().mismatch).toBeUndefined();
  });

  it('see a process of their number that counts others, and say what each counts', async () => {
    const one = await start(0, 2);
    await one.until(({ unowned }) => unowned === 1);
    const twin = await start(0, 3);
    await twin.until(({ mismatch }) => mismatch !== undefined);

    expect(twin.shards.snapshot()).toMatchObject({
      mismatch: 'another process is instance 0 of 2, while this one counts 3 instances',
      // Of another total it cannot be told who is missing.
      unowned: 0,
    });
  });

  it('settle for four thirds of the time of a registration, for the others may start', async () => {
    let nowMs = 0;
    const one = await start(0, 2, { clock: { ...systemClock, now: () => nowMs } });
    await one.until(({ unowned }) => unowned === 1);

    nowMs = 399;
    expect(one.shards.snapshot().isSettling).toBe(true);
    nowMs = 400;
    expect(one.shards.snapshot()).toMatchObject({ unowned: 1, isSettling: false });
  });

  it('have settled when all have been there once', async () => {
    const one = await start(0, 2, { clock: { ...systemClock, now: () => 0 } });
    expect(one.shards.snapshot().isSettling).toBe(true);
    const two = await start(1, 2);
    await one.until(({ isSettling }) => !isSettling);
    await two.shards.close();
    await one.until(({ unowned }) => unowned === 1);

    expect(one.shards.snapshot().isSettling).toBe(false);
  });

  it('run their zones also when there is no server, and tell of it', async () => {
    const errors: unknown[] = [];
    const { shards } = await start(0, 1, { url: 'postgres://127.0.0.1:1/none' });
    shards.on('error', ({ error }) => errors.push(error));
    const scheduler = createZoneScheduler({
      zones: () => [{ id: 'north' }],
      handler: () => Promise.resolve(),
      shards,
    });

    expect((await scheduler.runCycle()).zones.ok).toBe(1);
    while (errors.length === 0) await database.pool.query('select pg_sleep(0.02)');
    await scheduler.close();

    expect(errors[0]).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('raise the alert of a mismatch in the scheduler', async () => {
    const one = await start(0, 2);
    await one.until(({ unowned }) => unowned === 1);
    const other = await start(2, 3);
    await other.until(({ mismatch }) => mismatch !== undefined);
    const scheduler = createZoneScheduler({
      zones: () => [],
      handler: () => Promise.resolve(),
      shards: other.shards,
    });
    const alerts: string[] = [];
    scheduler.on('alert', ({ kind, level }) => alerts.push(`${kind} ${level}`));

    await scheduler.runCycle();

    expect(alerts).toEqual(['shard-mismatch critical']);
    await scheduler.close();
  });
});
