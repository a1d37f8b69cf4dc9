import { postgresStore, postgresStoreStatements } from '@holdfast/sync-queue/postgres';
import { createTestDatabase, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { itemOf, SETTINGS } from '../conformance/kit.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

describe('opening', () => {
  test('makes the schema once, however many open at a time', async () => {
    const pool = database.createPool({ max: 10 });
    const stores = Array.from({ length: 10 }, () => postgresStore({ pool, schema: 'racing' }));
    await Promise.all(stores.map((store) => store.open()));

    const { rows } = await pool.query('SELECT version FROM racing.version');
    expect(rows).toEqual([{ version: 2 }]);
  });

  test('keeps what is in a schema that is there', async () => {
    const store = postgresStore({ pool: database.pool, schema: 'kept' });
    await store.open();
    await store.queue('q', SETTINGS).enqueue([itemOf('a')]);
    for (const statement of postgresStoreStatements({ schema: 'kept' })) {
      await database.pool.query(statement);
    }
    await store.open();

    expect(await store.queue('q', SETTINGS).stats()).toMatchObject({ ready: 1 });
  });

  test('brings a schema of version 1 to the present one, with what is in it', async () => {
    const { pool } = database;
    const store = postgresStore({ pool, schema: 'older' });
    await store.open();
    await store.queue('q', SETTINGS).enqueue([itemOf('a')]);
    await pool.query('ALTER TABLE older.queue DROP COLUMN settings');
    await pool.query('DROP FUNCTION older.record_settings_v1');
    await pool.query('UPDATE older.version SET version = 1');
    await store.open();
    const queue = store.queue('q', SETTINGS);
    await queue.recordSettings?.();

    expect(await queue.stats()).toMatchObject({ ready: 1 });
    expect((await pool.query('SELECT settings FROM older.queue')).rows).toEqual([
      { settings: expect.objectContaining({ limits: SETTINGS.limits, agingMs: null }) as object },
    ]);
  });

  test('works after the statements of a migration, without the right to make anything', async () => {
    const { pool } = database;
    for (const statement of postgresStoreStatements({ schema: 'migrated' })) {
      await pool.query(statement);
    }
    await pool.query("CREATE ROLE plain LOGIN PASSWORD 'of plain'");
    await pool.query('GRANT USAGE ON SCHEMA migrated TO plain');
    await pool.query('GRANT ALL ON ALL TABLES IN SCHEMA migrated TO plain');
    await pool.query('GRANT ALL ON ALL SEQUENCES IN SCHEMA migrated TO plain');
    const url = new URL(database.url);
    url.username = 'plain';
    url.password = 'of plain';
    const own = database.createPool({ connectionString: url.href });
    const store = postgresStore({ pool: own, schema: 'migrated', install: false });
    await store.open();

    expect((await store.queue('q', SETTINGS).enqueue([itemOf('a')])).count).toBe(1);
    await own.end();
    await pool.query('DROP OWNED BY plain');
    await pool.query('DROP ROLE plain');
  });

  test('without the schema fails when it may not make it', async () => {
    const store = postgresStore({ pool: database.pool, schema: 'nowhere', install: false });

    await expect(store.open()).rejects.toThrow('nowhere is not installed');
  });

  test('of an older version fails when it may not bring it up to date', async () => {
    const { pool } = database;
    await postgresStore({ pool, schema: 'behind' }).open();
    await pool.query('UPDATE behind.version SET version = 1');
    const store = postgresStore({ pool, schema: 'behind', install: false });

    await expect(store.open()).rejects.toThrow('the schema behind has version 1 of 2: see');
  });

  test('refuses a schema of a newer release', async () => {
    const store = postgresStore({ pool: database.pool, schema: 'newer' });
    await store.open();
    await database.pool.query('UPDATE newer.version SET version = 3');

    await expect(store.open()).rejects.toMatchObject({ code: 'STORE_SCHEMA_NEWER', version: 3 });
  });

  test.each([
    ['default_transaction_read_only=on', 'takes no writes'],
    ['default_transaction_isolation=serializable', 'must be read committed, got serializable'],
  ])('refuses a server with %s', async (setting, message) => {
    const pool = database.createPool({ options: `-c ${setting}` });
    const opening = postgresStore({ pool, schema: 'refused' }).open();

    await expect(opening).rejects.toMatchObject({ code: 'STORE_FAILED', outcome: 'not-applied' });
    await expect(opening).rejects.toThrow(message);
  });

  test('fails as not applied when nobody answers', async () => {
    const pool = database.createPool({ connectionString: 'postgres://127.0.0.1:1/none' });

    await expect(postgresStore({ pool }).open()).rejects.toMatchObject({
      code: 'STORE_FAILED',
      outcome: 'not-applied',
    });
  });
});

describe('options', () => {
  test.each([
    [{}, 'pool'],
    [{ pool: {} }, 'pool.connect'],
    [{ schema: 'a"b' }, 'schema must be a plain name, got "a\\"b"'],
    [{ schema: '' }, 'schema'],
    [{ notify: 'always' }, 'notify'],
    [{ install: 1 }, 'install'],
    [{ tables: 'x' }, 'tables'],
  ])('%o is refused', (options: object, message) => {
    const complete =
      'pool' in options || message === 'pool' ? options : { pool: database.pool, ...options };
    const make = (): unknown => postgresStore(complete as Parameters<typeof postgresStore>[0]);

    expect(make).toThrow(message);
  });
});
