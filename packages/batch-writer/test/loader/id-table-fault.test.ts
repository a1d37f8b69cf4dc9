import { createTestDatabase, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PgIdResolverOptions } from '../../src/loader/pg-id-options.ts';
import { pgIdResolver } from '../../src/loader/pg-id-resolver.ts';
import { outcomeOf } from './set-up.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query(`
    CREATE TABLE nodes (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, uid text UNIQUE, n int4, name text);
    CREATE TABLE watched (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, uid text UNIQUE);
    CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM FROM missing; RETURN NEW; END $$;
    CREATE TRIGGER look BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION look();
    CREATE TABLE counted (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int8 UNIQUE);
    CREATE FUNCTION call() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM missing(); RETURN NEW; END $$;
    CREATE TRIGGER call BEFORE INSERT ON counted FOR EACH ROW EXECUTE FUNCTION call();`);
});
afterAll(() => database.close());

async function failureWith(options: Partial<PgIdResolverOptions<string>>): Promise<unknown> {
  await using resolver = pgIdResolver<string>({
    ...{ pool: database.pool, table: 'nodes', keyColumn: 'uid', keyType: 'text', idColumn: 'id' },
    ...options,
  });
  return await outcomeOf(resolver.get('7'));
}

test.each<[options: Partial<PgIdResolverOptions<string>>, message: string]>([
  [
    { table: 'public.nodes' },
    'table "public.nodes": there is no such table with a dot in its name',
  ],
  [{ keyColumn: 'uuid' }, 'table "nodes": keyColumn must be a column of it, got "uuid"'],
  [{ idColumn: 'no' }, 'table "nodes": idColumn must be a column of it, got "no"'],
  [
    { keyColumn: 'n' },
    'table "nodes": keyType must be the type of column "n", which is integer, got "text"',
  ],
  [
    { keyColumn: 'name', create: true },
    'table "nodes": with create, keyColumn must have a unique index of its own: valid, not partial, not deferrable; got "name"',
  ],
])('an option that does not fit the table is named: %o', async (options, message) => {
  expect(await failureWith(options)).toMatchObject({
    code: 'TABLE_MISMATCH',
    message: expect.stringContaining(message) as string,
  });
});

test('what a trigger misses is no matter of the options', async () => {
  expect(await failureWith({ table: 'watched', create: true })).toMatchObject({ code: '42P01' });
  // Keys of a narrower type fit as well.
  const counted = { table: 'counted', keyColumn: 'n', keyType: 'int4', create: true } as const;
  expect(await failureWith(counted)).toMatchObject({ code: '42883' });
});
