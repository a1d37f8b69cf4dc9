import { describe, expect, it } from 'vitest';
import { createTestDatabase } from '@holdfast/testkit';

describe('createTestDatabase', () => {
  it('gives each caller an empty database of its own', async () => {
    await using one = await createTestDatabase();
    await using two = await createTestDatabase();
    await one.pool.query('CREATE TABLE only_here (id int)');
    const { rows } = await two.pool.query("SELECT to_regclass('only_here') AS found");
    expect(rows).toEqual([{ found: null }]);
  });

  it('has the same encoding and order on every server', async () => {
    await using database = await createTestDatabase();
    const query = `SELECT pg_encoding_to_char(encoding) AS encoding, datcollate AS collate
      FROM pg_database WHERE datname = current_database()`;
    const { rows } = await database.pool.query(query);
    expect(rows).toEqual([{ encoding: 'UTF8', collate: 'C' }]);
  });

  it('drops the database although a connection was never given back', async () => {
    await using observer = await createTestDatabase();
    const database = await createTestDatabase();
    const client = await database.createPool({ max: 1 }).connect();
    client.on('error', () => {});
    await database.close();
    const name = new URL(database.url).pathname.slice(1);
    const query = 'SELECT count(*)::int AS left FROM pg_database WHERE datname = $1';
    expect((await observer.pool.query(query, [name])).rows).toEqual([{ left: 0 }]);
  });

  it('may be closed twice', async () => {
    const database = await createTestDatabase();
    await Promise.all([database.close(), database.close()]);
    await database.close();
  });
});
