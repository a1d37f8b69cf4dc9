import { explainToOperator, messageOf, OperatorError, withDatabase } from '@holdfast/cli-kit';
import { isHoldfastError } from '@holdfast/internal';
import { versionOf } from '../../postgres/install.ts';
import { News } from '../../postgres/news.ts';
import { PostgresQueue } from '../../postgres/postgres-queue.ts';
import { runStatement } from '../../postgres/run-statement.ts';
import { callsIn, SCHEMA_VERSION } from '../../postgres/statements.ts';
import type { StorePlace } from '../store-place.ts';
import type { OperatedStore } from './operated-store.ts';
import { requireVersion } from './require-version.ts';

/** A server that stops to answer must not hold the program. */
const QUERY_TIMEOUT_MS = 30_000;

/** Rejects with `OperatorError` when the schema is not there, or cannot be worked on. */
export function withPostgres<T>(
  { url, schema }: Extract<StorePlace, { kind: 'postgres' }>,
  fn: (store: OperatedStore) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const connection = { url, applicationName: 'holdfast-sync-queue', max: 1, explain, signal };
  return withDatabase({ ...connection, queryTimeoutMs: QUERY_TIMEOUT_MS }, async (pool) => {
    const version = await versionOf(pool, schema);
    if (version === undefined) {
      throw new OperatorError(
        `the database has no queues: there is no schema ${schema}, or none of this package (see --schema)`,
      );
    }
    requireVersion(`the schema ${schema}`, version, SCHEMA_VERSION);
    const calls = callsIn(schema);
    const news = new News(pool, schema, 'coalesced');
    try {
      return await fn({
        label: `the schema ${schema} of PostgreSQL`,
        schemaVersion: version,
        async names() {
          const rows = await runStatement<{ readonly name: string }>(pool, calls.names);
          return rows.map(({ name }) => name);
        },
        async recorded(name) {
          const [row] = await runStatement<{ readonly settings: string | null }>(
            ...[pool, calls.settings, [name]],
          );
          return row?.settings;
        },
        queue: (name, settings) => new PostgresQueue({ pool, calls, news }, name, settings),
      });
    } finally {
      news.close();
    }
  });
}

/** The store wraps what the driver has thrown. */
function explain(error: unknown, server: string): string {
  if (!isHoldfastError(error)) return explainToOperator(error, server);
  const { cause } = error;
  return cause === undefined ? messageOf(error) : explainToOperator(cause, server);
}
