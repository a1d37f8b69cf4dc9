import { createTestDatabase, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '../../src/system/migrations.ts';
import { NodeRegistry } from '../../src/system/node-registry.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await migrate(database.pool);
});
afterAll(() => database.close());

async function countNodes(uid: string): Promise<number> {
  const { rows } = await database.pool.query<{ n: number }>(
    'select count(*)::int as n from nodes where uid = $1',
    [uid],
  );
  return rows[0]?.n ?? NaN;
}

describe('NodeRegistry', () => {
  it('makes one node of any number of concurrent hellos, and tells exactly one of them that it made it', async () => {
    // A registry each, as in as many instances: nothing is shared but the database.
    const registries = Array.from({ length: 16 }, () => new NodeRegistry(database.pool));

    for (let round = 0; round < 25; round += 1) {
      const uid = `race-${round}`;
      const answers = await Promise.all(
        registries.map((registry) => registry.register([{ uid, zone: `zone-${round % 3}` }])),
      );

      const registrations = answers.flat();
      expect(registrations).toHaveLength(16);
      expect(registrations.filter(({ created }) => created)).toHaveLength(1);
      expect(new Set(registrations.map(({ id }) => id)).size).toBe(1);
      expect(await countNodes(uid)).toBe(1);
    }
  });

  it('fails when it looks first and inserts then, which is the negative control', async () => {
    const insertAfterLooking = async (uid: string): Promise<'made' | 'known' | 'failed'> => {
      const { pool } = database;
      const found = await pool.query('select from nodes where uid = $1', [uid]);
      if (found.rows.length > 0) return 'known';
      const zone = `(select id from zones limit 1)`;
      return pool.query(`insert into nodes (uid, zone_id) values ($1, ${zone})`, [uid]).then(
        () => 'made',
        () => 'failed',
      );
    };
    await new NodeRegistry(database.pool).register([{ uid: 'warm-up', zone: 'zone-0' }]);

    const outcomes = await Promise.all(
      Array.from({ length: 200 }, (_, n) => insertAfterLooking(`naive-${Math.floor(n / 20)}`)),
    );

    expect(outcomes).toContain('failed');
  });

  it('does not deadlock when batches name the same nodes in different orders', async () => {
    const uids = Array.from({ length: 100 }, (_, n) => `order-${n}`);
    const forwards = uids.map((uid) => ({ uid, zone: 'a' }));
    const registry = new NodeRegistry(database.pool);

    const rounds = Array.from({ length: 20 }, (_, n) =>
      registry.register(n % 2 === 0 ? forwards : [...forwards].reverse()),
    );

    await expect(Promise.all(rounds)).resolves.toHaveLength(20);
  });

  it('moves a node whose last hello names another zone', async () => {
    const registry = new NodeRegistry(database.pool);
    await registry.register([
      { uid: 'mover', zone: 'first' },
      { uid: 'mover', zone: 'second' },
    ]);

    const { rows } = await database.pool.query(
      `select zones.uid as zone, hellos from nodes join zones on zones.id = zone_id
       where nodes.uid = 'mover'`,
    );

    expect(rows).toEqual([{ zone: 'second', hellos: '1' }]);
  });

  it('resolves what is registered, keeps a bounded number in memory, and still finds the rest', async () => {
    const registry = new NodeRegistry(database.pool, { maxCached: 3 });
    const uids = ['r1', 'r2', 'r3', 'r4', 'r5'];
    const registered = await registry.register(uids.map((uid) => ({ uid, zone: 'z' })));

    const ids = await registry.resolve([...uids, 'nobody']);

    expect(Object.fromEntries(ids)).toEqual(
      Object.fromEntries(registered.map(({ uid, id }) => [uid, id])),
    );
    expect(ids.has('nobody')).toBe(false);
  });
});
