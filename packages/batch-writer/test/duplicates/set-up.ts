import { createTestDatabase, type TestDatabase } from '@holdfast/testkit';
import { afterEach, beforeEach } from 'vitest';

/** A database of its own for each test of a file. */
export function useDatabase(): () => TestDatabase {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(() => database.close());
  return () => database;
}

/** The values of the first column of what a statement gives. */
export async function column(database: TestDatabase, statement: string): Promise<unknown[]> {
  const { rows } = await database.pool.query<Record<string, unknown>>(statement);
  return rows.map((row) => Object.values(row)[0]);
}

/** Tables that clean-ups have left. */
export function workTables(database: TestDatabase): Promise<unknown[]> {
  return column(
    database,
    `SELECT relname FROM pg_class WHERE relname LIKE 'holdfast_duplicates_%' AND relkind = 'r'`,
  );
}

/** 200 keys of 1 to 20 rows: 2000 rows and 1800 duplicates. */
export async function fillReadings(database: TestDatabase): Promise<void> {
  await database.pool.query(`
    CREATE TABLE readings (id int8 PRIMARY KEY, node int4, ts timestamptz, value float8);
    INSERT INTO readings SELECT n, n % 200, '2024-01-01', n FROM generate_series(1, 2000) AS n;`);
}
