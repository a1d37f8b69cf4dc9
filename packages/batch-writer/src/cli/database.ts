import type { Pool, PoolConfig } from 'pg';
import { isHoldfastError } from '@holdfast/internal';
import { sqlstateOf } from '../classify.ts';
import { OperatorError } from './operator-error.ts';

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Gives `fn` a pool, which is ended in any case. Without a URL the environment says where, as `pg` reads it: PGHOST, PGUSER, ….
 *
 * Rejects with `OperatorError` when there is no driver, the server cannot be reached, or it refuses.
 */
export async function withDatabase<T>(
  url: string | undefined,
  fn: (pool: Pool) => Promise<T>,
): Promise<T> {
  const pool = await createPool({
    ...(url === undefined ? {} : { connectionString: url }),
    application_name: 'holdfast-batch-writer',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    max: 2,
  });
  // A connection that dies says so in the answer to the query, too; without a listener it would end the process here.
  pool.on('error', () => undefined);
  try {
    return await fn(pool);
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw new OperatorError(explainToOperator(error), { cause: error });
  } finally {
    await pool.end();
  }
}

async function createPool(config: PoolConfig): Promise<Pool> {
  const pg = await loadDriver();
  try {
    return new pg.Pool(config);
  } catch (error) {
    // Of a certificate's file that is not there, or a broken escape in the URL.
    throw new OperatorError(`pg cannot use these connection settings: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** While the program runs and not before: `pg` is an optional peer. */
async function loadDriver(): Promise<Pick<typeof import('pg'), 'Pool'>> {
  try {
    return (await import('pg')).default;
  } catch (error) {
    if (codeOf(error) !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new OperatorError('the package pg is not installed: npm install pg', { cause: error });
  }
}

/** In one sentence, without credentials. */
export function explainToOperator(error: unknown): string {
  const message = messageOf(error);
  if (isHoldfastError(error) || error instanceof TypeError || error instanceof RangeError) {
    return message;
  }
  const state = sqlstateOf(error);
  // Class 28, invalid authorization; its messages name the user (PostgreSQL manual, appendix A).
  if (state?.startsWith('28') === true) return `PostgreSQL refused the login (${state})`;
  // The driver had no password that it could have sent.
  if (message.startsWith('SASL')) return 'PostgreSQL refused the login: is there a password?';
  if (state !== undefined) return `PostgreSQL says: ${message} (${state})`;
  if (message.startsWith('timeout e')) {
    return `PostgreSQL did not answer within ${CONNECT_TIMEOUT_MS / 1_000} s`;
  }
  // All addresses of a host may have failed: such an error has a code and no message.
  return `cannot reach PostgreSQL: ${codeOf(error) ?? message}`;
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(/\s+/g, ' ');
}

function codeOf(error: unknown): string | undefined {
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' ? code : undefined;
}
