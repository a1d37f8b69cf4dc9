import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { createTestDatabase, startPgbouncerServer } from '../src/index.ts';

describe('startPgbouncerServer', () => {
  it.each([
    ['session', 1],
    ['transaction', 2],
  ] as const)(
    'in %s mode gives a client one session, or one for each transaction',
    async (mode, sessions) => {
      await using database = await createTestDatabase();
      await using pooler = await startPgbouncerServer(database.url, { mode });
      const [one, other] = [pooler.url, pooler.url].map(
        (url) => new Client({ connectionString: url }),
      );
      await one!.connect();
      await other!.connect();
      const pid = async (): Promise<number> =>
        (await one!.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!.pid;
      const seen = new Set([await pid()]);

      // Takes the session that the first client has given back, if it has.
      await other!.query('begin');
      await other!.query('select 1');
      seen.add(await pid());

      expect(seen.size).toBe(sessions);
      await Promise.all([one!.end(), other!.end()]);
    },
  );
});
