import type { Connection } from '../connection.ts';
import { PoolerDetectedError } from '../errors.ts';

export interface PoolerGuard {
  /** Rejects with `POOLER_DETECTED` when a lock of this connection's session would not be the caller's alone. */
  check(connection: Connection): Promise<void>;
}

/**
 * A pooler answers the client's start-up itself, with a process number of its own making; the server knows its own. So
 * they differ behind one, in session mode as well (seen with PgBouncer 1.18).
 */
export function createPoolerGuard(pooler: 'refuse' | 'session-mode' | 'off'): PoolerGuard {
  if (pooler !== 'refuse') return { check: () => Promise.resolve() };
  /** Clients that were found to be connected directly: they stay so. */
  const direct = new WeakSet<object>();
  return {
    async check(connection) {
      const { processId } = connection;
      if (direct.has(connection.client)) return;
      const { rows } = await connection.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      if (processId === undefined || rows[0]?.pid !== processId) throw new PoolerDetectedError();
      direct.add(connection.client);
    },
  };
}
