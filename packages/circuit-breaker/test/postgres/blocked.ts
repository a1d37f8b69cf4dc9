import type { Pool, PoolClient } from '@holdfast/testkit';

const HELD = 7_041;

/** What a query of a test waits for: it is answered after `release`, and not before. */
export const BLOCKED = `select 'done' as text from pg_advisory_xact_lock(${HELD})`;

export interface Block {
  readonly client: PoolClient;
  release(): Promise<void>;
}

/** Makes every `BLOCKED` query of this database wait. */
export async function block(pool: Pool): Promise<Block> {
  const client = await pool.connect();
  await client.query(`select pg_advisory_lock(${HELD})`);
  return {
    client,
    async release() {
      await client.query(`select pg_advisory_unlock(${HELD})`);
      client.release();
    },
  };
}

/** Resolves when so many queries of this database wait for a lock; asks through `client`, which waits for none. */
export async function untilBlocked(client: Pool | PoolClient, count = 1): Promise<number> {
  for (;;) {
    const { rows } = await client.query<{ pid: number }>(`
      select pid from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`);
    if (rows.length >= count) return rows[0]?.pid ?? NaN;
  }
}
