import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { staticShards } from '../../src/index.ts';
import {
  fencedTx,
  fenceToken,
  fenceWhere,
  postgresShardRegistry,
  postgresShards,
  type Fence,
  type PgClientLike,
  type TransactionLike,
} from '../../src/postgres.ts';

const FENCE: Fence = { group: 'g', shard: 1, epoch: 7n, owner: 'a' };
const host = { drain: () => Promise.resolve(), abandon: () => undefined };
const tx: TransactionLike = { query: () => Promise.resolve({ rows: [{}] }) };

describe.each<[string, (fence: Fence) => Promise<unknown>]>([
  ['fenceToken', async (fence) => Promise.resolve(fenceToken(fence))],
  ['fenceWhere', async (fence) => Promise.resolve(fenceWhere(fence))],
  ['fencedTx', (fence) => fencedTx(tx, fence, () => Promise.resolve())],
])('%s', (_, call) => {
  it.each<[string, unknown, string]>([
    [
      'the fence of a zone that is not ours',
      postgresShards({ createClient: () => new pg.Client(), group: 'g' }).ownershipOf('x')?.fence,
      'fence must be that of a zone which this instance owns, got undefined: there is none for other zones, nor with shards that nobody can take away',
    ],
    ['the id of a zone', 'zone-1', 'which this instance owns, got a string'],
    ['an ownership', { shard: 1, fence: FENCE }, 'fence.group must be a non-empty string, got un'],
    ['no shard', { ...FENCE, shard: undefined }, 'fence.shard must be an integer of at least 0, '],
    ['no owner', { ...FENCE, owner: '' }, 'fence.owner must be a non-empty string, got ""'],
    ['an epoch as text', { ...FENCE, epoch: '7' }, 'fence.epoch must be a bigint, got a string'],
    ['an epoch as number', { ...FENCE, epoch: 7 }, 'fence.epoch must be a bigint, got 7'],
    ['an epoch below 0', { ...FENCE, epoch: -1n }, 'fence.epoch must be at least 0, got -1'],
  ])('refuses %s', async (__, wrong, message) => {
    const refused: unknown = await call(wrong as Fence).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Error);
    expect((refused as Error).name).toMatch(/^(TypeError|RangeError)$/);
    expect((refused as Error).message).toContain(message);
  });

  it('takes one that is right', async () => {
    await expect(call(FENCE)).resolves.not.toThrow();
  });
});

describe('fencedTx', () => {
  const db = new Kysely<object>({ dialect: new PostgresDialect({ pool: new pg.Pool() }) });

  it.each<[string, unknown, string]>([
    ['a pool', new pg.Pool(), 'a pool'],
    ['a Kysely that is in no transaction', db, 'a Kysely that has begun none'],
    ['nothing', undefined, 'undefined'],
    ['a URL, without showing it', 'postgres://a:secret@host/db', 'a string'],
    ['an object', {}, 'an object without query'],
  ])('refuses %s in the place of a transaction', async (_, wrong, got) => {
    await expect(
      fencedTx(wrong as TransactionLike, FENCE, () => Promise.resolve()),
    ).rejects.toThrow(
      new TypeError(
        `tx must be a client of pg after BEGIN, or a transaction of Kysely, got ${got}`,
      ),
    );
  });

  it('refuses what is no function before it holds the shard', async () => {
    let asked = 0;
    const counting = {
      query: () => {
        asked += 1;
        return Promise.resolve({ rows: [{}] });
      },
    };

    await expect(fencedTx(counting, FENCE, undefined as never)).rejects.toThrow(
      new TypeError('fn must be a function, got undefined'),
    );
    expect(asked).toBe(0);
  });
});

describe.each<[string, unknown, string]>([
  [
    'a pool',
    new pg.Pool(),
    'createClient must return a client of its own, such as new pg.Client(config), got a pool',
  ],
  ['nothing', undefined, 'createClient() must be an object, got undefined'],
  [
    'a promise of one',
    Promise.resolve(new pg.Client()),
    'createClient().connect must be a function, got undefined',
  ],
])('a createClient that returns %s', (_, given, message) => {
  const createClient = (): PgClientLike => given as PgClientLike;

  it('is refused by the start of shards', async () => {
    const shards = postgresShards({ createClient, group: 'g' });

    await expect(shards.start(host)).rejects.toThrow(new TypeError(message));
    await shards.close();
  });

  it('is told of by static shards', async () => {
    const registry = postgresShardRegistry({ createClient, group: 'g' });
    const shards = staticShards({ id: 0, total: 1, registry });
    const told = new Promise((resolve) => shards.on('error', resolve));
    await shards.start(host);

    expect(await told).toEqual({ error: new TypeError(message) });
    await shards.close();
  });
});
