import type { Client, ClientConfig } from 'pg';
import type { Queryable } from '../ports.ts';
import { sqlstateOf } from '../sqlstate.ts';
import { OperatorError } from './operator-error.ts';

const CONNECT_TIMEOUT_MS = 5_000;

/** A server that stops to answer must not hold the program. */
const QUERY_TIMEOUT_MS = 10_000;

/**
 * Gives `fn` one connection, which is ended in any case. Without a URL the environment says where, as `pg` reads it:
 * PGHOST, PGUSER, ….
 *
 * Rejects with `OperatorError` when there is no driver, the server cannot be reached, or it refuses.
 */
export async function withDatabase<T>(
  url: string | undefined,
  fn: (db: Queryable) => Promise<T>,
): Promise<T> {
  const client = await createClient({
    ...(url === undefined ? {} : { connectionString: url }),
    application_name: 'holdfast-locks',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
  });
  // A connection that dies says so in the answer to the query, too; without a listener it would end the process here.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await fn(client);
  } catch (error) {
    throw new OperatorError(explain(error, client), { cause: error });
  } finally {
    await client.end();
  }
}

async function createClient(config: ClientConfig): Promise<Client> {
  const pg = await loadDriver();
  try {
    return new pg.Client(config);
  } catch (error) {
    // Of a certificate's file that is not there, or a broken escape in the URL.
    throw new OperatorError(`pg cannot use these connection settings: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** While the program runs and not before: `pg` is an optional peer. */
async function loadDriver(): Promise<Pick<typeof import('pg'), 'Client'>> {
  try {
    return (await import('pg')).default;
  } catch (error) {
    if (codeOf(error) !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new OperatorError('the package pg is not installed: npm install pg', { cause: error });
  }
}

function explain(error: unknown, { host, port }: Client): string {
  const server = `PostgreSQL at ${host.startsWith('/') ? host : `${host}:${port}`}`;
  const state = sqlstateOf(error);
  const message = messageOf(error);
  // Class 28, invalid authorization; its messages name the user (PostgreSQL manual, appendix A).
  if (state?.startsWith('28') === true) return `${server} refused the login (${state})`;
  // The driver had no password that it could have sent.
  if (message.startsWith('SASL')) return `${server} refused the login: is there a password?`;
  if (state !== undefined) return `${server} says: ${message} (${state})`;
  if (message === 'timeout expired') {
    return `${server} did not answer within ${CONNECT_TIMEOUT_MS / 1_000} s`;
  }
  // All addresses of a host may have failed: such an error has a code and no message.
  return `cannot reach ${server}: ${codeOf(error) ?? message}`;
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(/\s+/g, ' ');
}

function codeOf(error: unknown): string | undefined {
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' ? code : undefined;
}
