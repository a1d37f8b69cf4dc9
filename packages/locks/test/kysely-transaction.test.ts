import { createTestDatabase, type Pool, type TestDatabase } from '@holdfast/testkit';
import { CamelCasePlugin, Kysely, PostgresDialect, sql, type Generated } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLocks, type LocksOf } from '../src/index.ts';

interface Database {
  readonly pieces: { readonly id: Generated<number>; readonly pieceName: string };
}

let database: TestDatabase;
let kysely: Kysely<Database>;
let locks: LocksOf<Pool, Kysely<Database>>;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query('create table pieces (id serial primary key, piece_name text unique)');
  kysely = new Kysely<Database>({
    dialect: new PostgresDialect({ pool: database.pool }),
    plugins: [new CamelCasePlugin()],
  });
  locks = createLocks({ db: database.pool, kysely, namespace: 'test' });
});
afterAll(() => database.close());

it('is the same transaction, with the plugins of the instance', async () => {
  const seen = await locks.runTransaction(async (tx) => {
    const db = tx.kysely();
    const { numInsertedOrUpdatedRows } = await db
      .insertInto('pieces')
      .values({ pieceName: 'rook' })
      .executeTakeFirstOrThrow();
    const { rows } = await tx.query<{ piece_name: string }>('select piece_name from pieces');
    const read = await db.selectFrom('pieces').select('pieceName').execute();
    return [numInsertedOrUpdatedRows, rows, read, db.isTransaction];
  });

  expect(seen).toEqual([1n, [{ piece_name: 'rook' }], [{ pieceName: 'rook' }], true]);
});

it('is rolled back with it', async () => {
  const running = locks.withAdvisoryLock('pieces', async (tx) => {
    await tx.kysely().insertInto('pieces').values({ pieceName: 'dropped' }).execute();
    throw new Error('no');
  });

  await expect(running).rejects.toThrow('no');
  const left = kysely.selectFrom('pieces').selectAll().where('pieceName', '=', 'dropped');
  expect(await left.execute()).toEqual([]);
});

it('runs nothing after the end, and cannot begin another transaction', async () => {
  let leaked: ReturnType<typeof sql<object>> | undefined;
  const run = await locks.runTransaction(async (tx) => {
    const db = tx.kysely();
    expect(() => db.transaction()).toThrow();
    leaked = sql<object>`select 1`;
    await leaked.execute(db);
    return () => leaked!.execute(db);
  });

  await expect(run()).rejects.toMatchObject({ code: 'TRANSACTION_ENDED' });
});

it('is tried again with everything that was done through it', async () => {
  const attempts: number[] = [];
  await locks.runTransaction(async (tx) => {
    attempts.push(tx.attempt);
    await tx.kysely().insertInto('pieces').values({ pieceName: 'once' }).execute();
    if (tx.attempt < 2) throw Object.assign(new Error('conflict'), { code: '40001' });
  });

  expect(attempts).toEqual([1, 2]);
});

it('refuses to stream, and says what does', async () => {
  const streaming = locks.runTransaction(async (tx) => {
    const rows = tx.kysely().selectFrom('pieces').selectAll().stream();
    await rows.next();
  });

  await expect(streaming).rejects.toThrow('a transaction of locks does not stream');
});

it('is refused where the locks were created without it', async () => {
  const plain = createLocks({ db: database.pool, namespace: 'test' });

  await expect(plain.runTransaction((tx) => Promise.resolve(tx.kysely()))).rejects.toThrow(
    new TypeError('kysely must be given to createLocks first'),
  );
});
