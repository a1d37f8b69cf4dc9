import type { Client, Pool, PoolConfig } from 'pg';
import { CONNECT_TIMEOUT_MS, codeOf, explainToOperator, messageOf } from './explain-to-operator.ts';
import { OperatorError } from './operator-error.ts';

export interface DatabaseSettings {
  /** Without one the environment says where, as `pg` reads it: PGHOST, PGUSER, …. */
  readonly url: string | undefined;
  readonly applicationName: string;
  /** Connections at most. */
  readonly max: number;
  /** A server that stops to answer must not hold the program. Default: it may. */
  readonly queryTimeoutMs?: number;
  /** One sentence without credentials. Default: `explainToOperator`, with the server's host and port. */
  readonly explain?: (error: unknown, server: string) => string;
  /** When it aborts, connections are dropped, whatever is asked on them. */
  readonly signal?: AbortSignal | undefined;
}

type Driver = Pick<typeof import('pg'), 'Client' | 'Pool'>;

/**
 * Gives `fn` a pool, which is ended in any case.
 *
 * Rejects with `OperatorError` when there is no driver, the server cannot be reached, or it refuses.
 */
export async function withDatabase<T>(
  settings: DatabaseSettings,
  fn: (pool: Pool) => Promise<T>,
): Promise<T> {
  const { url, applicationName, max, queryTimeoutMs, explain = explainToOperator } = settings;
  const { signal } = settings;
  const config: PoolConfig = {
    ...(url === undefined ? {} : { connectionString: url }),
    ...(queryTimeoutMs === undefined ? {} : { query_timeout: queryTimeoutMs }),
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    max,
  };
  const pg = await loadDriver();
  const server = serverOf(createClient(pg, config));
  const made: Client[] = [];
  // The pool forgets a connection that could not log in, and leaves it open: the program could not end.
  class RememberedClient extends pg.Client {
    constructor(given?: PoolConfig) {
      super(given);
      made.push(this);
    }
  }
  const pool = new pg.Pool({ ...config, Client: RememberedClient });
  // A connection that dies says so in the answer to the query, too; without a listener it would end the process here.
  pool.on('error', () => undefined);
  const drop = (): void => {
    for (const { connection } of made) connection.stream.destroy();
  };
  signal?.throwIfAborted();
  signal?.addEventListener('abort', drop, { once: true });
  try {
    return await fn(pool);
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw new OperatorError(explain(error, server), { cause: error });
  } finally {
    signal?.removeEventListener('abort', drop);
    const ended = pool.end();
    // Those as well that were made for what was still queued when the others were dropped.
    if (signal?.aborted === true) drop();
    await ended;
    await Promise.all(made.map((client) => client.end()));
  }
}

/** While the program runs and not before: `pg` is an optional peer. */
async function loadDriver(): Promise<Driver> {
  try {
    return (await import('pg')).default;
  } catch (error) {
    if (codeOf(error) !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new OperatorError('the package pg is not installed: npm install pg', { cause: error });
  }
}

function createClient({ Client }: Driver, config: PoolConfig): Client {
  try {
    return new Client(config);
  } catch (error) {
    // Of a certificate's file that is not there, or a broken escape in the URL.
    throw new OperatorError(`pg cannot use these connection settings: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function serverOf({ host, port }: Client): string {
  return `PostgreSQL at ${host.startsWith('/') ? host : `${host}:${port}`}`;
}
