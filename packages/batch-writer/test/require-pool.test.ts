import { Kysely, PostgresDialect } from 'kysely';
import { Client } from 'pg';
import { expect, it } from 'vitest';
import { createBatchWriter, pgIdResolver, removeDuplicates } from '../src/index.ts';

const kysely = new Kysely<object>({ dialect: new PostgresDialect({ pool: {} as never }) });
const columns = { id: 'int4' } as const;

it.each<[of: string, create: (pool: never) => unknown]>([
  ['a writer', (pool) => createBatchWriter<{ id: number }>({ pool, table: 't', columns })],
  [
    'a resolver of ids',
    (pool) => pgIdResolver({ pool, table: 't', keyColumn: 'k', keyType: 'text', idColumn: 'id' }),
  ],
  ['a clean-up', (pool) => removeDuplicates({ pool, table: 't', key: ['id'], keep: 'first' })],
])('%s says what it needs instead of an instance of Kysely, or a connection', (_of, create) => {
  expect(() => create(kysely as never)).toThrow('give the pool of its PostgresDialect');
  expect(() => create(new Client() as never)).toThrow('pool must be a pg.Pool, not one connection');
  expect(() => create({} as never)).toThrow('pool.connect must be a function');
  expect(() => create(undefined as never)).toThrow('pool must be an object');
});
