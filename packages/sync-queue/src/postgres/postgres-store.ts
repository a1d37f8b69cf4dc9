import {
  requireBoolean,
  requireFunction,
  requireObject,
  requireOneOf,
  requireOptions,
  requireText,
} from '@holdfast/internal';
import type { QueueStore } from '../store.ts';
import { openSchema } from './install.ts';
import { News } from './news.ts';
import type { PgPoolLike } from './ports.ts';
import { PostgresQueue } from './postgres-queue.ts';
import { callsIn, installStatements } from './statements.ts';

export interface PostgresStoreOptions {
  /**
   * Yours: the store does not end it. While consumers run, one of its connections listens for news; a pool of one
   * connection does without, and consumers look by themselves. Set `query_timeout` and `connectionTimeoutMillis`.
   */
  readonly pool: PgPoolLike;
  /** Default `holdfast_queue`. */
  readonly schema?: string | undefined;
  /** `coalesced` (default): at most 20 notices a second and queue from each process. `off`: consumers look by themselves. */
  readonly notify?: 'coalesced' | 'off' | undefined;
  /** Whether opening may make what is missing of the schema. Default true; else see `postgresStoreStatements`. */
  readonly install?: boolean | undefined;
}

const DEFAULT_SCHEMA = 'holdfast_queue';
/** Each call is a commit, and a commit waits for the disk: the more in one, the less each item waits. */
const MAX_ITEMS_PER_CALL = 1000;

/**
 * A store on PostgreSQL 13 or newer; several processes may share it. Items can be added within a transaction of the
 * caller's.
 *
 * @throws {TypeError} when an option is missing, unknown or wrong.
 */
export function postgresStore(options: PostgresStoreOptions): QueueStore {
  const names = { pool: true, schema: true, notify: true, install: true } as const;
  requireOptions('postgresStore', options, names);
  const pool = requireObject('pool', options.pool);
  requireFunction('pool.connect', (pool as { readonly connect: unknown }).connect);
  const schema = requireSchema(options.schema);
  const notify = requireOneOf('notify', options.notify ?? 'coalesced', ['coalesced', 'off']);
  const mayInstall = requireBoolean('install', options.install ?? true);
  const news = new News(pool, schema, notify);
  const access = { pool, calls: callsIn(schema), news };
  return {
    maxItemsPerCall: MAX_ITEMS_PER_CALL,
    open: () => openSchema(pool, { schema, mayInstall }),
    close: () => {
      news.close();
      return Promise.resolve();
    },
    queue: (name, settings) => new PostgresQueue(access, name, settings),
  };
}

/**
 * The statements that make the schema, in their order, for a migration of yours; to be run again changes nothing.
 *
 * @throws {TypeError} when `schema` is not a plain name.
 */
export function postgresStoreStatements(
  options: {
    readonly schema?: string | undefined;
  } = {},
): string[] {
  requireOptions('postgresStoreStatements', options, { schema: true });
  return installStatements(requireSchema(options.schema));
}

/** A plain name, since it stands in the texts of functions. @throws {TypeError} */
export function requireSchema(schema = DEFAULT_SCHEMA): string {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(requireText('schema', schema))) return schema;
  throw new TypeError(`schema must be a plain name, got ${JSON.stringify(schema)}`);
}
