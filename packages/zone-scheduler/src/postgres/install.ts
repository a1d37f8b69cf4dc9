import { requireOptions } from '@holdfast/internal';
import { ShardSchemaError } from '../errors.ts';
import type { LeaseConnection } from './lease-connection.ts';
import { requireSchema } from './shard-options.ts';
import { callsIn, installStatements } from './statements.ts';
import { SCHEMA_VERSION } from './tables.ts';

/** Any number will do that others do not use. */
const INSTALL_LOCK = 7_203_554_118_977;
/** Longest wait for others that install. */
const INSTALL_MS = 30_000;

/** Looks at the schema, and makes it if it may. @throws {ShardSchemaError} */
export async function openSchema(
  connection: LeaseConnection,
  options: { readonly schema: string; readonly mayInstall: boolean },
): Promise<void> {
  const { schema, mayInstall } = options;
  const version = await versionOf(connection, schema);
  if (version === SCHEMA_VERSION) return;
  const isOlder = version === undefined || version < SCHEMA_VERSION;
  if (!isOlder || !mayInstall) throw new ShardSchemaError(schema, version, SCHEMA_VERSION);
  // One message, so one transaction; other processes that install wait for its end.
  const lock = `SELECT pg_advisory_xact_lock(${INSTALL_LOCK});`;
  // Of what is given up here nothing waits on there.
  const begin = `BEGIN; SET LOCAL lock_timeout = ${INSTALL_MS};`;
  const statements = [begin, lock, ...installStatements(schema), 'COMMIT;'];
  await connection.request(INSTALL_MS, statements.join('\n'));
}

/** Undefined: there is no such schema. */
async function versionOf(connection: LeaseConnection, schema: string): Promise<number | undefined> {
  try {
    const [row] = await connection.request<{ readonly version: number }>(
      INSTALL_MS,
      callsIn(schema).version,
    );
    return row?.version;
  } catch (error) {
    // undefined_table, invalid_schema_name (PostgreSQL manual, appendix A)
    const { code } = error as { readonly code?: unknown };
    if (code === '42P01' || code === '3F000') return undefined;
    throw error;
  }
}

/**
 * The statements that make the schema, in their order, for a migration of yours; to be run again changes nothing.
 *
 * @throws {TypeError} when `schema` is not a plain name.
 */
export function postgresShardsStatements(
  options: { readonly schema?: string | undefined } = {},
): string[] {
  requireOptions('postgresShardsStatements', options, { schema: true });
  return installStatements(requireSchema(options.schema));
}
