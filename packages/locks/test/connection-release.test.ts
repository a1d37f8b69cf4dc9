import { createTestDatabase, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Connection } from '../src/connection.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

const nothing = (): void => undefined;

it.each([
  { aborted: false },
  { aborted: false, removeEventListener: nothing },
] as unknown as AbortSignal[])(
  'goes back to the pool when the signal cannot be listened to: %j',
  async (signal) => {
    const pool = database.createPool({ max: 1 });
    const use = { label: 'a test', lostError: (cause: Error) => cause, signal };
    await expect(Connection.open(pool, use)).rejects.toThrow(TypeError);

    // Waits for ever when the only connection is leaked.
    expect((await pool.query('select 5 as n')).rows).toEqual([{ n: 5 }]);
  },
);
