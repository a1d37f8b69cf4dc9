import { checkOut } from '@holdfast/internal';
import { StoreFailedError } from '../errors.ts';
import { isRetryable, isVerdict, postgresFailure } from './failure.ts';
import type { PgClientLike, PgPoolLike, TransactionLike } from './ports.ts';

/** A statement that was in the way of another is undone by the server; one that always is, is a fault. */
const MAX_TRIES = 4;

/** Runs one statement on a connection of the pool. @throws {StoreFailedError} */
export async function runStatement<Row>(
  pool: PgPoolLike,
  text: string,
  values?: unknown[],
): Promise<readonly Row[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await runOnce<Row>(pool, text, values);
    } catch (error) {
      if (attempt === MAX_TRIES || !isRetryable(error)) throw postgresFailure(error);
    }
  }
}

/**
 * Runs one statement in a transaction of the caller's; what fails there has not been applied, for it cannot be committed.
 *
 * @throws {StoreFailedError}
 */
export async function runInTransaction<Row>(
  transaction: TransactionLike,
  text: string,
  values: unknown[],
): Promise<readonly Row[]> {
  try {
    const { rows } =
      'withoutPlugins' in transaction
        ? await transaction.withoutPlugins().executeQuery(kyselyQuery(text, values))
        : await transaction.query(text, values);
    return rows as readonly Row[];
  } catch (error) {
    throw new StoreFailedError('not-applied', error);
  }
}

async function runOnce<Row>(
  pool: PgPoolLike,
  text: string,
  values: unknown[] | undefined,
): Promise<readonly Row[]> {
  const { client, stopListening } = await connect(pool);
  let isReusable = false;
  try {
    const { rows } = await client.query(text, values);
    isReusable = true;
    return rows as readonly Row[];
  } catch (error) {
    isReusable = isVerdict(error);
    throw error;
  } finally {
    client.release(!isReusable);
    // Only now, when the pool listens again; and a destroyed one may still have something to say.
    if (isReusable) stopListening();
  }
}

/** Without a listener a connection that dies while it is checked out would end the process. */
async function connect(
  pool: PgPoolLike,
): Promise<{ readonly client: PgClientLike; readonly stopListening: () => void }> {
  try {
    return await checkOut(pool, (client) => {
      // The query on it fails, too, and says so.
      const ignore = (): void => undefined;
      client.on('error', ignore);
      return { client, stopListening: () => client.removeListener('error', ignore) };
    });
  } catch (error) {
    // Nothing has been sent.
    throw new StoreFailedError('not-applied', error);
  }
}

/** A compiled query as Kysely's executor takes it. */
function kyselyQuery(sql: string, parameters: unknown[]): never {
  const query = {
    query: { kind: 'RawNode', sqlFragments: [sql], parameters: [] },
    queryId: { queryId: 'holdfast' },
    sql,
    parameters,
  };
  return query as never;
}
