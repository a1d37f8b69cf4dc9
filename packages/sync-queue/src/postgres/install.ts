import { isHoldfastError } from '@holdfast/internal';
import { StoreFailedError, StoreSchemaNewerError } from '../errors.ts';
import type { PgPoolLike } from './ports.ts';
import { runStatement } from './run-statement.ts';
import { sqlstateOf } from './failure.ts';
import { callsIn, installStatements, SCHEMA_VERSION } from './statements.ts';

/** Any number will do that others do not use. */
const INSTALL_LOCK = 7_203_554_118_201;

interface ServerRow {
  readonly is_read_only: boolean;
  readonly isolation: string;
  readonly encoding: string;
}

/** Without this the server cannot keep what the store promises. */
const SERVER = `SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' AS is_read_only,
  current_setting('transaction_isolation') AS isolation, current_setting('server_encoding') AS encoding`;

/** Looks at the server and its schema, and makes the schema if it may. @throws {StoreFailedError | StoreSchemaNewerError} */
export async function openSchema(
  pool: PgPoolLike,
  options: { readonly schema: string; readonly mayInstall: boolean },
): Promise<void> {
  const { schema, mayInstall } = options;
  const [server] = await runStatement<ServerRow>(pool, SERVER);
  if (server?.is_read_only !== false) throw unusable('the server takes no writes');
  // A call waits for a lock and then reads what was committed meanwhile.
  if (server.isolation !== 'read committed') {
    throw unusable(`default_transaction_isolation must be read committed, got ${server.isolation}`);
  }
  if (server.encoding !== 'UTF8')
    throw unusable(`the database must be UTF8, got ${server.encoding}`);
  const version = await versionOf(pool, schema);
  if (isCurrent(version, schema)) return;
  if (!mayInstall) {
    const state =
      version === undefined ? 'is not installed' : `has version ${version} of ${SCHEMA_VERSION}`;
    throw unusable(`the schema ${schema} ${state}: see postgresStoreStatements`);
  }
  await install(pool, schema);
  isCurrent(await versionOf(pool, schema), schema);
}

/** One message, so one transaction; other processes that install wait for its end. */
async function install(pool: PgPoolLike, schema: string): Promise<void> {
  const statements = installStatements(schema);
  await runStatement(
    pool,
    ['BEGIN;', `SELECT pg_advisory_xact_lock(${INSTALL_LOCK});`, ...statements, 'COMMIT;'].join(
      '\n',
    ),
  );
}

/** Undefined: there is no such schema. */
export async function versionOf(pool: PgPoolLike, schema: string): Promise<number | undefined> {
  try {
    const [row] = await runStatement<{ readonly version: number }>(pool, callsIn(schema).version);
    return row?.version;
  } catch (error) {
    // undefined_table, invalid_schema_name
    const isMissing = ['42P01', '3F000'].includes(sqlstateOf((error as Error).cause) ?? '');
    if (isMissing && isHoldfastError(error, 'STORE_FAILED')) return undefined;
    throw error;
  }
}

function isCurrent(version: number | undefined, schema: string): boolean {
  if (version !== undefined && version > SCHEMA_VERSION) {
    throw new StoreSchemaNewerError(`the schema ${schema}`, version, SCHEMA_VERSION);
  }
  return version === SCHEMA_VERSION;
}

function unusable(why: string): StoreFailedError {
  return new StoreFailedError('not-applied', new Error(why));
}
